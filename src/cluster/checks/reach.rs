//! What hosts fetch, and whether the network that is written to them leads there.

use std::net::Ipv4Addr;

use crate::cluster::network::{Interface, Kind};
use crate::cluster::{Addressing, Cluster, Method, Network, PackageSource};
use crate::diag::{At, Diagnostic, Diagnostics, codes};

/// Every server is inside a subnet or behind a gateway or route, and a name has somebody who knows it.
pub fn servers(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    // What a server or the cloud tells the hosts is not known here.
    let told = |network: &Network| network.interfaces.iter().any(|interface| interface.addressing == Addressing::Dhcp);
    // By hand no address is set: the machine has its network already.
    let written = cluster.cloud.volume && cluster.delivery.method != Method::Hand;
    if network.addressing != Addressing::Static || !written || !cluster.sound.network || told(network) {
        return;
    }
    for (what, url, at) in fetched(cluster) {
        let Some(server) = server(url) else { continue };
        if let Some((why, help)) = lost(network, server) {
            let message = format!("hosts do not get to {server}, from where {what}: {why}");
            diags.push(Diagnostic::warning(codes::SERVER_UNREACHABLE, at, message).help(help));
        }
    }
}

/// What hosts fetch over the network, from where, and where the spec says so.
fn fetched(cluster: &Cluster) -> Vec<(&'static str, &str, At)> {
    let mut found = Vec::new();
    let place = |key: &str| cluster.places.get(key).copied();
    if let Method::Url(url) = &cluster.delivery.method {
        found.push(("seeds come", url.as_str(), cluster.delivery.at));
    }
    // An image holds them already.
    if cluster.delivery.method != Method::Image
        && let PackageSource::Mirror { url, .. } = &cluster.packages.source
    {
        found.push(("packages come", url, place("packages.mirror").unwrap_or(cluster.at)));
    }
    found
}

/// The server of an HTTP URL: a name or an IPv4 address.
fn server(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://").or(url.strip_prefix("https://"))?;
    let end = rest.find(['/', ':', '?', '#']).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|server| !server.is_empty() && !server.starts_with('['))
}

/// Why a server is not reached, and what to do.
fn lost(network: &Network, server: &str) -> Option<(String, String)> {
    let gateway = "add the `gateway` of `network`, or a route".to_string();
    if let Ok(address) = server.parse::<Ipv4Addr>() {
        let why = "it is in no subnet and behind no route, and there is no gateway".to_string();
        return (!reached(network, address)).then_some((why, gateway));
    }
    if network.nameservers.is_empty() {
        let help = "add the `nameservers` of `network`, or write the server's address".to_string();
        return Some(("it is a name, and there are no name servers".into(), help));
    }
    let server = network.nameservers[0];
    let none = !network.nameservers.iter().any(|server| reached(network, *server));
    none.then(|| (format!("the name server {server} is in no subnet and behind no route, and there is no gateway"), gateway))
}

/// True when a written route leads to the address.
fn reached(network: &Network, address: Ipv4Addr) -> bool {
    let leads = |i: &Interface| {
        i.subnet.is_some_and(|subnet| subnet.contains(address))
            || i.gateway.is_some()
            || i.routes.iter().any(|route| route.to.value.contains(address))
    };
    address.is_loopback() || network.interfaces.iter().any(leads)
}

/// A repository over HTTPS where apt takes none by itself.
pub fn https(cluster: &Cluster, diags: &mut Diagnostics) {
    let platform = &cluster.platform;
    let (PackageSource::Mirror { url, .. }, Some(package)) = (&cluster.packages.source, &platform.apt_https) else { return };
    if !cluster.sound.platform || !url.starts_with("https://") || cluster.delivery.method == Method::Image {
        return;
    }
    let message = format!("apt of {} takes packages over https only with the package `{package}` in the image", platform.name);
    diags.push(
        Diagnostic::warning(codes::MIRROR_HTTPS, cluster.places.get("packages.mirror").copied().unwrap_or(cluster.at), message).help(
            "look whether the image has it: then allow the warning; else serve the mirror over http, where the key still vouches for it",
        ),
    );
}

/// Parts of `network` that nobody reads: those that reach no host, and those that a server decides.
pub fn unread(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let Some(own) = network.interfaces.iter().find(|interface| interface.own) else { return };
    let place = |key: &str| cluster.places.get(key).copied();
    let gateway = own.gateway.as_ref().map(|gateway| ("`gateway`", gateway.at));
    let nameservers = place("network.nameservers").map(|at| ("`nameservers`", at));
    if network.addressing == Addressing::None {
        return;
    }
    let (found, why, help): (Vec<_>, _, _) = if !cluster.cloud.volume {
        let further = network.interfaces.iter().find(|interface| !interface.own);
        let made = matches!(own.kind, Kind::Bond(_) | Kind::Vlan { .. }).then_some(("the bond or VLAN", own.at));
        let mac = cluster.hosts.iter().flat_map(|host| &host.links).find_map(|link| Some(("`mac`", link.mac.as_ref()?.at)));
        let found = own.mtu.as_ref().map(|mtu| ("`mtu`", mtu.at)).into_iter();
        let found = found.chain(own.routes.first().map(|route| ("`routes`", route.to.at))).chain(made);
        let found = found.chain(further.map(|interface| ("`interfaces`", interface.at))).chain(mac).chain(gateway).chain(nameservers);
        let why = format!("{} sets up its machines itself, and reads no network of ours", cluster.cloud.summary);
        (found.collect(), why, "set it up there and remove it here; with `addressing: none`, `gateway` and `nameservers` are notes")
    } else if network.addressing == Addressing::Dhcp {
        let why = "the server that gives the addresses names these too".to_string();
        (gateway.into_iter().chain(nameservers).collect(), why, "let your server name them, and remove them here")
    } else {
        return;
    };
    let Some((_, at)) = found.first() else { return };
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let have = if names.len() == 1 { "has" } else { "have" };
    diags.push(Diagnostic::warning(codes::NETWORK_UNREAD, *at, format!("{} {have} no effect: {why}", names.join(", "))).help(help));
}
