//! `network` and what hosts say of their interfaces, as typed.

use super::Network;
use super::parse::items;
use crate::diag::{At, Spanned};
use crate::schema::Value;

/// What may be said of every interface, the cluster's among them.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Longest packet in bytes.
    pub mtu: Option<Spanned<i64>>,
    /// Static routes.
    pub routes: Vec<Route>,
    /// Makes it a bond.
    pub bond: Option<Bond>,
    /// Makes it a VLAN.
    pub vlan: Option<Vlan>,
}

/// An interface beside the cluster's.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its name.
    pub name: Spanned<String>,
    /// Network of its addresses.
    pub subnet: Option<Spanned<String>>,
    /// Default gateway.
    pub gateway: Option<Spanned<String>>,
    /// `static`, `dhcp` or `none`.
    pub addressing: Option<Spanned<String>>,
    /// What else is said of it.
    pub link: Link,
}

/// A static route.
#[derive(Clone, Debug)]
pub struct Route {
    /// `10.0.0.0/8`.
    pub to: Spanned<String>,
    /// Next hop.
    pub via: Spanned<String>,
    /// Its metric.
    pub metric: Option<i64>,
}

/// A bond of other interfaces, in the words of the kernel's driver.
#[derive(Clone, Debug)]
pub struct Bond {
    /// Where it is described.
    pub at: At,
    /// Names of the interfaces that it is made of.
    pub members: Vec<Spanned<String>>,
    /// How frames are spread over them.
    pub mode: Spanned<String>,
    /// Member that is used as long as it works.
    pub primary: Option<Spanned<String>>,
    /// Milliseconds between looks at the carrier.
    pub miimon: Option<i64>,
    /// How often a partner of 802.3ad speaks.
    pub lacp_rate: Option<Spanned<String>>,
    /// What chooses the member for a frame.
    pub xmit_hash_policy: Option<Spanned<String>>,
}

/// A VLAN on another interface.
#[derive(Clone, Debug)]
pub struct Vlan {
    /// Its number.
    pub id: i64,
    /// Name of the interface that carries it.
    pub link: Spanned<String>,
}

/// What a host says of one of its interfaces.
#[derive(Clone, Debug)]
pub struct HostInterface {
    /// The interface's name.
    pub name: Spanned<String>,
    /// Address, or the first of consecutive ones.
    pub address: Option<Spanned<String>>,
    /// Hardware address, or the first of consecutive ones.
    pub mac: Option<Spanned<String>>,
}

/// Reads `network`.
pub fn network(value: &Value) -> Option<Network> {
    Some(Network {
        subnet: value.spanned("subnet")?,
        gateway: value.spanned("gateway"),
        nameservers: value.texts("nameservers"),
        search: value.texts("search"),
        interface: value.spanned("interface").unwrap_or_else(|| Spanned::new("eth0".into(), value.at)),
        addressing: value.string("addressing"),
        link: link(value),
        interfaces: items(value, "interfaces").filter_map(interface).collect(),
    })
}

/// Reads `interfaces` of a host.
pub fn host_interfaces(value: &Value) -> Vec<HostInterface> {
    let entry = |(name, at, body): (&String, &At, &Value)| HostInterface {
        name: Spanned::new(name.clone(), *at),
        address: body.spanned("address"),
        mac: body.spanned("mac"),
    };
    value.entries().map(entry).collect()
}

fn interface(value: &Value) -> Option<Interface> {
    Some(Interface {
        name: value.spanned("name")?,
        subnet: value.spanned("subnet"),
        gateway: value.spanned("gateway"),
        addressing: value.spanned("addressing"),
        link: link(value),
    })
}

fn link(value: &Value) -> Link {
    let mtu = value.get("mtu").and_then(|mtu| Some(Spanned::new(value.int("mtu")?, mtu.at)));
    Link {
        mtu,
        routes: items(value, "routes").filter_map(route).collect(),
        bond: value.get("bond").and_then(bond),
        vlan: value.get("vlan").and_then(|vlan| Some(Vlan { id: vlan.int("id")?, link: vlan.spanned("link")? })),
    }
}

fn route(value: &Value) -> Option<Route> {
    Some(Route { to: value.spanned("to")?, via: value.spanned("via")?, metric: value.int("metric") })
}

fn bond(value: &Value) -> Option<Bond> {
    Some(Bond {
        at: value.at,
        members: value.texts("members"),
        mode: value.spanned("mode")?,
        primary: value.spanned("primary"),
        miimon: value.int("miimon"),
        lacp_rate: value.spanned("lacp_rate"),
        xmit_hash_policy: value.spanned("xmit_hash_policy"),
    })
}
