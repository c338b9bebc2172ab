//! Rules that the profile brings as data.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Expression, Value as Jinja};

use crate::cluster::{Cluster, Host};
use crate::diag::{At, Diagnostic, Diagnostics, Severity, codes};
use crate::profile::engine::Engine;
use crate::profile::{Rule, Snippet, looks_at_host};
use crate::schema::Data;

/// Runs every rule, once or once per host.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    let whole = cluster.scope();
    let unsound = unsound(cluster);
    let engine = &cluster.profile.engine;
    let mut each_host = Vec::new();
    let kinds = LazyCell::new(|| minijinja::context! { kinds => kinds(cluster), ..whole.clone() });
    for rule in &cluster.profile.rules {
        let names = if unsound.is_empty() && !rule.each_host { Vec::new() } else { names(engine, rule) };
        if names.iter().any(|name| hangs_on(name, &unsound)) {
            continue;
        }
        // What cannot be compiled was reported when the profile was loaded.
        let when = match rule.when.as_ref().map(|when| engine.expression(&when.value)) {
            Some(Ok(when)) => Some(when),
            Some(Err(_)) => continue,
            None => None,
        };
        match (&rule.find, when) {
            (_, when) if rule.each_host => {
                each_host.push((rule, when, looks_at_host(&cluster.profile.derived, &names), BTreeSet::new()));
            }
            (Some(find), when) => {
                if when.is_none_or(|when| holds(rule, &when, &whole, diags)) {
                    search(cluster, rule, find, &kinds, None, diags);
                }
            }
            (None, Some(when)) => judge(cluster, rule, &when, &whole, None, diags),
            (None, None) => {}
        }
    }
    for host in &cluster.hosts {
        let mut scope = None;
        for (rule, when, looks_at_host, done) in &mut each_host {
            // A rule that looks at settings alone has one answer for all hosts that share them.
            if host.has_any(&rule.roles) && (*looks_at_host || done.insert(host.variant)) {
                let scope = scope.get_or_insert_with(|| cluster.host_scope(host, &mut Diagnostics::new()));
                match (&rule.find, when) {
                    (Some(find), when) => {
                        if when.as_ref().is_none_or(|when| holds(rule, when, scope, diags)) {
                            search(cluster, rule, find, scope, Some(host), diags);
                        }
                    }
                    (None, Some(when)) => judge(cluster, rule, when, scope, Some(host), diags),
                    (None, None) => {}
                }
            }
        }
    }
}

fn judge(cluster: &Cluster, rule: &Rule, when: &Expression<'_, '_>, scope: &Jinja, host: Option<&Host>, diags: &mut Diagnostics) {
    if let Some(at) = rule.at.as_ref().filter(|_| holds(rule, when, scope, diags)) {
        let Ok(places) = render(cluster, rule, at, scope, diags) else { return };
        report(cluster, rule, scope, (&places, at.at), host, diags);
    }
}

fn holds(rule: &Rule, when: &Expression<'_, '_>, scope: &Jinja, diags: &mut Diagnostics) -> bool {
    match Engine::eval_compiled(when, scope) {
        Ok(value) => value.is_true(),
        Err(problem) => {
            broken(rule, rule.when.as_ref().map_or(rule.place, |when| when.at), &problem.message, diags);
            false
        }
    }
}

/// Every line that `find` prints is a problem: a place, a blank, and a list in JSON, so that no text of the user's can end it.
fn search(cluster: &Cluster, rule: &Rule, find: &Snippet, scope: &Jinja, host: Option<&Host>, diags: &mut Diagnostics) {
    let Ok(text) = render(cluster, rule, find, scope, diags) else { return };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (place, found) = line.split_once(' ').unwrap_or((line, "[]"));
        match serde_json::from_str::<serde_json::Value>(found) {
            Ok(found) => {
                let scope = minijinja::context! { found => Jinja::from_serialize(&found), ..scope.clone() };
                report(cluster, rule, &scope, (place, find.at), host, diags);
            }
            Err(why) => broken(rule, find.at, &format!("it prints `{line}`, whose second part is no JSON: {why}"), diags),
        }
    }
}

/// Hosts of each role that have the same settings: what a rule over the whole cluster sees of settings that hosts differ in.
fn kinds(cluster: &Cluster) -> Jinja {
    let maker = cluster.view_maker();
    let of = |role: &crate::profile::Role| {
        let mut variants: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        cluster.with_role(&role.name).for_each(|host| variants.entry(host.variant).or_default().push(&host.name));
        let kinds = variants.into_iter().map(|(variant, hosts)| {
            let settings = cluster.settings.view(Some(variant), &maker);
            Jinja::from_iter([("hosts", hosts.into_iter().map(Jinja::from).collect::<Jinja>()), ("settings", settings)])
        });
        (role.name.clone(), kinds.collect::<Jinja>())
    };
    cluster.profile.roles.iter().map(of).collect()
}

/// Names that decide whether there is a problem.
fn names(engine: &Engine, rule: &Rule) -> Vec<String> {
    let mut names: Vec<String> = rule.when.iter().flat_map(|when| engine.names_of_expression(&when.value)).collect();
    names.extend(rule.find.iter().flat_map(|find| engine.names_of_text(&find.value)));
    // What kinds of hosts there are hangs on the hosts.
    names.iter_mut().filter(|name| *name == "kinds" || name.starts_with("kinds.")).for_each(|name| *name = "roles".into());
    names
}

