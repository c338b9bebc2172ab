//! Rules that the profile brings as data.

use std::collections::BTreeSet;

use minijinja::Value as Jinja;

use crate::cluster::{Cluster, Host};
use crate::diag::{At, Diagnostic, Diagnostics, Severity, codes};
use crate::profile::{Formula, Rule};

/// Runs every rule, once or once per host.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    let whole = cluster.scope();
    let unsound = unsound(cluster);
    for rule in &cluster.profile.rules {
        let engine = &cluster.profile.engine;
        if engine.names_of_expression(&rule.when.value).iter().any(|name| hangs_on(name, &unsound)) {
            continue;
        }
        let expression = match engine.expression(&rule.when.value) {
            Ok(expression) => expression,
            Err(_) => continue, // reported when the profile was loaded
        };
        let mut holds = |scope: &Jinja, host: Option<&Host>| match expression.eval(scope) {
            Ok(value) if value.is_true() => report(cluster, rule, scope, host, diags),
            Ok(_) => {}
            Err(error) => {
                let problem = crate::profile::engine::Problem::from(error);
                broken(rule, rule.when.at, &problem.message, diags);
            }
        };
        if !rule.each_host {
            holds(&whole, None);
            continue;
        }
        let names = engine.names_of_expression(&rule.when.value);
        let looks_at_host = super::super::looks_at_host(&cluster.profile, &names);
        // A rule that looks at settings alone has one answer for all hosts that share them.
        let mut done = BTreeSet::new();
        for host in cluster.hosts.iter().filter(|host| host.has_any(&rule.roles)) {
            if looks_at_host || done.insert(host.variant) {
                holds(&cluster.host_scope(host, &mut Diagnostics::new()), Some(host));
            }
        }
    }
}

/// Names that hang on a part of the spec with a mistake in it: what a rule says of them would only follow from that.
fn unsound(cluster: &Cluster) -> Vec<String> {
    let sound = cluster.sound;
    let parts = [(sound.hosts, "roles"), (sound.packages, "packages"), (sound.platform, "platform")];
    let mut names: Vec<String> = parts.iter().filter(|(sound, _)| !sound).map(|(_, name)| (*name).to_string()).collect();
    let engine = &cluster.profile.engine;
    for item in cluster.profile.derived.iter().filter(|_| !parts.iter().all(|(sound, _)| *sound)) {
        let looks_at = match &item.how {
            Formula::Expr(source) => engine.names_of_expression(&source.value),
            Formula::Text(source) => engine.names_of_text(&source.value),
        };
        if looks_at.iter().any(|name| hangs_on(name, &names)) {
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
    let words = engine.render_text(&rule.message.value, scope).and_then(|m| Ok((m, engine.render_text(&rule.help.value, scope)?)));
    let (message, help) = match words {
        Ok(words) => words,
        Err(problem) => return broken(rule, rule.message.at, &problem.message, diags),
    };
    let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut diagnostic =
        Diagnostic::error(format!("{}/{}", cluster.profile.name, rule.code), place(cluster, rule, host), line(message)).help(line(help));
    if rule.warning {
        diagnostic.severity = Severity::Warning;
    }
    diags.push(diagnostic);
}

/// Where the user can mend it: the setting if somebody typed it, else the nearest thing that was typed.
fn place(cluster: &Cluster, rule: &Rule, host: Option<&Host>) -> At {
    let variant = host.map(|h| h.variant);
    let found = match rule.at.split_once('.') {
        Some(("settings", path)) => {
            let exact = cluster.settings.typed_at(variant, path);
            // The value may be typed for a host or a role only, while the rule looks at the cluster; or it may be a group.
            exact
                .or_else(|| cluster.settings.all_typed().find(|(p, _)| *p == path || p.starts_with(&format!("{path}."))).map(|(_, v)| v.at))
        }
        Some(("packages", rest)) => {
            let name = rest.trim_start_matches("versions.");
            cluster.packages.versions.get(name).and_then(|pin| pin.at)
        }
        _ => match (rule.at.as_str(), host) {
            ("hosts" | "host" | "host.name", Some(host)) => Some(host.name_at),
            ("host.address", Some(host)) => Some(host.address_at),
            ("hosts" | "host", None) => cluster.hosts.first().map(|h| h.name_at),
            (key, _) => cluster.places.get(key).copied(),
        },
    };
    found.unwrap_or(cluster.profile_at)
}

fn broken(rule: &Rule, at: At, why: &str, diags: &mut Diagnostics) {
    diags.push(
        Diagnostic::error(codes::PROFILE, at, format!("the rule `{}` cannot be evaluated: {why}", rule.code))
            .help("profiles/README.md says what expressions may use"),
    );
}
