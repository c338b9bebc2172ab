//! Whether a system is the one that a lock was made for, as far as the lock relies on it.
//!
//! The lock names no package of its base: it was chosen so that base and carried packages are whole together. Here is looked what
//! they rely on, and whether a real image has it, word for word. An image may have more, or other versions of what nobody needs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lock, Package};
use crate::apt::control::{ControlError, paragraphs};
use crate::apt::package::Package as Control;
use crate::apt::relation::{Relation, RelationError};
use crate::apt::status;
use crate::format::checksum::Sha256Sum;
use crate::format::debversion;

/// What is carried, and the base that it was chosen for.
pub struct Requirements<'q> {
    /// The lock.
    pub lock: &'q Lock,
    /// The sets of it that are to be installed.
    pub sets: &'q [String],
    /// The control paragraph of each carried package, by the digest of its file.
    pub paragraphs: &'q dyn Fn(&Sha256Sum) -> Option<&'q str>,
    /// The dpkg status that the lock was made for; empty where it needs none.
    pub then: &'q str,
}

/// Everything in which an image is not what the carried packages rely on, in words; nothing when they fit. `now` is the image's dpkg
/// status.
///
/// # Errors
/// When a status or a paragraph cannot be read.
pub fn differences(required: &Requirements<'_>, now: &str) -> Result<Vec<String>, String> {
    let unreadable = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    let then = status::read(required.then).map_err(|error| unreadable("the base of the lock", &error))?;
    let now = status::read(now).map_err(|error| unreadable("the dpkg status of the image", &error))?;
    let carried = carried(required).map_err(|error| unreadable("a package of the lock", &error))?;
    let system = System {
        then: then.installed.iter().map(|installed| installed.package).collect(),
        now: now.installed.iter().map(|installed| installed.package).collect(),
        carried,
    };
    let mut found: Vec<String> =
        now.broken.iter().map(|(package, state)| format!("dpkg left `{}` {state}: `dpkg --configure -a` mends it", package.name)).collect();
    system.relied_on(required, &mut found).and_then(|()| system.at_odds(&mut found)).map_err(|error| unreadable("relations", &error))?;
    Ok(found)
}

fn carried<'q>(required: &Requirements<'q>) -> Result<Vec<Control<'q>>, ControlError> {
    let texts = required.lock.closure_of(required.sets).filter_map(|package: &Package| (required.paragraphs)(&package.sha256));
    texts.filter_map(|text| paragraphs(text).next()).map(|paragraph| Control::read(paragraph, |_| Ok(()))).collect()
}

struct System<'q> {
    then: Vec<Control<'q>>,
    now: Vec<Control<'q>>,
    carried: Vec<Control<'q>>,
}

impl System<'_> {
    /// What carried packages need of the base, and what was wanted and is of the base, is there in the very same version.
    fn relied_on(&self, required: &Requirements<'_>, found: &mut Vec<String>) -> Result<(), RelationError> {
        let is = |package: &Control<'_>| self.now.iter().find(|is| (is.name, is.architecture) == (package.name, package.architecture));
        let same = |package: &Control<'_>| is(package).is_some_and(|is| is.version == package.version);
        let mut told = BTreeSet::new();
        let mut tell = |package: &Control<'_>, who: &str| {
            if !same(package) && told.insert(package.name.to_string()) {
                let state = is(package).map_or("is not there".to_string(), |is| format!("is {} there", is.version));
                found.push(format!("`{}` {state}; the lock was made for {}, and {who} needs it", package.name, package.version));
            }
        };
        for package in &self.carried {
            for group in package.needs()? {
                if any(&self.carried, &group.0)? {
                    continue;
                }
                let mut serving = Vec::new();
                for base in &self.then {
                    if meets(base, &group.0)? {
                        serving.push(base);
                    }
                }
                // Of several that do, one is enough.
                if let Some(first) = serving.first().filter(|_| !serving.iter().any(|base| same(base))) {
                    tell(first, &format!("`{}`", package.name));
                }
            }
        }
        let wanted = required.lock.asked.sets.iter().filter(|set| required.sets.contains(&set.name)).flat_map(|set| &set.wanted);
        for wanted in wanted.filter(|wanted| !self.carried.iter().any(|package| package.name == wanted.name)) {
            if let Some(base) = self.then.iter().find(|base| base.name == wanted.name) {
                tell(base, "the spec");
            }
        }
        Ok(())
    }

    /// Nothing of the image is in the way of what is carried, or newer, or left without what it needs.
    fn at_odds(&self, found: &mut Vec<String>) -> Result<(), RelationError> {
        let carried: BTreeMap<&str, &Control<'_>> = self.carried.iter().map(|package| (package.name, package)).collect();
        for is in &self.now {
            let newer = carried.get(is.name).filter(|package| debversion::compare(is.version, package.version).is_gt());
            found.extend(
                newer.map(|package| format!("`{}` is {} there, newer than the {} of the lock", is.name, is.version, package.version)),
            );
        }
        let staying: Vec<Control<'_>> = self.now.iter().filter(|is| !carried.contains_key(is.name)).copied().collect();
        for package in &self.carried {
            for one in package.excludes()? {
                for is in &staying {
                    if meets(is, &[one])? {
                        found.push(format!("`{}` is there, and `{}` of the lock cannot stand beside it", is.name, package.name));
                    }
                }
            }
        }
        for is in &staying {
            for one in is.excludes()? {
                for package in &self.carried {
                    if meets(package, &[one])? {
                        found.push(format!("`{}` is there, and cannot stand beside `{}` of the lock", is.name, package.name));
                    }
                }
            }
            for group in is.needs()? {
                if any(&self.now, &group.0)? && !any(&staying, &group.0)? && !any(&self.carried, &group.0)? {
                    found.push(format!("`{}` is there and needs `{group}`, which the lock replaces by another version", is.name));
                }
            }
        }
        Ok(())
    }
}

