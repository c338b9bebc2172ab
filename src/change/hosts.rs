//! Which hosts come, go and change, and what of their plans differs besides files, packages and services.

use serde_json::Value as Json;

use super::documents;
use super::pairs::Pairs;
use super::side::Host;

/// What happens to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is only on the new side.
    Comes,
    /// It is only on the old side.
    Goes,
    /// Something of it differs.
    Changes,
    /// Its plan is the same.
    Stays,
}

impl Kind {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Comes => "comes",
            Self::Goes => "goes",
            Self::Changes => "changes",
            Self::Stays => "stays",
        }
    }
}

/// Whether cloud-init runs first boot on a machine that gets the new user-data and meta-data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstBoot {
    /// The host is new, or needs a new machine.
    Runs,
    /// The name of the instance changes: it runs again, with new SSH host keys.
    Again,
    /// The name stays: it does not run again.
    Stays,
    /// The cloud names instances: it runs on new machines only.
    Cloud,
}

impl FirstBoot {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Again => "again",
            Self::Stays => "not-again",
            Self::Cloud => "cloud",
        }
    }
}

/// A host of either side.
#[derive(Debug)]
pub struct HostChange {
    /// Its name.
    pub name: String,
    /// The name that the machine had before, where it is another one.
    pub was: Option<String>,
    /// What happens to it.
    pub kind: Kind,
    /// Addresses before and after.
    pub address: [Option<String>; 2],
    /// Roles before and after.
    pub roles: [Option<Vec<String>>; 2],
    /// Digests of its plan before and after.
    pub digest: [Option<String>; 2],
    /// Whether first boot runs; none for a host that goes.
    pub first_boot: Option<FirstBoot>,
}

/// Every host of both sides.
pub fn compare(pairs: &Pairs<'_>) -> Vec<HostChange> {
    let after = pairs.all().map(|(before, after)| change(before, Some(after)));
    after.chain(pairs.gone().map(|host| change(Some(host), None))).collect()
}

fn change(old: Option<&Host>, new: Option<&Host>) -> HostChange {
    let both = [old, new];
    let first_boot = match (old, new) {
        (_, None) => None,
        (None, Some(_)) => Some(FirstBoot::Runs),
        (Some(old), Some(new)) if !old.same_machine(new) => Some(FirstBoot::Runs),
        (Some(old), Some(new)) => Some(match (&old.instance_id, &new.instance_id) {
            (Some(old), Some(new)) if old != new => FirstBoot::Again,
            (_, None) => FirstBoot::Cloud,
            _ => FirstBoot::Stays,
        }),
    };
    let kind = match (old, new) {
        (None, _) => Kind::Comes,
        (_, None) => Kind::Goes,
        (Some(old), Some(new)) => {
            let same = old.json.digest == new.json.digest && old.boot == new.boot && first_boot != Some(FirstBoot::Again);
            if same { Kind::Stays } else { Kind::Changes }
        }
    };
    HostChange {
        name: new.or(old).map(|host| host.name().to_string()).unwrap_or_default(),
        was: old.filter(|old| new.is_some_and(|new| new.name() != old.name())).map(|old| old.name().to_string()),
        kind,
        address: both.map(|host| host.map(Host::address)),
        roles: both.map(|host| host.map(|host| host.json.roles.clone())),
        digest: both.map(|host| host.map(|host| host.json.digest.clone())),
        first_boot,
    }
}

