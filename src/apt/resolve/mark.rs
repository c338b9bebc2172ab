//! The first choice, made as apt makes it: from what is wanted downwards, each need in its order, each time the first alternative
//! that works out.
//!
//! What is wanted stands fast, and so does whatever is the only way to serve something that stands fast. An alternative is given
//! up when one of its own needs cannot be served, and is not tried again.

use super::universe::{Node, NodeId, Universe, VersionId, Wanted};
use super::{Failure, universe};
use crate::apt::package::MultiArch;
use crate::apt::relation::{Group, Relation};

/// Deeper is no archive, but a trap.
const DEPTH: usize = 20_000;

/// Which version of each package is there in the end.
#[derive(Clone)]
pub struct State {
    /// By package.
    pub installed: Vec<Option<VersionId>>,
}

impl State {
    /// The base as it is.
    pub fn base(universe: &Universe<'_>) -> Self {
        Self { installed: universe.nodes.iter().map(|node| node.current).collect() }
    }

    pub(super) fn has(&self, universe: &Universe<'_>, version: VersionId) -> bool {
        self.installed[universe.versions[version].node] == Some(version)
    }

    /// True when one of the alternatives is there for a package of `architecture`.
    pub fn serves(&self, universe: &Universe<'_>, group: &Group<'_>, architecture: &str) -> bool {
        group.0.iter().any(|relation| universe.serving(*relation, architecture).any(|version| self.has(universe, version)))
    }

    /// The first thing that is wrong with a package that is there.
    pub fn broken(&self, universe: &Universe<'_>, node: NodeId) -> Result<bool, Failure> {
        let Some(version) = self.installed[node] else { return Ok(false) };
        let (relations, architecture) = (universe.relations(version)?, universe.nodes[node].architecture);
        let excluded = |relation: &Relation<'_>| universe.excluded(*relation, node).any(|other| self.has(universe, other));
        Ok(relations.needs.iter().any(|group| !self.serves(universe, group, architecture))
            || relations.excludes.iter().any(excluded)
            || universe.siblings(node).any(|sibling| self.apart(universe, version, sibling)))
    }

    /// True when a package of another architecture is there that may not stand beside `version`.
    pub(super) fn apart(&self, universe: &Universe<'_>, version: VersionId, sibling: NodeId) -> bool {
        self.installed[sibling].is_some_and(|other| !universe.beside(version, other))
    }
}

struct Marks<'u, 't> {
    universe: &'u Universe<'t>,
    state: State,
    candidate: Vec<Option<VersionId>>,
    /// Whoever is not asked by the user does not change these any more.
    fast: Vec<bool>,
    /// To be installed or upgraded.
    marked: Vec<bool>,
    wanted: Vec<bool>,
}

/// Marks what is wanted and all that it needs; nothing when that leaves something broken.
pub fn mark(universe: &Universe<'_>, wants: &[Wanted]) -> Result<Option<State>, Failure> {
    let count = universe.nodes.len();
    let mut marks = Marks {
        universe,
        state: State::base(universe),
        candidate: universe.nodes.iter().map(|node| node.candidate).collect(),
        fast: vec![false; count],
        marked: vec![false; count],
        wanted: vec![false; count],
    };
    for Wanted { node, version } in wants {
        marks.candidate[*node] = Some(*version);
        marks.set(*node);
        marks.fast[*node] = true;
        marks.wanted[*node] = true;
    }
    // What is wanted is there before the needs of any of it are looked at.
    for Wanted { node, .. } in wants {
        if marks.state.broken(universe, *node)? {
            marks.install(*node, 0, true)?;
        }
    }
    for node in 0..count {
        if marks.state.broken(universe, node)? {
            return Ok(None);
        }
    }
    Ok(Some(marks.state))
}

impl Marks<'_, '_> {
    fn set(&mut self, node: NodeId) {
        self.state.installed[node] = self.candidate[node];
        self.marked[node] = self.candidate[node] != self.universe.nodes[node].current;
    }

    /// Back to how the base has it; false where that is not allowed.
    fn keep(&mut self, node: NodeId) -> bool {
        if self.marked[node] && self.fast[node] {
            return false;
        }
        self.state.installed[node] = self.universe.nodes[node].current;
        self.marked[node] = false;
        true
    }

    fn may_delete(&self, node: NodeId) -> bool {
        let Node { held, essential, important, .. } = self.universe.nodes[node];
        !(self.fast[node] || held || essential || important || self.wanted[node])
    }

    fn delete(&mut self, node: NodeId) -> bool {
        let may = self.state.installed[node].is_none() || self.may_delete(node);
        if may {
            self.state.installed[node] = None;
            self.marked[node] = false;
        }
        may
    }

