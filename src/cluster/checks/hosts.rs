//! Identity of hosts: names, addresses, ids.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::cluster::{Cluster, Host};
use crate::diag::{At, Diagnostic, Diagnostics, codes};

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
    // That the field itself is missing has been said.
    if cluster.hosts.is_empty()
        && let Some(at) = cluster.places.get("hosts").copied()
    {
        diags.push(Diagnostic::error(codes::ROLE_COUNT, at, "the cluster has no hosts").help("add entries under `hosts`"));
    }
}

/// Addresses are unique, inside their subnets, and free.
pub fn addresses(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let mut seen: BTreeMap<Ipv4Addr, (&Host, At)> = BTreeMap::new();
    for (index, interface) in network.interfaces.iter().enumerate() {
        let Some(subnet) = interface.subnet else { continue };
        // What everybody knows as the host's address needs no interface to be told by.
        let on = if interface.own { String::new() } else { format!(" on `{}`", interface.name) };
        for host in &cluster.hosts {
            let (name, link) = (&host.name, &host.links[index]);
            let Some(address) = link.address else { continue };
            // Two hosts of one name have been reported.
            let first = seen.insert(address, (host, link.at));
            if let Some((first, at)) = first.filter(|(first, _)| first.name != host.name || !interface.own) {
                let message = match first.name == host.name {
                    true => format!("`{name}` would have the address {address} twice, also{on}"),
                    false => format!("`{name}` and `{}` both have the address {address}{on}", first.name),
                };
                diags.push(
                    Diagnostic::error(codes::ADDRESS_DUPLICATE, link.at, message)
                        .related(at, format!("`{}`", first.name))
                        .help("give each host an address of its own; a range takes consecutive addresses from its first one on")
                        .subject(name),
                );
            }
            let taken = [(subnet.base, "the network itself"), (subnet.broadcast(), "the broadcast address")];
            let taken = taken.into_iter().chain(interface.gateway.iter().map(|gateway| (gateway.value, "the gateway")));
            // An address with the same number follows from the host's, whose own mistake has been reported.
            let derived = !interface.own && link.at == host.address_at;
            if !subnet.contains(address) {
                if derived && !network.subnet.contains(host.address) {
                    continue;
                }
                let help = match (interface.own, derived) {
                    (true, _) => format!("use an address of {subnet}, or widen `network.subnet`"),
                    (_, true) => format!("give the host an address there: `interfaces: {{{}: {{address: …}}}}`", interface.name),
                    (_, false) => format!("use an address of {subnet}, or widen the interface's `subnet`"),
                };
                diags.push(
                    Diagnostic::error(codes::ADDRESS_OUTSIDE, link.at, format!("`{name}` would have {address}{on}, outside {subnet}"))
                        .help(help)
                        .subject(name),
                );
            } else if let Some((_, what)) = taken.into_iter().find(|(other, _)| *other == address) {
                diags.push(
                    Diagnostic::error(codes::ADDRESS_RESERVED, link.at, format!("`{name}` would have {address}{on}, which is {what}"))
                        .help("use another address")
                        .subject(name),
                );
            }
        }
    }
}

/// Hardware addresses are unique, over all interfaces of all hosts.
pub fn macs(cluster: &Cluster, diags: &mut Diagnostics) {
    let mut seen = BTreeMap::new();
    for host in &cluster.hosts {
        for (interface, link) in cluster.network.interfaces.iter().zip(&host.links) {
            let Some(mac) = &link.mac else { continue };
            let Some((other, place, at)) = seen.insert(mac.value, (&host.name, &interface.name, mac.at)) else { continue };
            if *other == host.name && place == &interface.name {
                continue; // two hosts of one name have been reported
            }
            let message =
                format!("`{}` of `{}` and `{place}` of `{other}` both have the hardware address {}", interface.name, host.name, mac.value);
            diags.push(
                Diagnostic::error(codes::MAC_DUPLICATE, mac.at, message)
                    .related(at, format!("`{place}` of `{other}`"))
                    .help("look at the labels of the cards; a range takes consecutive addresses from its first one on")
                    .subject(&host.name),
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
