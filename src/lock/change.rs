//! In what two locks differ, for people and programs.

use std::collections::BTreeMap;

use super::{Lock, Package};

/// What is different in the packages of two locks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Packages that come, go or are others, sorted by name.
    pub packages: Vec<Difference>,
    /// True where the rest differs: what was asked, the base, or who gets a package and why.
    pub other: bool,
}

/// A package that is another, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The name.
    pub name: String,
    /// Versions that were locked; none: it is new.
    pub old: Vec<String>,
    /// Versions that are locked now; none: it goes.
    pub new: Vec<String>,
}

impl Difference {
    /// `+ name version`, `- name version`, or `~ name old -> new`; a line for each version that comes or goes.
    pub fn lines(&self) -> Vec<String> {
        let each = |sign: &str, versions: &[String]| versions.iter().map(|version| format!("{sign} {} {version}", self.name)).collect();
        match (self.old.is_empty(), self.new.is_empty()) {
            (true, _) => each("+", &self.new),
            (_, true) => each("-", &self.old),
            _ => vec![format!("~ {} {} -> {}", self.name, self.old.join(", "), self.new.join(", "))],
        }
    }
}

impl Change {
    /// True when both name the same packages for the same hosts. What repositories said of themselves does not count.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && !self.other
    }

    /// All lines, sorted by name.
    pub fn lines(&self) -> Vec<String> {
        self.packages.iter().flat_map(Difference::lines).collect()
    }
}

/// Compares; without an old lock, everything is new.
pub fn between(old: Option<&Lock>, new: &Lock) -> Change {
    let (before, after) = (old.map(by_name).unwrap_or_default(), by_name(new));
    let names: std::collections::BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let none = Vec::new();
    let of = |name: &&str| {
        let (was, is) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
        (!same(was, is)).then(|| Difference { name: (*name).to_string(), old: versions(was), new: versions(is) })
    };
    let packages: Vec<Difference> = names.iter().filter_map(of).collect();
    let places = |lock: &Lock| {
        lock.packages.iter().map(|package| (package.source.clone(), package.path.clone(), package.sets.clone())).collect::<Vec<_>>()
    };
    let moved = |old: &Lock| packages.is_empty() && places(old) != places(new);
    let other = old.is_some_and(|old| old.asked != new.asked || old.base != new.base || moved(old));
    Change { packages, other }
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

fn versions(list: &[&Package]) -> Vec<String> {
    list.iter().map(|package| package.version.clone()).collect()
}
