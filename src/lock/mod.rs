//! `cluster.lock`: exactly which packages every host gets, and where they come from.
//!
//! It stands beside the spec, is written by `clusterseed lock` and read by everything after. What was asked is in it word for
//! word, so that a spec that asks for something else is noticed ([`stale`]) without anything being resolved again. Sorted, one
//! package to a block, so that a review of its difference is a review of what changes on the hosts.
//!
//! Pure: [`parse`] and [`print`](print::print) are each other's inverse.

pub mod base;
pub mod change;
pub mod choose;
pub mod parse;
pub mod print;
pub mod published;
pub mod stale;

use std::collections::BTreeMap;

use crate::diag::{At, Spanned};
use crate::format::checksum::Sha256Sum;

/// The version of the format that this program reads and writes.
pub const VERSION: i64 = 1;

/// Name of the file, beside the spec.
pub const FILE: &str = "cluster.lock";

/// A lock.
#[derive(Clone, Debug)]
pub struct Lock {
    /// What was asked when it was made.
    pub asked: Asked,
    /// Digest of the base's dpkg status, where there is a base.
    pub base: Option<Sha256Sum>,
    /// What the sources said, one for each suite of [`Asked::sources`], in their order; folders say nothing.
    pub releases: Vec<Release>,
    /// Packages, sorted by name, version and architecture.
    pub packages: Vec<Package>,
    /// The whole file, or nothing for one that was just made.
    pub at: Option<At>,
}

/// What is asked of a lock: all that the spec says and that decides which packages are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Name of the platform.
    pub platform: String,
    /// Its architecture, as Debian names it.
    pub architecture: String,
    /// What the image has already, as typed.
    pub base: Option<String>,
    /// Where packages come from, in order of preference.
    pub sources: Vec<Source>,
    /// What hosts want, sorted by name.
    pub sets: Vec<Set>,
}

/// A source as the spec describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Priority as apt counts it.
    pub priority: i64,
    /// Where it is.
    pub location: SourceLocation,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceLocation {
    /// A folder of packages, as typed.
    Folder(String),
    /// An apt repository.
    Repository {
        /// Base URLs without `/` at the end: the first, and mirrors of it.
        urls: Vec<String>,
        /// Suites; one that ends in `/` is the path of a repository without suites.
        suites: Vec<String>,
        /// Components; none where there are no suites.
        components: Vec<String>,
        /// Full fingerprints of the keys that may sign it; none: it is taken unsigned.
        fingerprints: Vec<String>,
    },
}

/// Hosts that want the same packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Roles joined by `+`; with `@` and the first of the hosts where hosts of the same roles want different packages.
    pub name: String,
    /// What they want, sorted by name.
    pub wanted: Vec<Wanted>,
}

/// A package that hosts want.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its version, may end in `*`; none: whichever is best.
    pub version: Option<String>,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}={version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The Release that a suite had when the lock was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Name of the source.
    pub source: String,
    /// The suite.
    pub suite: String,
    /// Its `Date`, in the form of the Release; none where a repository without signature has no Release.
    pub date: Option<String>,
    /// SHA-256 of its text: of what is signed, so that InRelease and Release.gpg give the same.
    pub sha256: Option<Sha256Sum>,
    /// Fingerprint of the pinned key that signed it.
    pub signed_by: Option<String>,
}

/// A package that is carried.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// Its name.
    pub name: Spanned<String>,
    /// Its version.
    pub version: String,
    /// Its architecture, or `all`.
    pub architecture: String,
    /// Size of the .deb file in bytes.
    pub size: u64,
    /// SHA-256 of the .deb file.
    pub sha256: Sha256Sum,
    /// Name of the source that offers it.
    pub source: String,
    /// Path below the source's URL or folder.
    pub path: String,
    /// For which sets, and through which packages it came to each, from what was wanted on; none: it was wanted itself.
    pub sets: BTreeMap<String, Vec<String>>,
}

impl Package {
    /// `name_version_architecture`, as messages call it.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.name.value, self.version, self.architecture)
    }
}

impl Lock {
    /// The set of hosts that want these packages.
    pub fn set(&self, wanted: &[Wanted]) -> Option<&Set> {
        self.asked.sets.iter().find(|set| set.wanted == wanted)
    }

    /// Packages of a set, in the lock's order.
    pub fn closure<'l>(&'l self, set: &'l str) -> impl Iterator<Item = &'l Package> {
        self.packages.iter().filter(move |package| package.sets.contains_key(set))
    }

    /// Packages of any of these sets, in the lock's order.
    pub fn closure_of<'l>(&'l self, sets: &'l [String]) -> impl Iterator<Item = &'l Package> {
        self.packages.iter().filter(|package| sets.iter().any(|set| package.sets.contains_key(set)))
    }

    /// Sorts what the file shows sorted.
    pub fn sort(&mut self) {
        self.packages.sort_by(|a, b| {
            let by_version = || crate::format::debversion::compare(&a.version, &b.version);
            a.name.value.cmp(&b.name.value).then_with(by_version).then_with(|| a.architecture.cmp(&b.architecture))
        });
    }
}
