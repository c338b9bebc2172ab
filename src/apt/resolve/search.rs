//! The second choice: all combinations of alternatives, in apt's order of preference, until all fits.
//!
//! Each step mends one thing that is wrong, in one of the ways in which it can be mended; when none works, the search goes back to
//! the last step that had a part in it (conflict-directed backjumping), so that what has nothing to do with a contradiction is not
//! tried over and over.

use std::collections::BTreeSet;

use super::Failure;
use super::mark::State;
use super::universe::{NodeId, Universe, VersionId, Wanted};
use crate::apt::relation::Group;

/// Most steps; all of Debian needs some hundred.
const STEPS: usize = 50_000;

/// Something that is wrong.
enum Problem<'u, 't> {
    /// Nothing serves a need of a package.
    Unmet(NodeId, &'u Group<'t>),
    /// Two packages may not be there together.
    Clash(NodeId, NodeId),
}

/// A package, and the version that it gets; none: it goes.
type Change = (NodeId, Option<VersionId>);

/// Steps that had a part in a contradiction.
type Steps = BTreeSet<usize>;

struct Search<'u, 't> {
    universe: &'u Universe<'t>,
    state: State,
    candidate: Vec<Option<VersionId>>,
    /// In which step a package got its version, or lost it; none: it is as in the base and may change.
    decided: Vec<Option<usize>>,
    /// What is there.
    present: BTreeSet<NodeId>,
    steps: usize,
    nobody: Vec<bool>,
}

/// Looks for an answer. None: there is none.
pub fn search(universe: &Universe<'_>, wants: &[Wanted]) -> Result<Option<State>, Failure> {
    let state = State::base(universe);
    let count = universe.nodes.len();
    let mut search = Search {
        universe,
        candidate: universe.nodes.iter().map(|node| node.candidate).collect(),
        decided: vec![None; count],
        present: (0..count).filter(|node| state.installed[*node].is_some()).collect(),
        state,
        steps: 0,
        nobody: vec![false; count],
    };
    for Wanted { node, version } in wants {
        search.candidate[*node] = Some(*version);
        search.set(*node, Some(*version), 0);
    }
    let agenda = wants.iter().rev().map(|want| want.node).collect();
    Ok(search.solve(1, agenda)?.is_none().then_some(search.state))
}

impl<'u, 't> Search<'u, 't> {
    fn set(&mut self, node: NodeId, version: Option<VersionId>, step: usize) {
        self.state.installed[node] = version;
        self.decided[node] = Some(step);
        if version.is_some() {
            self.present.insert(node);
        } else {
            self.present.remove(&node);
        }
    }

    fn unset(&mut self, node: NodeId) {
        let current = self.universe.nodes[node].current;
        self.set(node, current, 0);
        self.decided[node] = None;
    }

    /// Mends all that is wrong with the packages of `agenda`, from its end. None: done. Otherwise the steps that are to blame.
    fn solve(&mut self, step: usize, mut agenda: Vec<NodeId>) -> Result<Option<Steps>, Failure> {
        let problem = loop {
            let Some(node) = agenda.last() else { return Ok(None) };
            match self.problem(*node)? {
                Some(problem) => break problem,
                None => agenda.pop(),
            };
        };
        let (options, mut blame) = self.options(&problem);
        for (node, version) in options {
            self.steps += 1;
            if self.steps > STEPS {
                return Err(Failure::GaveUp);
            }
            self.set(node, version, step);
            let mut next = agenda.clone();
            next.push(node);
            match self.solve(step + 1, next)? {
                None => return Ok(None),
                Some(mut steps) => {
                    self.unset(node);
                    if !steps.remove(&step) {
                        return Ok(Some(steps));
                    }
                    blame.extend(steps);
                }
            }
        }
        Ok(Some(blame))
    }

