//! The other hosts that a service needs: a replicated registry forms only when every member has been there once.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::group::Group;
use super::service::numbers;
use crate::cluster::{Cluster, Host};
use crate::profile;

/// A service on another host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Unit of the service on this host.
    pub service: String,
    /// The other host.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Ports on which the service listens there.
    pub ports: Vec<u16>,
    /// Line to send to the first port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// Extended regular expression that the answer of a serving daemon matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The peers of all services of `host`, by service in start order, then in spec order.
pub fn of(cluster: &Cluster, host: &Host, shared: &Group) -> Vec<Peer> {
    let members = own(cluster, shared).flat_map(|(service, peers)| {
        let others = cluster.with_role(&peers.role.value).filter(|other| other.name != host.name);
        others.map(move |other| Peer {
            service: service.unit.clone(),
            name: other.name.clone(),
            address: other.address,
            ports: numbers(cluster, other, &peers.ports),
            ask: peers.ask.as_ref().map(|ask| ask.line.clone()),
            answer: peers.ask.as_ref().map(|ask| ask.answer.clone()),
        })
    });
    members.filter(|peer| !peer.ports.is_empty()).collect()
}

/// How long the most patient service waits, in seconds.
pub fn seconds(cluster: &Cluster, shared: &Group) -> u32 {
    own(cluster, shared).filter_map(|(_, peers)| u32::try_from(peers.seconds).ok()).max().unwrap_or(0)
}

fn own<'c>(cluster: &'c Cluster, shared: &'c Group) -> impl Iterator<Item = (&'c profile::Service, &'c profile::Peers)> {
    let services = shared.services.iter().filter_map(|own| cluster.profile.services.iter().find(|s| s.unit == own.unit));
    services.filter_map(|service| Some((service, service.peers.as_ref()?)))
}
