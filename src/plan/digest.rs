//! The digest of a plan: changes exactly when something on the host would.

use sha2::{Digest, Sha256};

use super::HostPlan;
use crate::cluster::Cluster;
use crate::format::checksum::{Sha256Sum, hex};

/// Sixty-four hexadecimal digits over every decision of the plan.
pub fn of(plan: &HostPlan, cluster: &Cluster) -> String {
    let mut text = Vec::with_capacity(16 * 1024);
    // Every field is closed by a NUL, which none of them can hold: `ab` `c` and `a` `bc` differ.
    let mut add = |parts: &[&str]| {
        for part in parts {
            text.extend_from_slice(part.as_bytes());
            text.push(0);
        }
    };
    add(&["host", &cluster.name, &plan.name, &plan.fqdn, &plan.address.to_string(), &plan.roles.join(","), &cluster.platform.name]);
    for file in &plan.files {
        let mode = format!("{:04o}", file.mode);
        add(&[
            "file",
            &file.path,
            &mode,
            &file.owner,
            &file.group,
            file.phase.word(),
            &file.restarts.join(","),
            &file.content.sha256.hex(),
        ]);
    }
    let shared = &plan.shared;
    for package in &shared.packages {
        add(&["package", &package.name, package.version.as_deref().unwrap_or("")]);
    }
    for service in &shared.services {
        let ports: Vec<String> = service.ports.iter().map(u16::to_string).collect();
        add(&["service", &service.unit, &ports.join(","), &service.wait_seconds.to_string()]);
    }
    for directory in &shared.directories {
        add(&["directory", &directory.path, &format!("{:04o}", directory.mode), &directory.owner, &directory.group]);
    }
    for alternative in &shared.alternatives {
        add(&["alternative", &alternative.name, &alternative.link, &alternative.path, &alternative.priority.to_string()]);
    }
    add(&["holds", &shared.holds.join(",")]);
    add(&["sweep", &shared.sweep.join(",")]);
    for repository in &shared.repositories {
        add(&["repository", &repository.line, &repository.fingerprint]);
    }
    for peer in &plan.peers {
        let ports: Vec<String> = peer.ports.iter().map(u16::to_string).collect();
        add(&["peer", &peer.service, &peer.name, &peer.address.to_string(), &ports.join(",")]);
        add(&[peer.ask.as_deref().unwrap_or(""), peer.answer.as_deref().unwrap_or("")]);
    }
    for identity in &plan.identities {
        let allowed = if identity.allowed { "allowed" } else { "" };
        add(&["identity", &identity.service, &identity.paths.join(","), &identity.guard, allowed]);
    }
    if let Some(image) = &plan.image {
        add(&["image", &image.digest]);
    }
    for command in &plan.commands {
        add(&["command", &command.moment]);
        command.run.iter().for_each(|word| add(&[word]));
    }
    Sha256Sum::of(&text).hex()
}

/// Sixteen hexadecimal digits that name a command.
pub fn command(moment: &str, run: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(moment).chain(run.iter().map(String::as_str)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize()[..8])
}
