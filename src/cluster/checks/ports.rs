//! Ports that clash on a host: between services, and with ranges that a service hands to others.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Cluster, Host};
use crate::diag::{At, Diagnostic, Diagnostics, codes};
use crate::profile::{Optional, PortRef, Service};
use crate::schema::scalar;

struct Port<'c> {
    service: &'c str,
    number: u16,
    at: At,
    name: String,
}

/// Every set of roles and settings is looked at once, however many hosts share it.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    let mut done = BTreeSet::new();
    let mut reported = BTreeSet::new();
    for host in cluster.hosts.iter().filter(|host| done.insert((host.variant, host.roles.clone()))) {
        let scope = cluster.host_scope(host, &mut Diagnostics::new());
        // A condition that cannot be evaluated is the profile's mistake and reported as such.
        let runs = |service: &&Optional| {
            service.when.as_ref().is_none_or(|when| cluster.profile.engine.eval(&when.value, &scope).is_ok_and(|value| value.is_true()))
        };
        let services: Vec<&Service> = host
            .roles
            .iter()
            .filter_map(|role| cluster.profile.role(role))
            .flat_map(|role| role.services.iter().filter(runs).filter_map(|s| cluster.profile.service(&s.name.value)))
            .collect();
        clashes(cluster, host, &services, &mut reported, diags);
    }
}

/// What is reported once need not be told for every host.
type Reported = BTreeSet<(At, u16, String)>;

fn clashes(cluster: &Cluster, host: &Host, services: &[&Service], reported: &mut Reported, diags: &mut Diagnostics) {
    let mut taken: BTreeMap<u16, Port> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let ports: Vec<Port> = services.iter().filter(|s| seen.insert(&s.name)).flat_map(|s| ports(cluster, host, s)).collect();
    for service in services {
        for (from, to, at, text) in ranges(cluster, host, service) {
            for port in ports.iter().filter(|p| (from..=to).contains(&p.number)) {
                let at = at.unwrap_or(port.at);
                if !reported.insert((at, port.number, service.name.clone())) {
                    continue;
                }
                diags.push(
                    Diagnostic::error(
                        codes::PORT_IN_RANGE,
                        at,
                        format!(
                            "the range {text} that `{}` hands out holds port {} of `{}` on `{}`",
                            service.name, port.number, port.service, host.name
                        ),
                    )
                    .help(format!("move `{}` out of the range, or split the range around it", port.name)),
                );
            }
        }
    }
    for port in ports {
        if let Some(first) = taken.get(&port.number) {
            let at = port.at.max(first.at);
            let message = match first.service == port.service {
                true => format!("`{}` would listen twice on port {} of `{}`", port.service, port.number, host.name),
                false => format!("`{}` and `{}` both listen on port {} of `{}`", first.service, port.service, port.number, host.name),
            };
            if reported.insert((at, port.number, port.service.to_string())) {
                diags.push(Diagnostic::error(codes::PORT_CLASH, at, message).help(format!("change `{}` or `{}`", first.name, port.name)));
            }
        } else {
            taken.insert(port.number, port);
        }
    }
}

fn ports<'c>(cluster: &'c Cluster, host: &Host, service: &'c Service) -> Vec<Port<'c>> {
    let port = |port: &PortRef| match port {
        PortRef::Fixed(number) => {
            Some(Port { service: &service.name, number: *number, at: cluster.profile_at, name: format!("port {number}") })
        }
        PortRef::Setting(path) => {
            let number = cluster.settings.int(Some(host.variant), &path.value)?;
            let at = cluster.settings.typed_at(Some(host.variant), &path.value).unwrap_or(cluster.profile_at);
            Some(Port { service: &service.name, number: u16::try_from(number).ok()?, at, name: format!("settings.{}", path.value) })
        }
    };
    service.ports.iter().filter_map(port).collect()
}

/// Ranges with the place where each was typed; a default has none.
fn ranges(cluster: &Cluster, host: &Host, service: &Service) -> Vec<(u16, u16, Option<At>, String)> {
    let mut found = Vec::new();
    for path in &service.port_ranges {
        let Some(value) = cluster.settings.get(Some(host.variant), &path.value) else { continue };
        let typed = cluster.settings.typed_at(Some(host.variant), &path.value);
        for item in value.items() {
            if let Some((from, to)) = item.text().and_then(|text| scalar::port_range(text).ok()) {
                found.push((from, to, typed.map(|_| item.at), item.text().unwrap_or_default().to_string()));
            }
        }
    }
    found
}
