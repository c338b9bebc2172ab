//! `host.json`: who the host is and what `apply` shall do with the tree. Format 1; `clusterseed schema host` publishes it.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::repository::Repository;
use super::{Context, PRODUCT};
use crate::cluster::{Cluster, Method, PackageSource};
use crate::plan::file::PlannedFile;
use crate::plan::identity::Identity;
use crate::plan::image::Image;
use crate::plan::peers::Peer;
use crate::plan::submission::{Document, Submission};
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
    /// Services of its own that it gives documents, once.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    submissions: &'a [Submission],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    documents: &'a [Document],
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
    /// The repository inside the seed, which then is the only one that is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<Carried<'a>>,
}

#[derive(Serialize)]
struct Carried<'a> {
    /// Its folder below `repo/`.
    set: &'a str,
    fingerprint: &'a str,
    /// `keep` or `aside`.
    sources_list: &'a str,
}

#[derive(Serialize)]
struct Key<'a> {
    path: &'a str,
    fingerprint: &'a str,
}

/// What the packages say that they take, once more a quarter for what they make themselves, and a copy of the seed where one is made.
fn disk_with(repository: &Repository, cluster: &Cluster) -> u32 {
    let packed: u64 = repository.pool.iter().map(|package| package.file.size.div_ceil(1 << 20)).sum();
    let copy = if cluster.delivery.method == Method::Hand { packed } else { 0 };
    u32::try_from(repository.installed_mib / 4 * 5 + copy).unwrap_or(u32::MAX).saturating_add(DISK_WITHOUT)
}

/// The whole file, pure ASCII, one value per line.
pub fn emit(plan: &HostPlan, context: Context<'_>) -> String {
    let cluster = context.cluster;
    let shared = &plan.shared;
    let repository = context.repository(plan);
    let sources_list = if let PackageSource::Carried(carried) = &cluster.packages.source { carried.sources_list.word() } else { "keep" };
    let carried = repository.map(|r| Carried { set: &r.id, fingerprint: &r.fingerprint, sources_list });
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
        disk_mb: match repository {
            Some(repository) => disk_with(repository, cluster),
            None if shared.packages.is_empty() => DISK_WITHOUT,
            None => DISK_WITH_PACKAGES,
        },
        not_before: context.epoch.max(RELEASED).max(repository.map_or(0, |repository| repository.created)),
        holds: &shared.holds,
        services: &shared.services,
        peers: &plan.peers,
        formation_seconds: plan.formation_seconds,
        identities: &plan.identities,
        apt: Apt { update: true, sources: shared.repositories.iter().map(|r| r.list_path()).collect(), keys: keys.collect(), carried },
        packages: &shared.packages,
        sweep: &shared.sweep,
        alternatives: &shared.alternatives,
        directories: &shared.directories,
        files: plan.files.iter().map(|f| &**f).collect(),
        commands: &plan.commands,
        submissions: &plan.submissions,
        documents: &plan.documents,
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
