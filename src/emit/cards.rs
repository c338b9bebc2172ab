//! Network cards of machines that commands make: one for each physical interface of the spec, with the address that it is found by.

use std::collections::BTreeSet;

use crate::cluster::network::{Kind, Mac};
use crate::cluster::{Cluster, Host};

/// Cards of all hosts.
pub struct Cards<'c> {
    /// Names and places of the physical interfaces, in the order in which a guest numbers its cards.
    order: Vec<(&'c str, usize)>,
    /// Addresses that the spec gives.
    taken: BTreeSet<Mac>,
}

impl<'c> Cards<'c> {
    /// Of all hosts of a cluster.
    pub fn new(cluster: &'c Cluster) -> Self {
        let interfaces = cluster.network.interfaces.iter().enumerate();
        let physical = interfaces.filter(|(_, interface)| matches!(interface.kind, Kind::Physical));
        let mut order: Vec<(&str, usize)> = physical.map(|(index, interface)| (interface.name.as_str(), index)).collect();
        // A guest names its cards by where they sit. One that gets its name by its address may sit anywhere, and leaves the first
        // places to those that do not.
        let found = |index: usize| cluster.hosts.iter().all(|host| host.links[index].mac.is_some());
        order.sort_by_cached_key(|(name, index)| (found(*index), numbers(name)));
        let links = cluster.hosts.iter().flat_map(|host| &host.links);
        Self { order, taken: links.filter_map(|link| Some(link.mac.as_ref()?.value)).collect() }
    }

    /// Names of the interfaces, in order.
    pub fn names(&self) -> impl Iterator<Item = &'c str> {
        self.order.iter().map(|(name, _)| *name)
    }

    /// True where the spec gives some interface its hardware address.
    pub fn are_given(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Addresses of a host's cards, in order: those of the spec, else addresses of the host's own that nobody else has.
    pub fn of(&self, host: &Host) -> Vec<Mac> {
        let count = self.order.len();
        let own =
            |at: usize| (at..256).step_by(count).map(|number| Mac::own(host.address, number as u8)).find(|mac| !self.taken.contains(mac));
        let address = |(at, (_, index)): (usize, &(&str, usize))| host.links[*index].mac.as_ref().map(|mac| mac.value).or_else(|| own(at));
        self.order.iter().enumerate().filter_map(address).collect()
    }
}

/// The name in parts by which eth2 comes before eth10.
fn numbers(name: &str) -> Vec<(String, u64)> {
    let (mut parts, mut rest) = (Vec::new(), name);
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
        let (number, after) = after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()));
        parts.push((word.to_string(), number.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn as_a_guest_counts() {
        let mut names = ["eth10", "enp2s0", "eth2", "enp1s0f1", "enp1s0f0", "eth0", "enp10s0"];
        names.sort_by_cached_key(|name| numbers(name));
        assert_eq!(names, ["enp1s0f0", "enp1s0f1", "enp2s0", "enp10s0", "eth0", "eth2", "eth10"]);
    }
}
