//! `network-config` version 2, which is netplan's (cloud-init, "Networking config Version 2").

use std::borrow::Cow;

use super::{Device, Entries, devices, text, texts};
use crate::cluster::network::{Addressing, Kind, Network};
use crate::plan::HostPlan;
use crate::yaml::write::Yaml;

pub fn document<'a>(plan: &'a HostPlan, network: &'a Network, gateway4: bool) -> Entries<'a> {
    let mut groups: [(&str, Entries<'a>); 3] = [("ethernets", Vec::new()), ("bonds", Vec::new()), ("vlans", Vec::new())];
    for device in devices(plan, network) {
        let group = match device.interface.kind {
            Kind::Physical => 0,
            Kind::Bond(_) => 1,
            Kind::Vlan { .. } => 2,
        };
        groups[group].1.push((Cow::Borrowed(&device.interface.name), Yaml::Map(body(device, gateway4))));
    }
    let mut document: Entries<'a> = vec![("version".into(), Yaml::Int(2))];
    document.extend(groups.into_iter().filter(|(_, group)| !group.is_empty()).map(|(key, group)| (key.into(), Yaml::Map(group))));
    document
}

fn body(device: Device<'_>, gateway4: bool) -> Entries<'_> {
    let interface = device.interface;
    let mut body = made_of(device);
    if let Some(mac) = &device.link.mac {
        body.push(("match".into(), Yaml::Map(vec![("macaddress".into(), text(&mac.value))])));
        body.push(("set-name".into(), interface.name.as_str().into()));
    }
    body.push(("dhcp4".into(), Yaml::Bool(interface.addressing == Addressing::Dhcp)));
    if interface.addressing == Addressing::None && device.network.bond_of(&interface.name).is_none() {
        // A router could give it an address; and on Debian 13 the boot waits two minutes for one that does not (systemd 257).
        body.push(("accept-ra".into(), Yaml::Bool(false)));
    }
    if let Some((address, subnet)) = device.address() {
        body.push(("addresses".into(), Yaml::Seq(vec![format!("{address}/{}", subnet.prefix).into()])));
    }
    let default = device.gateway();
    if let Some(gateway) = default.filter(|_| gateway4) {
        body.push(("gateway4".into(), text(&gateway)));
    }
    let mut resolver: Entries<'_> = Vec::new();
    if !device.nameservers().is_empty() {
        resolver.push(("addresses".into(), texts(device.nameservers())));
    }
    if !device.search().is_empty() {
        resolver.push(("search".into(), texts(device.search())));
    }
    if !resolver.is_empty() {
        body.push(("nameservers".into(), Yaml::Map(resolver)));
    }
    if let Some(mtu) = &interface.mtu {
        body.push(("mtu".into(), Yaml::Int(mtu.value)));
    }
    // Every netplan knows this spelling; `to: default` came with 0.103.
    let default =
        default.filter(|_| !gateway4).map(|gateway| Yaml::Map(vec![("to".into(), "0.0.0.0/0".into()), ("via".into(), text(&gateway))]));
    let further = device.routes().map(|route| {
        let mut entry: Entries<'_> = vec![("to".into(), text(&route.to.value)), ("via".into(), text(&route.via.value))];
        entry.extend(route.metric.map(|metric| ("metric".into(), Yaml::Int(metric))));
        Yaml::Map(entry)
    });
    let routes: Vec<Yaml<'_>> = default.into_iter().chain(further).collect();
    if !routes.is_empty() {
        body.push(("routes".into(), Yaml::Seq(routes)));
    }
    body
}

fn made_of(device: Device<'_>) -> Entries<'_> {
    match &device.interface.kind {
        Kind::Physical => Vec::new(),
        Kind::Bond(bond) => {
            let members = bond.members.iter().map(|member| member.value.as_str().into()).collect();
            let mut parameters: Entries<'_> =
                vec![("mode".into(), bond.mode.as_str().into()), ("mii-monitor-interval".into(), Yaml::Int(bond.miimon))];
            let further = [("primary", &bond.primary), ("lacp-rate", &bond.lacp_rate), ("transmit-hash-policy", &bond.xmit_hash_policy)];
            parameters.extend(further.into_iter().filter_map(|(key, value)| Some((key.into(), value.as_ref()?.value.as_str().into()))));
            vec![("interfaces".into(), Yaml::Seq(members)), ("parameters".into(), Yaml::Map(parameters))]
        }
        Kind::Vlan { id, link } => vec![("id".into(), Yaml::Int(*id)), ("link".into(), link.value.as_str().into())],
    }
}
