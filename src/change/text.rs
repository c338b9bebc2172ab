//! A change for people. Colours are ANSI codes that whoever writes it takes out where there is no terminal.

use std::collections::HashMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use indexmap::IndexMap;

use super::hosts::{FirstBoot, HostChange, Kind};
use super::lines::Lines;
use super::restart::Action;
use super::{Change, FileChange, Leaves, Other};
use crate::emit::host_json::FileEntry;
use crate::format::names;
use crate::format::shell::quoted;

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const CHANGED: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const DANGER: Style = AnsiColor::Red.on_default().bold();

/// Lines of one file that are shown; a program that wants all takes JSON.
const SHOWN: usize = 40;

/// Changes of one file, each on other hosts, that are shown.
const ALIKE: usize = 3;

/// The whole text.
pub fn print(change: &Change) -> String {
    let mut out = String::new();
    headline(change, &mut out);
    if change.is_none() {
        return out;
    }
    hosts(change, &mut out);
    dangers(change, &mut out);
    section("files", &alike(&change.files), &mut out, |alike, out| {
        alike.iter().take(ALIKE).for_each(|change| file(change, out));
        let more: Vec<&str> = alike.iter().skip(ALIKE).flat_map(|change| &change.hosts).map(String::as_str).collect();
        if !more.is_empty() {
            let (style, sign) = sign(&alike[0]);
            let _ = writeln!(out, "  {style}{sign}{style:#} {}, with words of its own{DIM}  {}{DIM:#}", alike[0].path, names::brief(more));
        }
    });
    if change.files.iter().any(|file| file.new.is_none()) {
        let _ = writeln!(
            out,
            "  {DIM}what leaves is removed, or becomes again what the host had before clusterseed; one that somebody changed since stays{DIM:#}"
        );
    }
    section("packages", &change.packages, &mut out, |package, out| {
        let version = |known: &Option<Option<String>>| match known {
            Some(Some(version)) => version.clone(),
            Some(None) => "any version".to_string(),
            None => String::new(),
        };
        let words = match (&package.old, &package.new) {
            (None, new) => format!("{ADDED}+{ADDED:#} {} {}", package.name, version(new)),
            (old, None) => format!("{REMOVED}-{REMOVED:#} {} {}, which stays installed", package.name, version(old)),
            (old, new) => format!("{CHANGED}~{CHANGED:#} {} {} -> {}", package.name, version(old), version(new)),
        };
        let _ = writeln!(out, "  {}{}", words, on(&package.hosts));
    });
    services(change, &mut out);
    let others: Vec<&Other> = change.others.iter().collect();
    section("also", &others, &mut out, |other, out| {
        let _ = writeln!(out, "  {CHANGED}~{CHANGED:#} {}{}", other.what, on(&other.hosts));
    });
    first_boot(change, &mut out);
    out
}

fn headline(change: &Change, out: &mut String) {
    let (old, new) = (&change.old, &change.new);
    let count = |kinds: &[Kind]| change.hosts.iter().filter(|host| kinds.contains(&host.kind)).count();
    let before = count(&[Kind::Goes, Kind::Changes, Kind::Stays]);
    let after = count(&[Kind::Comes, Kind::Changes, Kind::Stays]);
    let _ = writeln!(out, "{BOLD}{} -> {}{BOLD:#}", old.name, new.name);
    if change.is_none() {
        let _ = writeln!(out, "{}: {}, all the same", new.cluster, hosts_word(after));
        return;
    }
    let parts = [(Kind::Comes, "come"), (Kind::Goes, "go"), (Kind::Changes, "change"), (Kind::Stays, "stay as they are")];
    let parts = parts.map(|(kind, word)| (count(&[kind]), word)).into_iter().filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, word)| format!("{n} {}", if n == 1 { singular(word) } else { word })).collect();
    let _ = writeln!(out, "{}: {} before, {after} after: {}", new.cluster, hosts_word(before), parts.join(", "));
}

fn singular(word: &str) -> &str {
    match word {
        "come" => "comes",
        "go" => "goes",
        "change" => "changes",
        _ => "stays as it is",
    }
}

fn hosts_word(n: usize) -> String {
    format!("{n} host{}", if n == 1 { "" } else { "s" })
}

fn section<T>(title: &str, items: &[T], out: &mut String, print: impl Fn(&T, &mut String)) {
    if !items.is_empty() {
        let _ = writeln!(out, "\n{BOLD}{title}{BOLD:#}");
        items.iter().for_each(|item| print(item, out));
    }
}

fn on(hosts: &[String]) -> String {
    if hosts.is_empty() { String::new() } else { format!("{DIM}  {}{DIM:#}", brief(hosts)) }
}

fn brief(hosts: &[String]) -> String {
    names::brief(hosts.iter().map(String::as_str))
}

