//! The network itself.

use crate::cluster::{Addressing, Cluster};
use crate::diag::{Diagnostic, Diagnostics, codes};

/// resolv.conf(5): three name servers, six search domains, 256 characters (glibc before 2.26).
const NAMESERVERS: usize = 3;
const SEARCH_DOMAINS: usize = 6;
const SEARCH_LENGTH: usize = 256;

/// Gateway, name servers and search domains.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    let network = &cluster.network;
    let at = |key: &str| cluster.places.get(key).copied().unwrap_or(cluster.at);
    if let Some(gateway) = network.gateway {
        let outside = !network.contains(gateway);
        if outside || gateway == network.base || gateway == network.broadcast() {
            let what = if outside { format!("lies outside {}/{}", network.base, network.prefix) } else { "is no host's address".into() };
            diags.push(
                Diagnostic::error(codes::GATEWAY, at("network.gateway"), format!("the gateway {gateway} {what}"))
                    .help("hosts reach the gateway directly: it needs an address inside the subnet, neither its first nor its last"),
            );
        }
    }
    if network.addressing != Addressing::Static {
        return;
    }
    if network.nameservers.len() > NAMESERVERS {
        diags.push(
            Diagnostic::warning(
                codes::NAMESERVERS,
                at("network.nameservers"),
                format!("only the first {NAMESERVERS} name servers are ever asked"),
            )
            .help("keep the three that matter"),
        );
    }
    let length: usize = network.search.iter().map(|s| s.len() + 1).sum();
    if network.search.len() > SEARCH_DOMAINS || length > SEARCH_LENGTH {
        diags.push(
            Diagnostic::error(
                codes::SEARCH,
                at("network.search"),
                format!("{} search domains with {length} characters", network.search.len()),
            )
            .help(format!("the resolver of older systems takes {SEARCH_DOMAINS} with {SEARCH_LENGTH} characters in all")),
        );
    }
}
