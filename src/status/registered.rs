//! Who registers with whom: every host that should is on the list, under its name, from its address, connected.

use minijinja::Value as Jinja;

use super::ask::{Model, Target};
use super::judge::Seen;
use super::value::{self, clean};
use super::{Code, Finding};
use crate::profile::status::Registration;

/// An entry of a list.
struct Entry {
    name: String,
    address: String,
    active: bool,
    known: bool,
}

/// Compares the lists of all that keep one, and notes in `seen` who is on them.
pub fn judge(model: &Model<'_>, seen: &mut [Seen<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Of a service with a leader, the leader keeps the list.
    let keeper = |seen: &&Seen<'_>| seen.failure.is_none() && (seen.leads() || !seen.target.status.leads);
    let keepers: Vec<(Target<'_>, Jinja)> = seen.iter().filter(keeper).map(|seen| (seen.target, seen.scope.clone())).collect();
    for (keeper, scope) in &keepers {
        for registration in &keeper.status.registered {
            if value::holds(&model.cluster.profile.engine, registration.when.as_ref(), scope) {
                let list = List { model, keeper, scope, registration };
                list.judge(seen, &mut findings);
            }
        }
    }
    findings
}

struct List<'l, 'm> {
    model: &'l Model<'m>,
    keeper: &'l Target<'m>,
    scope: &'l Jinja,
    registration: &'l Registration,
}

impl List<'_, '_> {
    fn judge(&self, seen: &mut [Seen<'_>], findings: &mut Vec<Finding>) {
        let service = self.registration.service.value.as_str();
        let keeper = format!("{} on {}", self.keeper.service.name, self.model.host(self.keeper).name);
        let Some(mut entries) = self.entries() else {
            let message = format!("{keeper} says nothing of who is registered");
            findings.push(self.finding(Code::OtherValue, None, message, "it is another program, or a version that is not known here"));
            return;
        };
        let own: Vec<usize> = (0..seen.len()).filter(|at| seen[*at].target.service.name == service).collect();
        if own.is_empty() {
            return;
        }
        for at in &own {
            let found = self.find(seen[*at].target.host, &mut entries);
            seen[*at].registered = Some(found.as_ref().is_some_and(|entry| entry.active));
            let host = &self.model.cluster.hosts[seen[*at].target.host];
            match found {
                // Of those that take turns, whoever is there.
                None if self.registration.one => {}
                // Why it is not there is said where it did not answer.
                None if seen[*at].failure.is_some() => {}
                None => {
                    let message = format!("{service} on {} ({}) is not registered with {keeper}", host.name, host.address);
                    let help = format!("the log of {service} on {} says whether it finds the leader, and why it is refused", host.name);
                    findings.push(self.finding(Code::NotRegistered, Some(&host.name), message, &help));
                }
                Some(entry) => findings.extend(self.compare(seen[*at].target.host, &entry, &keeper)),
            }
        }
        if self.registration.one && own.iter().all(|at| seen[*at].registered != Some(true)) {
            let elsewhere = entries.iter().find(|entry| !entry.known);
            let message = match elsewhere {
                Some(entry) => format!(
                    "{service} is registered with {keeper} from {} ({}), which is no host that should run it",
                    clean(&entry.name),
                    clean(&entry.address)
                ),
                None => format!("{service} is not registered with {keeper}"),
            };
            let help =
                format!("the log of {service} on its leader says whether it finds {}, and why it is refused", self.keeper.service.name);
            findings.push(self.finding(if elsewhere.is_some() { Code::OtherAddress } else { Code::NotRegistered }, None, message, &help));
        } else if !self.registration.one {
            // One that is gone takes no work, and another scheduler may have a name that begins alike.
            let strangers: Vec<String> = entries
                .iter()
                .filter(|entry| !entry.known && entry.active)
                .map(|entry| format!("{} ({})", clean(&entry.name), clean(&entry.address)))
                .collect();
            if !strangers.is_empty() {
                let names: Vec<&str> = strangers.iter().map(String::as_str).collect();
                let message = format!("{service}: registered with {keeper}, but not in the spec: {}", super::whole::list(&names));
                findings.push(self.finding(Code::Stranger, None, message, "add it to the spec, or end it: it takes work from the cluster"));
            }
        }
    }

    fn finding(&self, code: Code, host: Option<&String>, message: String, help: &str) -> Finding {
        let services = vec![self.registration.service.value.clone()];
        Finding { code, note: false, host: host.cloned(), services, value: None, message, help: help.to_string() }
    }

    fn entries(&self) -> Option<Vec<Entry>> {
        let engine = &self.model.cluster.profile.engine;
        let items = value::eval(engine, &self.registration.items, self.scope)?;
        let entry = |item: Jinja| {
            let scope = value::scope(self.scope, [("item", item)]);
            let text = |source| value::text(engine, source, &scope).unwrap_or_default();
            let active = self.registration.active.as_ref().and_then(|active| value::eval(engine, active, &scope));
            Entry {
                name: text(&self.registration.name),
                address: value::place(&text(&self.registration.address)).to_string(),
                active: active.is_none_or(|active| active.is_true()),
                known: false,
            }
        };
        let mut entries: Vec<Entry> = items.try_iter().ok()?.map(entry).collect();
        // Of those that take turns, the one before may still be listed.
        if self.registration.one && entries.iter().any(|entry| entry.active) {
            entries.retain(|entry| entry.active);
        }
        Some(entries)
    }

    /// The name under which a host should be registered.
    fn wanted(&self, host: usize) -> String {
        let wanted = value::text(&self.model.cluster.profile.engine, &self.registration.wanted, &self.model.scopes[host]);
        wanted.unwrap_or_else(|| self.model.cluster.hosts[host].name.clone())
    }

    /// A host's entry: by its address and port if possible, else by its name. Of several, one that is connected.
    fn find(&self, host: usize, entries: &mut [Entry]) -> Option<Entry> {
        let (address, wanted) = (self.model.cluster.hosts[host].address.to_string(), self.wanted(host));
        let mut matching: Vec<&mut Entry> = entries.iter_mut().filter(|e| e.address == address || e.name == wanted).collect();
        matching.iter_mut().for_each(|entry| entry.known = true);
        matching.sort_by_key(|entry| (!entry.active, entry.address != address, entry.name != wanted));
        let first = matching.first()?;
        Some(Entry { name: first.name.clone(), address: first.address.clone(), ..**first })
    }

    fn compare(&self, host: usize, entry: &Entry, keeper: &str) -> Option<Finding> {
        let (wanted, service) = (self.wanted(host), &self.registration.service.value);
        let host = &self.model.cluster.hosts[host];
        let on = format!("{service} on {}", host.name);
        let finding = |code, message, help: &str| Some(self.finding(code, Some(&host.name), message, help));
        if !entry.active {
            let help = format!("it was there and is gone or cut off: look at {on} and at the network between both");
            finding(Code::NotConnected, format!("{on} is registered with {keeper}, but not connected"), &help)
        } else if entry.address != host.address.to_string()
            && self.model.find(&entry.address).is_none_or(|other| self.model.cluster.hosts[other].name != host.name)
        {
            let message = format!("{on} is registered with {keeper} from {}, planned is {}", clean(&entry.address), host.address);
            finding(
                Code::OtherAddress,
                message,
                "it announces another address than its own: others will not reach it. /etc/hosts and its `ip` say where that comes from",
            )
        } else if entry.name != wanted {
            let message = format!("{on} is registered with {keeper} as {}, planned is {}", clean(&entry.name), clean(&wanted));
            finding(
                Code::OtherName,
                message,
                "it announces another name than the planned one: compare its configuration with the plan; the name must lead to it",
            )
        } else {
            None
        }
    }
}