    /// The first thing that is wrong because `node` is as it is.
    fn problem(&self, node: NodeId) -> Result<Option<Problem<'u, 't>>, Failure> {
        let universe = self.universe;
        let version = self.state.installed[node];
        if let Some(version) = version {
            for relation in &universe.relations(version)?.excludes {
                let there = universe.excluded(*relation, node).find(|other| self.state.has(universe, *other));
                if let Some(other) = there {
                    return Ok(Some(Problem::Clash(node, universe.versions[other].node)));
                }
            }
            let names = universe.names_of(version);
            for other in &self.present {
                let Some(installed) = self.state.installed[*other] else { continue };
                let against = |relation: &&crate::apt::Relation<'_>| names.contains(&relation.name);
                let mut relations = universe.relations(installed)?.excludes.iter().filter(against);
                if relations.any(|relation| universe.excluded(*relation, *other).any(|excluded| excluded == version)) {
                    return Ok(Some(Problem::Clash(*other, node)));
                }
            }
            if let Some(sibling) = universe.siblings(node).find(|sibling| self.state.apart(universe, version, *sibling)) {
                return Ok(Some(Problem::Clash(node, sibling)));
            }
        }
        // Who needed what was there before?
        if let Some(before) = universe.nodes[node].current.filter(|current| Some(*current) != version) {
            let names = universe.names_of(before);
            for other in &self.present {
                let Some(installed) = self.state.installed[*other] else { continue };
                let about = |group: &&Group<'_>| group.0.iter().any(|relation| names.contains(&relation.name));
                let mut needs = universe.relations(installed)?.needs.iter().filter(about);
                if let Some(group) = needs.find(|group| !self.state.serves(universe, group, universe.nodes[*other].architecture)) {
                    return Ok(Some(Problem::Unmet(*other, group)));
                }
            }
        }
        let Some(version) = version else { return Ok(None) };
        let architecture = universe.nodes[node].architecture;
        let unmet = universe.relations(version)?.needs.iter().find(|group| !self.state.serves(universe, group, architecture));
        Ok(unmet.map(|group| Problem::Unmet(node, group)))
    }

    /// Ways to mend a problem, the preferred first, and the steps because of which there are not more.
    fn options(&self, problem: &Problem<'_, '_>) -> (Vec<Change>, Steps) {
        let universe = self.universe;
        let mut options = Vec::new();
        let mut blame = Steps::new();
        match *problem {
            Problem::Unmet(node, group) => {
                let architecture = universe.nodes[node].architecture;
                let (upgrade, removal) = self.changes(node, &mut blame);
                options.extend(upgrade);
                for version in universe.ordered(group, architecture, &self.candidate, &self.nobody) {
                    let other = universe.versions[version].node;
                    if self.decided[other].is_none() && !self.frozen(other) {
                        options.push((other, Some(version)));
                    }
                }
                options.extend(removal);
                let serving = group.0.iter().flat_map(|relation| universe.serving(*relation, architecture));
                blame.extend(serving.filter_map(|version| self.decided[universe.versions[version].node]));
            }
            Problem::Clash(one, other) => {
                for node in [other, one] {
                    let (upgrade, removal) = self.changes(node, &mut blame);
                    options.extend(upgrade);
                    options.extend(removal);
                }
            }
        }
        (options, blame)
    }

    /// How a package of the base may still change: to its candidate, or away.
    fn changes(&self, node: NodeId, blame: &mut Steps) -> (Option<Change>, Option<Change>) {
        if let Some(step) = self.decided[node] {
            blame.insert(step);
            return (None, None);
        }
        let entry = &self.universe.nodes[node];
        let upgrade = self.candidate[node].filter(|candidate| Some(*candidate) != entry.current && !entry.held);
        let removable = !(entry.essential || entry.important || entry.held);
        (upgrade.map(|version| (node, Some(version))), removable.then_some((node, None)))
    }

    /// Held packages stay as they are.
    fn frozen(&self, node: NodeId) -> bool {
        self.universe.nodes[node].held
    }
}
