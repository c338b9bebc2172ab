//! `network` with every address typed and every interface in the order in which it can be brought up.

use std::fmt;
use std::net::Ipv4Addr;

use crate::diag::{At, Diagnostic, Diagnostics, Spanned, codes, did_you_mean};
use crate::schema::scalar;
use crate::spec;
use crate::spec::network::{HostInterface, Interface as Typed};

/// How hosts get their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// Written to the hosts.
    Static,
    /// Given by a server.
    Dhcp,
    /// On the cluster's interface: somebody else's business. On further ones: no address.
    None,
}

/// An IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Network address.
    pub base: Ipv4Addr,
    /// Prefix length.
    pub prefix: u8,
}

/// Hardware address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac([u8; 6]);

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Network of the hosts' addresses.
    pub subnet: Subnet,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub nameservers: Vec<Ipv4Addr>,
    /// Search domains; the first is the hosts' own.
    pub search: Vec<String>,
    /// Interface that has the hosts' addresses.
    pub interface: String,
    /// How hosts get their addresses.
    pub addressing: Addressing,
    /// All interfaces, each after those that it is made of: physical ones, bonds, VLANs.
    pub interfaces: Vec<Interface>,
}

/// An interface that every host has.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub at: At,
    /// True of the one that has the hosts' addresses.
    pub own: bool,
    /// What it is made of.
    pub kind: Kind,
    /// How hosts get their addresses on it.
    pub addressing: Addressing,
    /// Network of its addresses; none without addresses, and where only a server knows it.
    pub subnet: Option<Subnet>,
    /// Default gateway, and where it stands.
    pub gateway: Option<Spanned<Ipv4Addr>>,
    /// Longest packet in bytes; none: the driver's.
    pub mtu: Option<Spanned<i64>>,
    /// Static routes.
    pub routes: Vec<Route>,
}

/// What an interface is made of.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A card.
    Physical,
    /// Other interfaces, used as one.
    Bond(Bond),
    /// Frames with a number on another interface.
    Vlan {
        /// The number.
        id: i64,
        /// The interface that carries it.
        link: Spanned<String>,
    },
}

/// A bond of other interfaces, in the words of the kernel's driver, which every platform writes as they are.
#[derive(Clone, Debug)]
pub struct Bond {
    /// Names of the interfaces that it is made of.
    pub members: Vec<Spanned<String>>,
    /// How frames are spread over them.
    pub mode: String,
    /// Member that is used as long as it works.
    pub primary: Option<Spanned<String>>,
    /// Milliseconds between looks at the carrier; 0: none.
    pub miimon: i64,
    /// How often a partner of 802.3ad speaks.
    pub lacp_rate: Option<Spanned<String>>,
    /// What chooses the member for a frame.
    pub xmit_hash_policy: Option<Spanned<String>>,
    /// Where it is described.
    pub at: At,
}

/// A static route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where it leads, and where that stands.
    pub to: Spanned<Subnet>,
    /// Next hop.
    pub via: Spanned<Ipv4Addr>,
    /// Metric.
    pub metric: Option<i64>,
}

/// What one host has of an interface.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its address, where it is static.
    pub address: Option<Ipv4Addr>,
    /// Where the address comes from.
    pub at: At,
    /// Hardware address by which it is found.
    pub mac: Option<Spanned<Mac>>,
}

