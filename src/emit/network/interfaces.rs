//! The whole of /etc/network/interfaces (interfaces(5)), as the ifupdown of Ubuntu 14.04 reads it.

use super::{Device, devices};
use crate::cluster::network::{Addressing, Kind};
use crate::emit::Context;
use crate::plan::HostPlan;

/// cloud-init replaces the file, so loopback is in it. None where the addresses are somebody else's business.
pub fn interfaces(plan: &HostPlan, context: Context<'_>) -> Option<String> {
    let network = &context.cluster.network;
    if network.addressing == Addressing::None {
        return None;
    }
    let stanzas = devices(plan, network).map(|device| {
        let name = &device.interface.name;
        let method = match device.interface.addressing {
            Addressing::Static => "static",
            Addressing::Dhcp => "dhcp",
            Addressing::None => "manual",
        };
        let options: String = options(device).into_iter().map(|option| format!("    {option}\n")).collect();
        format!("\nauto {name}\niface {name} inet {method}\n{options}")
    });
    Some(format!("auto lo\niface lo inet loopback\n{}", stanzas.collect::<String>()))
}

fn options(device: Device<'_>) -> Vec<String> {
    let interface = device.interface;
    let name = &interface.name;
    let mut options = Vec::new();
    if let Some((address, subnet)) = device.address() {
        options.push(format!("address {address}"));
        options.push(format!("netmask {}", subnet.netmask()));
    }
    options.extend(device.gateway().map(|gateway| format!("gateway {gateway}")));
    if !device.nameservers().is_empty() {
        options.push(format!("dns-nameservers {}", words(device.nameservers())));
    }
    if !device.search().is_empty() {
        options.push(format!("dns-search {}", words(device.search())));
    }
    options.extend(made_of(device));
    let mtu = interface.mtu.as_ref().map(|mtu| mtu.value);
    match (interface.addressing, mtu) {
        (Addressing::Static, Some(mtu)) => options.push(format!("mtu {mtu}")),
        // Other methods know no `mtu`, and `manual` does not even bring the interface up.
        (Addressing::Dhcp, Some(mtu)) => options.push(format!("up ip link set dev {name} mtu {mtu}")),
        (Addressing::None, Some(mtu)) => options.push(format!("up ip link set dev {name} mtu {mtu} up")),
        (Addressing::None, None) if device.network.bond_of(name).is_none() => options.push(format!("up ip link set dev {name} up")),
        _ => {}
    }
    for route in device.routes() {
        let metric = route.metric.map_or_else(String::new, |metric| format!(" metric {metric}"));
        options.push(format!("up ip route add {} via {} dev {name}{metric}", route.to.value, route.via.value));
    }
    options
}

/// Options of the packages ifenslave and vlan. As on 14.04, members join their bond, which waits for none of them.
fn made_of(device: Device<'_>) -> Vec<String> {
    let interface = device.interface;
    match &interface.kind {
        Kind::Physical => {
            let Some((master, bond)) = device.network.bond_of(&interface.name) else { return Vec::new() };
            let primary = bond.primary.as_ref().map(|primary| format!("bond-primary {}", primary.value));
            std::iter::once(format!("bond-master {}", master.name)).chain(primary).collect()
        }
        Kind::Bond(bond) => {
            let mut options = vec!["bond-slaves none".into(), format!("bond-mode {}", bond.mode), format!("bond-miimon {}", bond.miimon)];
            let further = [("primary", &bond.primary), ("lacp-rate", &bond.lacp_rate), ("xmit-hash-policy", &bond.xmit_hash_policy)];
            options.extend(further.into_iter().filter_map(|(key, value)| Some(format!("bond-{key} {}", value.as_ref()?.value))));
            options
        }
        Kind::Vlan { link, .. } => vec![format!("vlan-raw-device {}", link.value)],
    }
}

fn words(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
