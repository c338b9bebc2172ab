//! Interfaces: what they are made of, what goes over them, and whether the platform can make them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::cluster::network::{Bond, Interface, Kind};
use crate::cluster::{Addressing, Cluster, Method, Network};
use crate::diag::{At, Diagnostic, Diagnostics, Spanned, codes};
use crate::platform::Platform;

/// What an interface's packets may be long where nothing is said (RFC 894).
const ETHERNET: i64 = 1500;
/// What every host has to take in one piece (RFC 791).
const EVERY_HOST: i64 = 576;

/// Names that others are made of exist, and what is described is written to the hosts.
pub fn names(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let named = network.interfaces.iter().flat_map(|interface| match &interface.kind {
        Kind::Physical => Vec::new(),
        Kind::Bond(bond) => bond.members.iter().collect(),
        Kind::Vlan { link, .. } => vec![link],
    });
    named.filter(|name| network.named(&name.value).is_none()).for_each(|name| diags.push(network.unknown(name)));
    if network.addressing != Addressing::None {
        return;
    }
    let own = network.interfaces.iter().filter(|interface| interface.own);
    let told = own.filter_map(|own| {
        let bond = matches!(own.kind, Kind::Bond(_) | Kind::Vlan { .. }).then_some(own.at);
        own.mtu.as_ref().map(|mtu| mtu.at).or(own.routes.first().map(|route| route.to.at)).or(bond)
    });
    let further = network.interfaces.iter().filter(|interface| !interface.own).map(|interface| interface.at);
    let macs = cluster.hosts.iter().flat_map(|host| &host.links).filter_map(|link| Some(link.mac.as_ref()?.at));
    if let Some(at) = told.chain(further).chain(macs).next() {
        diags.push(
            Diagnostic::error(
                codes::INTERFACE_ADDRESSING,
                at,
                "this has no effect: with `addressing: none` the hosts' network is not written",
            )
            .help("write `addressing: static` or `dhcp` in `network`, or leave interfaces to the image or the cloud"),
        );
    }
}

/// Members of bonds are physical, free, and have nothing of their own.
pub fn bonds(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let mut taken: BTreeMap<&str, (&str, At)> = BTreeMap::new();
    for interface in &network.interfaces {
        let Kind::Bond(bond) = &interface.kind else { continue };
        let name = &interface.name;
        let mut wrong = |at: At, message: String, help: &str| diags.push(Diagnostic::error(codes::BOND, at, message).help(help));
        if bond.members.is_empty() {
            wrong(bond.at, format!("the bond `{name}` has no members"), "name the interfaces that it is made of");
        }
        for member in &bond.members {
            if let Some((other, _)) = taken.insert(&member.value, (name, member.at)) {
                wrong(member.at, format!("`{}` is a member twice, of `{other}` and of `{name}`", member.value), "keep it in one place");
            }
            let Some(found) = network.named(&member.value) else { continue };
            if !matches!(found.kind, Kind::Physical) {
                wrong(
                    member.at,
                    format!("`{}` is no physical interface", member.value),
                    "a bond is made of physical ones; a VLAN lies on the bond",
                );
            } else if let Some((at, what)) = burden(found) {
                let help = "it belongs to the bond: move it there, or take the interface out of the bond";
                wrong(at, format!("`{}` is a member of `{name}` and has {what} of its own", member.value), help);
            }
        }
        parameters(name, bond, &mut wrong);
    }
}

/// Parameters that the bond's mode does not know, and a primary that is no member.
fn parameters(name: &str, bond: &Bond, wrong: &mut impl FnMut(At, String, &str)) {
    let mode = bond.mode.as_str();
    let mut belongs = |key: &str, value: &Option<Spanned<String>>, modes: &[&str]| {
        if let Some(value) = value.as_ref().filter(|_| !modes.contains(&mode)) {
            wrong(value.at, format!("`{key}` has no meaning in the mode {mode}"), &format!("it belongs to {}", modes.join(", ")));
        }
    };
    belongs("primary", &bond.primary, &["active-backup", "balance-tlb", "balance-alb"]);
    belongs("lacp_rate", &bond.lacp_rate, &["802.3ad"]);
    belongs("xmit_hash_policy", &bond.xmit_hash_policy, &["balance-xor", "balance-tlb", "802.3ad"]);
    let stranger = bond.primary.as_ref().filter(|primary| !bond.members.iter().any(|member| member.value == primary.value));
    if let Some(primary) = stranger {
        let names: Vec<&str> = bond.members.iter().map(|member| member.value.as_str()).collect();
        wrong(primary.at, format!("`{}` is no member of `{name}`", primary.value), &format!("its members are {}", names.join(", ")));
    }
}

/// What an interface has that a member of a bond cannot have.
fn burden(interface: &Interface) -> Option<(At, &'static str)> {
    let address = (interface.own || interface.addressing != Addressing::None).then_some((interface.at, "an address"));
    let route = interface.routes.first().map(|route| (route.to.at, "a route"));
    address.or(interface.mtu.as_ref().map(|mtu| (mtu.at, "an MTU"))).or(route)
}

