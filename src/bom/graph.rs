//! Which packages of a bill need which.

use std::collections::{BTreeMap, BTreeSet};

use super::Part;
use crate::apt::control::paragraphs;
use crate::apt::package::Package as Control;
use crate::apt::relation::Relation;
use crate::emit::repository::StoredPackage;
use crate::format::checksum::Sha256Sum;
use crate::lock::Lock;

/// Fills in what every part needs: whatever serves one of its `Pre-Depends` and `Depends`, among the packages that go to the same
/// hosts. What the image serves is not there.
pub(super) fn connect(lock: &Lock, known: &BTreeMap<Sha256Sum, StoredPackage>, parts: &mut [Part]) {
    let of = |sha256: &Sha256Sum| {
        let paragraph = paragraphs(&known.get(sha256)?.paragraph).next()?;
        Control::read(paragraph, |_| Ok(())).ok()
    };
    let controls: Vec<Option<Control<'_>>> = lock.packages.iter().map(|package| of(&package.sha256)).collect();
    let mut needs = vec![BTreeSet::new(); parts.len()];
    for set in &lock.asked.sets {
        let there = |place: &usize| lock.packages[*place].sets.contains_key(&set.name);
        let places: Vec<(usize, &Control<'_>)> =
            (0..lock.packages.len()).filter(there).filter_map(|place| Some((place, controls[place].as_ref()?))).collect();
        let mut serves: BTreeMap<&str, Vec<(usize, Option<&str>)>> = BTreeMap::new();
        for (place, control) in &places {
            serves.entry(control.name).or_default().push((*place, Some(control.version)));
            for (name, version) in control.provisions().unwrap_or_default() {
                serves.entry(name).or_default().push((*place, version));
            }
        }
        let serving = |relation: &Relation<'_>| {
            let named = serves.get(relation.name).map_or(&[][..], Vec::as_slice).iter();
            named.filter(|(_, version)| relation.admits_provided(*version)).map(|(place, _)| *place).collect::<Vec<_>>()
        };
        for (place, control) in &places {
            let groups = control.needs().unwrap_or_default();
            let found = groups.iter().flat_map(|group| &group.0).flat_map(serving);
            needs[*place].extend(found.filter(|other| other != place));
        }
    }
    for (part, needs) in parts.iter_mut().zip(needs) {
        part.needs = needs.into_iter().collect();
    }
}