    fn discard(&mut self, node: NodeId) {
        if !self.wanted[node] {
            self.state.installed[node] = self.universe.nodes[node].current;
            self.candidate[node] = self.state.installed[node];
            self.marked[node] = false;
        }
    }

    /// Takes a package in with all that it needs. False: it cannot be, and nothing of it is left but what it marked below it.
    fn install(&mut self, node: NodeId, depth: usize, user: bool) -> Result<bool, Failure> {
        let universe = self.universe;
        let Some(version) = self.candidate[node] else { return Ok(false) };
        let current = universe.nodes[node].current;
        if depth > DEPTH {
            return Err(Failure::GaveUp);
        }
        if !user && !self.marked[node] && (self.fast[node] && Some(version) != current || universe.nodes[node].held) {
            return Ok(false);
        }
        if !self.fast[node] && (self.marked[node] || Some(version) == current) && !self.state.broken(universe, node)? {
            return Ok(self.state.installed[node] == Some(version));
        }
        if !user && !self.in_step(node, version) || !self.possible(node, version)? {
            return Ok(false);
        }
        let fast = self.fast[node];
        let relations = universe.relations(version)?;
        let strict = !fast && !user;
        let mut failed = false;

        let mut upgrades = Vec::new();
        let mut removals = Vec::new();
        failed |= !self.make_room(node, relations, fast, strict, &mut upgrades, &mut removals)?;
        if failed && strict {
            return Ok(false);
        }
        self.followers(node, version, &removals, &mut upgrades)?;
        self.set(node);

        // Nothing below may undo what is being worked out here.
        self.fast[node] = true;
        for other in upgrades {
            if self.marked[other] || self.install(other, depth + 1, false)? || self.delete(other) {
                continue;
            }
            failed = true;
        }
        for group in &relations.needs {
            if failed && strict {
                break;
            }
            failed |= !self.serve(node, group, depth, fast)?;
        }
        if !(failed && strict) {
            for other in removals {
                failed |= !self.delete(other);
            }
        }
        self.fast[node] = fast;
        if failed && strict {
            self.discard(node);
        }
        Ok(!failed)
    }

    /// Versions of one package for several architectures that stand beside each other are the same.
    fn in_step(&self, node: NodeId, version: VersionId) -> bool {
        let universe = self.universe;
        let same = |version: VersionId| universe.versions[version].package.multi_arch == MultiArch::Same;
        let apart = |sibling: NodeId| {
            universe.nodes[sibling].current.is_some()
                && self.candidate[sibling].is_some_and(|other| same(other) && universe.compare(other, version).is_ne())
        };
        !same(version) || !universe.siblings(node).any(apart)
    }

    /// False when a need could not be served by anything; the package then is no candidate any more.
    fn possible(&mut self, node: NodeId, version: VersionId) -> Result<bool, Failure> {
        let (universe, architecture) = (self.universe, self.universe.nodes[node].architecture);
        if Some(version) == universe.nodes[node].current {
            return Ok(true);
        }
        let there = |version: VersionId| {
            let node = universe.versions[version].node;
            self.candidate[node] == Some(version) || self.state.installed[node] == Some(version)
        };
        let served = |group: &Group<'_>| group.0.iter().any(|relation| universe.serving(*relation, architecture).any(there));
        if universe.relations(version)?.needs.iter().all(served) {
            return Ok(true);
        }
        if !self.fast[node] {
            self.candidate[node] = universe.nodes[node].current;
            if self.marked[node] {
                self.keep(node);
            }
        }
        Ok(false)
    }

    /// Takes back, upgrades or removes what may not stand beside `node`.
    fn make_room(
        &mut self,
        node: NodeId,
        relations: &universe::Relations<'_>,
        fast: bool,
        strict: bool,
        upgrades: &mut Vec<NodeId>,
        removals: &mut Vec<NodeId>,
    ) -> Result<bool, Failure> {
        let universe = self.universe;
        let mut made = true;
        for relation in &relations.excludes {
            let excluded: Vec<VersionId> = universe.excluded(*relation, node).collect();
            if !fast && !excluded.iter().any(|version| self.state.has(universe, *version)) {
                continue;
            }
            let candidates = excluded.iter().filter(|version| self.candidate[universe.versions[**version].node] == Some(**version));
            let candidates: Vec<VersionId> = candidates.copied().collect();
            let mut bad = Vec::new();
            for version in candidates {
                let other = universe.versions[version].node;
                if universe.nodes[other].current == Some(version) {
                    made &= self.remove(other, fast, removals);
                } else if self.marked[other] && !self.keep(other) {
                    made = false;
                } else if fast {
                    self.candidate[other] = self.state.installed[other];
                    self.fast[other] |= universe.nodes[other].current.is_none();
                } else {
                    bad.push(other);
                }
                if !made && strict {
                    return Ok(false);
                }
            }
            for version in excluded {
                let other = universe.versions[version].node;
                if universe.nodes[other].current != Some(version) || self.candidate[other] == Some(version) {
                    continue;
                }
                if self.candidate[other].is_some() && !bad.contains(&other) {
                    upgrades.push(other);
                } else {
                    made &= self.remove(other, fast, removals);
                }
                if !made && strict {
                    return Ok(false);
                }
            }
        }
        Ok(made)
    }

