//! Names that point from one part of a profile to another, and files that nothing points at.

use std::collections::BTreeMap;

use super::{Loader, list};
use crate::diag::{At, Diagnostic, Spanned, codes, did_you_mean};
use crate::profile::{Content, PLACES, PortRef, Profile};
use crate::schema::Value;
use crate::yaml::read::Kind;

impl Loader<'_> {
    /// Names that point from one part of the profile to another.
    pub(super) fn references(&mut self, value: &Value, profile: &Profile) {
        let mut missing: Vec<(At, &str, String, String)> = Vec::new();
        let services: Vec<&str> = profile.services.iter().map(|s| s.name.as_str()).collect();
        let roles: Vec<&str> = profile.roles.iter().map(|r| r.name.as_str()).collect();
        // What is there but not sound has been reported.
        let broken = self.broken.clone();
        let settings: Vec<&str> = profile.settings.keys().chain(&broken).map(String::as_str).collect();
        let mut want = |known: &[&str], what: &'static str, name: &str, at: At| {
            if !known.contains(&name) {
                missing.push((at, what, name.to_string(), did_you_mean(name, known.iter().copied())));
            }
        };
        for service in profile.roles.iter().flat_map(|role| &role.services) {
            want(&services, "service", &service.name.value, service.name.at);
        }
        for part in ["files", "directories", "alternatives", "state", "rules", "watch"].into_iter().flat_map(|key| list(value, key)) {
            part.texts("roles").iter().for_each(|role| want(&roles, "role", &role.value, role.at));
            part.spanned("role").iter().for_each(|role| want(&roles, "role", &role.value, role.at));
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
            if let Some(status) = &service.status {
                if let PortRef::Setting(path) = &status.port {
                    want(&settings, "setting", &path.value, path.at);
                }
                status.registered.iter().for_each(|r| want(&services, "service", &r.service.value, r.service.at));
            }
        }
        for submission in &profile.submissions {
            want(&settings, "setting", &submission.documents.value, submission.documents.at);
            want(&services, "service", &submission.service.value, submission.service.at);
        }
        for traffic in &profile.traffic {
            traffic.from.iter().chain([&traffic.to]).for_each(|role| want(&roles, "role", &role.value, role.at));
            for port in &traffic.ports {
                if let PortRef::Setting(path) = port {
                    want(&settings, "setting", &path.value, path.at);
                }
            }
        }
        let guides: Vec<&str> = profile.guides.iter().map(|guide| guide.name.as_str()).collect();
        for guide in profile.watch.iter().filter_map(|watch| watch.guide.as_ref()) {
            want(&guides, "guide", &guide.value, guide.at);
        }
        let tables: Vec<&str> = profile.flag_tables.keys().map(String::as_str).collect();
        for setting in profile.settings.values().filter(|s| s.type_name == "flags") {
            want(&tables, "flag table", setting.table.as_deref().unwrap_or("(none)"), setting.at);
        }
        let sets: Vec<&str> = profile.package_sets.keys().map(String::as_str).collect();
        let default = value.spanned("default_set");
        default.iter().for_each(|set| want(&sets, "package set", &set.value, set.at));
        if let Some(Kind::Map(roles)) = value.raw("roles").map(|node| &node.kind) {
            for packages in roles.iter().filter_map(|role| role.value.get("packages")) {
                let Kind::Map(entries) = &packages.kind else { continue };
                entries.iter().for_each(|entry| want(&sets, "package set", &entry.key, entry.key_at));
            }
        }
        let versions: Vec<&str> = profile.versions.keys().map(String::as_str).collect();
        let asked = profile.services.iter().filter_map(|service| service.status.as_ref()?.version.as_ref()?.1.as_ref());
        asked.for_each(|name| want(&versions, "versioned package", &name.value, name.at));
        for (_, _, table) in value.get("flag_tables").into_iter().flat_map(Value::entries) {
            table.spanned("version").iter().for_each(|name| want(&versions, "versioned package", &name.value, name.at));
        }
        let platforms = self.catalog.platforms();
        let mut named = value.texts("platforms");
        for (name, at, _) in value.get("elsewhere").into_iter().flat_map(Value::entries) {
            if profile.platforms.contains(name) {
                let help = "keep it in one of both lists";
                self.error(*at, format!("`{name}` is among `platforms`, where the profile is sound"), help);
            }
            named.push(Spanned::new(name.clone(), *at));
        }
        for platform in named.iter().filter(|platform| !platforms.contains(&platform.value.as_str())) {
            self.error(platform.at, format!("there is no platform `{}`", platform.value), did_you_mean(&platform.value, platforms.clone()));
        }
        let mut codes = BTreeMap::new();
        let named = profile.rules.iter().map(|rule| (&rule.code, rule.place));
        for (code, place) in named.chain(profile.watch.iter().map(|watch| (&watch.code, watch.place))) {
            if let Some(first) = codes.insert(code, place) {
                let twice = Diagnostic::error(codes::PROFILE, place, format!("two rules have the code `{code}`"));
                self.diags.push(twice.related(first, "first here").help("give each a code of its own"));
            }
        }
        for rule in &profile.rules {
            // A template is judged when it is evaluated.
            let Some(at) = &rule.at else { continue };
            for place in at.value.split_whitespace().filter(|_| !at.value.contains(['{', '}'])) {
                let unsound = place.strip_prefix("settings.").is_some_and(|path| broken.contains(path));
                if !profile.has_place(place) && !unsound {
                    let help = format!("write settings.PATH, packages.versions.NAME, or one of {}", PLACES.join(", "));
                    self.error(at.at, format!("`{place}` is no place that the rule `{}` could point at", rule.code), help);
                }
            }
        }
        for (at, what, name, help) in missing {
            self.error(at, format!("the profile has no {what} `{name}`"), help);
        }
        let files =
            |key: &str| profile.files.iter().any(|f| matches!(&f.content, Content::Verbatim(k) | Content::Template(k) if *k == key));
        self.unnamed("files", value, files);
        self.unnamed("guides", value, |key| profile.guides.iter().any(|guide| guide.template == key));
    }

    /// Files of a folder of the profile that the field of that name does not name: a mistake, or a part of what the profile was laid over.
    fn unnamed(&mut self, field: &str, value: &Value, names: impl Fn(&str) -> bool) {
        let folder = format!("profiles/{}/{field}/", self.name);
        let at = value.key_at(field).unwrap_or(value.at);
        let catalog = self.catalog;
        for (path, entry) in catalog.below(&folder).filter(|(path, _)| !names(&format!("{folder}{path}"))) {
            if catalog.is_below(&self.name, entry) {
                self.unused.push(format!("{field}/{path}"));
            } else {
                self.error(at, format!("`{field}/{path}` is named by no entry of `{field}`"), "add an entry, or remove the file");
            }
        }
    }
}
