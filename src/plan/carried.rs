//! What is asked of the lock: which packages each kind of host wants, and where they are to come from.

use std::collections::BTreeMap;

use super::group;
use crate::cluster::{Carried, Cluster, Host, Place, Trust};
use crate::diag::{At, Diagnostics};
use crate::lock::{self, Asked, Set, Wanted};

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
    let place = match &origin.place {
        Place::Folder(path) => lock::Place::Folder(path.clone()),
        Place::Repository { urls, suites, components, trust } => lock::Place::Repository {
            urls: urls.clone(),
            suites: suites.clone(),
            components: components.clone(),
            fingerprints: match trust {
                Trust::Keys { fingerprints, .. } => fingerprints.clone(),
                Trust::Unsigned => Vec::new(),
            },
        },
    };
    lock::Source { name: origin.name.clone(), priority: origin.priority, place }
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
