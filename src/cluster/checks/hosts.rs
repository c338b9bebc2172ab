//! Identity of hosts: names, addresses, ids.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::cluster::{Cluster, Host};
use crate::diag::{Diagnostic, Diagnostics, codes};

/// Names are unique, and none is the fully qualified name of another.
pub fn names(cluster: &Cluster, diags: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, &Host> = BTreeMap::new();
    for host in &cluster.hosts {
        if let Some(first) = seen.insert(&host.name, host) {
            diags.push(
                Diagnostic::error(codes::HOST_DUPLICATE, host.name_at, format!("there are two hosts called `{}`", host.name))
                    .related(first.name_at, "the other one")
                    .help("give each host a name of its own; a range stands for every name in it")
                    .subject(&host.name),
            );
        }
    }
    if cluster.hosts.is_empty() {
        let at = cluster.places.get("hosts").copied().unwrap_or(cluster.at);
        diags.push(Diagnostic::error(codes::ROLE_COUNT, at, "the cluster has no hosts").help("add entries under `hosts`"));
    }
}

/// Addresses are unique, inside the subnet, and free.
pub fn addresses(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let mut seen: BTreeMap<Ipv4Addr, &Host> = BTreeMap::new();
    let subnet = format!("{}/{}", network.base, network.prefix);
    for host in &cluster.hosts {
        let (name, address) = (&host.name, host.address);
        // Two hosts of one name have been reported.
        if let Some(first) = seen.insert(address, host).filter(|first| first.name != host.name) {
            diags.push(
                Diagnostic::error(
                    codes::ADDRESS_DUPLICATE,
                    host.address_at,
                    format!("`{name}` and `{}` both have the address {address}", first.name),
                )
                .related(first.address_at, format!("`{}`", first.name))
                .help("give each host an address of its own; a range takes consecutive addresses from its first one on")
                .subject(name),
            );
        }
        let taken = [(network.base, "the network itself"), (network.broadcast(), "the broadcast address")];
        let taken = taken.into_iter().chain(network.gateway.map(|gateway| (gateway, "the gateway")));
        if !network.contains(address) {
            diags.push(
                Diagnostic::error(codes::ADDRESS_OUTSIDE, host.address_at, format!("`{name}` would have {address}, outside {subnet}"))
                    .help(format!("use an address of {subnet}, or widen `network.subnet`"))
                    .subject(name),
            );
        } else if let Some((_, what)) = taken.into_iter().find(|(other, _)| *other == address) {
            diags.push(
                Diagnostic::error(codes::ADDRESS_RESERVED, host.address_at, format!("`{name}` would have {address}, which is {what}"))
                    .help("use another address")
                    .subject(name),
            );
        }
    }
}

/// Hosts of roles that need an id have one, unique and in range.
pub fn ids(cluster: &Cluster, diags: &mut Diagnostics) {
    for role in &cluster.profile.roles {
        let Some((min, max)) = role.ids else { continue };
        let mut seen: BTreeMap<u32, &Host> = BTreeMap::new();
        for host in cluster.with_role(&role.name) {
            let at = host.id_at.unwrap_or(host.name_at);
            let Some(id) = host.id else {
                diags.push(
                    Diagnostic::error(codes::HOST_ID_MISSING, at, format!("`{}` is a {} and needs an id", host.name, role.name))
                        .help(format!("add `id: N` with a number from {min} to {max} that this host keeps for life"))
                        .subject(&host.name),
                );
                continue;
            };
            if i64::from(id) < min || i64::from(id) > max {
                diags.push(
                    Diagnostic::error(codes::HOST_ID_RANGE, at, format!("`{}` would have the id {id}, out of {min} to {max}", host.name))
                        .help("add `id: N`; without it the number that ends the name is taken")
                        .subject(&host.name),
                );
            }
            if let Some(first) = seen.insert(id, host).filter(|first| first.name != host.name) {
                diags.push(
                    Diagnostic::error(codes::HOST_ID_DUPLICATE, at, format!("`{}` and `{}` both have the id {id}", first.name, host.name))
                        .related(first.id_at.unwrap_or(first.name_at), format!("`{}`", first.name))
                        .help("give each an `id` of its own; members of an ensemble know each other by it")
                        .subject(&host.name),
                );
            }
        }
    }
}
