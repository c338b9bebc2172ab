//! `manifest.json` and `SHA256SUMS`: what a build wrote, and from what.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::PRODUCT;
use crate::artifact::Artifact;
use crate::cluster::Cluster;
use crate::format::checksum::{Sha256Sum, sums};
use crate::plan::file::octal;

/// Version of the format.
pub const FORMAT: u32 = 1;

/// A written file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Path below the output folder.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Size in bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Sha256Sum,
}

/// A host of the manifest.
#[derive(Clone, Debug)]
pub struct HostEntry {
    /// Its name.
    pub name: String,
    /// Digest of its plan.
    pub digest: String,
}

/// What the build was made from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Digest of the spec's bytes.
    pub spec: Sha256Sum,
    /// Digest over every file of the profile.
    pub profile: Sha256Sum,
    /// Digest of the lock's bytes, where packages are carried.
    pub lock: Option<Sha256Sum>,
    /// Fingerprint of the key that signs, where one does.
    pub signed: Option<String>,
}

/// The file, field by field in the order in which they are written.
#[derive(Serialize)]
struct Manifest<'a> {
    format: u32,
    product: &'a str,
    cluster: &'a str,
    platform: &'a str,
    delivery: &'a str,
    spec: Digest,
    profile: Profile<'a>,
    lock: Option<Digest>,
    /// Only where a build signs: who takes the signatures away has to change this, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<&'a str>,
    hosts: Vec<HostLine<'a>>,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct Digest {
    sha256: String,
}

#[derive(Serialize)]
struct Profile<'a> {
    name: &'a str,
    sha256: String,
}

#[derive(Serialize)]
struct HostLine<'a> {
    name: &'a str,
    address: Ipv4Addr,
    roles: &'a [String],
    digest: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    #[serde(serialize_with = "octal::serialize")]
    mode: u32,
    size: u64,
    sha256: String,
}

/// Both files; `hosts` are in the order of the spec, `entries` sorted by path.
pub fn emit(cluster: &Cluster, origin: &Origin, hosts: &[HostEntry], entries: &[Entry]) -> [Artifact; 2] {
    let manifest = Manifest {
        format: FORMAT,
        product: PRODUCT,
        cluster: &cluster.name,
        platform: &cluster.platform.name,
        delivery: cluster.delivery.method.word(),
        spec: Digest { sha256: origin.spec.hex() },
        profile: Profile { name: &cluster.profile.name, sha256: origin.profile.hex() },
        lock: origin.lock.map(|lock| Digest { sha256: lock.hex() }),
        signed: origin.signed.as_deref(),
        hosts: cluster
            .hosts
            .iter()
            .zip(hosts)
            .map(|(host, entry)| HostLine { name: &entry.name, address: host.address, roles: &host.roles, digest: &entry.digest })
            .collect(),
        files: entries.iter().map(|e| File { path: &e.path, mode: e.mode, size: e.size, sha256: e.sha256.hex() }).collect(),
    };
    let manifest = super::pretty(&manifest).into_bytes();
    let all = entries.iter().map(|e| (e.path.as_str(), e.sha256));
    let list = sums(all.chain([("manifest.json", Sha256Sum::of(&manifest))]));
    let file = |path: &str, content: Vec<u8>| Artifact::public(path, content);
    [file("SHA256SUMS", list.into_bytes()), file("manifest.json", manifest)]
}
