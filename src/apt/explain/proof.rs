//! How an [`Explanation`] is found: what must be there, step by step, until two things exclude each other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Explanation, Line, joined};
use crate::apt::relation::{Group, Relation};
use crate::apt::resolve::universe::{NodeId, Universe, VersionId};
use crate::apt::resolve::{Want, Wanted};

/// Cases within cases.
const DEPTH: usize = 5;

/// Cases that are tried in all.
const CASES: usize = 2_000;

/// Why a version must be there.
#[derive(Clone)]
enum Because<'u, 't> {
    /// It is wanted: the place of the wish.
    Wanted(usize),
    /// It alone serves a need of another.
    Needed(NodeId, &'u Group<'t>),
    /// It is in the base and cannot be removed.
    Base,
    /// It is the case that is looked at.
    Case,
}

/// What must be there, in the order in which it was found.
#[derive(Clone)]
struct Forced<'u, 't> {
    versions: BTreeMap<NodeId, (VersionId, Because<'u, 't>)>,
    order: Vec<NodeId>,
    /// How many of `order` were looked at.
    seen: usize,
}

/// A contradiction.
enum Contradiction<'u, 't> {
    Unserved(NodeId, &'u Group<'t>),
    Clash(NodeId, NodeId),
}

struct Prover<'u, 't, 'w> {
    universe: &'u Universe<'t>,
    wanted: &'u [Want<'w>],
    candidate: BTreeMap<NodeId, VersionId>,
    cases: usize,
    explanation: Explanation,
}

/// Explains why nothing fulfils what is wanted; call it only when that is so.
pub fn explain(universe: &Universe<'_>, wanted: &[Want<'_>], wants: &[Wanted]) -> Explanation {
    // One wish that fails alone says more than all together.
    for place in 0..wants.len() {
        let alone = &wants[place..=place];
        if wants.len() > 1
            && let Some(mut found) = prove(universe, &wanted[place..=place], alone)
        {
            found.wants = vec![place];
            return found;
        }
    }
    prove(universe, wanted, wants).unwrap_or_else(|| {
        let text =
            format!("no choice of packages fulfils {} together", joined(&wanted.iter().map(ToString::to_string).collect::<Vec<_>>()));
        Explanation { wants: (0..wants.len()).collect(), lines: vec![Line { depth: 0, text }] }
    })
}

fn prove(universe: &Universe<'_>, wanted: &[Want<'_>], wants: &[Wanted]) -> Option<Explanation> {
    let mut prover = Prover { universe, wanted, candidate: BTreeMap::new(), cases: 0, explanation: Explanation::default() };
    let mut forced = Forced { versions: BTreeMap::new(), order: Vec::new(), seen: 0 };
    for (place, want) in wants.iter().enumerate() {
        prover.candidate.insert(want.node, want.version);
        forced.add(want.node, want.version, Because::Wanted(place));
    }
    for (node, entry) in universe.nodes.iter().enumerate() {
        let stays = entry.held || (entry.essential || entry.important) && entry.candidate == entry.current;
        if let (true, Some(current)) = (stays, entry.current) {
            forced.add(node, current, Because::Base);
        }
    }
    let lines = prover.refute(forced, 0)?;
    prover.explanation.lines = lines;
    prover.explanation.wants.sort_unstable();
    prover.explanation.wants.dedup();
    Some(prover.explanation)
}

impl<'u, 't> Forced<'u, 't> {
    fn add(&mut self, node: NodeId, version: VersionId, because: Because<'u, 't>) {
        if let Entry::Vacant(place) = self.versions.entry(node) {
            place.insert((version, because));
            self.order.push(node);
        }
    }

    fn version(&self, node: NodeId) -> Option<VersionId> {
        self.versions.get(&node).map(|(version, _)| *version)
    }
}

