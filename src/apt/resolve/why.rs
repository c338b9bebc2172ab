//! From the choice to the closure: what nobody needs any more falls out, and the rest learns why it is there.

use std::collections::VecDeque;

use super::mark::State;
use super::universe::{NodeId, Universe, Wanted};
use super::{Chosen, Closure, Why};
use crate::apt::relation::Group;

/// Why a package is there, with packages by their number.
enum Reason {
    Wanted(usize),
    Needed(NodeId, String),
    Replaced(NodeId, String),
    Left,
}

/// The closure of a choice.
pub fn closure<'t>(universe: &Universe<'t>, wants: &[Wanted], state: &State, searched: bool) -> Closure<'t> {
    let reasons = reasons(universe, wants, state);
    let mut places: Vec<NodeId> = (0..universe.nodes.len())
        .filter(|node| reasons[*node].is_some() && state.installed[*node] != universe.nodes[*node].current)
        .filter(|node| state.installed[*node].is_some())
        .collect();
    places.sort_by_key(|node| (universe.nodes[*node].name, universe.nodes[*node].architecture));
    // What was removed has a reason too, but no place: whoever removed it stands for it.
    let place = |node: &NodeId| {
        let mut at = *node;
        for _ in 0..universe.nodes.len() {
            match (places.iter().position(|other| *other == at), &reasons[at]) {
                (Some(place), _) => return Some(place),
                (None, Some(Reason::Replaced(by, _) | Reason::Needed(by, _))) => at = *by,
                _ => return None,
            }
        }
        None
    };
    let packages = places.iter().filter_map(|node| {
        let version = &universe.versions[state.installed[*node]?];
        let (source, offer) = version.offer?;
        let why = match reasons[*node].as_ref()? {
            Reason::Wanted(want) => Why::Wanted(*want),
            Reason::Needed(by, relation) => place(by).map_or(Why::Left, |by| Why::Needed { by, relation: relation.clone() }),
            Reason::Replaced(by, relation) => place(by).map_or(Why::Left, |by| Why::Replaced { by, relation: relation.clone() }),
            Reason::Left => Why::Left,
        };
        let replaces = universe.nodes[*node].current.map(|current| universe.versions[current].package.version);
        Some(Chosen { source, offer, replaces, why })
    });
    let gone = universe.nodes.iter().enumerate().filter(|(node, _)| state.installed[*node].is_none());
    let removed = gone.filter_map(|(_, node)| node.current).map(|current| universe.versions[current].package);
    Closure { packages: packages.collect(), removed: removed.collect(), searched }
}

/// The shortest way from what is wanted to each package; none for what nobody needs.
fn reasons(universe: &Universe<'_>, wants: &[Wanted], state: &State) -> Vec<Option<Reason>> {
    let mut reasons: Vec<Option<Reason>> = (0..universe.nodes.len()).map(|_| None).collect();
    let mut open = VecDeque::new();
    for (place, want) in wants.iter().enumerate() {
        if reasons[want.node].is_none() {
            reasons[want.node] = Some(Reason::Wanted(place));
            open.push_back(want.node);
        }
    }
    reach(universe, state, &mut open, &mut reasons);
    // What was upgraded because it stood in the way, and what that needs.
    let changed = |node: &NodeId| universe.nodes[*node].current.is_some() && state.installed[*node] != universe.nodes[*node].current;
    let changed: Vec<NodeId> = (0..universe.nodes.len()).filter(changed).collect();
    loop {
        for node in changed.iter().copied() {
            if reasons[node].is_none()
                && let Some((by, relation)) = in_the_way(universe, state, node, &reasons)
            {
                reasons[node] = Some(Reason::Replaced(by, relation));
                open.push_back(node);
            }
        }
        if open.is_empty() {
            break;
        }
        reach(universe, state, &mut open, &mut reasons);
    }
    for node in changed {
        reasons[node].get_or_insert(Reason::Left);
    }
    left(universe, state, &mut reasons);
    reasons
}

fn reach(universe: &Universe<'_>, state: &State, open: &mut VecDeque<NodeId>, reasons: &mut [Option<Reason>]) {
    while let Some(node) = open.pop_front() {
        let Some(version) = state.installed[node] else { continue };
        let Ok(relations) = universe.relations(version) else { continue };
        for group in &relations.needs {
            for other in served_by(universe, state, group, universe.nodes[node].architecture) {
                if reasons[other].is_none() && state.installed[other] != universe.nodes[other].current {
                    reasons[other] = Some(Reason::Needed(node, group.to_string()));
                    open.push_back(other);
                }
            }
        }
    }
}

fn served_by(universe: &Universe<'_>, state: &State, group: &Group<'_>, architecture: &str) -> Vec<NodeId> {
    let serving = group.0.iter().flat_map(|relation| universe.serving(*relation, architecture));
    serving.filter(|version| state.has(universe, *version)).map(|version| universe.versions[version].node).collect()
}

/// What does not go with the installed version of `node`: something that breaks it, or that it needed in another version.
fn in_the_way(universe: &Universe<'_>, state: &State, node: NodeId, reasons: &[Option<Reason>]) -> Option<(NodeId, String)> {
    let current = universe.nodes[node].current?;
    let changed = |other: NodeId| state.installed[other] != universe.nodes[other].current && reasons[other].is_some();
    let mut others = (0..universe.nodes.len()).filter(|other| changed(*other));
    let own = universe.relations(current).ok()?;
    others.find_map(|other| {
        let excludes = state.installed[other].and_then(|version| universe.relations(version).ok()).map_or(&[][..], |r| &r.excludes);
        let breaks = excludes.iter().find(|relation| universe.excluded(**relation, other).any(|version| version == current));
        let against = own.excludes.iter().find(|relation| universe.excluded(**relation, node).any(|v| Some(v) == state.installed[other]));
        let lost = own.needs.iter().find(|group| {
            let before = universe.nodes[other].current;
            let serving: Vec<_> = group.0.iter().flat_map(|r| universe.serving(*r, universe.nodes[node].architecture)).collect();
            before.is_some_and(|before| serving.contains(&before)) && !state.installed[other].is_some_and(|after| serving.contains(&after))
        });
        let relation = breaks.or(against).map(ToString::to_string).or_else(|| lost.map(ToString::to_string));
        relation.map(|relation| (other, relation))
    })
}

/// What an alternative marked that was given up later stays when something recommends or suggests it, as it does in apt.
fn left(universe: &Universe<'_>, state: &State, reasons: &mut [Option<Reason>]) {
    let there = |node: NodeId, reasons: &[Option<Reason>]| {
        state.installed[node].is_some() && (reasons[node].is_some() || state.installed[node] == universe.nodes[node].current)
    };
    let mut unreached: Vec<NodeId> = (0..universe.nodes.len()).filter(|n| state.installed[*n].is_some() && !there(*n, reasons)).collect();
    if unreached.is_empty() {
        return;
    }
    let mut open: Vec<NodeId> = (0..universe.nodes.len()).filter(|node| there(*node, reasons)).collect();
    while let Some(node) = open.pop() {
        let Some(version) = state.installed[node] else { continue };
        let wishes = universe.versions[version].package.wishes().unwrap_or_default();
        let needs = universe.relations(version).map_or(&[][..], |relations| &relations.needs);
        for group in wishes.iter().chain(needs) {
            for other in served_by(universe, state, group, universe.nodes[node].architecture) {
                if let Some(place) = unreached.iter().position(|node| *node == other) {
                    unreached.swap_remove(place);
                    reasons[other] = Some(Reason::Left);
                    open.push(other);
                }
            }
        }
    }
}
