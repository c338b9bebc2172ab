//! The user's own files and commands.

use std::collections::{BTreeMap, HashSet};

use crate::cluster::own::Audience;
use crate::cluster::{Addressing, Cluster};
use crate::diag::{At, Diagnostic, Diagnostics, codes, did_you_mean};

/// Places that are not the user's to write: the seed itself, cloud-init's state, kernel file systems.
const FORBIDDEN: &[&str] = &[
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/var/lib/clusterseed",
    "/var/lib/cloud",
    "/etc/clusterseed",
    "/usr/lib/clusterseed",
    "/usr/local/sbin/clusterseed-accept",
    "/var/log/clusterseed.log",
    "/etc/init/clusterseed-resume.conf",
    "/etc/systemd/system/clusterseed-resume.service",
];

/// How the files end by which `apply` keeps units of systemd from starting.
const HOLD: &str = ".d/clusterseed-hold.conf";

/// What keeps packages from starting their services; `/sbin` is often a link.
const POLICY: &[&str] = &["/usr/sbin/policy-rc.d", "/sbin/policy-rc.d"];

/// Accounts of the image, of packages and of cloud-init; and the copies that tools make of them.
const ACCOUNTS: &[&str] = &["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"];

/// What `network` becomes, on one platform or another.
const NETWORK: &[&str] = &[
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/50-cloud-init",
    "/etc/network/interfaces.d/50-cloud-init.cfg",
    "/etc/netplan/50-cloud-init.yaml",
];

/// What is in the way of a file at this path, as a help that says what to use in its place.
fn taken(cluster: &Cluster, path: &str) -> Option<String> {
    let below = |folder: &str| path.strip_prefix(folder).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(folder) = FORBIDDEN.iter().find(|folder| below(folder).is_some()) {
        return Some(format!("put it somewhere else: `{folder}` belongs to the system or to clusterseed"));
    }
    if path.starts_with("/etc/systemd/system/") && path.ends_with(HOLD) {
        return Some("choose another name: `apply` keeps services from starting by files of this one".into());
    }
    if POLICY.contains(&path) {
        return Some(
            "leave it out: `apply` has its own there while packages are installed, and no service of the cluster starts before its time"
                .into(),
        );
    }
    if ACCOUNTS.contains(&path.trim_end_matches('-')) {
        return Some(
            "describe accounts in `access.users`; packages add theirs to this file, which yours would take away. For a group of your own use \
             `commands`: `groupadd`"
                .into(),
        );
    }
    if cluster.network.addressing != Addressing::None && NETWORK.contains(&path) {
        return Some(
            "describe the network in `network`, where it is checked; or leave it to the image or cloud with `addressing: none`".into(),
        );
    }
    if let Some(folder) = cluster.profile.sweep.iter().find(|folder| below(folder).is_some()) {
        return Some(format!(
            "every file below `{folder}` is read as a flag: set flags in `settings`, where they are checked; `clusterseed profile show {}` lists them",
            cluster.profile.name
        ));
    }
    let behind = |(link, folder): (&str, &str)| below(folder).map(|rest| format!("it lies behind the link `{link}`: write `{link}{rest}`"));
    cluster.profile.alternatives.iter().map(|a| (a.link.as_str(), a.path.as_str())).find_map(behind)
}

/// Paths are free, audiences known.
pub fn files(cluster: &Cluster, diags: &mut Diagnostics) {
    let mut by_path: BTreeMap<&str, Vec<(At, &Audience)>> = BTreeMap::new();
    for file in &cluster.files {
        let (path, at) = (&file.path, file.path_at);
        audience(cluster, &file.audience, diags);
        if let Some(help) = taken(cluster, path) {
            diags.push(Diagnostic::error(codes::FILE_PLACE, at, format!("no file can be put at `{path}`")).help(help));
        }
        if path == "/" {
            diags.push(Diagnostic::error(codes::FILE_PLACE, at, "`/` is a folder").help("name the file"));
        }
        by_path.entry(path).or_default().push((at, &file.audience));
    }
    for (path, entries) in by_path.iter().filter(|(_, entries)| entries.len() > 1) {
        duplicates(cluster, path, entries, diags);
    }
}

/// Several entries for one path are fine as long as no host gets two of them.
fn duplicates(cluster: &Cluster, path: &str, entries: &[(At, &Audience)], diags: &mut Diagnostics) {
    let mut first: BTreeMap<&str, At> = BTreeMap::new();
    for (at, audience) in entries {
        for host in cluster.hosts.iter().filter(|host| audience.includes(host)) {
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
    let Audience::Only { roles, hosts } = audience else { return };
    for role in roles {
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
    if hosts.is_empty() {
        return;
    }
    let known: HashSet<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
    for host in hosts {
        if !known.contains(host.value.as_str()) {
            let known: Vec<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
            diags.push(
                Diagnostic::error(codes::UNKNOWN_HOST, host.at, format!("there is no host `{}`", host.value))
                    .help(did_you_mean(&host.value, known.iter().copied())),
            );
        }
    }
}
