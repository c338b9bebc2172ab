//! The packages of a lock: for each set the closure of what it wants, judged by a second opinion, and as near to the old lock as can be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Lock, Package, Set};
use crate::apt::resolve::{self, Closure, Pin, Request, Source, Universe, Versions, Want, Why};
use crate::apt::status::Installed;
use crate::apt::verify;
use crate::diag::{At, FileId, Spanned};

/// What shall be new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing that is locked, as long as it is offered and fits.
    Nothing,
    /// These packages.
    Packages(BTreeSet<String>),
    /// Everything.
    All,
}

/// What is chosen from, and how.
pub struct Question<'q> {
    /// What is asked.
    pub asked: &'q Asked,
    /// Indexes, in order of preference; several may be of one source.
    pub indexes: &'q [Source<'q>],
    /// What the image has already.
    pub base: &'q [Installed<'q>],
    /// The lock that there was.
    pub old: Option<&'q Lock>,
    /// What of it shall be new.
    pub upgrade: Upgrade,
}

/// Why a set has no packages.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Name of the set.
    pub set: String,
    /// What it is.
    pub kind: Kind,
    /// Places, among what the set wants, of what cannot be together; none: it is not about one of them.
    pub wants: Vec<usize>,
    /// In words, the fact first.
    pub words: Vec<String>,
}

/// Kinds of [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing that is offered fulfils it.
    Unavailable,
    /// Packages of the base would have to go.
    Removes,
    /// The second opinion is that it is not whole.
    Unsound,
}

/// Above all sources, and below 1000, where an installed package would be taken back to an earlier version.
const LOCKED: i32 = 999;
/// Most packages that are tried one by one to stay as they are, when not all of them can; each takes a tenth of a second.
const TRIED: usize = 60;

/// Chooses for all sets. Gives the packages, sorted, or everything that is in the way.
pub fn choose(question: &Question<'_>) -> Result<Vec<Package>, Vec<Refusal>> {
    let mut packages: BTreeMap<(String, String, String), Package> = BTreeMap::new();
    let mut refusals = Vec::new();
    for set in &question.asked.sets {
        match of_set(question, set) {
            Ok(chosen) => chosen.into_iter().for_each(|package| {
                let key = (package.name.value.clone(), package.version.clone(), package.architecture.clone());
                packages.entry(key).or_insert_with(|| package.clone()).sets.extend(package.sets);
            }),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok(packages.into_values().collect()) } else { Err(refusals) }
}

fn of_set(question: &Question<'_>, set: &Set) -> Result<Vec<Package>, Refusal> {
    let wants: Vec<Want<'_>> = set
        .wanted
        .iter()
        .map(|wanted| Want { name: &wanted.name, versions: wanted.version.as_deref().map_or(Versions::Any, Versions::read) })
        .collect();
    let pins = pins(question, set);
    let attempt = |pins: &[Pin<'_>]| attempt(question, set, &wants, pins);
    match attempt(&pins) {
        Err(refusal) if !pins.is_empty() => {
            // What was locked does not fit any longer: a new choice, of which as much as can be stays as it was.
            let fresh = attempt(&[]).map_err(|fresh| if fresh.kind == refusal.kind { fresh } else { refusal })?;
            Ok(nearest(&pins, fresh, attempt))
        }
        other => other,
    }
}

/// Versions that stay.
fn pins<'q>(question: &'q Question<'_>, set: &Set) -> Vec<Pin<'q>> {
    let stays = |package: &&Package| match &question.upgrade {
        Upgrade::Nothing => true,
        Upgrade::Packages(names) => !names.contains(&package.name.value),
        Upgrade::All => false,
    };
    let locked = question.old.into_iter().flat_map(|old| &old.packages).filter(stays);
    let (own, others): (Vec<&Package>, Vec<&Package>) = locked.partition(|package| package.sets.contains_key(&set.name));
    let pin = |package: &'q Package| Pin { name: &package.name.value, versions: Versions::Exact(&package.version), priority: LOCKED };
    own.into_iter().chain(others).map(pin).collect()
}

/// Adds pins to a choice that was made without, one by one, each that still leaves an answer.
fn nearest<'p>(pins: &[Pin<'p>], fresh: Vec<Package>, attempt: impl Fn(&[Pin<'p>]) -> Result<Vec<Package>, Refusal>) -> Vec<Package> {
    let (mut kept, mut best) = (Vec::new(), fresh);
    for _ in 0..TRIED {
        let differs = |pin: &&Pin<'_>| best.iter().any(|package| package.name.value == pin.name && !pin.versions.accept(&package.version));
        let Some(next) = pins.iter().filter(|pin| !kept.iter().any(|(other, _): &(Pin<'_>, bool)| other.name == pin.name)).find(differs)
        else {
            break;
        };
        let mut with: Vec<Pin<'_>> = kept.iter().filter(|(_, stays)| *stays).map(|(pin, _)| *pin).collect();
        with.push(*next);
        let found = attempt(&with);
        kept.push((*next, found.is_ok()));
        best = found.unwrap_or(best);
    }
    best
}

fn attempt(question: &Question<'_>, set: &Set, wants: &[Want<'_>], pins: &[Pin<'_>]) -> Result<Vec<Package>, Refusal> {
    let refuse = |kind, wants, words| Refusal { set: set.name.clone(), kind, wants, words };
    let lines = |text: String| text.lines().map(str::to_string).collect::<Vec<_>>();
    let request =
        Request { architecture: &question.asked.architecture, foreign: Vec::new(), sources: question.indexes, base: question.base, pins };
    let universe = Universe::new(request.clone()).map_err(|failure| refuse(Kind::Unsound, Vec::new(), lines(failure.to_string())))?;
    let closure = resolve::resolve(&universe, wants).map_err(|failure| match &failure {
        resolve::Failure::Impossible(explanation) => refuse(Kind::Unavailable, explanation.wants.clone(), lines(explanation.to_string())),
        _ => refuse(Kind::Unavailable, Vec::new(), lines(failure.to_string())),
    })?;
    if !closure.removed.is_empty() {
        let words = closure.removed.iter().map(|package| format!("{} {} would have to go", package.name, package.version));
        return Err(refuse(Kind::Removes, Vec::new(), words.collect()));
    }
    let violations = verify::verify(&request, wants, &closure);
    if !violations.is_empty() {
        return Err(refuse(Kind::Unsound, Vec::new(), violations.iter().map(ToString::to_string).collect()));
    }
    Ok((0..closure.packages.len()).map(|place| package(&closure, place, question, set)).collect())
}

fn package(closure: &Closure<'_>, place: usize, question: &Question<'_>, set: &Set) -> Package {
    let chosen = &closure.packages[place];
    let offer = chosen.offer;
    let through = match chosen.why {
        Why::Left => vec!["left".to_string()],
        _ => closure.chain(place).into_iter().map(str::to_string).collect(),
    };
    // `./pool//x.deb` is one of many ways to write a path.
    let path: Vec<&str> = offer.filename.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Package {
        name: Spanned::new(offer.package.name.to_string(), At::new(FileId(0), 0, 0)),
        version: offer.package.version.to_string(),
        architecture: offer.package.architecture.to_string(),
        size: offer.size,
        sha256: offer.sha256,
        source: question.indexes[chosen.source].name.clone(),
        path: path.join("/"),
        sets: BTreeMap::from([(set.name.clone(), through)]),
    }
}
