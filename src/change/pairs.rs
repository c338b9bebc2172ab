//! Which host of the old side is which of the new one. A machine is where its address is: it keeps its disk and so what it was,
//! whatever it is called. One that is at no address of the other side is known by its name.

use std::collections::BTreeMap;

use super::side::{Host, Side};

/// Two sides, host by host.
#[derive(Debug)]
pub struct Pairs<'s> {
    /// The state before.
    pub old: &'s Side,
    /// The state afterwards.
    pub new: &'s Side,
    /// For each host of the new side, its place on the old one.
    before: Vec<Option<usize>>,
    /// For each host of the old side, whether it is on the new one.
    stays: Vec<bool>,
}

impl<'s> Pairs<'s> {
    /// Finds for each host of the new side what it was.
    pub fn new(old: &'s Side, new: &'s Side) -> Self {
        let mut before = vec![None; new.hosts.len()];
        let mut free = vec![true; old.hosts.len()];
        let places = |key: fn(&Host) -> String| -> BTreeMap<String, usize> {
            old.hosts.iter().enumerate().map(|(at, host)| (key(host), at)).collect()
        };
        let by_address = places(Host::address);
        let by_name = places(|host| host.name().to_string());
        let mut pair = |find: &dyn Fn(&Host) -> Option<usize>| {
            for (place, host) in new.hosts.iter().enumerate().filter(|(place, _)| before[*place].is_none()).collect::<Vec<_>>() {
                if let Some(at) = find(host).filter(|at| free[*at]) {
                    free[at] = false;
                    before[place] = Some(at);
                }
            }
        };
        pair(&|host| by_address.get(&host.address()).copied());
        pair(&|host| by_name.get(host.name()).copied());
        Self { old, new, before, stays: free.into_iter().map(|free| !free).collect() }
    }

    /// Hosts that are on both sides, in the order of the new one.
    pub fn both(&self) -> impl Iterator<Item = (&'s Host, &'s Host)> {
        self.all().filter_map(|(before, after)| Some((before?, after)))
    }

    /// All hosts of the new side, each with what it was.
    pub fn all(&self) -> impl Iterator<Item = (Option<&'s Host>, &'s Host)> {
        self.before.iter().zip(&self.new.hosts).map(|(at, after)| (at.map(|at| &self.old.hosts[at]), after))
    }

    /// Hosts of the old side that are on the new one in no form.
    pub fn gone(&self) -> impl Iterator<Item = &'s Host> {
        self.old.hosts.iter().zip(&self.stays).filter(|(_, stays)| !**stays).map(|(host, _)| host)
    }
}
