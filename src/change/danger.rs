//! Changes that need care. What is dangerous about a kind of cluster its profile says (`watch`); here is what holds for every kind.

use std::collections::{HashMap, HashSet};

use indexmap::{IndexMap, IndexSet};
use minijinja::Value as Jinja;

use super::pairs::Pairs;
use super::side::{Host, Side};
use crate::plan::identity::Identity;
use crate::plan::trust;
use crate::profile::engine::Problem;
use crate::profile::watch::{Subject, Watch};
use crate::profile::{Profile, Snippet};

/// A change that needs care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Danger {
    /// Its code, which `explain` knows.
    pub code: String,
    /// What happens.
    pub message: String,
    /// What to do.
    pub help: String,
    /// Hosts that it concerns.
    pub hosts: Vec<String>,
    /// The profile's guide that leads through.
    pub guide: Option<String>,
}

/// The code of a host that cannot stay the machine that it is.
pub const PLATFORM: &str = "platform-change";

/// The code of a host whose pinned keys the new side does not name.
pub const TRUST: &str = "trust-replaced";

/// The code of a service that would become somebody else.
const IDENTITY: &str = "identity-change";
/// The code of a machine that gets another name.
const RENAMED: &str = "host-renamed";

/// Code, summary and long text of what holds for every kind of cluster.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "address-move",
        "a host keeps its name and gets another address",
        "A seed refuses a machine that has none of its addresses, so the new seed cannot be brought to a machine that still has the old \
         one; and everybody who knew the old address looks for the host in vain until they have their new seeds.\n\n\
         Give the machine its new address first, or take a new machine and switch the old one off for good. Then bring their seeds to \
         the others. Two machines with one name must never run at the same time.",
    ),
    (
        "first-boot-again",
        "a machine that has booted becomes a new instance",
        "cloud-init runs first boot once for each instance id. A changed one makes it run again when the machine boots with its new \
         meta-data: accounts, SSH host keys and all that users changed by hand are made anew.\n\n\
         With `instance_id: content` that is what was asked for, for each host whose plan changes. With `instance_id: stable` the id \
         is made of the names of cluster and host, so only another name of the cluster changes it.",
    ),
    (
        RENAMED,
        "a machine keeps its address and gets another name",
        "A machine is where its address is: its disk stays, and with it all that its services know. A seed refuses a machine that is called \
         otherwise (exit 3), and `apply` gives no names: that is done by hand, right before the new seed runs there. Until then nothing on \
         it changes.\n\n\
         The instance id is made of the names of cluster and host, so a boot with the new meta-data would run first boot again, with new \
         SSH host keys. Once the name is set by hand, the machine needs no new meta-data: cloud-init leaves a name alone that somebody \
         else has set.\n\n\
         When another machine takes the address, it is no renamed one: switch the old one off for good, and boot the new one with its seed.",
    ),
    (
        IDENTITY,
        "a service that has run would have to become somebody else",
        "Some services write down who they are when they first start, and refuse to start as anybody else. `apply` compares before it \
         changes anything, and refuses with exit code 9 as long as the spec does not allow that the service forgets.\n\n\
         Where it is allowed, the service is stopped, forgets, and starts as a new one: what ran under its old name is lost.",
    ),
    (
        PLATFORM,
        "a host gets another operating system or another kind of cluster",
        "A seed refuses every machine but one with its own operating system, and nothing of one kind of cluster is taken away for \
         another. Boot new machines, and switch the old ones off.",
    ),
    (
        TRUST,
        "a host pins keys of which the new spec names none",
        "A host takes only seeds that one of its pinned keys has signed, and no seed takes a pin away without putting others in its place: \
         so it refuses what the new spec builds (exit 4), and goes on as it is.\n\n\
         To replace a key, name the old and the new one in `trust`, bring that seed to every host, signed by the old key, and only then \
         drop the old one. To do without pins, root removes /etc/clusterseed/trusted-keys on each host.",
    ),
];

/// All changes that need care: first what the profile watches, then what holds everywhere.
///
/// # Errors
/// When an expression or template of the profile fails.
pub fn find(all: &Pairs<'_>, profile: Option<&Profile>) -> Result<Vec<Danger>, String> {
    let (old, new, mut found) = (all.old, all.new, Vec::new());
    let pairs: Vec<(&Host, &Host)> = all.both().collect();
    // What another kind of cluster watches says nothing about this change.
    for profile in profile.iter().filter(|profile| profile.name == old.label.profile && profile.name == new.label.profile) {
        for watch in &profile.watch {
            let seen = match &watch.subject {
                Subject::Role(role) => members(&role.value, old, new),
                Subject::File(path, part) => on_hosts(watch, &pairs, |host| file(host, path, part.as_ref())),
                Subject::Package(name) => on_hosts(watch, &pairs, |host| Part::Known(version(host, name))),
            };
            for (scope, hosts) in seen {
                let problem = |problem: Problem| format!("watch `{}/{}`: {}", profile.name, watch.code, problem.message);
                found.extend(judge(profile, watch, &scope, hosts).map_err(problem)?);
            }
        }
    }
    let from = found.len();
    general(&pairs, &mut found);
    for danger in &mut found[from..] {
        let guide = profile.and_then(|profile| profile.guides.iter().find(|guide| guide.name == danger.code));
        danger.guide = guide.map(|guide| guide.name.clone());
    }
    // Whose slave becomes somebody else by the new name is led through that.
    let led: HashSet<String> =
        found.iter().filter(|danger| danger.code == IDENTITY && danger.guide.is_some()).flat_map(|danger| danger.hosts.clone()).collect();
    for danger in found.iter_mut().filter(|danger| danger.code == RENAMED && danger.hosts.iter().all(|host| led.contains(host))) {
        danger.guide = None;
    }
    Ok(found)
}

