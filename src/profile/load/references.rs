//! Names that point from one part of a profile to another, and files that nothing points at.

use super::{Loader, list};
use crate::diag::{At, did_you_mean};
use crate::profile::{Content, PortRef, Profile};
use crate::schema::Value;

impl Loader<'_> {
    /// Names that point from one part of the profile to another.
    pub(super) fn references(&mut self, value: &Value, profile: &Profile) {
        let mut missing: Vec<(At, &str, String, String)> = Vec::new();
        let services: Vec<&str> = profile.services.iter().map(|s| s.name.as_str()).collect();
        let roles: Vec<&str> = profile.roles.iter().map(|r| r.name.as_str()).collect();
        let settings: Vec<&str> = profile.settings.keys().map(String::as_str).collect();
        let mut want = |known: &[&str], what: &'static str, name: &str, at: At| {
            if !known.contains(&name) {
                missing.push((at, what, name.to_string(), did_you_mean(name, known.iter().copied())));
            }
        };
        for service in profile.roles.iter().flat_map(|role| &role.services) {
            want(&services, "service", &service.name.value, service.name.at);
        }
        for part in ["files", "directories", "alternatives", "rules"].into_iter().flat_map(|key| list(value, key)) {
            part.texts("roles").iter().for_each(|role| want(&roles, "role", &role.value, role.at));
            part.texts("restarts").iter().for_each(|service| want(&services, "service", &service.value, service.at));
        }
        for service in &profile.services {
            let peers = service.peers.iter();
            peers.clone().for_each(|peers| want(&roles, "role", &peers.role.value, peers.role.at));
            for port in service.ports.iter().chain(&service.wait_ports).chain(peers.flat_map(|peers| &peers.ports)) {
                if let PortRef::Setting(path) = port {
                    want(&settings, "setting", &path.value, path.at);
                }
            }
            service.port_ranges.iter().for_each(|path| want(&settings, "setting", &path.value, path.at));
        }
        let tables: Vec<&str> = profile.flag_tables.keys().map(String::as_str).collect();
        for setting in profile.settings.values().filter(|s| s.type_name == "flags") {
            want(&tables, "flag table", setting.table.as_deref().unwrap_or("(none)"), value.at);
        }
        for (at, what, name, help) in missing {
            self.error(at, format!("the profile has no {what} `{name}`"), help);
        }
        let folder = format!("profiles/{}/files", self.name);
        let used = |path: &str| {
            let key = format!("{folder}{path}");
            profile.files.iter().any(|f| matches!(&f.content, Content::Verbatim(k) | Content::Template(k) if *k == key))
        };
        let orphans: Vec<String> = self.catalog.below(&folder).filter(|(path, _)| !used(path)).map(|(p, _)| p.to_string()).collect();
        for orphan in orphans {
            self.error(value.at, format!("`files{orphan}` is named by no entry of `files`"), "add an entry, or remove the file");
        }
    }
}
