//! What is asked of the lock: which packages each kind of host wants, and where they are to come from.

use std::collections::BTreeMap;

use super::{Package, group};
use crate::cluster::{Carried, Cluster, Host, OriginLocation, Trust};
use crate::diag::{At, Diagnostics};
use crate::format::checksum::{Sha256Sum, hex};
use crate::lock::{self, Asked, Lock, Set, Wanted};

/// Everything that decides which packages are taken. Failures of the profile are reported where its hosts are planned.
pub fn asked(cluster: &Cluster, carried: &Carried) -> Asked {
    Asked {
        platform: cluster.platform.name.clone(),
        architecture: cluster.platform.architecture.clone(),
        base: carried.base.as_ref().map(|base| base.value.clone()),
        sources: carried.from.iter().map(source).collect(),
        sets: sets(cluster),
    }
}

/// What a host wants, sorted by name.
pub fn wanted(cluster: &Cluster, host: &Host) -> Vec<Wanted> {
    let mut ignored = Diagnostics::new();
    let scope = cluster.group_scope(host.variant, &mut ignored);
    let packages = group::packages(cluster, host, &scope, &mut ignored);
    packages.into_iter().map(|package| Wanted { name: package.name, version: package.version }).collect()
}

/// Where the spec says that hosts of a set want a package: by name, by its version, or else through the roles of the first such host.
pub fn place(cluster: &Cluster, set: &str, wanted: Option<&Wanted>) -> At {
    let packages = &cluster.packages;
    let extra = wanted.and_then(|wanted| packages.extra.iter().find(|extra| extra.value == wanted.name)).map(|extra| extra.at);
    let pinned = wanted.and_then(|wanted| packages.versions.get(&wanted.name)).and_then(|pin| pin.at);
    let (roles, host) = set.split_once('@').map_or((set, None), |(roles, host)| (roles, Some(host)));
    let host = cluster.hosts.iter().find(|h| h.roles.join("+") == roles && host.is_none_or(|name| name == h.name));
    extra.or(pinned).or(host.map(|host| host.role_at)).unwrap_or(cluster.at)
}

fn source(origin: &crate::cluster::Origin) -> lock::Source {
    let location = match &origin.location {
        OriginLocation::Folder(path) => lock::SourceLocation::Folder(path.clone()),
        OriginLocation::Repository { urls, suites, components, trust } => lock::SourceLocation::Repository {
            urls: urls.clone(),
            suites: suites.clone(),
            components: components.clone(),
            fingerprints: match trust {
                Trust::Keys { fingerprints, .. } => fingerprints.clone(),
                Trust::Unsigned => Vec::new(),
            },
        },
    };
    lock::Source { name: origin.name.clone(), priority: origin.priority, location }
}

/// Sets by name. Of hosts that have the same roles and want different packages, the first ones give the roles' name, others their own.
fn sets(cluster: &Cluster) -> Vec<Set> {
    let mut seen = BTreeMap::new();
    let mut sets: Vec<Set> = Vec::new();
    for host in &cluster.hosts {
        if seen.insert((host.variant, &host.roles), ()).is_some() {
            continue;
        }
        let wanted = wanted(cluster, host);
        if sets.iter().any(|set| set.wanted == wanted) {
            continue;
        }
        let roles = host.roles.join("+");
        let taken = sets.iter().any(|set| set.name == roles);
        sets.push(Set { name: if taken { format!("{roles}@{}", host.name) } else { roles }, wanted });
    }
    sets.sort_by(|a, b| a.name.cmp(&b.name));
    sets
}

/// Sixteen hexadecimal digits that name what sets get, to the byte: hosts with equal ones share a repository.
pub fn closure_id(lock: &Lock, sets: &[String]) -> String {
    let mut text = String::new();
    for package in lock.closure_of(sets) {
        text.push_str(&format!("{} {} {}\n", package.sha256.hex(), package.size, package.name.value));
    }
    hex(&Sha256Sum::of(text.as_bytes()).0[..8])
}

/// What a host gets of the lock: its set, and the versions that were locked instead of those that were asked for.
pub fn locked(cluster: &Cluster, packages: &mut [Package]) -> Option<Locked> {
    let lock = cluster.lock.as_ref()?;
    let wanted: Vec<Wanted> = packages.iter().map(|p| Wanted { name: p.name.clone(), version: p.version.clone() }).collect();
    let set = lock.set(&wanted)?.name.clone();
    for package in lock.closure(&set) {
        if let Some(wanted) = packages.iter_mut().find(|wanted| wanted.name == package.name.value) {
            wanted.version = Some(package.version.clone());
        }
    }
    let sets = vec![set];
    Some(Locked { id: closure_id(lock, &sets), sets })
}

/// What an image gets for all these hosts. A package that two of them have in two versions is in words.
pub fn joined<'l>(cluster: &Cluster, hosts: impl Iterator<Item = &'l Locked>) -> Result<Option<Locked>, String> {
    let mut sets: Vec<String> = hosts.flat_map(|locked| locked.sets.iter().cloned()).collect();
    sets.sort();
    sets.dedup();
    let Some(lock) = cluster.lock.as_ref().filter(|_| !sets.is_empty()) else { return Ok(None) };
    let mut known: BTreeMap<(&str, &str), &lock::Package> = BTreeMap::new();
    for package in lock.closure_of(&sets) {
        let before = known.insert((&package.name.value, &package.architecture), package);
        if let Some(other) = before.filter(|other| other.sha256 != package.sha256) {
            return Err(format!("`{}` is {} for some and {} for others", package.name.value, other.version, package.version));
        }
    }
    Ok(Some(Locked { id: closure_id(lock, &sets), sets }))
}

/// What is carried for a host, or for all hosts of an image.
#[derive(Clone, Debug)]
pub struct Locked {
    /// Names of sets of the lock: one for a host, for an image those of its hosts.
    pub sets: Vec<String>,
    /// Names what is in them.
    pub id: String,
}