impl Subnet {
    /// Netmask as an address.
    pub fn netmask(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0))
    }

    /// Last address.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.base) | !u32::from(self.netmask()))
    }

    /// True when `address` lies in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & u32::from(self.netmask()) == u32::from(self.base)
    }

    /// True when an interface can have `address`: in it, and neither its first nor its last.
    pub fn has_host(self, address: Ipv4Addr) -> bool {
        self.contains(address) && address != self.base && address != self.broadcast()
    }

    /// True when an address lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.base) || other.contains(self.base)
    }

    /// The address with the same number in here as `address` has in `other`; past the end when that is larger.
    fn like(self, address: Ipv4Addr, other: Self) -> Option<Ipv4Addr> {
        let number = u32::from(address).checked_sub(u32::from(other.base))?;
        u32::from(self.base).checked_add(number).map(Ipv4Addr::from)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl Mac {
    /// An address for a card of a machine that we describe: local, unicast, and as different from others as the addresses of hosts
    /// are; `number` is the card's.
    pub fn own(address: Ipv4Addr, number: u8) -> Self {
        let [a, b, c, d] = address.octets();
        Self([0x52, 0x54_u8.wrapping_add(number), a, b, c, d])
    }

    /// The address `offset` further on; none past the end.
    fn plus(self, offset: u32) -> Option<Self> {
        let number = self.0.iter().fold(0u64, |number, octet| number << 8 | u64::from(*octet)) + u64::from(offset);
        let octets = number.to_be_bytes();
        (octets[..2] == [0, 0]).then(|| Self([octets[2], octets[3], octets[4], octets[5], octets[6], octets[7]]))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Network {
    /// The bond that an interface is a member of.
    pub fn bond_of(&self, name: &str) -> Option<(&Interface, &Bond)> {
        self.interfaces.iter().find_map(|interface| match &interface.kind {
            Kind::Bond(bond) if bond.members.iter().any(|member| member.value == name) => Some((interface, bond)),
            _ => None,
        })
    }

    /// An interface by name.
    pub fn named(&self, name: &str) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.name == name)
    }

    /// A mistyped name of an interface.
    pub fn unknown(&self, name: &Spanned<String>) -> Diagnostic {
        Diagnostic::error(codes::UNKNOWN_INTERFACE, name.at, format!("there is no interface `{}` in `network`", name.value))
            .help(did_you_mean(&name.value, self.interfaces.iter().map(|i| i.name.as_str())))
            .help("each interface that something names is listed once under `network.interfaces`: `- {name: …}`")
    }
}

/// Resolves `network`. `None` when a required part was not readable.
pub fn resolve(spec: &spec::Network, diags: &mut Diagnostics) -> Option<Network> {
    let addressing = spec.addressing.as_deref().map_or(Addressing::Static, word);
    let own = Typed {
        name: spec.interface.clone(),
        subnet: Some(spec.subnet.clone()),
        gateway: spec.gateway.clone(),
        addressing: None,
        link: spec.link.clone(),
    };
    let mut interfaces: Vec<Interface> = vec![Interface { own: true, addressing, ..interface(&own, diags) }];
    for typed in &spec.interfaces {
        if let Some(first) = interfaces.iter().find(|known| known.name == typed.name.value) {
            let twice = Diagnostic::error(codes::INTERFACE_DUPLICATE, typed.name.at, format!("`{}` is described twice", typed.name.value));
            let help = "the fields of `network` itself describe the cluster's interface; every other one has one entry";
            diags.push(twice.related(first.at, "the other one").help(help));
            continue;
        }
        interfaces.push(interface(typed, diags));
    }
    // Stable: within a kind, the order is that of the spec.
    interfaces.sort_by_key(|interface| match interface.kind {
        Kind::Physical => 0,
        Kind::Bond(_) => 1,
        Kind::Vlan { .. } => 2,
    });
    let (base, prefix) = scalar::subnet(&spec.subnet.value).ok()?;
    let address = |text: &Spanned<String>| scalar::address(&text.value).ok();
    Some(Network {
        subnet: Subnet { base, prefix },
        gateway: spec.gateway.as_ref().and_then(address),
        nameservers: spec.nameservers.iter().filter_map(address).collect(),
        search: spec.search.iter().map(|s| s.value.clone()).collect(),
        interface: spec.interface.value.clone(),
        addressing,
        interfaces,
    })
}

fn word(addressing: &str) -> Addressing {
    match addressing {
        "dhcp" => Addressing::Dhcp,
        "none" => Addressing::None,
        _ => Addressing::Static,
    }
}

fn interface(typed: &Typed, diags: &mut Diagnostics) -> Interface {
    let name = &typed.name.value;
    let subnet = typed.subnet.as_ref().and_then(|text| scalar::subnet(&text.value).ok()).map(|(base, prefix)| Subnet { base, prefix });
    let fallback = if typed.subnet.is_some() { Addressing::Static } else { Addressing::None };
    let addressing = typed.addressing.as_ref().map_or(fallback, |a| word(&a.value));
    if addressing == Addressing::Static && typed.subnet.is_none() {
        let at = typed.addressing.as_ref().map_or(typed.name.at, |a| a.at);
        diags.push(
            Diagnostic::error(codes::INTERFACE_ADDRESSING, at, format!("`{name}` is static and has no `subnet`"))
                .help("add the `subnet` of its addresses, or write `addressing: dhcp`"),
        );
    }
    if addressing != Addressing::Static {
        for (field, typed_at) in [("subnet", &typed.subnet), ("gateway", &typed.gateway)] {
            let Some(useless) = typed_at else { continue };
            let how = if addressing == Addressing::Dhcp { "asks a server for its address" } else { "has no address" };
            diags.push(
                Diagnostic::error(codes::INTERFACE_ADDRESSING, useless.at, format!("`{field}` has no meaning on `{name}`, which {how}"))
                    .help(format!("remove `{field}`, or give `{name}` a `subnet` and no other `addressing`")),
            );
        }
    }
    let link = &typed.link;
    let kind = match (&link.bond, &link.vlan) {
        (Some(bond), Some(vlan)) => {
            diags.push(
                Diagnostic::error(codes::VLAN, vlan.link.at, format!("`{name}` cannot be a bond and a VLAN at once"))
                    .related(bond.at, "the bond")
                    .help("describe the bond as an interface of its own, and name it as the `link` of the VLAN"),
            );
            Kind::Bond(resolved(bond))
        }
        (Some(bond), None) => Kind::Bond(resolved(bond)),
        (None, Some(vlan)) => Kind::Vlan { id: vlan.id, link: vlan.link.clone() },
        (None, None) => Kind::Physical,
    };
    let address = |text: &Spanned<String>| Some(Spanned::new(scalar::address(&text.value).ok()?, text.at));
    let route = |route: &spec::network::Route| {
        let (base, prefix) = scalar::destination(&route.to.value).ok()?;
        Some(Route { to: Spanned::new(Subnet { base, prefix }, route.to.at), via: address(&route.via)?, metric: route.metric })
    };
    Interface {
        name: name.clone(),
        at: typed.name.at,
        own: false,
        kind,
        addressing,
        subnet,
        gateway: typed.gateway.as_ref().and_then(address),
        mtu: link.mtu.clone(),
        routes: link.routes.iter().filter_map(route).collect(),
    }
}

fn resolved(typed: &spec::network::Bond) -> Bond {
    Bond {
        members: typed.members.clone(),
        mode: typed.mode.value.clone(),
        primary: typed.primary.clone(),
        miimon: typed.miimon.unwrap_or(100),
        lacp_rate: typed.lacp_rate.clone(),
        xmit_hash_policy: typed.xmit_hash_policy.clone(),
        at: typed.at,
    }
}

/// What an entry of `hosts` says of its interfaces, checked once for all hosts of a range.
pub fn overrides<'s>(typed: &'s [HostInterface], network: &Network, diags: &mut Diagnostics) -> Vec<Option<&'s HostInterface>> {
    let mut own = vec![None; network.interfaces.len()];
    for entry in typed {
        let Some(index) = network.interfaces.iter().position(|interface| interface.name == entry.name.value) else {
            diags.push(network.unknown(&entry.name));
            continue;
        };
        let interface = &network.interfaces[index];
        let name = &interface.name;
        if let Some(address) = entry.address.as_ref().filter(|_| interface.own || interface.addressing != Addressing::Static) {
            let (why, help) = match interface.own {
                true => (format!("`{name}` has the hosts' own addresses"), "write it as `address` of the host"),
                false => {
                    (format!("`{name}` is not static"), "give the interface a `subnet` in `network.interfaces`, or remove the address")
                }
            };
            diags.push(Diagnostic::error(codes::INTERFACE_ADDRESSING, address.at, why).help(help));
        }
        if let Some(mac) = entry.mac.as_ref().filter(|_| !matches!(interface.kind, Kind::Physical)) {
            diags.push(
                Diagnostic::error(codes::INTERFACE_MAC, mac.at, format!("`{name}` is made on the host, so it is not found by an address"))
                    .help("give the hardware addresses of the interfaces below it"),
            );
        }
        own[index] = Some(entry);
    }
    own
}

/// What the host with `address`, the one at `offset` of its entry, has of each interface.
pub fn links(own: &[Option<&HostInterface>], offset: u32, address: Ipv4Addr, address_at: At, network: &Network) -> Vec<Link> {
    let link = |(interface, own): (&Interface, &Option<&HostInterface>)| {
        let typed = own.and_then(|own| own.address.as_ref()).filter(|_| !interface.own);
        let first = typed.and_then(|text| scalar::address(&text.value).ok());
        let mac = own.and_then(|own| own.mac.as_ref());
        let mac = mac.and_then(|mac| Some(Spanned::new(Mac(scalar::mac(&mac.value).ok()?).plus(offset)?, mac.at)));
        let given = match (interface.subnet, first) {
            _ if interface.own => Some(address),
            (Some(_), Some(first)) => u32::from(first).checked_add(offset).map(Ipv4Addr::from),
            (Some(subnet), None) => subnet.like(address, network.subnet),
            (None, _) => None,
        };
        Link { address: given, at: typed.map_or(address_at, |text| text.at), mac }
    };
    network.interfaces.iter().zip(own).map(link).collect()
}