fn render(cluster: &Cluster, rule: &Rule, text: &Snippet, scope: &Jinja, diags: &mut Diagnostics) -> Result<String, ()> {
    cluster.profile.engine.render_text(&text.value, scope).map_err(|problem| broken(rule, text.at, &problem.message, diags))
}

/// Names that hang on a part of the spec with a mistake in it: what a rule says of them would only follow from that.
fn unsound(cluster: &Cluster) -> Vec<String> {
    let sound = cluster.sound;
    let parts = [(sound.hosts && !cluster.hosts.is_empty(), "roles"), (sound.packages, "packages"), (sound.platform, "platform")];
    let mut names: Vec<String> = parts.iter().filter(|(sound, _)| !sound).map(|(_, name)| (*name).to_string()).collect();
    let engine = &cluster.profile.engine;
    for item in cluster.profile.derived.iter().filter(|_| !parts.iter().all(|(sound, _)| *sound)) {
        if item.how.names(engine).iter().any(|name| hangs_on(name, &names)) {
            names.push(format!("derived.{}", item.name));
        }
    }
    names
}

/// `packages.versions.mesos` hangs on `packages`, and so does `derived` when one of its values does.
fn hangs_on(name: &str, unsound: &[String]) -> bool {
    let begins = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    unsound.iter().any(|other| begins(name, other) || begins(other, name))
}

/// `places` were given by the part of the rule that stands at the second of both.
fn report(cluster: &Cluster, rule: &Rule, scope: &Jinja, (places, at): (&str, At), host: Option<&Host>, diags: &mut Diagnostics) {
    let mut text = |text: &Snippet| render(cluster, rule, text, scope, diags);
    let (Ok(message), Ok(help)) = (text(&rule.message), text(&rule.help)) else { return };
    if let Some(unknown) = places.split_whitespace().find(|place| !cluster.profile.has_place(place)) {
        return broken(rule, at, &format!("`{unknown}` is no place"), diags);
    }
    let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut diagnostic =
        Diagnostic::error(format!("{}/{}", cluster.profile.name, rule.code), place(cluster, places, host), line(message)).help(line(help));
    if rule.warning {
        diagnostic.severity = Severity::Warning;
    }
    diags.push(diagnostic);
}

/// Where the user can mend it: the first of the places that somebody typed, else the nearest thing that was typed.
fn place(cluster: &Cluster, places: &str, host: Option<&Host>) -> At {
    let places = || places.split_whitespace();
    let found = places().find_map(|place| typed(cluster, place, host)).or_else(|| places().find_map(|place| near(cluster, place)));
    found.unwrap_or(cluster.profile_at)
}

fn typed(cluster: &Cluster, place: &str, host: Option<&Host>) -> Option<At> {
    match (place.split_once('.'), host) {
        (Some(("settings", path)), _) => setting(cluster, host.map(|h| h.variant), path),
        (Some(("packages", rest)), _) if rest.starts_with("versions.") => {
            cluster.packages.versions.get(rest.trim_start_matches("versions.")).and_then(|pin| pin.at)
        }
        (Some(("host", "address")), Some(host)) => Some(host.address_at),
        (Some(("host", _)) | None, Some(host)) if place.starts_with("host") => Some(host.name_at),
        (None, None) if place == "host" => cluster.places.get("hosts").copied(),
        _ => cluster.places.get(place).copied(),
    }
}

/// A setting, a key of one that is a mapping (`slave.attributes.rack`), or anything deeper: `apps.0.cmd`. What is not there is
/// looked for where it would be.
fn setting(cluster: &Cluster, variant: Option<usize>, path: &str) -> Option<At> {
    let (name, key) = cluster.profile.setting_and_key(path)?;
    let whole = cluster.settings.typed_at(variant, name)?;
    let Some(key) = key else { return Some(whole) };
    let mut part = cluster.settings.get(variant, name)?;
    if let Some(part) = part.get(key) {
        return Some(part.at);
    }
    let mut at = whole;
    for step in key.split('.') {
        let next = match &part.data {
            Data::List(items) => step.parse().ok().and_then(|n: usize| items.get(n)),
            _ => part.get(step),
        };
        let Some(next) = next else { break };
        part = next;
        at = match &part.data {
            // A mapping is shown by its first key: its own place goes on for lines.
            Data::Map(map) => map.values().map(|(at, _)| *at).min_by_key(|at| at.start).unwrap_or(part.at),
            _ => part.at,
        };
    }
    Some(at)
}

/// A rule may look at the cluster while the value was typed for a host or a role, or it may name a group of settings.
fn near(cluster: &Cluster, place: &str) -> Option<At> {
    let path = place.strip_prefix("settings.")?;
    let name = cluster.profile.setting_and_key(path).map_or(path, |(name, _)| name);
    let inside = |p: &str| p.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    cluster.settings.all_typed().find(|(p, _)| inside(p)).map(|(_, value)| value.at)
}

fn broken(rule: &Rule, at: At, why: &str, diags: &mut Diagnostics) {
    diags.push(
        Diagnostic::error(codes::PROFILE, at, format!("the rule `{}` cannot be evaluated: {why}", rule.code))
            .help("profiles/README.md says what expressions may use"),
    );
}
