//! The choice of packages: what has to be added to a base so that what is wanted is there, whole.
//!
//! The answer is the one of `apt-get --no-install-recommends install`. First [`mark`] chooses as apt does, from what is wanted
//! downwards, each time the first alternative that works out. Where that ends in a contradiction, [`search`] tries other
//! alternatives, in the same order of preference, until all fits or nothing is left to try: it finds an answer whenever there is
//! one. Like apt it takes only one version of each package into account, its *candidate*.

mod mark;
mod search;
pub(super) mod universe;
mod why;

use std::fmt;

use super::explain::{self, Explanation};
use super::index::Offer;
use super::package::Package;
use super::relation::RelationError;
use super::status::Installed;

pub use universe::{Universe, Wanted};

/// Priority of a source that says nothing else.
pub const PRIORITY: i32 = 500;

/// Packages of one index.
#[derive(Clone, Debug)]
pub struct Source<'t> {
    /// Its name, for messages.
    pub name: String,
    /// As apt counts it (apt_preferences(5)): the candidate of a package is the version of highest priority, among those of the
    /// highest the latest version, and of the same version the one of the first source. A later source with the same priority
    /// therefore wins with a later version. Below 0: never taken. Installed packages have 100, and are replaced by an earlier
    /// version only at 1000 or above.
    pub priority: i32,
    /// Its packages.
    pub offers: Vec<Offer<'t>>,
}

/// Which versions somebody accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions<'t> {
    /// The candidate.
    Any,
    /// Exactly this one.
    Exact(&'t str),
    /// The latest that begins so (`1.2*`).
    Prefix(&'t str),
}

impl<'t> Versions<'t> {
    /// What is written after `=`: a version, or its beginning and `*`.
    pub fn read(text: &'t str) -> Self {
        text.strip_suffix('*').map_or(Self::Exact(text), Self::Prefix)
    }

    /// True for a version that is accepted.
    pub fn accept(self, version: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => version == exact,
            Self::Prefix(prefix) => version.starts_with(prefix),
        }
    }
}

/// A package that is wanted; requests name them by their place in the list.
#[derive(Clone, Copy, Debug)]
pub struct Want<'t> {
    /// Its name, or `name:architecture`.
    pub name: &'t str,
    /// Which versions.
    pub versions: Versions<'t>,
}

impl fmt::Display for Want<'_> {
    /// As apt-get takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.versions {
            Versions::Any => f.write_str(self.name),
            Versions::Exact(version) => write!(f, "{}={version}", self.name),
            Versions::Prefix(prefix) => write!(f, "{}={prefix}*", self.name),
        }
    }
}

/// Gives the versions of a package another priority than their source has, wanted or not (`Pin: version`).
#[derive(Clone, Copy, Debug)]
pub struct Pin<'t> {
    /// Name of the package.
    pub name: &'t str,
    /// Its versions that are meant.
    pub versions: Versions<'t>,
    /// Their priority.
    pub priority: i32,
}

/// What is there to choose from; see [`Universe::new`].
#[derive(Clone, Debug, Default)]
pub struct Request<'t> {
    /// Architecture of the system, as Debian names it.
    pub architecture: &'t str,
    /// Further architectures that the system takes packages of (`dpkg --add-architecture`), the preferred first.
    pub foreign: Vec<&'t str>,
    /// Where packages may come from, in order of preference.
    pub sources: &'t [Source<'t>],
    /// What is installed already.
    pub base: &'t [Installed<'t>],
    /// Priorities of single packages; the first that fits counts.
    pub pins: &'t [Pin<'t>],
}

/// Why a package is in a closure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is wanted: its place in the list.
    Wanted(usize),
    /// A package of the closure needs it.
    Needed {
        /// Place of that package in [`Closure::packages`].
        by: usize,
        /// The relation that it serves, as text.
        relation: String,
    },
    /// Its version in the base does not go with a package of the closure.
    Replaced {
        /// Place of that package in [`Closure::packages`].
        by: usize,
        /// The relation that is in the way, as text.
        relation: String,
    },
    /// No package of the closure needs it any more, but one recommends or suggests it, and apt then leaves it in.
    Left,
}

/// A package that was chosen.
#[derive(Clone, Debug)]
pub struct Chosen<'t> {
    /// Place of its source in [`Request::sources`].
    pub source: usize,
    /// The package and its file.
    pub offer: &'t Offer<'t>,
    /// Its version in the base that it replaces.
    pub replaces: Option<&'t str>,
    /// Why it is there.
    pub why: Why,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Closure<'t> {
    /// What has to be installed, sorted by name and architecture.
    pub packages: Vec<Chosen<'t>>,
    /// What has to go from the base, in the order of the base. apt does that, too; who builds on a base may want to refuse.
    pub removed: Vec<Package<'t>>,
    /// The answer was found by trying other alternatives than those that apt marks first: apt's own may be another.
    pub searched: bool,
}

impl<'t> Closure<'t> {
    /// Names of the packages through which the package at `place` came, from the one that is wanted to the one before it.
    pub fn chain(&self, place: usize) -> Vec<&'t str> {
        let mut chain = Vec::new();
        let mut at = place;
        while let Why::Needed { by, .. } | Why::Replaced { by, .. } = &self.packages[at].why {
            at = *by;
            chain.push(self.packages[at].offer.package.name);
        }
        chain.reverse();
        chain
    }
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Nothing fulfils all that is wanted.
    Impossible(Explanation),
    /// A package has a relation that cannot be read.
    Malformed {
        /// The package, with its version.
        package: String,
        /// What cannot be read.
        problem: RelationError,
    },
    /// More was tried than [`search`] may; neither an answer nor a contradiction was found.
    GaveUp,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Impossible(explanation) => explanation.fmt(f),
            Self::Malformed { package, problem } => write!(f, "{package}: {problem}"),
            Self::GaveUp => f.write_str("too many combinations of packages to try them all"),
        }
    }
}

impl std::error::Error for Failure {}

/// Frames of the recursions below live here: closures of a desktop are some thousand packages deep.
const STACK: usize = 256 << 20;

/// Chooses packages so that all that is wanted is there.
pub fn resolve<'t>(universe: &Universe<'t>, wanted: &[Want<'_>]) -> Result<Closure<'t>, Failure> {
    let wants: Vec<_> = match universe.wants(wanted) {
        Ok(wants) => wants,
        Err(explanation) => return Err(Failure::Impossible(explanation)),
    };
    std::thread::scope(|scope| {
        let work = || {
            if let Some(state) = mark::mark(universe, &wants)? {
                return Ok(why::closure(universe, &wants, &state, false));
            }
            match search::search(universe, &wants)? {
                Some(state) => Ok(why::closure(universe, &wants, &state, true)),
                None => Err(Failure::Impossible(explain::explain(universe, wanted, &wants))),
            }
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let joined = thread.map_err(|_| Failure::GaveUp)?.join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