/// Everything of two plans that differs and is no file, package or service, one sentence each.
pub fn others(old: &Host, new: &Host) -> Vec<String> {
    let mut found = Vec::new();
    if old.address() != new.address() {
        found.push(format!("address {}, was {}", new.address(), old.address()));
    }
    if old.json.fqdn != new.json.fqdn {
        found.push(format!("called {}, was {}", new.json.fqdn, old.json.fqdn));
    }
    if old.json.roles != new.json.roles {
        found.push(format!("{}, was {}", new.json.roles.join(" and "), old.json.roles.join(" and ")));
    }
    if old.json.platform.name != new.json.platform.name {
        found.push(format!("platform {}, was {}", new.json.platform.name, old.json.platform.name));
    }
    for service in &new.json.services {
        if old.service(&service.unit).is_some_and(|old| old != service) {
            let ports: Vec<String> = service.ports.iter().map(u16::to_string).collect();
            let ports = if ports.is_empty() { "no port".to_string() } else { format!("port {}", ports.join(" ")) };
            found.push(format!("{}: `apply` waits {} s for {ports}", service.unit, service.wait_seconds));
        }
    }
    peers(old, new, &mut found);
    for command in &new.json.commands {
        if !old.json.commands.contains(command) {
            // As `apply`: its words may hold secrets.
            found.push(format!("your command {} runs once, {}", command.id, command.moment.word()));
        }
    }
    for command in &old.json.commands {
        if !new.json.commands.contains(command) {
            found.push(format!("your command {} is not in the spec any more", command.id));
        }
    }
    identities(old, new, &mut found);
    match (&old.carried, &new.carried) {
        (old, new) if old == new => {}
        (None, _) => found.push("its packages travel with the seed".into()),
        (_, None) => found.push("no packages travel with the seed any more".into()),
        _ => found.push("other packages travel with the seed: `apply` takes those that it is asked for, and what these need".into()),
    }
    documents::changes(old, new, &mut found);
    let (before, after) = (old.rest(), new.rest());
    for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        // Where documents come and go, that has been told.
        let both = before.contains_key(key) && after.contains_key(key);
        let told = documents::KEYS.contains(key) && (*key == "documents" || !both);
        if !told {
            entries(key, before.get(key), after.get(key), &mut found);
        }
    }
    if old.json.digest != new.json.digest && old.is_as_far_as_known(new) {
        found.push("the plan differs in something that this version of clusterseed does not know".into());
    }
    found
}

fn identities(old: &Host, new: &Host, found: &mut Vec<String>) {
    for identity in &new.json.identities {
        let Some(before) = old.json.identities.iter().find(|other| other.service == identity.service) else { continue };
        if before.allowed != identity.allowed {
            let may = if identity.allowed { "may now forget who it was" } else { "may no longer forget who it was" };
            found.push(format!("{} {may}", identity.service));
        }
        if before.guard != identity.guard {
            found.push(format!("{} is known by {}, was {}", identity.service, identity.guard, before.guard));
        }
        if before.paths != identity.paths {
            found.push(format!("{} is told by {}", identity.service, identity.paths.join(" ")));
        }
    }
}

fn peers(old: &Host, new: &Host, found: &mut Vec<String>) {
    let mut services: Vec<&str> = new.json.peers.iter().map(|peer| peer.service.as_str()).collect();
    services.dedup();
    for service in services {
        let of = |host: &Host| {
            let peers = host.json.peers.iter().filter(|peer| peer.service == service);
            peers.map(|peer| format!("{} {}", peer.name, peer.address)).collect::<Vec<_>>()
        };
        let (before, after) = (of(old), of(new));
        let mut parts: Vec<String> = after.iter().filter(|peer| !before.contains(peer)).map(|peer| format!("+ {peer}")).collect();
        parts.extend(before.iter().filter(|peer| !after.contains(peer)).map(|peer| format!("- {peer}")));
        if !parts.is_empty() {
            found.push(format!("peers of {service}: {}", parts.join(", ")));
        }
    }
}

/// A list of `host.json`: what it has more and less. Anything else: that it differs.
fn entries(key: &str, old: Option<&Json>, new: Option<&Json>, found: &mut Vec<String>) {
    match (old, new) {
        (Some(old), Some(new)) if old == new => {}
        (Some(Json::Array(old)), Some(Json::Array(new))) => {
            found.extend(new.iter().filter(|entry| !old.contains(entry)).map(|entry| format!("{key}: + {}", shown(entry))));
            found.extend(old.iter().filter(|entry| !new.contains(entry)).map(|entry| format!("{key}: - {}", shown(entry))));
        }
        (Some(Json::Object(old)), Some(Json::Object(new))) => {
            for (inner, value) in new {
                entries(&format!("{key}.{inner}"), old.get(inner), Some(value), found);
            }
        }
        (old, new) => {
            let words = [old, new].map(|value| value.map_or("nothing".to_string(), shown));
            found.push(format!("{key}: {}, was {}", words[1], words[0]));
        }
    }
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Object(fields) => fields.values().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// What only a first boot would do and differs, one key of cloud-init each. Never its value: accounts hold hashes of passwords.
pub fn boot(old: &Host, new: &Host) -> Vec<String> {
    let mut keys: Vec<&String> = old.boot.keys().chain(new.boot.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().filter(|key| old.boot.get(*key) != new.boot.get(*key)).cloned().collect()
}