    fn remove(&mut self, node: NodeId, fast: bool, removals: &mut Vec<NodeId>) -> bool {
        if self.state.installed[node].is_none() {
            return true;
        }
        if !fast {
            removals.push(node);
            return self.may_delete(node);
        }
        let deleted = self.delete(node);
        if deleted {
            self.candidate[node] = None;
            self.fast[node] = true;
        }
        deleted
    }

    /// Installed packages that need the version that `version` replaces go with it.
    fn followers(&self, node: NodeId, version: VersionId, removals: &[NodeId], upgrades: &mut Vec<NodeId>) -> Result<(), Failure> {
        let universe = self.universe;
        let Some(current) = universe.nodes[node].current.filter(|current| *current != version) else { return Ok(()) };
        for (other, entry) in universe.nodes.iter().enumerate() {
            let Some(installed) = entry.current else { continue };
            if self.marked[other] || self.state.installed[other].is_none() || removals.contains(&other) || upgrades.contains(&other) {
                continue;
            }
            let loses = |relation: &Relation<'_>| {
                let mut serving = universe.serving(*relation, entry.architecture).filter(|v| *v == current || *v == version);
                serving.next() == Some(current) && serving.next().is_none()
            };
            if universe.relations(installed)?.needs.iter().any(|group| group.0.iter().any(loses)) {
                upgrades.push(other);
            }
        }
        Ok(())
    }

    /// Sees to one need of `node`.
    fn serve(&mut self, node: NodeId, group: &Group<'_>, depth: usize, fast: bool) -> Result<bool, Failure> {
        let (universe, architecture) = (self.universe, self.universe.nodes[node].architecture);
        if self.state.serves(universe, group, architecture) {
            if fast {
                return self.hold_fast(group, architecture, depth);
            }
            return Ok(true);
        }
        let options = self.options(group, architecture);
        for version in &options {
            let other = universe.versions[*version].node;
            if self.candidate[other] != Some(*version) {
                continue;
            }
            if fast && options.len() == 1 {
                if !self.take(other) {
                    continue;
                }
                self.fast[other] = true;
            }
            if self.install(other, depth + 1, false)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Marks a package without its needs.
    fn take(&mut self, node: NodeId) -> bool {
        let universe = self.universe;
        let blocked = self.fast[node] && !self.marked[node] && self.candidate[node] != universe.nodes[node].current;
        if blocked || (universe.nodes[node].held && !self.marked[node]) {
            return false;
        }
        if !self.candidate[node].is_some_and(|version| self.in_step(node, version)) {
            return false;
        }
        self.set(node);
        true
    }

    /// What serves something that stands fast stands fast itself, when nothing else could.
    fn hold_fast(&mut self, group: &Group<'_>, architecture: &str, depth: usize) -> Result<bool, Failure> {
        let universe = self.universe;
        let mut nodes: Vec<VersionId> = group.0.iter().flat_map(|relation| universe.serving(*relation, architecture)).collect();
        nodes.retain(|version| {
            let node = universe.versions[*version].node;
            let gone = self.fast[node] && self.state.installed[node].is_none();
            !gone && (self.candidate[node] == Some(*version) || universe.nodes[node].current == Some(*version))
        });
        nodes.sort_unstable();
        nodes.dedup();
        let [only] = nodes[..] else { return Ok(true) };
        let other = universe.versions[only].node;
        if self.fast[other] {
            return Ok(true);
        }
        self.fast[other] = true;
        self.install(other, depth + 1, false)
    }

    /// Candidates that serve a need, the preferred first: what is installed already before what is new, then the alternatives in
    /// their order, and of each the package of that name before those that provide it.
    fn options(&self, group: &Group<'_>, architecture: &str) -> Vec<VersionId> {
        let universe = self.universe;
        let mut options = universe.ordered(group, architecture, &self.candidate, &self.fast);
        options.retain(|version| {
            let node = universe.versions[*version].node;
            !(self.fast[node] && self.state.installed[node].is_none())
        });
        options
    }
}
