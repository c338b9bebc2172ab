//! A second opinion: is a base together with a closure whole, and is all there that was wanted?
//!
//! Shares nothing with the resolver but the reader of relations and the order of versions, so that a mistake of the one is found
//! by the other. It does not ask whether apt would have chosen the same.

use std::collections::BTreeMap;
use std::fmt;

use super::package::{MultiArch, Package};
use super::relation::Relation;
use super::resolve::{Closure, Request, Versions, Want};

/// Something that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The package, `name version`, or the wish.
    pub package: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.what)
    }
}

/// What is there in the end, by each name that it serves under.
struct System<'t> {
    native: &'t str,
    packages: Vec<Package<'t>>,
    /// By name: places in `packages`, and the version under which the name is served there, if any.
    serves: BTreeMap<&'t str, Vec<(usize, Option<&'t str>)>>,
}

/// Everything that is wrong with what is there once the closure is installed on the base.
pub fn verify(request: &Request<'_>, wanted: &[Want<'_>], closure: &Closure<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let system = System::new(request, closure, &mut found);
    for chosen in &closure.packages {
        let offered =
            request.sources.get(chosen.source).is_some_and(|source| source.offers.iter().any(|offer| std::ptr::eq(offer, chosen.offer)));
        if !offered {
            found.push(violation(&chosen.offer.package, "is not offered by the source that it is said to come from"));
        }
    }
    for removed in closure.removed.iter().filter(|package| package.essential) {
        found.push(violation(removed, "is essential and would be removed"));
    }
    for want in wanted {
        let (name, architecture) = want.name.split_once(':').map_or((want.name, None), |(name, own)| (name, Some(own)));
        let relation = Relation { name, architecture, version: None };
        let serving = system.serving(relation, system.native);
        let accepted = |place: &usize| {
            let package = &system.packages[*place];
            want.versions == Versions::Any || package.name == relation.name && want.versions.accept(package.version)
        };
        if !serving.iter().any(accepted) {
            found.push(Violation { package: want.to_string(), what: "is wanted and not there".into() });
        }
    }
    (0..system.packages.len()).for_each(|place| system.check(place, &mut found));
    found
}

fn violation(package: &Package<'_>, what: impl Into<String>) -> Violation {
    Violation { package: package.to_string(), what: what.into() }
}

impl<'t> System<'t> {
    fn new(request: &Request<'t>, closure: &Closure<'t>, found: &mut Vec<Violation>) -> Self {
        let native = request.architecture;
        let key = |package: &Package<'t>| (package.name, if package.architecture == "all" { native } else { package.architecture });
        let mut there: BTreeMap<(&str, &str), Package<'t>> = BTreeMap::new();
        for installed in request.base.iter().map(|installed| installed.package) {
            if !closure.removed.iter().any(|gone| key(gone) == key(&installed)) {
                there.insert(key(&installed), installed);
            }
        }
        for chosen in &closure.packages {
            let package = chosen.offer.package;
            let before = there.insert(key(&package), package);
            if before.map(|package| package.version) != chosen.replaces {
                found.push(violation(&package, "does not replace what it is said to replace"));
            }
        }
        let packages: Vec<_> = there.into_values().collect();
        let mut serves: BTreeMap<&str, Vec<(usize, Option<&str>)>> = BTreeMap::new();
        for (place, package) in packages.iter().enumerate() {
            serves.entry(package.name).or_default().push((place, Some(package.version)));
            match package.provisions() {
                Ok(provisions) => provisions.into_iter().for_each(|(name, version)| serves.entry(name).or_default().push((place, version))),
                Err(problem) => found.push(violation(package, format!("cannot be read: {problem}"))),
            }
        }
        Self { native, packages, serves }
    }

    fn architecture(&self, package: &Package<'t>) -> &'t str {
        if package.architecture == "all" { self.native } else { package.architecture }
    }

    /// Places of the packages that have the name in a version that is meant, whatever their architecture.
    fn meant(&self, relation: Relation<'_>) -> Vec<usize> {
        let fits = |served: Option<&str>| {
            relation.version.is_none_or(|(operator, than)| served.is_some_and(|version| operator.holds(version, than)))
        };
        let named = self.serves.get(relation.name).map_or(&[][..], Vec::as_slice).iter();
        named.filter(|(_, served)| fits(*served)).map(|(place, _)| *place).collect()
    }

    /// Places of the packages that serve a relation of a package of `architecture`.
    fn serving(&self, relation: Relation<'_>, architecture: &str) -> Vec<usize> {
        let near = |place: &usize| {
            let package = &self.packages[*place];
            let own = self.architecture(package);
            match relation.architecture {
                None => package.multi_arch == MultiArch::Foreign || own == architecture,
                Some("any") => package.multi_arch == MultiArch::Allowed,
                Some("native") => own == self.native,
                Some(asked) => own == asked,
            }
        };
        self.meant(relation).into_iter().filter(near).collect()
    }

    fn check(&self, place: usize, found: &mut Vec<Violation>) {
        let package = &self.packages[place];
        let architecture = self.architecture(package);
        match package.needs() {
            Ok(groups) => {
                let unmet = groups.iter().filter(|group| !group.0.iter().any(|relation| !self.serving(*relation, architecture).is_empty()));
                found.extend(unmet.map(|group| violation(package, format!("needs {group}, which is not there"))));
            }
            Err(problem) => found.push(violation(package, format!("cannot be read: {problem}"))),
        }
        for relation in package.excludes().unwrap_or_default() {
            for other in self.meant(relation) {
                let there = &self.packages[other];
                let asked = relation.architecture.is_none_or(|asked| asked == "any" || asked == self.architecture(there));
                if there.name != package.name && asked {
                    found.push(violation(package, format!("does not go with {there}: it conflicts with {relation}")));
                }
            }
        }
        let siblings = self.packages[place + 1..].iter().filter(|other| other.name == package.name);
        for other in siblings {
            let same = package.multi_arch == MultiArch::Same && other.multi_arch == MultiArch::Same;
            if !same || package.version != other.version {
                found.push(violation(package, format!("cannot be there for {architecture} and {} together", self.architecture(other))));
            }
        }
    }
}
