//! The network of a host in the three forms that platforms read.

mod interfaces;
mod version1;
mod version2;

pub use interfaces::interfaces;

use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::Context;
use crate::cluster::Cluster;
use crate::cluster::network::{Addressing, Interface, Link, Network, Route, Subnet};
use crate::plan::HostPlan;
use crate::platform::NetworkForm;
use crate::yaml::write::{Style, Yaml, write};

type Entries<'a> = Vec<(Cow<'a, str>, Yaml<'a>)>;

/// `network-config`, where the platform reads it (cloud-init, "Network configuration").
pub fn network_config(plan: &HostPlan, context: Context<'_>) -> Option<String> {
    let network = &context.cluster.network;
    if !is_a_file(context.cluster) {
        return None;
    }
    let document = match context.cluster.platform.dialect.network {
        NetworkForm::Interfaces => return None,
        NetworkForm::Version1 => version1::document(plan, network),
        NetworkForm::Version2 { gateway4 } => version2::document(plan, network, gateway4),
    };
    let mut out = String::new();
    write(&Yaml::Map(document), Style::Literal, &mut out);
    Some(out)
}

/// True where hosts have a `network-config`.
pub fn is_a_file(cluster: &Cluster) -> bool {
    cluster.network.addressing != Addressing::None && cluster.platform.dialect.network != NetworkForm::Interfaces
}

/// An interface of a host.
#[derive(Clone, Copy)]
struct Device<'c> {
    interface: &'c Interface,
    link: &'c Link,
    network: &'c Network,
}

/// All interfaces of a host, each after those that it is made of.
fn devices<'c>(plan: &'c HostPlan, network: &'c Network) -> impl Iterator<Item = Device<'c>> {
    network.interfaces.iter().zip(&plan.links).map(move |(interface, link)| Device { interface, link, network })
}

impl<'c> Device<'c> {
    /// Address and its subnet, where the address is written.
    fn address(self) -> Option<(Ipv4Addr, Subnet)> {
        let written = self.interface.addressing == Addressing::Static;
        self.link.address.zip(self.interface.subnet).filter(|_| written)
    }

    /// The default gateway, where it is written.
    fn gateway(self) -> Option<Ipv4Addr> {
        self.address()?;
        self.interface.gateway.as_ref().map(|gateway| gateway.value)
    }

    /// Name servers stand at the cluster's interface.
    fn nameservers(self) -> &'c [Ipv4Addr] {
        if self.resolves() { &self.network.nameservers } else { &[] }
    }

    /// The same for search domains.
    fn search(self) -> &'c [String] {
        if self.resolves() { &self.network.search } else { &[] }
    }

    fn resolves(self) -> bool {
        self.interface.own && self.interface.addressing == Addressing::Static
    }

    /// Routes but for those that lead through the host itself, which the kernel would refuse.
    fn routes(self) -> impl Iterator<Item = &'c Route> {
        self.interface.routes.iter().filter(move |route| self.link.address != Some(route.via.value))
    }
}

fn text<'a>(value: &impl ToString) -> Yaml<'a> {
    Yaml::Str(Cow::Owned(value.to_string()))
}

fn texts<'a, T: ToString>(values: &[T]) -> Yaml<'a> {
    Yaml::Seq(values.iter().map(text).collect())
}