fn any(packages: &[Control<'_>], group: &[Relation<'_>]) -> Result<bool, RelationError> {
    for package in packages {
        if meets(package, group)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True when a package is one of those that are meant, itself or by what it provides.
fn meets(package: &Control<'_>, group: &[Relation<'_>]) -> Result<bool, RelationError> {
    if group.iter().any(|relation| relation.name == package.name && relation.admits(package.version)) {
        return Ok(true);
    }
    if package.provides.is_empty() {
        return Ok(false);
    }
    let provided = package.provisions()?;
    Ok(group.iter().any(|relation| provided.iter().any(|(name, version)| *name == relation.name && relation.admits_provided(*version))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Requirements, differences};
    use crate::diag::{Diagnostics, Sources};
    use crate::format::checksum::Sha256Sum;
    use crate::lock::parse;

    const BASE: &str = "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nArchitecture: amd64\n\n\
        Package: mawk\nStatus: install ok installed\nVersion: 1.3\nArchitecture: amd64\nProvides: awk\n\n\
        Package: curl\nStatus: install ok installed\nVersion: 7\nArchitecture: amd64\nDepends: libz (= 1)\n\n\
        Package: libz\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
    const TOOL: &str =
        "Package: tool\nVersion: 2\nArchitecture: amd64\nDepends: libc6 (>= 2.30), awk, libz | other, lib\nBreaks: old (<< 3)\n";
    const LIB: &str = "Package: lib\nVersion: 1.0\nArchitecture: all\n";

    fn asked(now: &str) -> Vec<String> {
        let (tool, lib) = (Sha256Sum::of(TOOL.as_bytes()), Sha256Sum::of(LIB.as_bytes()));
        let package = |name: &str, version: &str, architecture: &str, sha256: &Sha256Sum| {
            format!(
                "  - name: {name}\n    version: \"{version}\"\n    architecture: {architecture}\n    size: 1\n    sha256: \"{}\"\n    \
                 source: debs\n    path: {name}.deb\n    for:\n      r: asked for\n\n",
                sha256.hex()
            )
        };
        let text = format!(
            "version: 1\nplatform: debian-12\narchitecture: amd64\n\nsources:\n  - name: debs\n    folder: debs\n    priority: 500\n\n\
             sets:\n  - name: r\n    wanted: [curl, tool]\n\npackages:\n{}{}",
            package("lib", "1.0", "all", &lib),
            package("tool", "2", "amd64", &tool)
        );
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let id = sources.add("cluster.lock", &text);
        let lock = parse::parse(&text, id, &mut diags).expect("a lock");
        let by_digest = BTreeMap::from([(tool, TOOL), (lib, LIB)]);
        let paragraphs = |sha256: &Sha256Sum| by_digest.get(sha256).copied();
        let sets = ["r".to_string()];
        differences(&Requirements { lock: &lock, sets: &sets, paragraphs: &paragraphs, then: BASE }, now).expect("readable")
    }

    #[test]
    fn what_is_relied_on_has_to_be_there_in_that_version() {
        assert_eq!(asked(BASE), Vec::<String>::new());
        let more = format!("{BASE}\nPackage: vim\nStatus: install ok installed\nVersion: 9\nArchitecture: amd64\n");
        assert_eq!(asked(&more), Vec::<String>::new(), "what nobody needs");
        let other = BASE.replace("2.36-9", "2.36-10");
        assert_eq!(asked(&other), ["`libc6` is 2.36-10 there; the lock was made for 2.36-9, and `tool` needs it"]);
        let gone = BASE.replace("Package: mawk", "Package: gawk");
        assert_eq!(asked(&gone), ["`mawk` is not there; the lock was made for 1.3, and `tool` needs it"]);
        let wanted = BASE.replace("Version: 7", "Version: 8");
        assert_eq!(asked(&wanted), ["`curl` is 8 there; the lock was made for 7, and the spec needs it"]);
    }

    #[test]
    fn what_is_in_the_way_is_told() {
        let with = |paragraph: &str| format!("{BASE}\n{paragraph}");
        let newer = with("Package: lib\nStatus: install ok installed\nVersion: 1.1\nArchitecture: all\n");
        assert_eq!(asked(&newer), ["`lib` is 1.1 there, newer than the 1.0 of the lock"]);
        let old = with("Package: old\nStatus: install ok installed\nVersion: 2\nArchitecture: all\n");
        assert_eq!(asked(&old), ["`old` is there, and `tool` of the lock cannot stand beside it"]);
        let foe = with("Package: foe\nStatus: install ok installed\nVersion: 2\nArchitecture: all\nConflicts: lib\n");
        assert_eq!(asked(&foe), ["`foe` is there, and cannot stand beside `lib` of the lock"]);
        let tied = with(
            "Package: lib\nStatus: install ok installed\nVersion: 0.9\nArchitecture: all\n\n\
             Package: lib-dev\nStatus: install ok installed\nVersion: 0.9\nArchitecture: all\nDepends: lib (= 0.9)\n",
        );
        assert_eq!(asked(&tied), ["`lib-dev` is there and needs `lib (= 0.9)`, which the lock replaces by another version"]);
        let half = with("Package: half\nStatus: install ok half-configured\nVersion: 2\nArchitecture: all\n");
        assert_eq!(asked(&half), ["dpkg left `half` half-configured: `dpkg --configure -a` mends it"]);
    }
}