/// Hosts of one kind, with the same roles and the same things that happen to them, stand on one line.
fn hosts(change: &Change, out: &mut String) {
    let mut rows: IndexMap<(Kind, String, String), Vec<&HostChange>> = IndexMap::new();
    let tally = Tally::of(change);
    for host in change.hosts.iter().filter(|host| host.kind != Kind::Stays) {
        let roles = match &host.roles {
            [Some(old), Some(new)] if old != new => format!("{} -> {}", old.join("+"), new.join("+")),
            [_, Some(roles)] | [Some(roles), None] => roles.join("+"),
            [None, None] => String::new(),
        };
        rows.entry((host.kind, roles, tally.summary(host))).or_default().push(host);
    }
    let rows: Vec<_> = rows.into_iter().collect();
    section("hosts", &rows, out, |((kind, roles, what), hosts), out| {
        let (style, sign) = match kind {
            Kind::Comes => (ADDED, '+'),
            Kind::Goes => (REMOVED, '-'),
            _ => (CHANGED, '~'),
        };
        let names = names::brief(hosts.iter().map(|host| host.name.as_str()));
        let _ = writeln!(out, "  {style}{sign}{style:#} {names}  {}  {roles}{what}", addresses(hosts));
    });
    let stay = change.named(Kind::Stays);
    if !stay.is_empty() {
        let _ = writeln!(out, "  {DIM}= {}{DIM:#}", names::brief(stay));
    }
}

/// The address of one host; first and last of several.
fn addresses(hosts: &[&HostChange]) -> String {
    let of = |host: &HostChange| match &host.address {
        [Some(old), Some(new)] if old != new => format!("{old} -> {new}"),
        [_, Some(address)] | [Some(address), None] => address.clone(),
        [None, None] => String::new(),
    };
    match hosts {
        [] => String::new(),
        [host] => of(host),
        [first, .., last] => format!("{} to {}", of(first), of(last)),
    }
}

/// How much changes on each host, counted once for all of them.
#[derive(Default)]
struct Tally<'c> {
    files: HashMap<&'c str, usize>,
    packages: HashMap<&'c str, usize>,
    services: HashMap<&'c str, usize>,
    others: HashMap<&'c str, usize>,
    boot: HashMap<&'c str, usize>,
}

impl<'c> Tally<'c> {
    fn of(change: &'c Change) -> Self {
        fn count<'c>(lists: impl Iterator<Item = &'c Vec<String>>) -> HashMap<&'c str, usize> {
            let mut counts = HashMap::new();
            lists.flatten().for_each(|host| *counts.entry(host.as_str()).or_default() += 1);
            counts
        }
        Self {
            files: count(change.files.iter().map(|file| &file.hosts)),
            packages: count(change.packages.iter().map(|package| &package.hosts)),
            services: count(change.services.iter().map(|step| &step.hosts)),
            others: count(change.others.iter().map(|other| &other.hosts)),
            boot: count(change.boot.iter().map(|other| &other.hosts)),
        }
    }

    fn summary(&self, host: &HostChange) -> String {
        match host.kind {
            Kind::Comes => ": boots with its own seed".into(),
            Kind::Goes => ": nothing switches it off but you".into(),
            _ => {
                let mut parts: Vec<String> = host.was.iter().map(|was| format!("was {was}")).collect();
                let name = host.name.as_str();
                for (counts, word) in [(&self.files, "file"), (&self.packages, "package"), (&self.services, "service")] {
                    if let Some(n) = counts.get(name) {
                        parts.push(format!("{n} {word}{}", if *n == 1 { "" } else { "s" }));
                    }
                }
                if self.others.contains_key(name) {
                    parts.push("more".into());
                }
                if self.boot.contains_key(name) {
                    parts.push("what first boot does".into());
                }
                if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
            }
        }
    }
}

fn dangers(change: &Change, out: &mut String) {
    for danger in &change.dangers {
        let _ = writeln!(out, "\n{DANGER}danger[{}]{DANGER:#}{BOLD}: {}{BOLD:#}", danger.code, danger.message);
        if !danger.hosts.is_empty() {
            let _ = writeln!(out, "  {DIM}on:{DIM:#} {}", brief(&danger.hosts));
        }
        let _ = writeln!(out, "  {DIM}do:{DIM:#} {}", danger.help);
    }
    if let Some(first) = change.dangers.first() {
        let _ = writeln!(
            out,
            "\n`clusterseed explain {}` says more; `clusterseed guide change {} {}` has the steps",
            first.code,
            quoted(&change.old.name),
            quoted(&change.new.name)
        );
    }
}

/// Changes of one file that differ from host to host.
fn alike(files: &[FileChange]) -> Vec<&[FileChange]> {
    files.chunk_by(|a, b| a.path == b.path && a.old.is_some() == b.old.is_some() && a.new.is_some() == b.new.is_some()).collect()
}

fn sign(file: &FileChange) -> (Style, char) {
    match (&file.old, &file.new) {
        (None, _) => (ADDED, '+'),
        (_, None) => (REMOVED, '-'),
        _ => (CHANGED, '~'),
    }
}