/// What a watched thing is on one host.
#[derive(PartialEq, Eq, Hash)]
enum Part {
    Known(Option<String>),
    /// It may be compared, never shown.
    Secret(Option<String>),
}

impl Part {
    fn shown(&self) -> Jinja {
        match self {
            Self::Known(value) => value.as_deref().map_or_else(|| Jinja::from(()), Jinja::from),
            Self::Secret(value) => value.as_ref().map_or_else(|| Jinja::from(()), |_| Jinja::from("(secret)")),
        }
    }
}

/// What an expression sees, and the hosts for which it is so.
type Seen = Vec<(Jinja, Vec<String>)>;

/// A host of a role.
#[derive(PartialEq)]
struct Member {
    name: String,
    address: String,
    /// What an expression sees of it.
    view: Jinja,
}

/// Their names by address; the first counts.
fn by_address(members: &[Member]) -> HashMap<&str, &str> {
    members.iter().rev().map(|member| (member.address.as_str(), member.name.as_str())).collect()
}

fn members(role: &str, old: &Side, new: &Side) -> Seen {
    let of = |side: &Side| -> Vec<Member> {
        let members = side.hosts.iter().filter(|host| host.json.roles.iter().any(|own| own == role));
        members.map(|host| Member { name: host.name().to_string(), address: host.address(), view: view(host) }).collect()
    };
    let (before, after) = (of(old), of(new));
    if before == after {
        return Vec::new();
    }
    // A host with another address is another machine: one that goes and one that comes. At the same address it stays, whatever its name.
    let (was, is) = (by_address(&before), by_address(&after));
    let comes: Vec<&Member> = after.iter().filter(|member| !was.contains_key(member.address.as_str())).collect();
    let goes: Vec<&Member> = before.iter().filter(|member| !is.contains_key(member.address.as_str())).collect();
    let renamed = |member: &&Member| was.get(member.address.as_str()).is_some_and(|name| *name != member.name);
    let renamed: Vec<&Member> = after.iter().filter(renamed).collect();
    let list = |members: &[&Member]| members.iter().map(|member| member.view.clone()).collect::<Jinja>();
    let scope = Jinja::from_iter([
        ("old", list(&before.iter().collect::<Vec<_>>())),
        ("new", list(&after.iter().collect::<Vec<_>>())),
        ("comes", list(&comes)),
        ("goes", list(&goes)),
        ("renamed", list(&renamed)),
    ]);
    let hosts: IndexSet<&String> = comes.iter().chain(&goes).chain(&renamed).map(|member| &member.name).collect();
    let hosts = hosts.into_iter().cloned().collect();
    vec![(scope, hosts)]
}

fn view(host: &Host) -> Jinja {
    Jinja::from_iter([
        ("name", Jinja::from(host.name())),
        ("fqdn", Jinja::from(host.json.fqdn.as_str())),
        ("address", Jinja::from(host.address())),
        ("file", host.reader()),
        ("roles", host.json.roles.iter().map(|role| Jinja::from(role.as_str())).collect::<Jinja>()),
    ])
}

/// Hosts on both sides, put together where before and after are the same.
fn on_hosts(watch: &Watch, pairs: &[(&Host, &Host)], part: impl Fn(&Host) -> Part) -> Seen {
    let mut groups: IndexMap<(Part, Part), Vec<String>> = IndexMap::new();
    let concerned = |host: &Host| watch.roles.is_empty() || host.json.roles.iter().any(|role| watch.roles.contains(role));
    for (before, after) in pairs.iter().filter(|(before, after)| before.same_machine(after) && concerned(before) && concerned(after)) {
        let key = (part(before), part(after));
        let same = match &key {
            (Part::Known(old) | Part::Secret(old), Part::Known(new) | Part::Secret(new)) => old == new,
        };
        if same {
            continue;
        }
        groups.entry(key).or_default().push(after.name().to_string());
    }
    // Where one side is secret, the other tells too much of it.
    let scope = |(old, new): &(Part, Part)| {
        let hidden = matches!(old, Part::Secret(_)) || matches!(new, Part::Secret(_));
        let shown = |part: &Part| match part {
            Part::Known(Some(_)) if hidden => Jinja::from("(secret)"),
            part => part.shown(),
        };
        Jinja::from_iter([("old", shown(old)), ("new", shown(new))])
    };
    groups.iter().map(|(key, hosts)| (scope(key), hosts.clone())).collect()
}

