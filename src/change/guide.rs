//! The steps of a change. What is particular to a kind of cluster stands in its profile's `guides`; what holds for every kind stands
//! in the two templates beside this file.

use std::collections::{HashMap, HashSet};

use minijinja::Value as Jinja;

use super::danger::{self, Danger};
use super::hosts::Kind;
use super::side::{Host, Side};
use super::{Change, Other};
use crate::format::names;
use crate::format::shell::quoted;
use crate::plan::trust;
use crate::profile::Profile;
use crate::profile::engine::{Engine, Problem};
use crate::profile::watch::HEALTHY;

/// What every runbook begins with.
const FRAME: &str = include_str!("guide/frame.j2");
/// The steps of a change that needs no care.
const PLAIN: &str = include_str!("guide/plain.j2");

/// Where the new seeds lie.
#[derive(Clone, Debug)]
pub enum Built {
    /// In the folder that was compared.
    Already {
        /// It.
        folder: String,
        /// Options that name the lock of the old side, for `diff`, as words for sh; after a blank.
        lock: String,
    },
    /// In a folder that the first step builds.
    Into {
        /// The folder.
        folder: String,
        /// Options that name the locks of both sides, for `diff`, and that of the new one, for `build`, as words for sh; each after a
        /// blank.
        locks: [String; 2],
    },
}

/// Steps, in text for people.
#[derive(Debug)]
pub struct Runbook {
    /// All of it.
    pub text: String,
    /// There is no safe way in one step.
    pub refused: bool,
}

/// The steps from one side to the other.
///
/// # Errors
/// When a template of the profile fails.
pub fn runbook(change: &Change, sides: [&Side; 2], profile: Option<&Profile>, built: &Built) -> Result<Runbook, String> {
    let none = Engine::default();
    let engine = profile.map_or(&none, |profile| &profile.engine);
    let words = |what: &str, rendered: Result<String, Problem>| rendered.map_err(|problem| format!("{what}: {}", problem.message));
    // A watch without a guide says that the change is none to make as it is, and no machine becomes another.
    let refuses = |danger: &&Danger| {
        danger.guide.is_none() && (danger.code.contains('/') || [danger::PLATFORM, danger::TRUST].contains(&&*danger.code))
    };
    let refused: Vec<&Danger> = change.dangers.iter().filter(refuses).collect();
    let guides = profile.iter().flat_map(|profile| &profile.guides);
    let guides: Vec<_> = guides.filter(|guide| change.dangers.iter().any(|danger| danger.guide.as_ref() == Some(&guide.name))).collect();
    let [old, new] = sides;
    let mut scope = Scope::new(change, sides, profile, built);
    let healthy = profile.and_then(|profile| profile.guides.iter().find(|guide| guide.name == HEALTHY));
    // Before the change all hosts are asked, or those that stay, and after it those that are there then.
    for (name, hosts, side) in [("healthy", "old", old), ("healthy_stays", "stays", old), ("healthy_new", "new", new)] {
        let look = [("side", Jinja::from(hosts)), ("ports", ports([side]))];
        let text = healthy.map(|guide| words("guide `healthy`", engine.render(&guide.template, &scope.value_with(&look)))).transpose()?;
        scope.add(name, Jinja::from(text.unwrap_or_default()));
    }
    scope.add("refused", refused.iter().map(|danger| danger_view(danger)).collect::<Jinja>());
    scope.add("guides", Jinja::from(guides.len()));

    let mut text = words("the frame", engine.render_text(FRAME, &scope.value()))?;
    if !refused.is_empty() || change.is_none() {
        return Ok(Runbook { text: tidy(&text), refused: !refused.is_empty() });
    }
    for guide in &guides {
        let what = format!("guide `{}`", guide.name);
        let title = words(&what, engine.render_text(&guide.title.value, &scope.value()))?;
        let title = title.trim();
        text.push_str(&format!("\n{title}\n{}\n\n", "-".repeat(title.chars().count())));
        text.push_str(&words(&what, engine.render(&guide.template, &scope.value()))?);
    }
    if guides.is_empty() {
        text.push_str(&words("the steps", engine.render_text(PLAIN, &scope.value()))?);
    }
    Ok(Runbook { text: tidy(&text), refused: false })
}

