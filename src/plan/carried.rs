//! What is asked of the lock: which packages each kind of host wants, and where they are to come from.

use std::collections::BTreeMap;

use super::group;
use crate::cluster::{Carried, Cluster, Host, Place, Trust};
use crate::diag::Diagnostics;
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
