//! `manifest.json` and `SHA256SUMS`: what a build wrote, and from what.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::PRODUCT;
use crate::artifact::Artifact;
use crate::cluster::{Cluster, Host};
use crate::format::checksum::{Sha256Sum, sums};

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
}

/// Both files; `entries` are sorted by path.
pub fn emit(cluster: &Cluster, origin: &Origin, hosts: &[HostEntry], entries: &[Entry]) -> [Artifact; 2] {
    let known: BTreeMap<&str, &Host> = cluster.hosts.iter().map(|host| (host.name.as_str(), host)).collect();
    let by_name = |host: &HostEntry| {
        let found = known.get(host.name.as_str());
        let (roles, address) = found.map_or((Vec::new(), String::new()), |h| (h.roles.clone(), h.address.to_string()));
        json!({"name": host.name, "address": address, "roles": roles, "digest": host.digest})
    };
    let files: Vec<Value> = entries
        .iter()
        .map(|e| json!({"path": e.path, "mode": format!("{:04o}", e.mode), "size": e.size, "sha256": e.sha256.hex()}))
        .collect();
    let manifest = json!({
        "format": FORMAT,
        "product": PRODUCT,
        "cluster": cluster.name,
        "platform": cluster.platform.name,
        "delivery": cluster.delivery.method.word(),
        "spec": {"sha256": origin.spec.hex()},
        "profile": {"name": cluster.profile.name, "sha256": origin.profile.hex()},
        "lock": null,
        "hosts": hosts.iter().map(by_name).collect::<Vec<_>>(),
        "files": files,
    });
    let manifest = format!("{manifest:#}\n").into_bytes();
    let all = entries.iter().map(|e| (e.path.as_str(), e.sha256));
    let list = sums(all.chain([("manifest.json", Sha256Sum::of(&manifest))]));
    let file = |path: &str, content| Artifact { path: path.into(), mode: 0o644, content };
    [file("SHA256SUMS", list.into_bytes()), file("manifest.json", manifest)]
}
