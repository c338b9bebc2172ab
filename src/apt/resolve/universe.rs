//! Everything that there is to choose from, and which versions serve which relations.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Failure, Request, Versions, Want};
use crate::apt::explain::{Explanation, joined};
use crate::apt::index::Offer;
use crate::apt::package::{MultiArch, Package};
use crate::apt::relation::{Group, Relation, RelationError};
use crate::format::debversion;

/// Place of a version in [`Universe::versions`].
pub type VersionId = usize;

/// Place of a package in [`Universe::nodes`].
pub type NodeId = usize;

/// Priority of what is installed and offered nowhere.
const INSTALLED: i32 = 100;

/// One version of a package.
pub struct Version<'t> {
    /// The package that it is a version of.
    pub node: NodeId,
    /// What it says.
    pub package: Package<'t>,
    /// Its source and its place there; none: only installed.
    pub offer: Option<(usize, &'t Offer<'t>)>,
    /// Priority of the best source that offers what is installed.
    backed: Option<i32>,
    relations: OnceLock<Result<Relations<'t>, RelationError>>,
}

/// What a version says of others, read.
pub struct Relations<'t> {
    /// `Pre-Depends`, `Depends`.
    pub needs: Vec<Group<'t>>,
    /// `Conflicts`, `Breaks`.
    pub excludes: Vec<Relation<'t>>,
}

/// A package of one architecture: what can be installed once. `all` counts as the architecture of the system.
pub struct Node<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its architecture.
    pub architecture: &'t str,
    /// Its versions, the latest first, the same in the order of their sources.
    pub versions: Vec<VersionId>,
    /// The version that is installed.
    pub current: Option<VersionId>,
    /// Only an explicit wish changes what is installed.
    pub held: bool,
    /// The version that would be installed.
    pub candidate: Option<VersionId>,
    /// Some version of it is essential.
    pub essential: bool,
    /// Some version of it is protected.
    pub important: bool,
}

/// See [`Universe::new`].
pub struct Universe<'t> {
    /// What it was made from.
    pub request: Request<'t>,
    pub(in crate::apt) versions: Vec<Version<'t>>,
    pub(in crate::apt) nodes: Vec<Node<'t>>,
    names: HashMap<&'t str, Vec<NodeId>>,
    providers: HashMap<&'t str, Vec<(VersionId, Option<&'t str>)>>,
    mentions: OnceLock<HashMap<&'t str, usize>>,
}

/// A wish, resolved to a package and the version that it makes the candidate.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The package.
    pub node: NodeId,
    /// The version.
    pub version: VersionId,
}

impl<'t> Universe<'t> {
    /// Joins sources and base. One universe serves any number of wishes; of 63,000 packages it is made in a tenth of a second.
    ///
    /// Packages of architectures that the system does not take are left out.
    pub fn new(request: Request<'t>) -> Result<Self, Failure> {
        let count = request.sources.iter().map(|source| source.offers.len()).sum::<usize>() + request.base.len();
        let mut universe = Self {
            versions: Vec::with_capacity(count),
            nodes: Vec::with_capacity(count),
            names: HashMap::with_capacity(count),
            providers: HashMap::new(),
            mentions: OnceLock::new(),
            request,
        };
        let (sources, base) = (universe.request.sources, universe.request.base);
        for (number, source) in sources.iter().enumerate() {
            for offer in &source.offers {
                universe.add(offer.package, Some((number, offer)))?;
            }
        }
        for installed in base {
            if let Some(version) = universe.add(installed.package, None)? {
                let node = universe.versions[version].node;
                universe.nodes[node].current = Some(version);
                universe.nodes[node].held = installed.held;
            }
        }
        for node in 0..universe.nodes.len() {
            universe.sort(node);
            universe.nodes[node].candidate = universe.policy(node);
        }
        Ok(universe)
    }

