//! Two states of a cluster, and all that lies between them. Pure: two [`Side`]s in, a [`Change`] out, printed by [`text`] and [`json`].
//!
//! ```text
//! spec ── plans ─┐                                        ┌─► text::print
//!                ├─► Side ─┐                              │
//! built folder ──┘         ├─► between ─► Change, grouped ─┼─► json::print
//!                  Side ───┘      ▲                        │
//!                          the profile's `watch`           └─► guide
//! ```
//!
//! What many hosts share is told once, with their names; [`names`](crate::format::names) makes `slave[1-200]` of two hundred.

pub mod danger;
mod documents;
pub mod guide;
pub mod hosts;
pub mod json;
pub mod lines;
pub mod pairs;
pub mod restart;
pub mod side;
pub mod text;

use std::hash::Hash;

use indexmap::IndexMap;

use crate::emit::host_json::FileEntry;
use crate::plan::trust;
use crate::profile::Profile;
use danger::Danger;
use hosts::{HostChange, Kind};
use lines::Lines;
use pairs::Pairs;
use restart::Step;
use side::{Host, Label, Side};

/// All that lies between two states.
#[derive(Debug)]
pub struct Change {
    /// What the two are.
    pub old: Label,
    /// What the two are.
    pub new: Label,
    /// Every host of both, in the order of the new side; those that go come last.
    pub hosts: Vec<HostChange>,
    /// Changes of files, of hosts that are on both sides.
    pub files: Vec<FileChange>,
    /// Packages that move.
    pub packages: Vec<PackageChange>,
    /// What happens to services, in order.
    pub services: Vec<Step>,
    /// Everything else of a plan that differs, in words.
    pub others: Vec<Other>,
    /// What only a first boot would do, by the key that cloud-init knows it by.
    pub boot: Vec<Other>,
    /// Changes that need care.
    pub dangers: Vec<Danger>,
}

/// What happens to a file on some hosts.
#[derive(Debug)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// How it was; none: not there.
    pub old: Option<FileEntry>,
    /// How it will be; none: removed.
    pub new: Option<FileEntry>,
    /// What changes in it.
    pub lines: Lines,
    /// On which hosts.
    pub hosts: Vec<String>,
}

/// What becomes of a file that no seed has any more. `apply` keeps what it overwrites, and knows what that was; here it is known
/// of files that no system is without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// The host's own is put back.
    Restored,
    /// The same where there was one; else it is removed.
    RemovedOrRestored,
}

impl Leaves {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::RemovedOrRestored => "removed-or-restored",
        }
    }
}

/// Every image of Debian and Ubuntu has them.
const EVERYWHERE: &[&str] = &[
    "/etc/fstab",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/issue",
    "/etc/issue.net",
    "/etc/login.defs",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/profile",
    "/etc/resolv.conf",
];

impl FileChange {
    /// What becomes of it, where it leaves.
    pub fn leaves(&self) -> Option<Leaves> {
        let known = EVERYWHERE.contains(&self.path.as_str());
        self.new.is_none().then_some(if known { Leaves::Restored } else { Leaves::RemovedOrRestored })
    }
}

/// A package that moves on some hosts.
#[derive(Debug, PartialEq, Eq)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// Whether it was there, and its version.
    pub old: Option<Option<String>>,
    /// The same afterwards; none: it is no longer asked for, and stays installed.
    pub new: Option<Option<String>>,
    /// On which hosts.
    pub hosts: Vec<String>,
}

/// Something in words, on some hosts; without hosts, of the cluster as a whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Other {
    /// What differs.
    pub what: String,
    /// On which hosts.
    pub hosts: Vec<String>,
}

impl Change {
    /// True when both sides are the same.
    pub fn is_none(&self) -> bool {
        self.hosts.iter().all(|host| host.kind == Kind::Stays) && self.others.is_empty()
    }

    /// Names of the hosts of a kind.
    pub fn named(&self, kind: Kind) -> Vec<&str> {
        self.hosts.iter().filter(|host| host.kind == kind).map(|host| host.name.as_str()).collect()
    }
}

/// Compares. `profile` is the new side's, if it could be loaded.
///
/// # Errors
/// When an expression or template of the profile's `watch` fails.
pub fn between(old: &Side, new: &Side, profile: Option<&Profile>) -> Result<Change, String> {
    let pairs = Pairs::new(old, new);
    let (mut files, mut packages, mut others, mut boot) = (Groups::default(), Groups::default(), Groups::default(), Groups::default());
    for (before, after) in pairs.both() {
        let name = after.name();
        file_changes(before, after).into_iter().for_each(|key| files.add(key, name));
        package_changes(before, after).into_iter().for_each(|key| packages.add(key, name));
        hosts::others(before, after).into_iter().for_each(|what| others.add(what, name));
        hosts::boot(before, after).into_iter().for_each(|what| boot.add(what, name));
    }
    let files = files.0.into_iter().map(|((path, old, new, lines), hosts)| FileChange { path, old, new, lines, hosts });
    let mut files: Vec<FileChange> = files.collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut packages: Vec<PackageChange> =
        packages.0.into_iter().map(|((name, old, new), hosts)| PackageChange { name, old, new, hosts }).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    let words = |groups: Groups<String>| groups.0.into_iter().map(|(what, hosts)| Other { what, hosts });
    let mut others: Vec<Other> = words(others).collect();
    others.extend(whole(old, new));
    Ok(Change {
        hosts: hosts::compare(&pairs),
        services: restart::steps(&pairs, profile),
        dangers: danger::find(&pairs, profile)?,
        old: old.label.clone(),
        new: new.label.clone(),
        files,
        packages,
        others,
        boot: words(boot).collect(),
    })
}