/// One blank line where conditions of templates left several, none at the ends, nothing behind a line.
fn tidy(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.dedup_by(|next, line| next.is_empty() && line.is_empty());
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

/// What templates see.
struct Scope(Vec<(&'static str, Jinja)>);

impl Scope {
    fn new(change: &Change, [old, new]: [&Side; 2], profile: Option<&Profile>, built: &Built) -> Self {
        let (folder, builds, [both_locks, lock]) = match built {
            Built::Already { folder, lock } => (folder, false, [lock.clone(), String::new()]),
            Built::Into { folder, locks } => (folder, true, locks.clone()),
        };
        let folder = &quoted(folder);
        // Of the new side, where a name and an address are one host's.
        let before: HashMap<(&str, &str), &str> =
            change.hosts.iter().filter_map(|host| Some(((&*host.name, host.address[1].as_deref()?), host.was.as_deref()?))).collect();
        let was = |host: &Host| before.get(&(host.name(), host.address().as_str())).copied();
        // Pins stay on a host until its own root takes them away.
        let pinned = old.hosts.iter().any(|host| host.files.contains_key(trust::PINS));
        let run = if pinned { ACCEPTED } else { UNPACKED };
        let view = |host: &Host| host_view(host, [folder, &new.medium], was(host), run);
        let of = |kind: Kind| -> Jinja {
            let hosts = change.hosts.iter().filter(|host| host.kind == kind);
            // Its name may be another host's by now.
            let side = if kind == Kind::Goes { old } else { new };
            hosts.filter_map(|host| side.host(&host.name)).map(view).collect()
        };
        let renamed = change.hosts.iter().filter(|host| host.was.is_some()).filter_map(|host| new.host(&host.name)).map(view);
        let roles =
            profile.iter().flat_map(|profile| &profile.roles).map(|role| (role.name.clone(), role_view(&role.name, [old, new], &view)));
        let changed = profile.iter().flat_map(|profile| &profile.roles).map(|role| {
            let hosts = change.hosts.iter().filter(|host| host.kind == Kind::Changes).filter_map(|host| new.host(&host.name));
            // A host of several roles is told with the first.
            let hosts: Vec<Jinja> = hosts.filter(|host| host.json.roles.first() == Some(&role.name)).map(view).collect();
            Jinja::from_iter([("role", Jinja::from(role.name.as_str())), ("hosts", Jinja::from(hosts))])
        });
        let upstart = new.hosts.iter().chain(&old.hosts).next().is_none_or(|host| host.json.platform.init == "upstart");
        // The command that runs a renamed machine's seed names it, too.
        let renamings: HashSet<&String> = change.hosts.iter().filter(|host| host.was.is_some()).map(|host| &host.name).collect();
        let renames = |host: &String| renamings.contains(host);
        let named =
            |other: &Other| matches!(other.what.as_str(), "hostname" | "fqdn" | "local-hostname") && other.hosts.iter().all(renames);
        let text = |text: &str| Jinja::from(text);
        Self(vec![
            ("sides", text(&format!("{} -> {}", change.old.name, change.new.name))),
            // As words for sh, as are all that stand in commands.
            ("old", Jinja::from(quoted(&change.old.name))),
            ("new", Jinja::from(quoted(&change.new.name))),
            ("cluster", text(&change.new.cluster)),
            ("same", Jinja::from(change.is_none())),
            ("out", text(folder)),
            ("builds", Jinja::from(builds)),
            ("both_locks", Jinja::from(both_locks)),
            ("lock", Jinja::from(lock)),
            ("fetched", Jinja::from(new.label.delivery == FETCHED)),
            ("carried", Jinja::from(new.hosts.iter().any(|host| host.carried.is_some()))),
            ("stop", text(if upstart { "sudo stop" } else { "sudo systemctl stop" })),
            ("start", text(if upstart { "sudo start" } else { "sudo systemctl start" })),
            ("renamed", renamed.collect()),
            ("comes", of(Kind::Comes)),
            ("goes", of(Kind::Goes)),
            ("changes", of(Kind::Changes)),
            ("changed_roles", changed.collect()),
            ("roles", roles.collect::<Jinja>()),
            // Those of the new side, and of what only the old one has.
            ("ports", ports([old, new])),
            ("in_turns", Jinja::from(change.services.iter().any(|step| step.in_turns))),
            ("dangers", change.dangers.iter().map(danger_view).collect::<Jinja>()),
            ("first_boot_only", change.boot.iter().filter(|other| !named(other)).map(|other| text(&other.what)).collect::<Jinja>()),
        ])
    }

    fn add(&mut self, name: &'static str, value: Jinja) {
        self.0.push((name, value));
    }

    fn value(&self) -> Jinja {
        self.value_with(&[])
    }

    /// With other values in the place of some.
    fn value_with(&self, others: &[(&'static str, Jinja)]) -> Jinja {
        let brief = |hosts: Vec<Jinja>| {
            let names: Vec<String> = hosts.iter().filter_map(|host| Some(host.get_attr("name").ok()?.as_str()?.to_string())).collect();
            names::brief(names.iter().map(String::as_str))
        };
        let all = self.0.iter().cloned().chain(others.iter().cloned()).chain([("brief", Jinja::from_function(brief))]);
        all.collect()
    }
}

/// The first port of each service, of the last side that has it.
fn ports<'a>(sides: impl IntoIterator<Item = &'a Side>) -> Jinja {
    let services = sides.into_iter().flat_map(|side| &side.hosts).flat_map(|host| &host.json.services);
    services.filter_map(|service| Some((service.unit.clone(), Jinja::from(*service.ports.first()?)))).collect()
}

/// The delivery whose hosts fetch their seeds.
const FETCHED: &str = "url";

/// Runs a seed that was carried to a host.
const UNPACKED: &str = "sudo rm -rf seed && tar xzf seed.tar.gz && sudo seed/apply --wait";
/// The same on a host that looks who has signed it, before anything of it runs.
const ACCEPTED: &str = "sudo clusterseed-accept seed.tar.gz --wait";

/// A host with the commands that bring it its seed and run it. One that was called otherwise gets its name in between: `apply`
/// refuses it before, and a service that starts meanwhile would not find itself in /etc/hosts.
fn host_view(host: &Host, [folder, medium]: [&str; 2], was: Option<&str>, run: &str) -> Jinja {
    let (name, address) = (host.name(), host.address());
    let naming = was.map(|_| format!("echo {name} | sudo tee /etc/hostname && sudo hostname {name} && ")).unwrap_or_default();
    Jinja::from_iter([
        ("name", Jinja::from(name)),
        ("was", Jinja::from(was.unwrap_or_default())),
        ("fqdn", Jinja::from(host.json.fqdn.as_str())),
        ("address", Jinja::from(address.as_str())),
        ("roles", host.json.roles.iter().map(|role| Jinja::from(role.as_str())).collect()),
        ("services", host.json.services.iter().map(|service| Jinja::from(service.unit.as_str())).collect()),
        ("file", host.reader()),
        ("boot", Jinja::from(format!("# boot {name} with {folder}/hosts/{name}/{medium}"))),
        ("carry", Jinja::from(format!("scp {folder}/hosts/{name}/seed.tar.gz {address}:"))),
        ("apply", Jinja::from(format!("ssh {address} '{naming}{run}'"))),
    ])
}

fn role_view(role: &str, [old, new]: [&Side; 2], view: &impl Fn(&Host) -> Jinja) -> Jinja {
    let has = |host: &&Host| host.json.roles.iter().any(|own| own == role);
    let before: Vec<&Host> = old.hosts.iter().filter(has).collect();
    let after: Vec<&Host> = new.hosts.iter().filter(has).collect();
    // A machine is where its address is.
    let there = |host: &Host, others: &[&Host]| others.iter().any(|other| other.address() == host.address());
    let list = |hosts: &[&Host]| hosts.iter().map(|host| view(host)).collect::<Jinja>();
    let only =
        |hosts: &[&Host], others: &[&Host]| hosts.iter().filter(|host| !there(host, others)).map(|host| view(host)).collect::<Jinja>();
    let stays: Vec<&Host> = after.iter().copied().filter(|host| there(host, &before)).collect();
    Jinja::from_iter([
        ("old", list(&before)),
        ("new", list(&after)),
        ("comes", only(&after, &before)),
        ("goes", only(&before, &after)),
        ("stays", list(&stays)),
    ])
}

fn danger_view(danger: &Danger) -> Jinja {
    Jinja::from_iter([
        ("code", Jinja::from(danger.code.as_str())),
        ("message", Jinja::from(danger.message.as_str())),
        ("help", Jinja::from(danger.help.as_str())),
        ("hosts", Jinja::from(names::brief(danger.hosts.iter().map(String::as_str)))),
        ("guide", Jinja::from(danger.guide.as_deref().unwrap_or_default())),
    ])
}