    fn add(&mut self, package: Package<'t>, offer: Option<(usize, &'t Offer<'t>)>) -> Result<Option<VersionId>, Failure> {
        let architecture = match package.architecture {
            "all" => self.request.architecture,
            other if other == self.request.architecture || self.request.foreign.contains(&other) => other,
            _ => return Ok(None),
        };
        let (version, nodes) = (self.versions.len(), &mut self.nodes);
        let known = self.names.entry(package.name).or_default();
        let node = known.iter().copied().find(|node| nodes[*node].architecture == architecture).unwrap_or_else(|| {
            known.push(nodes.len());
            nodes.push(Node {
                name: package.name,
                architecture,
                versions: Vec::new(),
                current: None,
                held: false,
                candidate: None,
                essential: false,
                important: false,
            });
            nodes.len() - 1
        });
        nodes[node].versions.push(version);
        nodes[node].essential |= package.essential;
        nodes[node].important |= package.protected;
        if !package.provides.is_empty() {
            let malformed = |problem| Failure::Malformed { package: package.to_string(), problem };
            for (name, provided) in package.provisions().map_err(malformed)? {
                self.providers.entry(name).or_default().push((version, provided));
            }
        }
        self.versions.push(Version { node, package, offer, backed: None, relations: OnceLock::new() });
        Ok(Some(version))
    }

    /// Latest first; what is installed stands for the same version of a source, whose file it came from.
    fn sort(&mut self, node: NodeId) {
        let mut versions = std::mem::take(&mut self.nodes[node].versions);
        if let Some(current) = self.nodes[node].current {
            let installed = self.versions[current].package.version;
            let same = |version: &VersionId| *version != current && self.versions[*version].package.version == installed;
            let backed = versions.iter().filter(|version| same(version)).map(|version| self.priority(*version)).max();
            versions.retain(|version| !same(version));
            self.versions[current].backed = backed;
        }
        if versions.len() > 1 {
            versions.sort_by(|a, b| {
                let text = |version: &VersionId| self.versions[*version].package.version;
                debversion::compare(text(b), text(a))
            });
        }
        self.nodes[node].versions = versions;
    }

    fn priority(&self, version: VersionId) -> i32 {
        let Version { package, offer, backed, .. } = &self.versions[version];
        let pinned = |pin: &&super::Pin<'_>| pin.name == package.name && pin.versions.accept(package.version);
        if let Some(pin) = self.request.pins.iter().find(pinned) {
            return pin.priority;
        }
        match offer {
            Some((number, _)) => self.request.sources[*number].priority,
            None => backed.unwrap_or(INSTALLED).max(INSTALLED),
        }
    }

    fn policy(&self, node: NodeId) -> Option<VersionId> {
        let Node { versions, current, .. } = &self.nodes[node];
        if let ([only], None) = (&versions[..], current)
            && self.request.pins.is_empty()
        {
            return (self.priority(*only) > 0).then_some(*only);
        }
        let mut best: Option<(i32, VersionId)> = None;
        for version in versions {
            let priority = self.priority(*version);
            let downgrade = current.is_some_and(|current| self.compare(*version, current) == Ordering::Less);
            if priority > best.map_or(0, |(priority, _)| priority) && !(downgrade && priority < 1000) {
                best = Some((priority, *version));
            }
        }
        best.map(|(_, version)| version)
    }

    /// Order of two versions.
    pub fn compare(&self, a: VersionId, b: VersionId) -> Ordering {
        debversion::compare(self.versions[a].package.version, self.versions[b].package.version)
    }

