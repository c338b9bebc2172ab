//! Rules over the whole cluster, one room each. To add one: a function here, a line in [`CHECKS`], a code, a failing case.

mod access;
mod flags;
mod hosts;
mod interfaces;
mod network;
mod own;
mod packages;
mod ports;
mod reach;
mod roles;
mod rules;
mod secrets;

use super::Cluster;
use crate::diag::{Diagnostics, codes};

/// A check reads the cluster and reports.
pub type Check = fn(&Cluster, &mut Diagnostics);

/// Checks that need no evaluated profile.
const CHECKS: &[Check] = &[
    network::check,
    interfaces::names,
    interfaces::bonds,
    interfaces::vlans,
    interfaces::packets,
    interfaces::routes,
    interfaces::platform,
    interfaces::called,
    reach::unread,
    reach::servers,
    reach::https,
    hosts::names,
    hosts::addresses,
    hosts::macs,
    hosts::ids,
    roles::counts,
    ports::check,
    flags::check,
    packages::check,
    access::check,
    own::files,
    own::commands,
    secrets::files,
    secrets::commands,
];

/// Runs all checks. Rules of the profile are evaluated only where its settings could be, so that one mistake does not bring
/// forth others; for the same reason hosts are counted only when all of them could be read.
pub fn run(cluster: &Cluster, diags: &mut Diagnostics) {
    let sound = !diags.has_errors();
    for check in CHECKS {
        check(cluster, diags);
    }
    if !cluster.sound.hosts {
        diags.forget(&[codes::ROLE_COUNT, codes::ROLE_EVEN, codes::UNKNOWN_HOST, codes::HOST_ID_MISSING]);
    }
    if !cluster.sound.network {
        diags.forget(&[codes::UNKNOWN_INTERFACE]);
    }
    if cluster.evaluated {
        let mut found = Diagnostics::new();
        rules::check(cluster, &mut found);
        if !sound {
            found.forget(&[codes::PROFILE]);
        }
        diags.append(found);
    }
    // Last: where something else is said of a value, that is enough.
    secrets::settings(cluster, diags);
}
