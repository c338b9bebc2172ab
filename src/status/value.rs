//! Expressions over answers: what an answer lacks is no value, and nothing that a machine says is trusted to be printable.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value as Jinja;
use minijinja::value::{Enumerator, Object};

use crate::profile::engine::Engine;
use crate::profile::{Formula, Snippet};

/// Most characters that are shown of what a machine says.
const SHOWN: usize = 120;

/// What an expression of `status` sees: a host's names, and the answers of a service on it.
#[derive(Debug)]
struct Scope {
    host: Jinja,
    more: BTreeMap<&'static str, Jinja>,
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let name = key.as_str()?;
        self.more.get(name).cloned().or_else(|| self.host.get_attr(name).ok().filter(|value| !value.is_undefined()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// The names of `host` and further ones.
pub fn scope(host: &Jinja, more: impl IntoIterator<Item = (&'static str, Jinja)>) -> Jinja {
    Jinja::from_object(Scope { host: host.clone(), more: more.into_iter().collect() })
}

/// The value of an expression, if the answers hold what it looks at.
pub fn eval(engine: &Engine, source: &Snippet, scope: &Jinja) -> Option<Jinja> {
    engine.eval(&source.value, scope).ok().filter(|value| !value.is_undefined() && !value.is_none())
}

/// The same as text.
pub fn text(engine: &Engine, source: &Snippet, scope: &Jinja) -> Option<String> {
    eval(engine, source, scope).map(|value| value.to_string())
}

/// True when there is no condition, or it holds.
pub fn holds(engine: &Engine, when: Option<&Snippet>, scope: &Jinja) -> bool {
    when.is_none_or(|when| eval(engine, when, scope).is_some_and(|value| value.is_true()))
}

/// The text of an expression or a template.
pub fn formula(engine: &Engine, formula: &Formula, scope: &Jinja) -> Option<String> {
    match formula {
        Formula::Expr(source) => text(engine, source, scope),
        Formula::Text(source) => engine.render_text(&source.value, scope).ok(),
    }
    .map(|text| text.trim().to_string())
}

/// True when both are the same number or the same text.
pub fn same(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// Text for people: without what would steer a terminal, without passwords in URLs, not too long.
pub fn clean(text: &str) -> String {
    let mut shown: String = masked(text).chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if shown.len() > SHOWN {
        shown.truncate(SHOWN);
        shown.push_str("...");
    }
    shown
}

/// `zk://user:password@host/` becomes `zk://***@host/`.
pub fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(['/', ' ', '"']).unwrap_or(after.len());
        out.push_str(before);
        out.push_str("://");
        rest = match after[..end].rfind('@') {
            Some(at) => {
                out.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    out + rest
}

/// The host in `master@192.0.2.1:5050`, `http://m1:8080/` or `m1`.
pub fn place(text: &str) -> &str {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest).trim_start_matches("//");
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    text.split(['/', ':']).next().unwrap_or(text).trim()
}

/// The release in a version: `3.4.5` of `3.4.5--1, built on …`, `0.20.1` of `0.20.1-1.0.ubuntu1404`.
pub fn release(version: &str) -> &str {
    let version = version.trim().trim_start_matches('v');
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    match version[..end].trim_end_matches('.') {
        "" => version,
        release => release,
    }
}

/// True when a pinned version, which may end in `*`, allows what was found.
pub fn allows(pin: &str, found: &str) -> bool {
    release(pin) == release(found) || pin.strip_suffix('*').is_some_and(|start| release(found).starts_with(release(start)))
}

#[cfg(test)]
mod tests {
    use super::{allows, clean, masked, place, release, same};

    #[test]
    fn places_releases_and_numbers() {
        for text in ["master@192.0.2.1:5050", "192.0.2.1", "//192.0.2.1:5050/x", "http://192.0.2.1/", "scheduler-1-2@192.0.2.1:1"] {
            assert_eq!(place(text), "192.0.2.1", "{text}");
        }
        let versions = [
            ("3.4.5--1, built on 10/10", "3.4.5"),
            ("0.20.1-1.0.ubuntu1404", "0.20.1"),
            ("v1.4", "1.4"),
            ("3.4.5+dfsg-1", "3.4.5"),
            ("x", "x"),
        ];
        for (version, of) in versions {
            assert_eq!(release(version), of);
        }
        assert!(allows("2.3.2-0.1.20150207000917*", "2.3.2") && allows("0.20*", "0.20.1") && !allows("0.20.1", "0.20.2"));
        assert!(same("2", "2.0") && same("a", "a") && !same("2", "3") && !same("NaN", "2"));
    }

    #[test]
    fn nothing_secret_or_steering_is_shown() {
        assert_eq!(masked("zk://u:p@a:1,b:2/x and http://v:q@c"), "zk://***@a:1,b:2/x and http://***@c");
        assert_eq!(masked("zk://u:p@ss@a:1/mesos"), "zk://***@a:1/mesos");
        assert_eq!(masked("http://a/b@c"), "http://a/b@c");
        assert_eq!(clean("a\u{1b}[2Jb\n\u{202e}"), "a?[2Jb??");
        assert_eq!(clean(&"x".repeat(500)).len(), 123);
    }
}
