//! The bill of materials of a cluster that carries its packages: what goes to whom, from whom, under which licences, and why.
//!
//! ```text
//!  Lock, what each package says of itself ─► Bom ─ cyclonedx ─► packages/bom.cdx.json
//!                                              └── table ─────► for people
//! ```
//!
//! Pure, and said of packages alone: what the image has already is not carried, and not in it.

pub mod cyclonedx;
mod graph;
mod part;
pub mod table;

use std::collections::BTreeMap;

use crate::apt::copyright::Licence;
use crate::apt::data::Copyright;
use crate::artifact::Artifact;
use crate::cluster::Cluster;
use crate::emit::repository::{FOLDER, StoredPackage};
use crate::format::checksum::Sha256Sum;
use crate::lock::Lock;

/// Name of its file, in the folder of the packages.
pub const FILE: &str = "bom.cdx.json";

/// What a bill is made from.
#[derive(Clone, Copy, Debug)]
pub struct Material<'m> {
    /// The cluster, with its lock.
    pub cluster: &'m Cluster,
    /// Digest of the lock's bytes.
    pub lock: Option<Sha256Sum>,
    /// What each package says of itself, by digest.
    pub known: &'m BTreeMap<Sha256Sum, StoredPackage>,
    /// Its copyright file, by digest.
    pub copyright: &'m BTreeMap<Sha256Sum, Copyright>,
    /// Seconds since 1970 (SOURCE_DATE_EPOCH); 0: no time is named, because none would be the same tomorrow.
    pub epoch: u64,
}

/// A bill of materials.
#[derive(Clone, Debug)]
pub struct Bom {
    /// Name of the cluster.
    pub cluster: String,
    /// Its platform.
    pub platform: String,
    /// Digest of the lock.
    pub lock: Option<Sha256Sum>,
    /// True where hosts have packages already that are not part of the bill.
    pub base: bool,
    /// See [`Material::epoch`].
    pub epoch: u64,
    /// Hosts that get the same packages, and places of what they want in `parts`; sorted by name.
    pub sets: Vec<(String, Vec<usize>)>,
    /// The packages, in the lock's order.
    pub parts: Vec<Part>,
}

/// A package.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, or `all`.
    pub architecture: String,
    /// Bytes of its file.
    pub size: u64,
    /// SHA-256 of its file.
    pub sha256: Sha256Sum,
    /// Name of its file in the pool.
    pub file: String,
    /// Its package URL.
    pub purl: String,
    /// Who stands for it: `Maintainer`, name and mail address.
    pub supplier: Option<(String, Option<String>)>,
    /// Name and version of the source package that it was made of.
    pub source: (String, String),
    /// First line of its description.
    pub summary: Option<String>,
    /// Where it is at home.
    pub homepage: Option<String>,
    /// Where its file was offered; none for one from a folder, or from this machine.
    pub url: Option<String>,
    /// What its copyright file says.
    pub licences: Licences,
    /// Sets that it is for, and through which packages it came to each; none: the set wanted it itself.
    pub sets: BTreeMap<String, Vec<String>>,
    /// Places of the packages that it needs, among those of its sets; sorted.
    pub needs: Vec<usize>,
}

/// What is known of licences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Licences {
    /// These, of the source as a whole.
    Said(Vec<Licence>),
    /// It has a copyright file, for people alone.
    Prose,
    /// It has no copyright file.
    Silent,
    /// It was not found out, and why.
    Unread(String),
}

impl Licences {
    /// In few words.
    pub fn words(&self) -> String {
        match self {
            Self::Said(_) => "machine-readable".into(),
            Self::Prose => "for people alone".into(),
            Self::Silent => "no copyright file".into(),
            Self::Unread(why) => format!("not read: {why}"),
        }
    }
}

impl Bom {
    /// Of a cluster with a lock; nothing is in it where there is none.
    ///
    /// # Errors
    /// Names a package that was not looked at.
    pub fn of(material: Material<'_>) -> Result<Self, String> {
        let cluster = material.cluster;
        let nothing = || Self {
            cluster: cluster.name.clone(),
            platform: cluster.platform.name.clone(),
            lock: material.lock,
            base: false,
            epoch: material.epoch,
            sets: Vec::new(),
            parts: Vec::new(),
        };
        let Some(lock) = &cluster.lock else { return Ok(nothing()) };
        let mut parts = part::parts(lock, material)?;
        graph::connect(lock, material.known, &mut parts);
        let sets = lock.asked.sets.iter().map(|set| {
            let wanted = |part: &Part| part.sets.get(&set.name).is_some_and(Vec::is_empty);
            (set.name.clone(), parts.iter().enumerate().filter(|(_, part)| wanted(part)).map(|(place, _)| place).collect())
        });
        Ok(Self { sets: sets.collect(), base: lock.base.is_some(), parts, ..nothing() })
    }

    /// The file of an output.
    pub fn artifact(&self) -> Artifact {
        Artifact::public(format!("{FOLDER}/{FILE}"), cyclonedx::print(self))
    }

    /// Bytes of all packages.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }
}

/// Packages of a lock by name.
fn by_name(lock: &Lock) -> BTreeMap<&str, Vec<usize>> {
    let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    lock.packages.iter().enumerate().for_each(|(place, package)| found.entry(&package.name.value).or_default().push(place));
    found
}
