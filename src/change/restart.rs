//! What `apply` does to services when the new seed reaches a host, by the rules of its phases `hold`, `install` and `start`.

use super::pairs::Pairs;
use super::side::{Host, Side};
use crate::emit::host_json::FileEntry;
use crate::plan::Package;
use crate::profile::Profile;

/// What happens to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is no service of the host any more: stopped and held.
    Stops,
    /// It is new on a host that is there already, or on a new one.
    Starts,
    /// Something that it reads changed.
    Restarts,
}

impl Action {
    /// The word in both outputs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::Starts => "starts",
            Self::Restarts => "restarts",
        }
    }
}

/// One service, one thing that happens to it, on some hosts.
#[derive(Debug)]
pub struct Step {
    /// Its unit.
    pub service: String,
    /// What happens.
    pub action: Action,
    /// On which hosts.
    pub hosts: Vec<String>,
    /// One host after another, each only while the others that serve are a majority.
    pub in_turns: bool,
    /// Paths and packages that are the reason.
    pub because: Vec<String>,
}

/// Everything that happens to services, in the order in which a host does it; services of the profile's first role come first.
pub fn steps(pairs: &Pairs<'_>, profile: Option<&Profile>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (before, host) in pairs.all() {
        let Some(before) = before.filter(|before| before.same_machine(host)) else {
            host.json.services.iter().for_each(|service| add(&mut steps, host, &service.unit, Action::Starts, Vec::new()));
            continue;
        };
        for service in before.json.services.iter().filter(|service| host.service(&service.unit).is_none()) {
            add(&mut steps, host, &service.unit, Action::Stops, Vec::new());
        }
        for service in &host.json.services {
            if before.service(&service.unit).is_none() {
                add(&mut steps, host, &service.unit, Action::Starts, Vec::new());
                continue;
            }
            let because = reasons(before, host, &service.unit);
            if !because.is_empty() {
                add(&mut steps, host, &service.unit, Action::Restarts, because);
            }
        }
    }
    let order = order(pairs.old, pairs.new, profile);
    let place = |step: &Step| order.iter().position(|name| *name == step.service).unwrap_or(usize::MAX);
    let rank = |action: Action| match action {
        Action::Stops => 0,
        Action::Restarts => 1,
        Action::Starts => 2,
    };
    steps.sort_by_key(|step| (step.action != Action::Stops, place(step), rank(step.action)));
    steps
}

fn add(steps: &mut Vec<Step>, host: &Host, service: &str, action: Action, because: Vec<String>) {
    let in_turns = action == Action::Restarts && host.json.peers.iter().any(|peer| peer.service == service);
    let known = steps.iter_mut().find(|step| step.service == service && step.action == action && step.in_turns == in_turns);
    let step = match known {
        Some(step) => step,
        None => {
            steps.push(Step { service: service.to_string(), action, hosts: Vec::new(), in_turns, because: Vec::new() });
            let last = steps.len() - 1;
            &mut steps[last]
        }
    };
    step.hosts.push(host.name().to_string());
    for reason in because {
        if !step.because.contains(&reason) {
            step.because.push(reason);
        }
    }
}

/// Why a service of both sides restarts on a host: files that say so, and any package, which may change what it has loaded.
fn reasons(before: &Host, after: &Host, service: &str) -> Vec<String> {
    let concerns =
        |host: &Host, path: &str| host.files.get(path).is_some_and(|file| file.entry.restarts.iter().any(|unit| unit == service));
    let mut paths: Vec<&String> = before.files.keys().chain(after.files.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let changed = |path: &str| match (before.files.get(path), after.files.get(path)) {
        (Some(old), Some(new)) => old.bytes != new.bytes || ownership(&old.entry) != ownership(&new.entry),
        _ => true,
    };
    let relevant = |path: &str| concerns(after, path) || (!after.files.contains_key(path) && concerns(before, path));
    let mut found: Vec<String> = paths.into_iter().filter(|path| relevant(path) && changed(path)).cloned().collect();
    let installs = |package: &&Package| !before.json.packages.contains(package);
    found.extend(after.json.packages.iter().filter(installs).map(|package| format!("package {}", package.name)));
    found
}

fn ownership(entry: &FileEntry) -> (u32, &str, &str) {
    (entry.mode, &entry.owner, &entry.group)
}

/// Names of services in the order in which hosts start them, role by role.
fn order<'s>(old: &'s Side, new: &'s Side, profile: Option<&Profile>) -> Vec<&'s str> {
    let place = |host: &Host| {
        let role = host.json.roles.first();
        profile.and_then(|profile| profile.roles.iter().position(|known| Some(&known.name) == role)).unwrap_or(usize::MAX)
    };
    let mut hosts: Vec<&Host> = new.hosts.iter().chain(&old.hosts).collect();
    hosts.sort_by_key(|host| place(host));
    let mut order: Vec<&str> = Vec::new();
    for service in hosts.into_iter().flat_map(|host| &host.json.services) {
        if !order.contains(&service.unit.as_str()) {
            order.push(&service.unit);
        }
    }
    order
}
