//! `host.json`: who the host is and what `apply` shall do with the tree. Format 1; `clusterseed schema host` publishes it.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::{Context, PRODUCT};
use crate::plan::file::PlannedFile;
use crate::plan::identity::Identity;
use crate::plan::image::Image;
use crate::plan::peers::Peer;
use crate::plan::{Alternative, Command, Directory, HostPlan, Package, Service};

/// Version of the format.
pub const FORMAT: u32 = 1;

/// Free space that an installation needs, in MiB: packages of a role unpack to a few hundred.
const DISK_WITH_PACKAGES: u32 = 1024;
const DISK_WITHOUT: u32 = 64;

/// 2026-11-01 UTC in seconds since 1970. A seed is younger than the program that builds it, so a clock behind this is wrong.
const RELEASED: u64 = 1_793_491_200;

/// The file, field by field in the order in which they are written. Parts of the plan are written as they are.
#[derive(Serialize)]
struct HostJson<'a> {
    format: u32,
    product: &'a str,
    cluster: &'a str,
    host: &'a str,
    fqdn: &'a str,
    addresses: [Ipv4Addr; 1],
    roles: &'a [String],
    profile: &'a str,
    platform: Platform<'a>,
    digest: &'a str,
    disk_mb: u32,
    /// A clock behind this is wrong: apt would take no signature, and TLS no certificate.
    not_before: u64,
    holds: &'a [String],
    services: &'a [Service],
    peers: &'a [Peer],
    formation_seconds: u32,
    identities: &'a [Identity],
    apt: Apt<'a>,
    packages: &'a [Package],
    sweep: &'a [String],
    alternatives: &'a [Alternative],
    directories: &'a [Directory],
    files: Vec<&'a PlannedFile>,
    commands: &'a [Command],
    /// What the image that the host boots from has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a Image>,
}

#[derive(Serialize)]
struct Platform<'a> {
    name: &'a str,
    os_id: &'a str,
    os_version: &'a str,
    init: &'a str,
}

#[derive(Serialize)]
struct Apt<'a> {
    update: bool,
    sources: Vec<String>,
    keys: Vec<Key<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    path: &'a str,
    fingerprint: &'a str,
}

/// The whole file, pure ASCII, one value per line.
pub fn emit(plan: &HostPlan, context: Context<'_>) -> String {
    let cluster = context.cluster;
    let shared = &plan.shared;
    let keys = shared.repositories.iter().map(|r| Key { path: &r.key_path, fingerprint: &r.fingerprint });
    let file = HostJson {
        format: FORMAT,
        product: PRODUCT,
        cluster: &cluster.name,
        host: &plan.name,
        fqdn: &plan.fqdn,
        addresses: [plan.address],
        roles: &plan.roles,
        profile: &cluster.profile.name,
        platform: Platform {
            name: &cluster.platform.name,
            os_id: &cluster.platform.distribution,
            os_version: &cluster.platform.version,
            init: cluster.platform.init.word(),
        },
        digest: &plan.digest,
        disk_mb: if shared.packages.is_empty() { DISK_WITHOUT } else { DISK_WITH_PACKAGES },
        not_before: context.epoch.max(RELEASED),
        holds: &shared.holds,
        services: &shared.services,
        peers: &plan.peers,
        formation_seconds: plan.formation_seconds,
        identities: &plan.identities,
        apt: Apt { update: true, sources: shared.repositories.iter().map(|r| r.list_path()).collect(), keys: keys.collect() },
        packages: &shared.packages,
        sweep: &shared.sweep,
        alternatives: &shared.alternatives,
        directories: &shared.directories,
        files: plan.files.iter().map(|f| &**f).collect(),
        commands: &plan.commands,
        image: plan.image.as_ref(),
    };
    ascii(super::pretty(&file))
}

/// JSON allows any character outside ASCII to be written as `\uXXXX`; what reads it on the target is awk.
fn ascii(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}
