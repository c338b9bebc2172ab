//! Whether a lock answers what the spec asks now.

use super::{Asked, Lock, Set, Source, SourceLocation};
use crate::diag::{At, Diagnostic, Diagnostics, codes};
use crate::format::checksum::Sha256Sum;

/// Reports everything in which the lock answers another question; `at` is where the spec says that packages are carried.
pub fn check(lock: &Lock, asked: &Asked, at: At, diags: &mut Diagnostics) {
    let mut reasons = Vec::new();
    let then = &lock.asked;
    for (what, was, is) in [
        ("the platform", Some(&then.platform), Some(&asked.platform)),
        ("the architecture", Some(&then.architecture), Some(&asked.architecture)),
        ("`base`", then.base.as_ref(), asked.base.as_ref()),
    ] {
        if was != is {
            let word = |value: Option<&String>| value.map_or("nothing".to_string(), |value| format!("`{value}`"));
            reasons.push(format!("{what} was {}, and is {}", word(was), word(is)));
        }
    }
    sources(&then.sources, &asked.sources, &mut reasons);
    sets(&then.sets, &asked.sets, &mut reasons);
    if reasons.is_empty() {
        return;
    }
    let more = reasons.len().saturating_sub(MOST);
    reasons.truncate(MOST);
    let mut found = Diagnostic::error(codes::LOCK_STALE, at, "cluster.lock was made for another spec");
    for reason in reasons {
        found = found.help(reason);
    }
    if more > 0 {
        found = found.help(format!("and {more} more"));
    }
    diags.push(found.help("`clusterseed lock` brings it up to date; what is locked already stays as it is where it still fits"));
}

/// Reports a base that has changed since: `sha256` is the digest of its dpkg status now, `at` where the spec names it.
pub fn base(lock: &Lock, sha256: &Sha256Sum, at: At, diags: &mut Diagnostics) {
    if lock.base.is_some_and(|then| then != *sha256) {
        let message = "cluster.lock was made for another state of this base";
        diags.push(Diagnostic::error(codes::LOCK_STALE, at, message).help("`clusterseed lock` brings it up to date"));
    }
}

/// Most reasons that are told.
const MOST: usize = 5;

fn sources(then: &[Source], now: &[Source], reasons: &mut Vec<String>) {
    for source in now {
        match then.iter().find(|old| old.name == source.name) {
            None => reasons.push(format!("the source `{}` is new", source.name)),
            Some(old) if old != source => reasons.push(format!("the source `{}` has {}", source.name, difference(old, source))),
            Some(_) => {}
        }
    }
    for old in then.iter().filter(|old| !now.iter().any(|source| source.name == old.name)) {
        reasons.push(format!("the source `{}` is gone", old.name));
    }
    let order = |list: &[Source]| list.iter().map(|source| source.name.clone()).collect::<Vec<_>>();
    if reasons.is_empty() && order(then) != order(now) {
        reasons.push("the sources have another order".into());
    }
}

fn difference(old: &Source, new: &Source) -> &'static str {
    match (&old.location, &new.location) {
        (
            SourceLocation::Repository { urls: a, suites: b, components: c, fingerprints: d },
            SourceLocation::Repository { urls: e, suites: f, components: g, fingerprints: h },
        ) => match () {
            () if a != e => "another URL",
            () if b != f => "other suites",
            () if c != g => "other components",
            () if d != h => "other keys",
            () => "another priority",
        },
        (SourceLocation::Folder(a), SourceLocation::Folder(b)) if a == b => "another priority",
        (SourceLocation::Folder(_), SourceLocation::Folder(_)) => "another folder",
        _ => "become something else",
    }
}

fn sets(then: &[Set], now: &[Set], reasons: &mut Vec<String>) {
    for set in now {
        let Some(old) = then.iter().find(|old| old.name == set.name) else {
            reasons.push(format!("nobody was `{}`", set.name));
            continue;
        };
        let missing = set.wanted.iter().find(|wanted| !old.wanted.contains(wanted));
        let dropped = old.wanted.iter().find(|wanted| !set.wanted.contains(wanted));
        match (missing, dropped) {
            (Some(new), Some(old)) if new.name == old.name => reasons.push(format!("`{}` wants `{new}`, and wanted `{old}`", set.name)),
            (Some(new), _) => reasons.push(format!("`{}` wants `{new}`, and did not", set.name)),
            (None, Some(old)) => reasons.push(format!("`{}` no longer wants `{old}`", set.name)),
            // Who gets a set is found by all that it wants.
            (None, None) if old.wanted != set.wanted => {
                reasons.push(format!("what `{}` wants is listed in another order, or twice", set.name));
            }
            (None, None) => {}
        }
    }
    for old in then.iter().filter(|old| !now.iter().any(|set| set.name == old.name)) {
        reasons.push(format!("nobody is `{}` any longer", old.name));
    }
}
