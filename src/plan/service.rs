//! Services: which are held, which are released, and the overrides that the init system reads.

use std::fmt::Write;

use minijinja::Value as Jinja;

use super::file::{Phase, PlannedFile};
use super::group::{holds, names};
use super::{Service, apt::profile_error};
use crate::cluster::{Cluster, Host};
use crate::diag::Diagnostics;
use crate::format::checksum::Content;
use crate::platform::Init;
use crate::profile::{self, PortRef};

/// Services of the host's roles, each once. Where two roles share one, the order of the first role decides.
pub fn own<'c>(cluster: &'c Cluster, host: &Host, scope: &Jinja, diags: &mut Diagnostics) -> Vec<&'c profile::Service> {
    let roles = host.roles.iter().filter_map(|role| cluster.profile.role(role));
    let mut services: Vec<&profile::Service> = Vec::new();
    for name in roles.flat_map(|role| names(cluster, &role.services, scope, diags)) {
        if let Some(service) = cluster.profile.service(&name).filter(|s| !services.iter().any(|own| own.name == s.name)) {
            services.push(service);
        }
    }
    services
}

/// A service with its ports as numbers.
pub fn resolved(cluster: &Cluster, host: &Host, service: &profile::Service) -> Service {
    Service {
        unit: service.unit.clone(),
        ports: numbers(cluster, host, &service.wait_ports),
        wait_seconds: u32::try_from(service.wait_seconds).unwrap_or(60),
    }
}

/// Ports as a host's settings have them; one that nobody set is left out.
pub fn numbers(cluster: &Cluster, host: &Host, ports: &[PortRef]) -> Vec<u16> {
    let port = |port: &PortRef| match port {
        PortRef::Fixed(number) => Some(*number),
        PortRef::Setting(path) => u16::try_from(cluster.settings.int(Some(host.variant), &path.value)?).ok(),
    };
    ports.iter().filter_map(port).collect()
}

/// What keeps a service that is not the host's from ever starting: a regular file, because upstart ignores links (init(5)).
/// systemd's holds are drop-ins, which `apply` makes from `host.json`.
pub fn hold(init: Init, unit: &str) -> Option<PlannedFile> {
    match init {
        Init::Upstart => Some(file(format!("/etc/init/{unit}.override"), "manual\n".into(), Phase::Hold, unit)),
        Init::Systemd => None,
    }
}

/// The final override of one of the host's own services, when it needs one.
pub fn release(cluster: &Cluster, service: &profile::Service, scope: &Jinja, diags: &mut Diagnostics) -> Option<PlannedFile> {
    let mut variables = Vec::new();
    for (name, text, when) in &service.environment {
        if !holds(cluster, when.as_ref(), scope, diags) {
            continue;
        }
        match cluster.profile.engine.render_text(&text.value, scope) {
            Ok(value) if value.bytes().all(|b| (b' '..=b'~').contains(&b) && !b"\"\\%$".contains(&b)) => variables.push((name, value)),
            Ok(_) => profile_error(text.at, &format!("`{name}` holds a character that init systems read otherwise"), diags),
            Err(problem) => profile_error(text.at, &problem.message, diags),
        }
    }
    let after = names(cluster, &service.after, scope, diags);
    if variables.is_empty() && after.is_empty() {
        return None;
    }
    let unit = &service.unit;
    Some(match cluster.platform.init {
        Init::Upstart => {
            let mut text = String::new();
            for (name, value) in &variables {
                let quote = if value.contains(' ') { "\"" } else { "" };
                let _ = writeln!(text, "env {name}={quote}{value}{quote}");
            }
            if !after.is_empty() {
                let events: Vec<String> = after.iter().map(|other| format!("started {other}")).collect();
                let _ = writeln!(text, "start on {}", events.join(" and "));
                // What systemd's `Wants=` does. On first boot the other package is there and has never run: while packages are
                // installed nothing may start, and the events that its own job waits for are over.
                text.push_str("pre-start script\n");
                for other in &after {
                    let _ = writeln!(text, "    status {other} | grep -q running || start {other} || :");
                }
                text.push_str("end script\n");
            }
            file(format!("/etc/init/{unit}.override"), text, Phase::Release, unit)
        }
        Init::Systemd => {
            let mut text = String::new();
            if !after.is_empty() {
                text.push_str("[Unit]\n");
            }
            for other in &after {
                let _ = writeln!(text, "Wants={other}.service\nAfter={other}.service");
            }
            if !variables.is_empty() {
                text.push_str("[Service]\n");
            }
            for (name, value) in &variables {
                let _ = writeln!(text, "Environment=\"{name}={value}\"");
            }
            file(format!("/etc/systemd/system/{unit}.service.d/clusterseed.conf"), text, Phase::Release, unit)
        }
    })
}

fn file(path: String, text: String, phase: Phase, unit: &str) -> PlannedFile {
    PlannedFile {
        path,
        content: Content::shared(text.into_bytes()),
        mode: 0o644,
        owner: "root".into(),
        group: "root".into(),
        phase,
        restarts: if phase == Phase::Release { vec![unit.to_string()] } else { Vec::new() },
        secret: false,
        origin: format!("the service `{unit}`"),
    }
}