impl<'u, 't> Prover<'u, 't, '_> {
    /// Sentences that show that not all of `forced` can be there; none when that is not found.
    fn refute(&mut self, mut forced: Forced<'u, 't>, depth: usize) -> Option<Vec<Line>> {
        if let Some(contradiction) = self.propagate(&mut forced) {
            return Some(self.tell(&forced, &contradiction, depth));
        }
        if depth == DEPTH {
            return None;
        }
        let mut choices = self.choices(&forced);
        choices.sort_by_key(|(_, _, options)| options.len());
        for (node, group, options) in choices {
            let mut cases = Vec::new();
            for version in options {
                self.cases += 1;
                if self.cases > CASES {
                    return None;
                }
                let mut case = forced.clone();
                case.add(self.universe.versions[version].node, version, Because::Case);
                match self.refute(case, depth + 1) {
                    Some(lines) => cases.extend(lines),
                    None => {
                        cases.clear();
                        break;
                    }
                }
            }
            if !cases.is_empty() {
                let mut lines = self.chain(&forced, node, depth);
                let text = format!("{} needs {group}", self.named(&forced, node));
                lines.push(Line { depth, text });
                lines.extend(self.dead(&forced, node, group, depth + 1));
                lines.extend(cases);
                return Some(lines);
            }
        }
        None
    }

    /// Adds what alone serves a need, until nothing is left to add or two things exclude each other.
    fn propagate(&self, forced: &mut Forced<'u, 't>) -> Option<Contradiction<'u, 't>> {
        loop {
            while let Some(node) = forced.order.get(forced.seen).copied() {
                let version = forced.version(node)?;
                if let Some(other) =
                    forced.order[..forced.seen].iter().find(|other| self.clash(node, version, **other, forced.version(**other)))
                {
                    return Some(Contradiction::Clash(node, *other));
                }
                forced.seen += 1;
            }
            let mut grown = false;
            for node in forced.order.clone() {
                let Ok(relations) = self.universe.relations(forced.version(node)?) else { continue };
                for group in &relations.needs {
                    match self.alive(forced, node, group)[..] {
                        [] => return Some(Contradiction::Unserved(node, group)),
                        [only] => {
                            let other = self.universe.versions[only].node;
                            if forced.version(other).is_none() {
                                forced.add(other, only, Because::Needed(node, group));
                                grown = true;
                            }
                        }
                        _ => {}
                    }
                }
            }
            if !grown {
                return None;
            }
        }
    }

    fn candidate(&self, node: NodeId) -> Option<VersionId> {
        self.candidate.get(&node).copied().or(self.universe.nodes[node].candidate)
    }

    /// True when two versions may not be there together.
    fn clash(&self, node: NodeId, version: VersionId, other: NodeId, there: Option<VersionId>) -> bool {
        let Some(there) = there.filter(|_| node != other) else { return false };
        let siblings = self.universe.nodes[node].name == self.universe.nodes[other].name;
        self.excludes(version, there).is_some()
            || self.excludes(there, version).is_some()
            || siblings && !self.universe.beside(version, there)
    }

    fn excludes(&self, version: VersionId, other: VersionId) -> Option<Relation<'t>> {
        let node = self.universe.versions[version].node;
        let relations = self.universe.relations(version).ok()?;
        relations.excludes.iter().find(|relation| self.universe.excluded(**relation, node).any(|excluded| excluded == other)).copied()
    }

    fn serving(&self, node: NodeId, group: &Group<'t>) -> Vec<VersionId> {
        let architecture = self.universe.nodes[node].architecture;
        let mut serving: Vec<VersionId> = group.0.iter().flat_map(|relation| self.universe.serving(*relation, architecture)).collect();
        let mut seen = Vec::new();
        serving.retain(|version| {
            !seen.contains(version) && {
                seen.push(*version);
                true
            }
        });
        serving
    }

    /// Versions that may still serve a need; only one when it is there already.
    fn alive(&self, forced: &Forced<'u, 't>, node: NodeId, group: &Group<'t>) -> Vec<VersionId> {
        let serving = self.serving(node, group);
        if let Some(there) = serving.iter().find(|version| forced.version(self.universe.versions[**version].node) == Some(**version)) {
            return vec![*there];
        }
        serving.into_iter().filter(|version| self.obstacle(forced, *version).is_none()).collect()
    }

    /// Needs of what must be there that can be served in several ways.
    fn choices(&self, forced: &Forced<'u, 't>) -> Vec<(NodeId, &'u Group<'t>, Vec<VersionId>)> {
        let mut choices = Vec::new();
        for node in &forced.order {
            let Some(Ok(relations)) = forced.version(*node).map(|version| self.universe.relations(version)) else { continue };
            for group in &relations.needs {
                let options = self.alive(forced, *node, group);
                if options.len() > 1 {
                    choices.push((*node, group, options));
                }
            }
        }
        choices
    }

    /// Why a version that would serve a need cannot be there, as a sentence, and whose chain belongs to it.
    fn obstacle(&self, forced: &Forced<'u, 't>, version: VersionId) -> Option<(String, Option<NodeId>)> {
        let universe = self.universe;
        let node = universe.versions[version].node;
        let name = universe.offered(version);
        let current = universe.nodes[node].current == Some(version);
        if let Some(there) = forced.version(node).filter(|there| *there != version) {
            return Some((format!("{name} cannot be there beside {}", universe.offered(there)), Some(node)));
        }
        match self.candidate(node) {
            Some(candidate) if candidate == version || current => {}
            Some(candidate) => return Some((format!("{name} is not taken, because {} goes before it", universe.offered(candidate)), None)),
            None if current => {}
            None => return Some((format!("{name} has a priority below 0"), None)),
        }
        let in_the_way = forced.order.iter().find(|other| self.clash(node, version, **other, forced.version(**other)))?;
        Some((self.told_clash(version, forced.version(*in_the_way)?), Some(*in_the_way)))
    }

    fn told_clash(&self, version: VersionId, there: VersionId) -> String {
        let (one, other) = (self.universe.offered(version), self.universe.offered(there));
        match (self.excludes(version, there), self.excludes(there, version)) {
            (Some(relation), _) => format!("{one} does not go with {other}: it conflicts with {relation}"),
            (None, Some(relation)) => format!("{other} does not go with {one}: it conflicts with {relation}"),
            (None, None) => format!("{one} and {other} cannot be there together for two architectures"),
        }
    }

    fn named(&self, forced: &Forced<'u, 't>, node: NodeId) -> String {
        forced.version(node).map(|version| self.universe.offered(version)).unwrap_or_default()
    }

    /// Sentences that say why a package must be there.
    fn chain(&mut self, forced: &Forced<'u, 't>, node: NodeId, depth: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut at = node;
        while let Some((_, because)) = forced.versions.get(&at) {
            match because {
                Because::Needed(by, group) => {
                    let mut step = vec![Line { depth, text: format!("{} needs {group}", self.named(forced, *by)) }];
                    if group.0.len() > 1 || self.serving(*by, group).len() > 1 {
                        step.extend(self.dead(forced, *by, group, depth + 1));
                    }
                    lines.splice(0..0, step);
                    at = *by;
                }
                Because::Wanted(place) => {
                    self.explanation.wants.push(*place);
                    if lines.is_empty() {
                        lines.push(Line { depth, text: format!("{} is wanted", self.wanted[*place]) });
                    }
                    break;
                }
                Because::Base => {
                    let text = format!("{} cannot be removed", self.named(forced, at));
                    lines.insert(0, Line { depth, text });
                    break;
                }
                Because::Case => break,
            }
        }
        lines
    }

    /// Sentences about what would serve a need and cannot be there.
    fn dead(&self, forced: &Forced<'u, 't>, node: NodeId, group: &Group<'t>, depth: usize) -> Vec<Line> {
        let obstacles = self.serving(node, group).into_iter().filter_map(|version| self.obstacle(forced, version));
        obstacles.map(|(text, _)| Line { depth, text }).collect()
    }

    fn tell(&mut self, forced: &Forced<'u, 't>, contradiction: &Contradiction<'u, 't>, depth: usize) -> Vec<Line> {
        match *contradiction {
            Contradiction::Clash(one, other) => {
                let mut lines = self.chain(forced, other, depth);
                let more = self.chain(forced, one, depth);
                let new = more.into_iter().filter(|line| !lines.contains(line)).collect::<Vec<_>>();
                lines.extend(new);
                if let (Some(one), Some(other)) = (forced.version(one), forced.version(other)) {
                    lines.push(Line { depth, text: self.told_clash(one, other) });
                }
                lines
            }
            Contradiction::Unserved(node, group) => {
                let mut lines = self.chain(forced, node, depth);
                // That it is wanted goes without saying when it is said what it needs.
                lines.retain(|line| !line.text.ends_with(" is wanted"));
                let obstacles: Vec<_> =
                    self.serving(node, group).into_iter().filter_map(|version| self.obstacle(forced, version)).collect();
                let mut text = format!("{} needs {group}", self.named(forced, node));
                if obstacles.is_empty() {
                    text += &self.offered_instead(group);
                }
                lines.push(Line { depth, text });
                for (text, because) in obstacles {
                    let chain = because.map(|other| self.chain(forced, other, depth + 1)).unwrap_or_default();
                    for line in chain.into_iter().chain([Line { depth: depth + 1, text }]) {
                        if !lines.contains(&line) {
                            lines.push(line);
                        }
                    }
                }
                lines
            }
        }
    }

    /// What is there of the names of a need, none of which serves it.
    fn offered_instead(&self, group: &Group<'t>) -> String {
        let named = group.0.iter().flat_map(|relation| self.universe.named(relation.name));
        let versions = named.flat_map(|node| &self.universe.nodes[*node].versions);
        let offered: Vec<String> = versions.map(|version| self.universe.offered(*version)).collect();
        match offered.is_empty() {
            true => ", which nothing offers".into(),
            false => format!(", offered is {}", joined(&offered)),
        }
    }
}
