//! Rules that the profile brings as data.

use std::collections::BTreeSet;

use minijinja::{Expression, Value as Jinja};

use crate::cluster::{Cluster, Host};
use crate::diag::{At, Diagnostic, Diagnostics, Severity, codes};
use crate::profile::engine::Engine;
use crate::profile::{Rule, Source, looks_at_host};

/// Runs every rule, once or once per host.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    let whole = cluster.scope();
    let unsound = unsound(cluster);
    let engine = &cluster.profile.engine;
    let mut each_host = Vec::new();
    for rule in &cluster.profile.rules {
        let names = if unsound.is_empty() && !rule.each_host { Vec::new() } else { engine.names_of_expression(&rule.when.value) };
        if names.iter().any(|name| hangs_on(name, &unsound)) {
            continue;
        }
        let Ok(when) = engine.expression(&rule.when.value) else { continue }; // reported when the profile was loaded
        if rule.each_host {
            each_host.push((rule, when, looks_at_host(&cluster.profile.derived, &names), BTreeSet::new()));
        } else {
            judge(cluster, rule, &when, &whole, None, diags);
        }
    }
    for host in &cluster.hosts {
        let mut scope = None;
        for (rule, when, looks_at_host, done) in &mut each_host {
            // A rule that looks at settings alone has one answer for all hosts that share them.
            if host.has_any(&rule.roles) && (*looks_at_host || done.insert(host.variant)) {
                let scope = scope.get_or_insert_with(|| cluster.host_scope(host, &mut Diagnostics::new()));
                judge(cluster, rule, when, scope, Some(host), diags);
            }
        }
    }
}

fn judge(cluster: &Cluster, rule: &Rule, when: &Expression<'_, '_>, scope: &Jinja, host: Option<&Host>, diags: &mut Diagnostics) {
    match Engine::eval_compiled(when, scope) {
        Ok(value) if value.is_true() => report(cluster, rule, scope, host, diags),
        Ok(_) => {}
        Err(problem) => broken(rule, rule.when.at, &problem.message, diags),
    }
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

fn report(cluster: &Cluster, rule: &Rule, scope: &Jinja, host: Option<&Host>, diags: &mut Diagnostics) {
    let engine = &cluster.profile.engine;
    let mut render =
        |text: &Source| engine.render_text(&text.value, scope).map_err(|problem| broken(rule, text.at, &problem.message, diags));
    let (Ok(message), Ok(help), Ok(places)) = (render(&rule.message), render(&rule.help), render(&rule.at)) else { return };
    if let Some(unknown) = places.split_whitespace().find(|place| !cluster.profile.has_place(place)) {
        return broken(rule, rule.at.at, &format!("`{unknown}` is no place"), diags);
    }
    let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut diagnostic =
        Diagnostic::error(format!("{}/{}", cluster.profile.name, rule.code), place(cluster, &places, host), line(message)).help(line(help));
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

/// A setting, or a key of one that is a mapping: `slave.attributes.rack`.
fn setting(cluster: &Cluster, variant: Option<usize>, path: &str) -> Option<At> {
    let (name, key) = cluster.profile.setting_and_key(path)?;
    let whole = cluster.settings.typed_at(variant, name)?;
    let part = key.and_then(|key| cluster.settings.get(variant, name)?.get(key));
    Some(part.map_or(whole, |part| part.at))
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
