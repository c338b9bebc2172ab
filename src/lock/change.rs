//! In what two locks differ, for people.

use std::collections::BTreeMap;

use super::{Lock, Package};

/// What is different in the packages of two locks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// One line each: `+ name version`, `- name version`, `~ name old -> new`; sorted by name.
    pub lines: Vec<String>,
    /// True where the rest differs: what was asked, the base, or who gets a package and why.
    pub other: bool,
}

impl Change {
    /// True when both name the same packages for the same hosts. What repositories said of themselves does not count.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && !self.other
    }
}

/// Compares; without an old lock, everything is new.
pub fn between(old: Option<&Lock>, new: &Lock) -> Change {
    let Some(old) = old else {
        return Change { lines: new.packages.iter().map(|package| format!("+ {}", words(package))).collect(), other: false };
    };
    let mut lines = BTreeMap::new();
    let (before, after) = (by_name(old), by_name(new));
    for (name, was) in &before {
        match after.get(name) {
            None => drop(lines.insert(*name, was.iter().map(|package| format!("- {}", words(package))).collect())),
            Some(is) if !same(was, is) => drop(lines.insert(*name, vec![format!("~ {name} {} -> {}", versions(was), versions(is))])),
            Some(_) => {}
        }
    }
    for (name, is) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        lines.insert(name, is.iter().map(|package| format!("+ {}", words(package))).collect::<Vec<String>>());
    }
    let places = |lock: &Lock| {
        lock.packages.iter().map(|package| (package.source.clone(), package.path.clone(), package.sets.clone())).collect::<Vec<_>>()
    };
    let other = old.asked != new.asked || old.base != new.base || (lines.is_empty() && places(old) != places(new));
    Change { lines: lines.into_values().flatten().collect(), other }
}

fn by_name(lock: &Lock) -> BTreeMap<&str, Vec<&Package>> {
    let mut found: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    lock.packages.iter().for_each(|package| found.entry(&package.name.value).or_default().push(package));
    found
}

fn same(a: &[&Package], b: &[&Package]) -> bool {
    let key = |list: &[&Package]| list.iter().map(|p| (p.version.clone(), p.architecture.clone(), p.sha256)).collect::<Vec<_>>();
    key(a) == key(b)
}

fn versions(list: &[&Package]) -> String {
    let versions: Vec<&str> = list.iter().map(|package| package.version.as_str()).collect();
    versions.join(", ")
}

fn words(package: &Package) -> String {
    format!("{} {}", package.name.value, package.version)
}