/// A VLAN lies on something that can carry it, and its name says which it is.
pub fn vlans(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    for interface in &network.interfaces {
        let Kind::Vlan { id, link } = &interface.kind else { continue };
        let name = &interface.name;
        let names = [format!("{}.{id}", link.value), format!("vlan{id}")];
        if !names.contains(name) {
            diags.push(
                Diagnostic::error(codes::VLAN, interface.at, format!("`{name}` is not the name of VLAN {id} on `{}`", link.value)).help(
                    format!("call it {}", names.iter().filter(|n| n.len() < 16).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ")),
                ),
            );
        }
        let below = match network.named(&link.value) {
            Some(below) if matches!(below.kind, Kind::Vlan { .. }) => "is a VLAN itself".to_string(),
            Some(below) => match network.bond_of(&below.name) {
                Some((bond, _)) => format!("is a member of `{}`, which carries its frames", bond.name),
                None => continue,
            },
            None => continue,
        };
        diags.push(
            Diagnostic::error(codes::VLAN, link.at, format!("`{}` cannot carry `{name}`: it {below}", link.value))
                .help("a VLAN lies on a physical interface or on a bond"),
        );
    }
}

/// MTUs fit onto each other.
pub fn packets(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    for interface in &network.interfaces {
        let Some(mtu) = &interface.mtu else { continue };
        if mtu.value < EVERY_HOST {
            diags.push(
                Diagnostic::warning(
                    codes::MTU_LOW,
                    mtu.at,
                    format!("`{}` would carry packets of at most {} bytes", interface.name, mtu.value),
                )
                .help(format!("every IPv4 host takes {EVERY_HOST}, Ethernet carries {ETHERNET}")),
            );
        }
        let Kind::Vlan { link, .. } = &interface.kind else { continue };
        let Some(below) = network.named(&link.value) else { continue };
        let room = below.mtu.as_ref().map_or(ETHERNET, |mtu| mtu.value);
        if mtu.value > room {
            let message = format!("`{}` has an MTU of {}, `{}` below it carries {room}", interface.name, mtu.value, below.name);
            diags.push(
                Diagnostic::error(codes::MTU_LINK, mtu.at, message)
                    .related(below.mtu.as_ref().map_or(below.at, |mtu| mtu.at), format!("`{}`", below.name))
                    .help(format!("give `{}` an `mtu` of at least {}", below.name, mtu.value)),
            );
        }
    }
}

/// Next hops are on their interface's subnet, and no two routes are the same.
pub fn routes(cluster: &Cluster, diags: &mut Diagnostics) {
    let mut seen = BTreeMap::new();
    for interface in &cluster.network.interfaces {
        for route in &interface.routes {
            let (to, via) = (route.to.value, &route.via);
            let why = match interface.subnet {
                Some(subnet) if subnet.has_host(via.value) => None,
                Some(subnet) => Some((via.at, format!("{} is no host of {subnet}, the subnet of `{}`", via.value, interface.name))),
                // What a server gives is not known here.
                None if interface.addressing == Addressing::Dhcp => None,
                // Of a member, the bond speaks.
                None if cluster.network.bond_of(&interface.name).is_some() => None,
                None => Some((route.to.at, format!("`{}` has no address, so nothing is reached through it", interface.name))),
            };
            if let Some((at, message)) = why {
                diags.push(
                    Diagnostic::error(codes::ROUTE_UNREACHABLE, at, message)
                        .help("a next hop is reached directly: name one on the subnet of the interface that the route belongs to"),
                );
            }
            if let Some(first) = seen.insert((to.base, to.prefix, route.metric.unwrap_or(0)), route.to.at) {
                diags.push(
                    Diagnostic::error(codes::ROUTE_DUPLICATE, route.to.at, format!("there is a second route to {to}"))
                        .related(first, "the other one")
                        .help("keep one, or give one of them a `metric`"),
                );
            }
        }
    }
}

/// What the platform cannot do, or only with help.
pub fn platform(cluster: &Cluster, diags: &mut Diagnostics) {
    let (network, platform) = (&cluster.network, &cluster.platform);
    if !cluster.sound.platform || network.addressing == Addressing::None {
        return;
    }
    for host in &cluster.hosts {
        for (interface, link) in network.interfaces.iter().zip(&host.links) {
            let Some(mac) = link.mac.as_ref().filter(|_| !platform.dialect.network.finds_by_mac()) else { continue };
            let message = format!("{} cannot find `{}` of `{}` by its hardware address", platform.name, interface.name, host.name);
            diags.push(
                Diagnostic::error(codes::INTERFACE_MAC, mac.at, message)
                    .help("its /etc/network/interfaces knows names alone: remove `mac`, and name interfaces as the image does")
                    .subject(&host.name),
            );
        }
    }
    if platform.dialect.network.is_told_to_ifupdown() {
        lost(network, platform, diags);
    }
    needs(network, platform, diags);
}

/// Cards have the names that the image gives, unless they are found by their hardware address.
pub fn called(cluster: &Cluster, diags: &mut Diagnostics) {
    let (network, platform) = (&cluster.network, &cluster.platform);
    // By hand no address is set, so no name is asked for.
    let written = network.addressing != Addressing::None && cluster.cloud.volume && cluster.delivery.method != Method::Hand;
    if !cluster.sound.platform || !platform.udev_names || !written {
        return;
    }
    let of_the_kernel = |name: &str| name.strip_prefix("eth").is_some_and(|number| number.parse::<u32>().is_ok());
    let lost = network.interfaces.iter().enumerate().find_map(|(index, interface)| {
        let physical = matches!(interface.kind, Kind::Physical) && of_the_kernel(&interface.name);
        let host = cluster.hosts.iter().find(|host| physical && host.links[index].mac.is_none())?;
        Some((interface, host))
    });
    let Some((interface, host)) = lost else { return };
    let name = &interface.name;
    let message = format!("images of {} call no card `{name}`, and `{}` gives none that name by its `mac`", platform.name, host.name);
    // An interface that nobody named has the place of the whole network.
    let typed = interface.at.end - interface.at.start == name.len() as u32;
    let at = if typed { interface.at } else { cluster.places.get("network").copied().unwrap_or(interface.at) };
    diags.push(
        Diagnostic::warning(codes::INTERFACE_NAME, at, message)
            .help(format!("write the card's address at each host, `interfaces: {{{name}: {{mac: …}}}}`: then it gets the name"))
            .help(
                "or write the image's own name: enp1s0 (virt-install), ens3 (QEMU), ens18 (Proxmox), ens192 (vSphere) are usual for the first; \
                 allow the warning for images that boot with net.ifnames=0",
            ),
    );
}

/// What cloud-init and ifupdown lose between them: seen with 20.4 and 0.8.36.
fn lost(network: &Network, platform: &Platform, diags: &mut Diagnostics) {
    for interface in &network.interfaces {
        // The method `dhcp` has no `mtu`.
        if let Some(mtu) = interface.mtu.as_ref().filter(|_| interface.addressing == Addressing::Dhcp) {
            let message = format!("{} ignores the MTU of `{}`, which asks a server for its address", platform.name, interface.name);
            diags.push(
                Diagnostic::error(codes::MTU_DHCP, mtu.at, message)
                    .help("remove `mtu` and let the server give it (option 26, interface-mtu), or use static addresses"),
            );
        }
        // `route add -net 10.1.2.3/32` is an invalid argument.
        for route in interface.routes.iter().filter(|route| route.to.value.prefix == 32) {
            let (to, pair) = (route.to.value, Ipv4Addr::from(u32::from(route.to.value.base) & !1));
            diags.push(
                Diagnostic::error(codes::ROUTE_HOST, route.to.at, format!("{} cannot set a route to one host, {to}", platform.name))
                    .help(format!("name a network that holds it: {pair}/31 is the smallest")),
            );
        }
    }
}

/// Packages that the image must hold before the first interface of a kind can be made.
fn needs(network: &Network, platform: &Platform, diags: &mut Diagnostics) {
    /// Where an interface asks for the package, if it does.
    type Asks = fn(&Interface) -> Option<At>;
    let needed: [(&str, &Option<String>, Asks); 4] = [
        ("makes a bond such as", &platform.needs.bond, |i| matches!(i.kind, Kind::Bond(_)).then_some(i.at)),
        ("makes a VLAN such as", &platform.needs.vlan, |i| matches!(i.kind, Kind::Vlan { .. }).then_some(i.at)),
        ("makes a VLAN with a name such as", &platform.needs.named_vlan, |i| {
            (matches!(i.kind, Kind::Vlan { .. }) && !dotted(i)).then_some(i.at)
        }),
        ("sets routes such as those of", &platform.needs.routes, |i| i.routes.first().map(|route| route.to.at)),
    ];
    for (does, package, asks) in needed {
        let first = network.interfaces.iter().find_map(|interface| Some((interface, asks(interface)?)));
        let Some((package, (interface, at))) = package.as_ref().zip(first) else { continue };
        let message = format!("{} {does} `{}` only with the package `{package}` in the image", platform.name, interface.name);
        diags.push(
            Diagnostic::warning(codes::INTERFACE_PACKAGE, at, message)
                .help("a seed comes too late to install it: bake it into the image, and allow the warning"),
        );
    }
}

/// True of a VLAN that is called LINK.ID.
fn dotted(interface: &Interface) -> bool {
    matches!(&interface.kind, Kind::Vlan { id, link } if interface.name == format!("{}.{id}", link.value))
}
