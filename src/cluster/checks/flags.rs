//! Daemon flags against the tables of the chosen version.

use crate::cluster::Cluster;
use crate::diag::{At, Diagnostic, Diagnostics, codes, did_you_mean};
use crate::profile::flags::{Found, Table};
use crate::schema::{Data, Value, scalar};

/// Every flag that somebody typed, on any level.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    for (path, value) in cluster.settings.all_typed() {
        let table = cluster.profile.settings.get(path).and_then(|s| s.table.as_deref());
        let Some(table) = table.and_then(|name| cluster.profile.flag_tables.get(name)) else { continue };
        for (name, at, value) in value.entries() {
            flag(cluster, table, name, *at, value, diags);
        }
    }
}

fn flag(cluster: &Cluster, table: &Table, name: &str, at: At, value: &Value, diags: &mut Diagnostics) {
    let version = cluster.packages.versions.get(&table.version).and_then(|pin| pin.version.as_deref());
    let command = &table.command;
    let chosen = version.map_or_else(|| format!("{command} (version not pinned)"), |v| format!("{command} {v}"));
    if let Some(why) = table.reserved.get(name) {
        diags.push(Diagnostic::error(codes::FLAG_RESERVED, at, format!("`{name}` cannot be set for {command} here")).help(why.as_str()));
        return;
    }
    let unknown = |message: String, help: String| Diagnostic::error(codes::UNKNOWN_FLAG, at, message).help(help);
    let toggle = match table.find(name, version) {
        Found::Yes { toggle } => toggle,
        // What another version has may be what was meant.
        Found::TooOld { .. } | Found::Gone { .. } if !cluster.sound.packages => return,
        Found::TooOld { first } => {
            diags.push(unknown(
                format!("{chosen} has no flag `{name}` yet"),
                format!("it came with {}; a daemon dies of a flag that it does not know", series(&first)),
            ));
            return;
        }
        Found::Gone { last, now } => {
            let now = now.map(|now| format!("; it is called `{now}` now")).unwrap_or_default();
            diags.push(unknown(format!("{chosen} has no flag `{name}` any more"), format!("the last with it was {}{now}", series(&last))));
            return;
        }
        Found::Unknown => {
            let other = cluster.profile.flag_tables.values().find(|other| other.flags.contains_key(name));
            let help = other.map(|other| format!("it is a flag of {}", other.command));
            let help = help.unwrap_or_else(|| did_you_mean(name, table.flags.keys().map(String::as_str)));
            diags.push(unknown(format!("{command} has no flag `{name}` in any version"), help));
            return;
        }
    };
    if toggle && !matches!(value.data, Data::Bool(_)) {
        diags.push(
            Diagnostic::error(codes::WRONG_TYPE, value.at, format!("`{name}` is a switch: it takes `true` or `false`"))
                .help("write `true` to switch it on, `false` to switch it off"),
        );
    }
    if let (true, Data::Text(text)) = (table.durations.iter().any(|d| d == name), &value.data)
        && let Err(why) = scalar::duration(text)
    {
        diags.push(
            Diagnostic::error(codes::DURATION, value.at, format!("`{name}` must be a duration with a unit, this is `{text}`")).help(why),
        );
    }
    if let (true, Data::Int(number)) = (table.durations.iter().any(|d| d == name), &value.data) {
        diags.push(
            Diagnostic::error(codes::DURATION, value.at, format!("`{name}` is a duration and {number} has no unit"))
                .help("units are ns, us, ms, secs, mins, hrs, days and weeks: `10secs`"),
        );
    }
    if let Data::Text(text) = &value.data
        && let Some(odd) = text.chars().find(|c| !matches!(c, ' '..='~' | '\n'))
    {
        diags.push(Diagnostic::error(codes::INVALID_VALUE, value.at, format!("`{name}` holds {odd:?}")).help("write printable ASCII"));
    }
}

/// `1.0.4` is the last of the series 1.0, which is what the table knows.
fn series(release: &str) -> String {
    let mut parts = release.split('.');
    format!("{}.{}", parts.next().unwrap_or(""), parts.next().unwrap_or(""))
}
