//! The digest of a plan: changes exactly when something on the host would.
//!
//! Accounts and network are not `apply`'s but cloud-init's, which sets them at first boot: a change of them reaches a host that
//! has booted only where it makes a new instance, and there they are part of the digest.

use sha2::{Digest, Sha256};

use super::HostPlan;
use crate::cluster::network::{Addressing, Bond, Interface, Kind, Link, Network, Route};
use crate::cluster::{Account, Cluster, InstanceId, Moment};
use crate::diag::Spanned;
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
    if let Some(locked) = &shared.locked {
        add(&["carried", &locked.id]);
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
    for to in &plan.submissions {
        add(&["submission", &to.name, &to.service, &to.address.to_string(), &to.port.to_string(), &to.ask, &to.leads]);
        add(&[to.ready.as_deref().unwrap_or(""), to.login.as_deref().unwrap_or(""), &to.seconds.to_string()]);
    }
    for document in &plan.documents {
        add(&["document", &document.of, &document.key, &document.path, &document.there, &document.file]);
    }
    if let Some(image) = &plan.image {
        add(&["image", &image.digest]);
    }
    for command in &plan.commands {
        add(&["command", command.moment.word()]);
        command.run.iter().for_each(|word| add(&[word]));
    }
    if cluster.instance_id == InstanceId::Content {
        cluster.accounts.iter().for_each(|own| account(own, &mut add));
        // Nothing is written otherwise.
        if cluster.network.addressing != Addressing::None {
            network(&cluster.network, &plan.links, &mut add);
        }
    }
    Sha256Sum::of(&text).hex()
}

/// What cloud-init makes of an account. Each field is named, so that a new one is not forgotten.
fn account(account: &Account, add: &mut impl FnMut(&[&str])) {
    let Account { name, gecos, groups, shell, sudo, password_hash, ssh_keys, at: _, name_at: _ } = account;
    let hash = password_hash.as_ref().map_or("", |hash| hash.value.as_str());
    add(&["user", name, gecos.as_deref().unwrap_or(""), shell, if *sudo { "sudo" } else { "" }, hash]);
    groups.iter().for_each(|group| add(&["group", group]));
    ssh_keys.iter().for_each(|key| add(&["key", &key.value]));
}

/// The network of a host, whatever the form in which its platform reads it.
fn network(network: &Network, links: &[Link], add: &mut impl FnMut(&[&str])) {
    // The rest is said of the interfaces once more.
    let Network { nameservers, search, interfaces, subnet: _, gateway: _, interface: _, addressing: _ } = network;
    add(&["network", &joined(nameservers), &search.join(",")]);
    for (interface, link) in interfaces.iter().zip(links) {
        let Interface { name, at: _, own, kind, addressing, subnet, gateway, mtu, routes } = interface;
        let Link { address, at: _, mac } = link;
        add(&["interface", name, &own.to_string(), &format!("{addressing:?}"), &written(address.as_ref()), &written(subnet.as_ref())]);
        add(&[
            &written(gateway.as_ref().map(|g| &g.value)),
            &written(mtu.as_ref().map(|m| &m.value)),
            &written(mac.as_ref().map(|m| &m.value)),
        ]);
        match kind {
            Kind::Physical => {}
            Kind::Vlan { id, link } => add(&["vlan", &id.to_string(), &link.value]),
            Kind::Bond(bond) => bonded(bond, add),
        }
        for Route { to, via, metric } in routes {
            add(&["route", &to.value.to_string(), &via.value.to_string(), &written(metric.as_ref())]);
        }
    }
}

fn bonded(bond: &Bond, add: &mut impl FnMut(&[&str])) {
    let Bond { members, mode, primary, miimon, lacp_rate, xmit_hash_policy, at: _ } = bond;
    let word = |word: &Option<Spanned<String>>| word.as_ref().map_or(String::new(), |word| word.value.clone());
    add(&["bond", mode, &word(primary), &miimon.to_string(), &word(lacp_rate), &word(xmit_hash_policy)]);
    members.iter().for_each(|member| add(&["member", &member.value]));
}

fn written<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Sixteen hexadecimal digits that name a command; `earlier` are the same ones before it on its host.
pub fn command(moment: Moment, run: &[String], earlier: usize) -> String {
    let mut hash = Sha256::new();
    if earlier > 0 {
        // Before the moment, which is one of two words: no words of a command can look like this.
        hash.update(format!("again {earlier}\0"));
    }
    for part in std::iter::once(moment.word()).chain(run.iter().map(String::as_str)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize()[..8])
}
