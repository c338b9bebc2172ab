//! `host.json`: who the host is and what `apply` shall do with the tree. Format 1; `clusterseed schema host` publishes it.
//!
//! [`HostJson`] is the file for whoever writes or reads it. Within the format, keys are only ever added: what an earlier version of this
//! program did not write is optional here, and keys of a later one are kept at the top and left out below it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::repository::Repository;
use super::{Context, PRODUCT};
use crate::cluster::{Cluster, Method, PackageSource};
use crate::plan::file::{Phase, PlannedFile, octal};
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostJson {
    /// [`FORMAT`].
    pub format: u32,
    /// Who made it, with the version.
    pub product: String,
    /// Name of the cluster.
    pub cluster: String,
    /// Short name of the host.
    pub host: String,
    /// Its name with the domain, if there is one.
    pub fqdn: String,
    /// Its addresses: one of them has to be the machine's.
    pub addresses: Vec<Ipv4Addr>,
    /// Its roles.
    pub roles: Vec<String>,
    /// The kind of cluster.
    pub profile: String,
    /// What has to run on the machine.
    pub platform: Platform,
    /// Digest of the plan, sixty-four hexadecimal digits.
    pub digest: String,
    /// Free space that is needed, in MiB.
    pub disk_mb: u32,
    /// A clock behind this, in seconds since 1970, is wrong: apt would take no signature, and TLS no certificate.
    pub not_before: u64,
    /// Units that do not start before their time.
    pub holds: Vec<String>,
    /// The host's own services, in start order.
    pub services: Vec<Service>,
    /// Other hosts that they need.
    pub peers: Vec<Peer>,
    /// How long to wait for these, the first time.
    pub formation_seconds: u32,
    /// What its services refuse to change once they have run.
    pub identities: Vec<Identity>,
    /// Where packages come from.
    pub apt: Apt,
    /// Packages to install.
    pub packages: Vec<Package>,
    /// Folders in which only planned files stay.
    pub sweep: Vec<String>,
    /// Folders under update-alternatives.
    pub alternatives: Vec<Alternative>,
    /// Directories to make.
    pub directories: Vec<Directory>,
    /// Files of the tree, each below `root`.
    pub files: Vec<FileEntry>,
    /// The user's commands, in order.
    pub commands: Vec<Command>,
    /// Services of its own that it gives documents, once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub submissions: Vec<Submission>,
    /// Those documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// What the image that the host boots from has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Keys of a later version of this program; none is written.
    #[serde(flatten)]
    pub later: BTreeMap<String, Json>,
}

/// What has to run on the machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Platform {
    /// Name of the platform.
    pub name: String,
    /// `ID` of /etc/os-release.
    pub os_id: String,
    /// `VERSION_ID` there.
    pub os_version: String,
    /// `upstart` or `systemd`.
    pub init: String,
}

/// Where packages come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Apt {
    /// True when apt reads its lists anew.
    pub update: bool,
    /// Files that name the repositories.
    pub sources: Vec<String>,
    /// The keys that sign them.
    pub keys: Vec<Key>,
    /// The repository inside the seed, which then is the only one that is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
}

/// A repository inside the seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Carried {
    /// Its folder below `repo/`.
    pub set: String,
    /// Fingerprint of the key that signs it.
    pub fingerprint: String,
    /// `keep` or `aside`: what becomes of the host's own sources.
    pub sources_list: String,
}

/// A key of a repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    /// Where it lies on the host.
    pub path: String,
    /// Its full fingerprint.
    pub fingerprint: String,
}

/// A file of the target, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileEntry {
    /// Absolute path.
    pub path: String,
    /// Permission bits, as four octal digits.
    #[serde(with = "octal")]
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
    /// Phase that puts it in place.
    pub phase: Phase,
    /// Units to restart when it changes.
    pub restarts: Vec<String>,
}

impl FileEntry {
    fn of(file: &PlannedFile) -> Self {
        Self {
            path: file.path.clone(),
            mode: file.mode,
            owner: file.owner.clone(),
            group: file.group.clone(),
            phase: file.phase,
            restarts: file.restarts.clone(),
        }
    }
}

impl HostJson {
    /// Reads the file back.
    ///
    /// # Errors
    /// In words, when it is no `host.json` of this format.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let broken = |error: serde_json::Error| format!("host.json: {error}");
        // First: of another format nothing else is known.
        match serde_json::from_slice(bytes).map_err(broken)? {
            Version { format: FORMAT } => serde_json::from_slice(bytes).map_err(broken),
            Version { format } => Err(format!("host.json: format {format} is not known")),
        }
    }

    /// The whole file, pure ASCII, one value per line.
    pub fn text(&self) -> String {
        ascii(super::pretty(self))
    }

    /// What the plan of a host becomes.
    pub fn of(plan: &HostPlan, context: Context<'_>) -> Self {
        let cluster = context.cluster;
        let shared = &plan.shared;
        let repository = context.repository(plan);
        let sources_list =
            if let PackageSource::Carried(carried) = &cluster.packages.source { carried.sources_list.word() } else { "keep" };
        let carried =
            repository.map(|r| Carried { set: r.id.clone(), fingerprint: r.fingerprint.clone(), sources_list: sources_list.into() });
        let keys = shared.repositories.iter().map(|r| Key { path: r.key_path.clone(), fingerprint: r.fingerprint.clone() });
        Self {
            format: FORMAT,
            product: PRODUCT.into(),
            cluster: cluster.name.clone(),
            host: plan.name.clone(),
            fqdn: plan.fqdn.clone(),
            addresses: vec![plan.address],
            roles: plan.roles.clone(),
            profile: cluster.profile.name.clone(),
            platform: Platform {
                name: cluster.platform.name.clone(),
                os_id: cluster.platform.distribution.clone(),
                os_version: cluster.platform.version.clone(),
                init: cluster.platform.init.word().into(),
            },
            digest: plan.digest.clone(),
            disk_mb: match repository {
                Some(repository) => disk_with(repository, cluster),
                None if shared.packages.is_empty() => DISK_WITHOUT,
                None => DISK_WITH_PACKAGES,
            },
            not_before: context.epoch.max(RELEASED).max(repository.map_or(0, |repository| repository.created)),
            holds: shared.holds.clone(),
            services: shared.services.clone(),
            peers: plan.peers.clone(),
            formation_seconds: plan.formation_seconds,
            identities: plan.identities.clone(),
            apt: Apt { update: true, sources: shared.repositories.iter().map(|r| r.list_path()).collect(), keys: keys.collect(), carried },
            packages: shared.packages.clone(),
            sweep: shared.sweep.clone(),
            alternatives: shared.alternatives.clone(),
            directories: shared.directories.clone(),
            files: plan.files.iter().map(|file| FileEntry::of(file)).collect(),
            commands: plan.commands.clone(),
            submissions: plan.submissions.clone(),
            documents: plan.documents.clone(),
            image: plan.image.clone(),
            later: BTreeMap::new(),
        }
    }
}

/// What the packages say that they take, once more a quarter for what they make themselves, and a copy of the seed where one is made.
fn disk_with(repository: &Repository, cluster: &Cluster) -> u32 {
    let packed: u64 = repository.pool.iter().map(|package| package.file.size.div_ceil(1 << 20)).sum();
    let copy = if cluster.delivery.method == Method::Hand { packed } else { 0 };
    u32::try_from(repository.installed_mib / 4 * 5 + copy).unwrap_or(u32::MAX).saturating_add(DISK_WITHOUT)
}

/// The file of a host.
pub fn emit(plan: &HostPlan, context: Context<'_>) -> String {
    HostJson::of(plan, context).text()
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
