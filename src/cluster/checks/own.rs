//! The user's own files and commands.

use std::collections::{BTreeMap, HashSet};

use crate::cluster::Cluster;
use crate::diag::{At, Diagnostic, Diagnostics, codes, did_you_mean};
use crate::spec::Audience;

/// Places that are not the user's to write: the seed itself, cloud-init's state, kernel file systems.
const FORBIDDEN: &[&str] = &["/proc", "/sys", "/dev", "/run", "/var/run", "/var/lib/clusterseed", "/var/lib/cloud", "/etc/clusterseed"];

/// Paths are free, audiences known.
pub fn files(cluster: &Cluster, diags: &mut Diagnostics) {
    let mut by_path: BTreeMap<&str, Vec<(At, &Audience)>> = BTreeMap::new();
    for file in &cluster.files {
        let (path, audience) = (&file.spec.path, &file.spec.audience);
        self::audience(cluster, audience, diags);
        let below = |folder: &&str| path.value.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(folder) = FORBIDDEN.iter().copied().find(|folder| below(folder)) {
            diags.push(
                Diagnostic::error(codes::FILE_PLACE, path.at, format!("no file can be put at `{}`", path.value))
                    .help(format!("put it somewhere else: `{folder}` belongs to the system or to clusterseed")),
            );
        }
        if path.value == "/" {
            diags.push(Diagnostic::error(codes::FILE_PLACE, path.at, "`/` is a folder").help("name the file"));
        }
        by_path.entry(&path.value).or_default().push((path.at, audience));
    }
    for (path, entries) in by_path.iter().filter(|(_, entries)| entries.len() > 1) {
        duplicates(cluster, path, entries, diags);
    }
}

/// Several entries for one path are fine as long as no host gets two of them.
fn duplicates(cluster: &Cluster, path: &str, entries: &[(At, &Audience)], diags: &mut Diagnostics) {
    let mut first: BTreeMap<&str, At> = BTreeMap::new();
    for (at, audience) in entries {
        for host in cluster.hosts.iter().filter(|host| cluster.concerns(audience, host)) {
            if let Some(other) = first.insert(&host.name, *at) {
                diags.push(
                    Diagnostic::error(codes::FILE_DUPLICATE, *at, format!("`{path}` is described twice for the same host"))
                        .related(other, "first here")
                        .help("keep one, or give each its own `roles` or `hosts`"),
                );
                break;
            }
        }
    }
}

/// Audiences are known.
pub fn commands(cluster: &Cluster, diags: &mut Diagnostics) {
    cluster.commands.iter().for_each(|command| audience(cluster, &command.audience, diags));
}

fn audience(cluster: &Cluster, audience: &Audience, diags: &mut Diagnostics) {
    for role in &audience.roles {
        if cluster.profile.role(&role.value).is_none() {
            let known = cluster.profile.roles.iter().map(|r| r.name.as_str());
            diags.push(
                Diagnostic::error(
                    codes::UNKNOWN_ROLE,
                    role.at,
                    format!("the profile `{}` has no role `{}`", cluster.profile.name, role.value),
                )
                .help(did_you_mean(&role.value, known)),
            );
        }
    }
    if audience.hosts.is_empty() {
        return;
    }
    let known: HashSet<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
    for host in &audience.hosts {
        if !known.contains(host.value.as_str()) {
            let known: Vec<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
            diags.push(
                Diagnostic::error(codes::UNKNOWN_HOST, host.at, format!("there is no host `{}`", host.value))
                    .help(did_you_mean(&host.value, known.iter().copied())),
            );
        }
    }
}
