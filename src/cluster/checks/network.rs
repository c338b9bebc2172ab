//! The network itself.

use crate::cluster::network::Interface;
use crate::cluster::{Addressing, Cluster, Network};
use crate::diag::{Diagnostic, Diagnostics, codes};

/// resolv.conf(5): three name servers, six search domains, 256 characters (glibc before 2.26).
const NAMESERVERS: usize = 3;
const SEARCH_DOMAINS: usize = 6;
const SEARCH_LENGTH: usize = 256;

/// Gateways, subnets, name servers and search domains.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    gateways(&cluster.network, diags);
    subnets(&cluster.network, diags);
    nameservers(cluster, diags);
    resolver(cluster, diags);
}

/// Each lies in its subnet, and there is one.
fn gateways(network: &Network, diags: &mut Diagnostics) {
    let found = network.interfaces.iter().filter_map(|i| Some((i, i.subnet?, i.gateway.as_ref()?)));
    for (interface, subnet, gateway) in found.clone().filter(|(_, subnet, gateway)| !subnet.has_host(gateway.value)) {
        let of = if interface.own { String::new() } else { format!(" of `{}`", interface.name) };
        let what = if subnet.contains(gateway.value) { "is no host's address".into() } else { format!("lies outside {subnet}") };
        diags.push(
            Diagnostic::error(codes::GATEWAY_UNUSABLE, gateway.at, format!("the gateway {}{of} {what}", gateway.value))
                .help("hosts reach the gateway directly: it needs an address inside the subnet, neither its first nor its last"),
        );
    }
    // What is not written to the hosts sets no route.
    if network.addressing == Addressing::None {
        return;
    }
    // A gateway beside `addressing: dhcp` is for templates only: the server names the one that counts.
    let mut written = found.filter(|(interface, ..)| interface.addressing == Addressing::Static);
    let first = written.next();
    for (interface, _, gateway) in written {
        let Some((other, _, place)) = first else { break };
        diags.push(
            Diagnostic::error(
                codes::GATEWAY_SEVERAL,
                gateway.at,
                format!("`{}` and `{}` both have a default gateway", other.name, interface.name),
            )
            .related(place.at, format!("`{}`", other.name))
            .help("keep one, and write `routes` for the networks behind the other"),
        );
    }
    let mut asking = network.interfaces.iter().filter(|interface| interface.addressing == Addressing::Dhcp);
    let other = first.map(|(interface, ..)| interface).or_else(|| asking.next());
    for interface in asking {
        let Some(other) = other else { break };
        let message =
            format!("the server that `{}` asks may name a second default gateway, beside that of `{}`", interface.name, other.name);
        diags.push(
            Diagnostic::warning(codes::GATEWAY_SEVERAL, interface.at, message)
                .help("let the server name no router, or give the interface a `subnet` and static addresses"),
        );
    }
}

/// An address is reached through one interface.
fn subnets(network: &Network, diags: &mut Diagnostics) {
    for (index, interface) in network.interfaces.iter().enumerate() {
        let Some(subnet) = interface.subnet else { continue };
        if subnet.base.is_link_local() {
            let message = format!("{subnet} of `{}` holds link-local addresses, which no router passes on", interface.name);
            diags.push(
                Diagnostic::warning(codes::SUBNET_LINK_LOCAL, interface.at, message)
                    .help("use a private network such as 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"),
            );
        }
        let other = network.interfaces[..index].iter().find(|other| other.subnet.is_some_and(|other| other.overlaps(subnet)));
        let Some(other) = other else { continue };
        // The cluster's subnet is rarely the wrong one.
        let (later, earlier) = if interface.own { (other, interface) } else { (interface, other) };
        let text = |i: &Interface| i.subnet.map_or_else(String::new, |s| s.to_string());
        let message = format!("{} of `{}` and {} of `{}` overlap", text(later), later.name, text(earlier), earlier.name);
        diags.push(
            Diagnostic::error(codes::SUBNET_OVERLAP, later.at, message)
                .related(earlier.at, format!("`{}`", earlier.name))
                .help("give each interface a network of its own; several interfaces in one network make a `bond`"),
        );
    }
}

/// Name servers have addresses that a host can have; one on the host itself may be meant.
fn nameservers(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let subnets = || network.interfaces.iter().filter_map(|interface| interface.subnet);
    for server in &network.nameservers {
        let what = match server.octets()[0] {
            0 => "belongs to no host".to_string(),
            224..=239 => "is a group's".to_string(),
            240..=255 => "is reserved".to_string(),
            _ => match subnets().find(|subnet| subnet.contains(*server) && !subnet.has_host(*server)) {
                Some(subnet) => format!("is the first or last of {subnet}"),
                None => continue,
            },
        };
        diags.push(
            Diagnostic::error(
                codes::NAMESERVER,
                cluster.places.get("network.nameservers").copied().unwrap_or(cluster.at),
                format!("no name server answers at {server}: the address {what}"),
            )
            .help("write the address of a name server, or none"),
        );
    }
}

/// resolv.conf as it will be read.
fn resolver(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let at = |key: &str| cluster.places.get(key).copied().unwrap_or(cluster.at);
    if network.addressing != Addressing::Static {
        return;
    }
    if network.nameservers.len() > NAMESERVERS {
        diags.push(
            Diagnostic::warning(
                codes::NAMESERVERS,
                at("network.nameservers"),
                format!("only the first {NAMESERVERS} name servers are ever asked"),
            )
            .help("keep the three that matter"),
        );
    }
    let length: usize = network.search.iter().map(|s| s.len() + 1).sum();
    if network.search.len() > SEARCH_DOMAINS || length > SEARCH_LENGTH {
        diags.push(
            Diagnostic::error(
                codes::SEARCH,
                at("network.search"),
                format!("{} search domains with {length} characters", network.search.len()),
            )
            .help(format!("the resolver of older systems takes {SEARCH_DOMAINS} with {SEARCH_LENGTH} characters in all")),
        );
    }
}