fn file(file: &FileChange, out: &mut String) {
    let (style, sign) = sign(file);
    let back = if file.leaves() == Some(Leaves::Restored) { ", which becomes again what the host had" } else { "" };
    let _ = writeln!(out, "  {style}{sign}{style:#} {}{back}{}{}", file.path, meta(file), on(&file.hosts));
    match &file.lines {
        Lines::Same => {}
        Lines::Secret if file.old.is_some() && file.new.is_some() => drop(writeln!(out, "      {DIM}a secret, which changes{DIM:#}")),
        Lines::Secret => drop(writeln!(out, "      {DIM}a secret{DIM:#}")),
        Lines::Binary(old, new) => {
            let size = |size: &Option<usize>| size.map_or("nothing".to_string(), |n| format!("{n} bytes"));
            let _ = writeln!(out, "      {DIM}no plain text: {} -> {}{DIM:#}", size(old), size(new));
        }
        Lines::Text(lines) => {
            for line in lines.iter().take(SHOWN) {
                let _ = match line {
                    None => writeln!(out, "      {DIM}…{DIM:#}"),
                    Some(('+', text)) => writeln!(out, "      {ADDED}{}{ADDED:#}", format!("+ {text}").trim_end()),
                    Some(('-', text)) => writeln!(out, "      {REMOVED}{}{REMOVED:#}", format!("- {text}").trim_end()),
                    Some((mark, text)) => writeln!(out, "      {DIM}{mark} {text}{DIM:#}"),
                };
            }
            if lines.len() > SHOWN {
                let _ = writeln!(out, "      {DIM}… {} lines more; `--format json` has all{DIM:#}", lines.len() - SHOWN);
            }
        }
    }
}

/// Mode, owner and the like, where they change.
fn meta(file: &FileChange) -> String {
    let (Some(old), Some(new)) = (&file.old, &file.new) else { return String::new() };
    let mode = |entry: &FileEntry| format!("{:04o}", entry.mode);
    let mut parts = Vec::new();
    for (what, old, new) in [("mode", &mode(old), &mode(new)), ("owner", &old.owner, &new.owner), ("group", &old.group, &new.group)] {
        if old != new {
            parts.push(format!("{what} {old} -> {new}"));
        }
    }
    if parts.is_empty() && file.lines == Lines::Same {
        parts.push(if old.restarts == new.restarts {
            "written in another phase".into()
        } else {
            "restarts other services from now on".into()
        });
    }
    if parts.is_empty() { String::new() } else { format!("  {}", parts.join(", ")) }
}

fn services(change: &Change, out: &mut String) {
    section("services, in this order", &change.services, out, |step, out| {
        let style = match step.action {
            Action::Stops => REMOVED,
            Action::Starts => ADDED,
            Action::Restarts => CHANGED,
        };
        let turns = if step.in_turns { ", one after another while the rest is a majority" } else { "" };
        let _ = writeln!(out, "  {} {style}{}{style:#}{turns}{}", step.service, step.action.word(), on(&step.hosts));
        // One reason says why; all of them stand above.
        if let Some(first) = step.because.first() {
            let more = if step.because.len() > 1 { format!(" and {} more", step.because.len() - 1) } else { String::new() };
            let _ = writeln!(out, "      {DIM}{first}{more}{DIM:#}");
        }
    });
}

fn first_boot(change: &Change, out: &mut String) {
    let of = |wanted: FirstBoot, kinds: &[Kind]| {
        let hosts = change.hosts.iter().filter(|host| host.first_boot == Some(wanted) && kinds.contains(&host.kind));
        hosts.map(|host| host.name.as_str()).collect::<Vec<_>>()
    };
    let all = [Kind::Comes, Kind::Changes, Kind::Stays];
    let (runs, again) = (of(FirstBoot::Runs, &[Kind::Comes]), of(FirstBoot::Again, &all));
    let anew = of(FirstBoot::Runs, &[Kind::Changes]);
    let not = [of(FirstBoot::Stays, &[Kind::Changes]), of(FirstBoot::Cloud, &[Kind::Changes])].concat();
    let _ = writeln!(out, "\n{BOLD}first boot{BOLD:#}");
    if !runs.is_empty() {
        let _ = writeln!(out, "  runs on {}, new here", names::brief(runs));
    }
    if !anew.is_empty() {
        let _ = writeln!(out, "  runs on the new machines that {} need", names::brief(anew));
    }
    if !again.is_empty() {
        let _ = writeln!(
            out,
            "  {DANGER}runs again{DANGER:#} on {}, with new SSH host keys, when it boots with its new meta-data",
            names::brief(again)
        );
    }
    if !not.is_empty() {
        let _ = writeln!(out, "  does not run again on {}: bring the new seed there and run `apply`", names::brief(not));
    }
    if runs_nowhere(change) {
        let _ = writeln!(out, "  runs nowhere");
    }
    for other in &change.boot {
        let _ = writeln!(out, "  {CHANGED}~{CHANGED:#} `{}`, which `apply` does not touch{}", other.what, on(&other.hosts));
    }
}

fn runs_nowhere(change: &Change) -> bool {
    let touched = |host: &&HostChange| host.first_boot.is_some() && host.kind != Kind::Stays;
    change.hosts.iter().find(touched).is_none()
}