fn file(host: &Host, path: &str, pattern: Option<&regex_lite::Regex>) -> Part {
    let Some(file) = host.files.get(path) else { return Part::Known(None) };
    let text = String::from_utf8_lossy(&file.bytes);
    let part = Subject::part(pattern, &text);
    if file.secret { Part::Secret(part) } else { Part::Known(part) }
}

fn version(host: &Host, name: &str) -> Option<String> {
    host.json.packages.iter().find(|package| package.name == name)?.version.clone()
}

fn judge(profile: &Profile, watch: &Watch, scope: &Jinja, hosts: Vec<String>) -> Result<Option<Danger>, Problem> {
    if let Some(when) = &watch.when
        && !profile.engine.eval(&when.value, scope)?.is_true()
    {
        return Ok(None);
    }
    let words = |source: &Snippet| Ok::<_, Problem>(one_line(&profile.engine.render_text(&source.value, scope)?));
    Ok(Some(Danger {
        code: format!("{}/{}", profile.name, watch.code),
        message: words(&watch.message)?,
        help: words(&watch.help)?,
        hosts,
        guide: watch.guide.as_ref().map(|guide| guide.value.clone()),
    }))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn general(pairs: &[(&Host, &Host)], found: &mut Vec<Danger>) {
    let mut add = |code: &str, message: String, help: &str, host: &Host| {
        let known = found.iter_mut().find(|danger| danger.code == code && danger.message == message && danger.help == help);
        match known {
            Some(danger) => danger.hosts.push(host.name().to_string()),
            None => found.push(Danger {
                code: code.to_string(),
                message,
                help: help.to_string(),
                hosts: vec![host.name().to_string()],
                guide: None,
            }),
        }
    };
    for (before, after) in pairs {
        if !before.same_machine(after) {
            let of = |host: &Host| format!("{} on {}", host.json.profile, host.json.platform.name);
            let message = format!("{} becomes {}", of(before), of(after));
            add(PLATFORM, message, "boot new machines, and switch the old ones off", after);
            continue;
        }
        if before.address() != after.address() {
            let message = "the address changes, and `apply` refuses a machine that does not have the new one".to_string();
            add(
                "address-move",
                message,
                "give the machine its new address first, or boot a new one and switch the old one off for good",
                after,
            );
        }
        if let Some(old) = pins(before)
            && !pins(after).is_some_and(|new| new.iter().any(|key| old.contains(key)))
        {
            let message = "it pins keys of which the new spec names none, and would refuse the new seed".to_string();
            add(
                TRUST,
                message,
                "name old and new keys in `trust`, bring that seed signed by the old one, and drop the old one then",
                after,
            );
        }
        let renamed = before.name() != after.name();
        if renamed {
            let message = "the machine keeps its address and gets another name, and `apply` refuses it until it is called so".to_string();
            add(RENAMED, message, "give it the new name by hand, right before its new seed runs there", after);
        }
        // Another name means another id: that is said with it.
        if !renamed && before.instance_id.is_some() && after.instance_id.is_some() && before.instance_id != after.instance_id {
            let message = "a boot with the new meta-data runs first boot again, with new SSH host keys".to_string();
            add("first-boot-again", message, "if that is not wanted, keep the cluster's name, and set `instance_id: stable`", after);
        }
        for identity in &after.json.identities {
            let changed = identity_files(identity, before, after);
            if before.service(&identity.service).is_none() || changed.is_empty() {
                continue;
            }
            let changed = changed.join(" ");
            if identity.allowed {
                let message = format!("{} forgets who it was, because {changed} changes: what runs under it is lost", identity.service);
                add(IDENTITY, message, "move away what runs there before `apply`, one host at a time", after);
            } else {
                let message = format!("{} has run as somebody else: {changed} changes, and `apply` refuses", identity.service);
                add(IDENTITY, message, &identity.why, after);
            }
        }
    }
}

/// Fingerprints of the keys whose seeds a host takes; none: it takes all.
fn pins(host: &Host) -> Option<Vec<String>> {
    let file = host.files.get(trust::PINS)?;
    Some(String::from_utf8_lossy(&file.bytes).lines().filter(|line| !line.starts_with('#')).map(str::to_string).collect())
}

/// Files under the paths of an identity that differ.
fn identity_files(identity: &Identity, before: &Host, after: &Host) -> Vec<String> {
    let mut paths: Vec<&String> = before.files.keys().chain(after.files.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let below = |path: &str| identity.paths.iter().any(|own| own == path || (own.ends_with('/') && path.starts_with(own.as_str())));
    let bytes = |host: &Host, path: &str| host.files.get(path).map(|file| file.bytes.clone());
    paths.into_iter().filter(|path| below(path) && bytes(before, path) != bytes(after, path)).cloned().collect()
}
