//! The network of a host in the two forms that platforms read.

use std::borrow::Cow;
use std::fmt::Write;

use super::Context;
use crate::cluster::Addressing;
use crate::plan::HostPlan;
use crate::platform::NetworkForm;
use crate::yaml::write::{Style, Yaml, write};

/// The whole of /etc/network/interfaces (interfaces(5)): cloud-init replaces the file, so loopback is in it.
/// None where the addresses are somebody else's business.
pub fn interfaces(plan: &HostPlan, context: Context<'_>) -> Option<String> {
    let network = &context.cluster.network;
    let name = &network.interface;
    let mut out = format!("auto lo\niface lo inet loopback\n\nauto {name}\n");
    match network.addressing {
        Addressing::None => return None,
        Addressing::Dhcp => {
            let _ = writeln!(out, "iface {name} inet dhcp");
        }
        Addressing::Static => {
            let _ = writeln!(out, "iface {name} inet static\n    address {}\n    netmask {}", plan.address, network.netmask());
            if let Some(gateway) = network.gateway {
                let _ = writeln!(out, "    gateway {gateway}");
            }
            if !network.nameservers.is_empty() {
                let _ = writeln!(out, "    dns-nameservers {}", joined(&network.nameservers));
            }
            if !network.search.is_empty() {
                let _ = writeln!(out, "    dns-search {}", network.search.join(" "));
            }
        }
    }
    Some(out)
}

fn joined(addresses: &[std::net::Ipv4Addr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// `network-config` version 2, where the platform reads it (cloud-init, "Networking config Version 2").
pub fn network_config(plan: &HostPlan, context: Context<'_>) -> Option<String> {
    let network = &context.cluster.network;
    if context.cluster.platform.dialect.network == NetworkForm::Interfaces || network.addressing == Addressing::None {
        return None;
    }
    let text = |value: String| Yaml::Str(Cow::Owned(value));
    let key = |name: &'static str| Cow::Borrowed(name);
    let mut device: Vec<(Cow<'_, str>, Yaml<'_>)> = vec![(key("dhcp4"), Yaml::Bool(network.addressing == Addressing::Dhcp))];
    if network.addressing == Addressing::Static {
        device.push((key("addresses"), Yaml::Seq(vec![text(format!("{}/{}", plan.address, network.prefix))])));
        if let Some(gateway) = network.gateway {
            // Not `routes`: where ifupdown renders, a default route among them is lost without net-tools (seen with 22.4).
            device.push((key("gateway4"), text(gateway.to_string())));
        }
        let mut resolver = Vec::new();
        if !network.nameservers.is_empty() {
            resolver.push((key("addresses"), Yaml::Seq(network.nameservers.iter().map(|a| text(a.to_string())).collect())));
        }
        if !network.search.is_empty() {
            resolver.push((key("search"), Yaml::Seq(network.search.iter().map(|s| text(s.clone())).collect())));
        }
        if !resolver.is_empty() {
            device.push((key("nameservers"), Yaml::Map(resolver)));
        }
    }
    let devices = Yaml::Map(vec![(Cow::Borrowed(network.interface.as_str()), Yaml::Map(device))]);
    let mut out = String::new();
    write(&Yaml::Map(vec![(key("version"), Yaml::Int(2)), (key("ethernets"), devices)]), Style::Literal, &mut out);
    Some(out)
}