    /// What a version says of others.
    pub fn relations(&self, version: VersionId) -> Result<&Relations<'t>, Failure> {
        let Version { package, relations, .. } = &self.versions[version];
        let read = || Ok(Relations { needs: package.needs()?, excludes: package.excludes()? });
        let failure = |problem: &RelationError| Failure::Malformed { package: package.to_string(), problem: problem.clone() };
        relations.get_or_init(read).as_ref().map_err(failure)
    }

    /// Packages of that name, of every architecture.
    pub fn named(&self, name: &str) -> &[NodeId] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every version that serves a relation of a package of `architecture`: those of that name first, then those that provide it.
    pub fn serving<'a>(&'a self, relation: Relation<'a>, architecture: &'a str) -> impl Iterator<Item = VersionId> + 'a {
        let direct = self.named(relation.name).iter().flat_map(|node| self.nodes[*node].versions.iter().copied());
        let direct = direct.filter(move |version| {
            let version = &self.versions[*version];
            relation.admits(version.package.version) && self.reaches(version, relation, architecture)
        });
        let provided = self.providers.get(relation.name).map_or(&[][..], Vec::as_slice).iter();
        let provided = provided.filter(move |(version, provided)| {
            relation.admits_provided(*provided) && self.reaches(&self.versions[*version], relation, architecture)
        });
        direct.chain(provided.map(|(version, _)| *version))
    }

    /// True when architectures let `version` serve a relation of a package of `architecture`.
    fn reaches(&self, version: &Version<'_>, relation: Relation<'_>, architecture: &str) -> bool {
        let own = self.nodes[version.node].architecture;
        match (relation.architecture, version.package.multi_arch) {
            (Some("any"), multi_arch) => multi_arch == MultiArch::Allowed,
            (Some("native"), _) => own == self.request.architecture,
            (Some(asked), _) => own == asked,
            (None, MultiArch::Foreign) => true,
            (None, _) => own == architecture,
        }
    }

    /// Every version that a package of `node` may not stand beside, because of `relation`: what it conflicts with or breaks.
    pub fn excluded<'a>(&'a self, relation: Relation<'a>, node: NodeId) -> impl Iterator<Item = VersionId> + 'a {
        let fits = move |version: &Version<'_>| {
            version.node != node
                && relation.architecture.is_none_or(|asked| asked == "any" || asked == self.nodes[version.node].architecture)
        };
        let direct = self.named(relation.name).iter().flat_map(|node| self.nodes[*node].versions.iter().copied());
        let direct = direct.filter(move |version| relation.admits(self.versions[*version].package.version));
        let provided = self.providers.get(relation.name).map_or(&[][..], Vec::as_slice).iter();
        let provided = provided.filter(move |(_, provided)| relation.admits_provided(*provided)).map(|(version, _)| *version);
        direct.chain(provided).filter(move |version| fits(&self.versions[*version]))
    }

    /// The name of a version and all that it provides.
    pub fn names_of(&self, version: VersionId) -> Vec<&'t str> {
        let package = &self.versions[version].package;
        let provided = package.provisions().unwrap_or_default();
        std::iter::once(package.name).chain(provided.into_iter().map(|(name, _)| name)).collect()
    }

    /// The same package for other architectures.
    pub fn siblings(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.named(self.nodes[node].name).iter().copied().filter(move |other| *other != node)
    }

    /// True when two versions of a package for different architectures may be there together.
    pub fn beside(&self, a: VersionId, b: VersionId) -> bool {
        let same = |version: VersionId| self.versions[version].package.multi_arch == MultiArch::Same;
        same(a) && same(b) && self.compare(a, b).is_eq()
    }

    /// Candidates that serve a need, the preferred first: what is installed before what is new, then the alternatives in their
    /// order, and of each the package of that name before those that provide it.
    pub fn ordered(&self, group: &Group<'_>, architecture: &str, candidate: &[Option<VersionId>], fast: &[bool]) -> Vec<VersionId> {
        let node = |version: &VersionId| &self.nodes[self.versions[*version].node];
        let mut options: Vec<VersionId> = Vec::new();
        for relation in &group.0 {
            let mut serving: Vec<VersionId> = self.serving(*relation, architecture).collect();
            serving.retain(|version| candidate[self.versions[*version].node] == Some(*version));
            if serving.len() > 1 {
                serving.sort_by_cached_key(|version| {
                    let (at, number) = (node(version), self.versions[*version].node);
                    let package = &self.versions[*version].package;
                    let together = || self.named(at.name).iter().any(|other| self.nodes[*other].current.is_some());
                    let foreign = match at.architecture == self.request.architecture {
                        true => 0,
                        false => 1 + self.request.foreign.iter().position(|other| *other == at.architecture).unwrap_or_default(),
                    };
                    (
                        !fast[number],
                        !(package.multi_arch == MultiArch::Same && together()),
                        at.current.is_none(),
                        at.name != relation.name,
                        !at.essential,
                        !at.important,
                        foreign,
                        package.priority,
                        std::cmp::Reverse(self.mention(at.name)),
                    )
                });
            }
            options.extend(serving.into_iter().filter(|version| !options.contains(version)).collect::<Vec<_>>());
        }
        // Stable: only what is installed moves to the front.
        options.sort_by_key(|version| node(version).current.is_none());
        options
    }

    /// Names in the order in which apt meets them when it reads the sources; of two providers with nothing else between them, it
    /// takes the one that it met last.
    pub fn mention(&self, name: &str) -> usize {
        let mentions = self.mentions.get_or_init(|| {
            let mut mentions: HashMap<&'t str, usize> = HashMap::with_capacity(self.names.len() * 2);
            let offers = self.request.sources.iter().flat_map(|source| source.offers.iter().map(|offer| &offer.package));
            for package in offers.chain(self.request.base.iter().map(|installed| &installed.package)) {
                let p = package;
                let fields =
                    [p.pre_depends, p.depends, p.conflicts, p.breaks, p.recommends, p.suggests, p.replaces, p.enhances, p.provides];
                let first = |text: &'t str| text.trim_start().split([' ', '\t', '\n', '\r', '(', ':']).next().unwrap_or_default();
                let named = fields.into_iter().filter(|field| !field.is_empty()).flat_map(|field| field.split([',', '|']).map(first));
                for name in std::iter::once(package.name).chain(named).filter(|name| !name.is_empty()) {
                    let next = mentions.len();
                    mentions.entry(name).or_insert(next);
                }
            }
            mentions
        });
        mentions.get(name).copied().unwrap_or(usize::MAX)
    }

    /// Finds what is wanted; the first thing that is nowhere is an explanation.
    pub fn wants(&self, wanted: &[Want<'_>]) -> Result<Vec<Wanted>, Explanation> {
        wanted.iter().enumerate().map(|(place, want)| self.want(place, want)).collect()
    }

    fn want(&self, place: usize, want: &Want<'_>) -> Result<Wanted, Explanation> {
        let (name, architecture) = want.name.split_once(':').unwrap_or((want.name, self.request.architecture));
        let named = self.named(name);
        let fits = |node: &&NodeId| self.nodes[**node].architecture == architecture;
        let Some(node) = named.iter().find(fits).copied().or_else(|| self.sole_provider(name)) else {
            return Err(self.nowhere(place, want, name));
        };
        let version = match want.versions {
            Versions::Any => self.nodes[node].candidate,
            versions => self.nodes[node].versions.iter().copied().find(|v| versions.accept(self.versions[*v].package.version)),
        };
        let nothing = || {
            let offered: Vec<String> = self.nodes[node].versions.iter().map(|version| self.offered(*version)).collect();
            Explanation::of(place, format!("{want} is wanted, offered is {}", joined(&offered)))
        };
        Ok(Wanted { node, version: version.ok_or_else(nothing)? })
    }

    /// A name that nothing has but one package provides is taken for that package.
    fn sole_provider(&self, name: &str) -> Option<NodeId> {
        let mut nodes: Vec<NodeId> = self.candidates_providing(name);
        nodes.dedup();
        match &nodes[..] {
            [only] => Some(*only),
            _ => None,
        }
    }

    fn candidates_providing(&self, name: &str) -> Vec<NodeId> {
        let providers = self.providers.get(name).map_or(&[][..], Vec::as_slice).iter();
        let candidates = providers.map(|(version, _)| (self.versions[*version].node, *version));
        let mut nodes: Vec<NodeId> = candidates.filter(|(node, v)| self.nodes[*node].candidate == Some(*v)).map(|(node, _)| node).collect();
        nodes.sort_unstable();
        nodes
    }

    fn nowhere(&self, place: usize, want: &Want<'_>, name: &str) -> Explanation {
        let providers: Vec<String> = self.candidates_providing(name).into_iter().map(|node| self.nodes[node].name.to_string()).collect();
        let text = match providers.is_empty() {
            true => format!("{want} is wanted, which nothing offers"),
            false => {
                format!("{want} is wanted, which is only a name that {} provide: one of them has to be wanted itself", joined(&providers))
            }
        };
        Explanation::of(place, text)
    }

    /// `name version from source`, for messages; with the architecture where that is foreign.
    pub fn offered(&self, version: VersionId) -> String {
        let Version { node, package, offer, .. } = &self.versions[version];
        let architecture = self.nodes[*node].architecture;
        let foreign = if architecture == self.request.architecture { String::new() } else { format!(":{architecture}") };
        let place = offer.map_or("of the base".into(), |(source, _)| format!("from {}", self.request.sources[source].name));
        format!("{}{foreign} {} {place}", package.name, package.version)
    }
}
