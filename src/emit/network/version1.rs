//! `network-config` version 1 (cloud-init, "Networking config Version 1"), in the words that 0.7.7 knows already.

use super::{Device, Entries, devices, text, texts};
use crate::cluster::network::{Addressing, Kind, Network};
use crate::plan::HostPlan;
use crate::yaml::write::Yaml;

pub fn document<'a>(plan: &'a HostPlan, network: &'a Network) -> Entries<'a> {
    let config = devices(plan, network).map(|device| Yaml::Map(entry(device))).collect();
    vec![("version".into(), Yaml::Int(1)), ("config".into(), Yaml::Seq(config))]
}

fn entry(device: Device<'_>) -> Entries<'_> {
    let interface = device.interface;
    let kind = match interface.kind {
        Kind::Physical => "physical",
        Kind::Bond(_) => "bond",
        Kind::Vlan { .. } => "vlan",
    };
    let mut entry: Entries<'_> = vec![("type".into(), kind.into()), ("name".into(), interface.name.as_str().into())];
    match &interface.kind {
        Kind::Physical => entry.extend(device.link.mac.as_ref().map(|mac| ("mac_address".into(), text(&mac.value)))),
        Kind::Bond(bond) => {
            let members = bond.members.iter().map(|member| member.value.as_str().into()).collect();
            let mut parameters: Entries<'_> =
                vec![("bond-mode".into(), bond.mode.as_str().into()), ("bond-miimon".into(), Yaml::Int(bond.miimon))];
            let further =
                [("bond-primary", &bond.primary), ("bond-lacp-rate", &bond.lacp_rate), ("bond-xmit-hash-policy", &bond.xmit_hash_policy)];
            parameters.extend(further.into_iter().filter_map(|(key, value)| Some((key.into(), value.as_ref()?.value.as_str().into()))));
            entry.push(("bond_interfaces".into(), Yaml::Seq(members)));
            entry.push(("params".into(), Yaml::Map(parameters)));
        }
        Kind::Vlan { id, link } => {
            entry.push(("vlan_link".into(), link.value.as_str().into()));
            entry.push(("vlan_id".into(), Yaml::Int(*id)));
        }
    }
    entry.extend(interface.mtu.as_ref().map(|mtu| ("mtu".into(), Yaml::Int(mtu.value))));
    // Without a subnet ifupdown would not bring it up; a member is brought up for its bond.
    if device.network.bond_of(&interface.name).is_none() {
        entry.push(("subnets".into(), Yaml::Seq(vec![Yaml::Map(subnet(device))])));
    }
    entry
}

fn subnet(device: Device<'_>) -> Entries<'_> {
    if device.interface.addressing == Addressing::None {
        return vec![("type".into(), "manual".into())];
    }
    let Some((address, within)) = device.address() else {
        return [vec![("type".into(), "dhcp4".into())], routes(device)].concat();
    };
    let mut subnet: Entries<'_> =
        vec![("type".into(), "static".into()), ("address".into(), text(&address)), ("netmask".into(), text(&within.netmask()))];
    subnet.extend(device.gateway().map(|gateway| ("gateway".into(), text(&gateway))));
    if !device.nameservers().is_empty() {
        subnet.push(("dns_nameservers".into(), texts(device.nameservers())));
    }
    if !device.search().is_empty() {
        subnet.push(("dns_search".into(), texts(device.search())));
    }
    subnet.extend(routes(device));
    subnet
}

fn routes(device: Device<'_>) -> Entries<'_> {
    let routes: Vec<Yaml<'_>> = device
        .routes()
        .map(|route| {
            let to = route.to.value;
            let mut entry: Entries<'_> = vec![
                ("network".into(), text(&to.base)),
                ("netmask".into(), text(&to.netmask())),
                ("gateway".into(), text(&route.via.value)),
            ];
            entry.extend(route.metric.map(|metric| ("metric".into(), Yaml::Int(metric))));
            Yaml::Map(entry)
        })
        .collect();
    if routes.is_empty() { Vec::new() } else { vec![("routes".into(), Yaml::Seq(routes))] }
}