/// What many hosts share, told once: each thing with its hosts, in the order in which it was first met.
#[derive(Debug)]
struct Groups<K>(IndexMap<K, Vec<String>>);

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self(IndexMap::new())
    }
}

impl<K: Hash + Eq> Groups<K> {
    fn add(&mut self, key: K, host: &str) {
        let hosts = self.0.entry(key).or_default();
        // The same thing twice on one host is told once.
        if hosts.last().is_none_or(|last| last != host) {
            hosts.push(host.to_string());
        }
    }
}

/// Path, what it was and will be, and what changes in it. Of a secret only that it changes, on whichever hosts.
type FileKey = (String, Option<FileEntry>, Option<FileEntry>, Lines);

fn file_changes(before: &Host, after: &Host) -> Vec<FileKey> {
    let mut paths: Vec<&String> = before.files.keys().chain(after.files.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A host keeps its pins, and the program that looks at seeds, until its root takes them away.
    paths.retain(|path| after.files.contains_key(*path) || ![trust::PINS, trust::PROGRAM].contains(&path.as_str()));
    let pairs = paths.into_iter().map(|path| (path, before.files.get(path), after.files.get(path)));
    let differs = |old: Option<&side::File>, new: Option<&side::File>| match (old, new) {
        (Some(old), Some(new)) => old.entry != new.entry || old.bytes != new.bytes,
        _ => true,
    };
    let entry = |file: Option<&side::File>| file.map(|file| file.entry.clone());
    let changed = pairs.filter(|(_, old, new)| differs(*old, *new));
    changed.map(|(path, old, new)| (path.clone(), entry(old), entry(new), lines::compare(old, new))).collect()
}

/// Name, and the version before and after.
type Move = (String, Option<Option<String>>, Option<Option<String>>);

fn package_changes(before: &Host, after: &Host) -> Vec<Move> {
    let version = |host: &Host, name: &str| host.json.packages.iter().find(|p| p.name == name).map(|p| p.version.clone());
    let mut names: Vec<&str> = before.json.packages.iter().chain(&after.json.packages).map(|p| p.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let moves = names.into_iter().map(|name| (name.to_string(), version(before, name), version(after, name)));
    moves.filter(|(_, old, new)| old != new).collect()
}

/// What differs between the two sides as wholes and is in no host's plan.
fn whole(old: &Side, new: &Side) -> Vec<Other> {
    let mut found = Vec::new();
    let mut say = |what: String| found.push(Other { what, hosts: Vec::new() });
    if old.label.cluster != new.label.cluster {
        say(format!("the cluster `{}` is called `{}`", old.label.cluster, new.label.cluster));
    }
    if old.label.delivery != new.label.delivery {
        say(format!("new hosts get their seed by `{}`, before by `{}`", new.label.delivery, old.label.delivery));
    }
    let programs = (old.program, new.program);
    if programs.0.is_some() && programs.1.is_some() && programs.0 != programs.1 {
        say(format!(
            "every seed carries another `apply`: the old one was built by {}, the new one by {}",
            old.label.product, new.label.product
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use super::side::{File, Host, Label, Side};
    use super::{between, text};
    use crate::emit::host_json::FileEntry;
    use crate::plan::file::Phase;

    fn side(hosts: u32, domain: &str) -> Side {
        let one = |n: u32| {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string();
            let json = serde_json::json!({
                "format": 1, "product": "p", "cluster": "c", "host": format!("h{n}"), "fqdn": format!("h{n}.{domain}"),
                "addresses": [address], "roles": ["r"], "profile": "p", "platform": {"name": "o", "os_id": "o", "os_version": "1", "init": "systemd"},
                "digest": domain, "disk_mb": 0, "not_before": 0, "holds": [], "services": [], "peers": [], "formation_seconds": 0, "identities": [],
                "apt": {"update": true, "sources": [], "keys": []}, "packages": [], "sweep": [], "alternatives": [], "directories": [],
                "files": [], "commands": [],
            });
            let path = "/etc/own".to_string();
            let (mode, owner, phase) = (0o644, "root".to_string(), Phase::Configure);
            let entry = FileEntry { path: path.clone(), mode, owner: owner.clone(), group: owner, phase, restarts: Vec::new() };
            let file = File { entry, bytes: format!("h{n}.{domain}\n").into_bytes(), secret: false };
            Host {
                json: serde_json::from_value(json).expect("a host"),
                files: BTreeMap::from([(path, file)]).into(),
                instance_id: Some("i".into()),
                boot: BTreeMap::from([("fqdn".to_string(), format!("h{n}.{domain}"))]),
                carried: None,
            }
        };
        let word = || "w".to_string();
        let label = Label { name: word(), cluster: word(), profile: word(), platform: word(), delivery: word(), product: word() };
        Side::new(label, None, None, (0..hosts).map(one).collect())
    }

    /// A digest tells what no key that is known does.
    #[test]
    fn plans_of_another_version_are_not_called_the_same() {
        let (old, mut new) = (side(1, "example.net"), side(1, "example.net"));
        new.hosts[0].json.digest = "other".into();
        let told = text::print(&between(&old, &new, None).expect("a comparison"));
        assert!(told.contains("differs in something that this version of clusterseed does not know"), "{told}");
    }

    /// Each host has a change of its own: whoever compares each with all others needs minutes.
    #[test]
    fn many_hosts_take_time_by_their_number_not_by_its_square() {
        let (old, new) = (side(4_000, "example.net"), side(4_000, "example.org"));
        let begun = Instant::now();
        let change = between(&old, &new, None).expect("a comparison");
        assert_eq!((change.files.len(), change.others.len(), change.boot.len()), (4_000, 4_000, 1));
        let told = text::print(&change);
        assert!(told.contains("h[0-3999]"), "{told:.300}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}
