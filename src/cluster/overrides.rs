//! Overrides: what the spec sets for roles and hosts, laid over the cluster's settings for each host.

use std::collections::BTreeMap;

use super::settings::{Layers, Map, narrower, read};
use super::{Host, Network, hosts};
use crate::diag::{At, Diagnostic, Diagnostics, Severity, codes, did_you_mean};
use crate::profile::{Profile, Scope, load};
use crate::schema::{Data, Value};
use crate::spec::Spec;
use crate::yaml::read::Node;

/// Layers settings and gives every host the index of its own.
///
/// `typed` are the settings of the whole cluster. The last part of what it gives says that these are all hosts that were typed,
/// each with all its roles.
pub fn hosts_and_settings(
    spec: &Spec,
    typed: Option<&Node>,
    network: &Network,
    profile: &Profile,
    diags: &mut Diagnostics,
) -> (Vec<Host>, Layers, bool) {
    let read_whole = spec.sound("hosts", diags);
    let base = read(typed, &profile.settings_type, Scope::Cluster, profile, diags);
    let narrow = narrower(profile);
    let mut by_role: BTreeMap<&str, Map> = BTreeMap::new();
    for entry in &spec.roles {
        if profile.role(&entry.name.value).is_none() {
            let known = profile.roles.iter().map(|r| r.name.as_str());
            diags.push(
                Diagnostic::error(
                    codes::UNKNOWN_ROLE,
                    entry.name.at,
                    format!("the profile `{}` has no role `{}`", profile.name, entry.name.value),
                )
                .help(did_you_mean(&entry.name.value, known)),
            );
        }
        by_role.insert(&entry.name.value, read(entry.settings.as_ref(), &narrow, Scope::Role, profile, diags));
    }
    let by_entry = spec.hosts.iter().map(|entry| read(entry.settings.as_ref(), &narrow, Scope::Host, profile, diags));
    let by_entry: Vec<Map> = by_entry.collect();
    let elsewhere: Vec<&Map> = by_role.values().chain(&by_entry).collect();
    let mut layers = Layers::new(base, profile, At { end: spec.at.start, ..spec.at }, &elsewhere, diags);
    let mut known: BTreeMap<(Vec<String>, Option<usize>), usize> = BTreeMap::new();
    let mut hosts = Vec::new();
    let before = diags.count(Severity::Error);
    let all = hosts::expand(&spec.hosts, network, profile, diags);
    let complete = read_whole && diags.count(Severity::Error) == before;
    if complete {
        idle(spec, &all, &by_role, &by_entry, profile, diags);
    }
    for expanded in all {
        let mut host = expanded.host;
        let own = &by_entry[expanded.entry];
        let key = (host.roles.clone(), (!own.is_empty()).then_some(expanded.entry));
        host.variant = match known.get(&key) {
            Some(variant) => *variant,
            None => {
                let roles = merge_roles(&host, &by_role, own, diags);
                let variant = layers.add([roles, own.clone()], diags);
                known.insert(key, variant);
                variant
            }
        };
        hosts.push(host);
    }
    (hosts, layers, complete)
}

/// What is set for hosts that it does not concern: a section of settings that is named as a role is about hosts of that role.
fn idle(
    spec: &Spec,
    hosts: &[hosts::Expanded],
    by_role: &BTreeMap<&str, Map>,
    by_entry: &[Map],
    profile: &Profile,
    diags: &mut Diagnostics,
) {
    let mut look = |map: &Map, level: Scope, whose: &str, has: &dyn Fn(&str) -> bool| {
        // What cannot be set there at all was reported when it was read.
        let may = |path: &String| profile.settings.get(path).is_none_or(|setting| setting.scope >= level);
        for (path, value) in map.iter().filter(|(path, _)| may(path)) {
            let Some((section, _)) = path.split_once('.').filter(|(section, _)| profile.role(section).is_some()) else { continue };
            if !has(section) {
                // A mapping is shown by its first key: its own place goes on for lines.
                let at = value.entries().map(|(_, at, _)| *at).min_by_key(|at| at.start).unwrap_or(value.at);
                let message = format!("`{path}` has no effect on {whose}: there is no `{section}`");
                let help = format!("set it where a host has the role `{section}`, or remove it");
                diags.push(Diagnostic::warning(codes::SETTING_NO_EFFECT, at, message).help(help));
            }
        }
    };
    // All hosts of an entry have the same roles.
    let roles: BTreeMap<usize, &Host> = hosts.iter().map(|expanded| (expanded.entry, &expanded.host)).collect();
    for (index, host) in &roles {
        look(&by_entry[*index], Scope::Host, &format!("`{}`", spec.hosts[*index].name.value), &|section| host.has_role(section));
    }
    for (role, map) in by_role {
        let of: Vec<&&Host> = roles.values().filter(|host| host.has_role(role)).collect();
        // A role that nobody has yet.
        if !of.is_empty() {
            look(map, Scope::Role, &format!("hosts of the role `{role}`"), &|section| of.iter().any(|host| host.has_role(section)));
        }
    }
}

/// Overrides of all roles of a host; two roles that disagree are a mistake, unless the host itself decides. Of mappings, each key
/// is a thing of its own.
fn merge_roles(host: &Host, by_role: &BTreeMap<&str, Map>, own: &Map, diags: &mut Diagnostics) -> Map {
    let mut conflict = |path: &str, other: &Value, value: &Value, decided: bool| {
        if !decided && load::plain_json(other) != load::plain_json(value) {
            diags.push(
                Diagnostic::error(codes::SETTING_CONFLICT, value.at, format!("`{path}` is set by two roles of `{}`", host.name))
                    .related(other.at, "and here")
                    .help("set it once under `settings`, or for the host itself")
                    .subject(&host.name),
            );
        }
    };
    let mut merged: Map = Map::new();
    for (path, value) in host.roles.iter().filter_map(|role| by_role.get(role.as_str())).flatten() {
        match (merged.get_mut(path).map(|other| (other.at, &mut other.data)), &value.data) {
            (Some((_, Data::Map(others))), Data::Map(entries)) => {
                for (key, (at, value)) in entries {
                    if let Some((_, other)) = others.get(key) {
                        conflict(&format!("{path}.{key}"), other, value, own.get(path).is_some_and(|own| own.get(key).is_some()));
                    }
                    others.insert(key.clone(), (*at, value.clone()));
                }
                continue;
            }
            (Some((at, data)), _) => conflict(path, &Value { at, data: data.clone() }, value, own.contains_key(path)),
            (None, _) => {}
        }
        merged.insert(path.clone(), value.clone());
    }
    merged
}
