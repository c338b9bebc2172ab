//! Carried packages as apt repositories: one folder of packages, and beside it one signed index for each set of hosts that want
//! the same ones.
//!
//! ```text
//! packages/key.asc            who signs
//! packages/pool/X.deb         every package once, as it was fetched
//! packages/SET/Packages       which of them a set has; also .gz, and under by-hash where apt reads that
//! packages/SET/Release        their digests; InRelease and Release.gpg are signatures of it
//! ```
//!
//! `deb [signed-by=…] URL/packages SET/` reads it from any web server. In a seed the same tree is `repo/`, with the one set of
//! the host. Text is made here; signing is not pure and comes from outside, as what was read of each package does.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::seed::SeedFile;
use crate::artifact::Artifact;
use crate::cluster::Cluster;
use crate::format::checksum::{Content, Sha256Sum};
use crate::format::date;
use crate::format::gzip;
use crate::format::pieces::Stored;
use crate::format::tarball::Crc;
use crate::format::volume::Moment;
use crate::lock::{Lock, Package};
use crate::plan::carried::{Locked, closure_id};
use crate::platform::AptKeys;

/// Folder of an output that has all repositories.
pub const FOLDER: &str = "packages";

/// Folder of a seed that has the host's.
pub const IN_SEED: &str = "repo";

/// Longest name of a package's file: `seed/repo/pool/NAME` must fit into the header of a tarball, and NAME onto a volume.
const LONGEST: usize = 80;

/// What was read of a package's file in the store.
#[derive(Debug)]
pub struct StoredPackage {
    /// Its control paragraph, without what an index adds.
    pub paragraph: String,
    /// Space that it takes when installed, in KiB.
    pub installed_kib: u64,
    /// Checksum of its bytes for gzip, where it is packed.
    pub crc: Option<Crc>,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// Armored, in a file of its own.
    Detached,
    /// Around the text (RFC 4880, 7).
    Clear,
}

/// Gives a signature of a text, or the text in one.
pub type Sign<'s> = dyn Fn(&[u8], SignatureForm) -> io::Result<Vec<u8>> + Sync + 's;

/// Signs what a build writes.
#[derive(Clone, Copy)]
pub struct Signer<'s> {
    /// The armored public key.
    pub armored: &'s str,
    /// The same without armor.
    pub keyring: &'s [u8],
    /// Its full fingerprint.
    pub fingerprint: &'s str,
    /// When it was made, in seconds since 1970: nothing can be signed before, and no clock of a host may be behind it.
    pub created: u64,
    /// Signs a text.
    pub sign: &'s Sign<'s>,
}

impl std::fmt::Debug for Signer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.fingerprint)
    }
}

/// A package in the pool.
#[derive(Clone, Debug)]
pub struct Pooled {
    /// Name of its file.
    pub name: String,
    /// The file.
    pub file: Stored,
}

/// The repository of one set.
#[derive(Debug)]
pub struct Repository {
    /// Name of its folder.
    pub id: String,
    /// Its files by path below `packages/` or `repo/`, sorted: indexes and signatures.
    pub files: Vec<SeedFile>,
    /// Its packages, in the lock's order.
    pub pool: Vec<Pooled>,
    /// Space that they take when installed, in MiB.
    pub installed_mib: u64,
    /// Fingerprint of the key.
    pub fingerprint: String,
    /// Time of the key.
    pub created: u64,
}

/// All repositories of a cluster, and what packing needs to know of their packages.
#[derive(Default)]
pub struct Repositories<'k> {
    by_id: BTreeMap<String, Repository>,
    known: Option<&'k BTreeMap<Sha256Sum, StoredPackage>>,
}

impl std::fmt::Debug for Repositories<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.by_id.keys()).finish()
    }
}

impl<'k> Repositories<'k> {
    /// Writes and signs the repository of every set of the lock.
    ///
    /// # Errors
    /// When a package was not looked at, or signing fails.
    pub fn of(cluster: &Cluster, known: &'k BTreeMap<Sha256Sum, StoredPackage>, signer: Signer<'_>, epoch: u64) -> io::Result<Self> {
        let sets = cluster.lock.iter().flat_map(|lock| &lock.asked.sets);
        let each: Vec<Vec<String>> = sets.map(|set| vec![set.name.clone()]).collect();
        Self::with(cluster, &each, known, signer, epoch)
    }

    /// The same for an image alone: one repository of all that its hosts get.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn for_image(
        cluster: &Cluster,
        locked: &Locked,
        known: &'k BTreeMap<Sha256Sum, StoredPackage>,
        signer: Signer<'_>,
        epoch: u64,
    ) -> io::Result<Self> {
        Self::with(cluster, std::slice::from_ref(&locked.sets), known, signer, epoch)
    }

    fn with(
        cluster: &Cluster,
        each: &[Vec<String>],
        known: &'k BTreeMap<Sha256Sum, StoredPackage>,
        signer: Signer<'_>,
        epoch: u64,
    ) -> io::Result<Self> {
        let mut by_id = BTreeMap::new();
        if let Some(lock) = &cluster.lock {
            let names = names(lock);
            for sets in each {
                let made = repository(cluster, lock, sets, &names, known, signer, epoch)?;
                by_id.insert(made.id.clone(), made);
            }
        }
        Ok(Self { by_id, known: Some(known) })
    }

    /// The repository of what is carried for a host or an image.
    pub fn get(&self, locked: Option<&Locked>) -> Option<&Repository> {
        self.by_id.get(&locked?.id)
    }

    /// Checksum of a package's bytes.
    ///
    /// # Errors
    /// When nobody took it.
    pub fn crc(&self, file: &Stored) -> io::Result<&Crc> {
        let known = self.known.and_then(|known| known.get(&file.sha256));
        known.and_then(|known| known.crc.as_ref()).ok_or_else(|| io::Error::other("a package was not read before it is packed"))
    }

    /// Files of the output that all hosts share.
    pub fn artifacts(&self) -> Vec<Artifact> {
        let mut artifacts = Vec::new();
        let mut written = BTreeSet::new();
        for repository in self.by_id.values() {
            let shared = |path: &str| format!("{FOLDER}/{path}");
            for file in repository.files.iter().filter(|file| written.insert(file.path.clone())) {
                artifacts.push(Artifact::public(shared(&file.path), file.content.bytes.clone()));
            }
            for package in repository.pool.iter().filter(|package| written.insert(package.name.clone())) {
                let path = shared(&format!("pool/{}", package.name));
                artifacts.push(Artifact { path, mode: crate::artifact::PUBLIC, content: package.file.into() });
            }
        }
        artifacts
    }
}

/// Names of all files in the pool, as Debian names them: without the epoch, whose colon neither volumes nor URLs like. Where that
/// is too long, or two packages would have one name, the digest is the name.
pub fn names(lock: &Lock) -> BTreeMap<Sha256Sum, String> {
    let usual = |package: &Package| {
        let version = package.version.split_once(':').map_or(&*package.version, |(_, rest)| rest);
        format!("{}_{version}_{}.deb", package.name.value, package.architecture)
    };
    let mut times: BTreeMap<String, BTreeSet<Sha256Sum>> = BTreeMap::new();
    for package in &lock.packages {
        // Volumes do not tell case apart.
        times.entry(usual(package).to_ascii_lowercase()).or_default().insert(package.sha256);
    }
    let name = |package: &Package| {
        let usual = usual(package);
        let plain = usual.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+~_-".contains(&byte));
        let fits = plain && usual.len() <= LONGEST && times.get(&usual.to_ascii_lowercase()).is_some_and(|files| files.len() == 1);
        if fits { usual } else { format!("{}.deb", package.sha256.hex()) }
    };
    lock.packages.iter().map(|package| (package.sha256, name(package))).collect()
}

fn repository(
    cluster: &Cluster,
    lock: &Lock,
    sets: &[String],
    names: &BTreeMap<Sha256Sum, String>,
    known: &BTreeMap<Sha256Sum, StoredPackage>,
    signer: Signer<'_>,
    epoch: u64,
) -> io::Result<Repository> {
    let id = closure_id(lock, sets);
    let mut pool = Vec::new();
    let mut installed_kib = 0;
    let mut index = String::new();
    for package in lock.closure_of(sets) {
        let (Some(known), Some(name)) = (known.get(&package.sha256), names.get(&package.sha256)) else {
            return Err(io::Error::other(format!("{} was not read from the store", package.title())));
        };
        installed_kib = known.installed_kib.saturating_add(installed_kib);
        index.push_str(&entry(package, name, &known.paragraph));
        pool.push(Pooled { name: name.clone(), file: Stored { sha256: package.sha256, size: package.size } });
    }
    let index = index.into_bytes();
    let packed = gzip::pack(&index);
    // apt 1.0 of 14.04 does not know it, and would only carry more.
    let by_hash = cluster.platform.apt_keys == AptKeys::SignedBy;
    let release = release(cluster, &id, epoch, by_hash, &[("Packages", &index), ("Packages.gz", &packed)]).into_bytes();
    let in_release = (signer.sign)(&release, SignatureForm::Clear)?;
    let signature = (signer.sign)(&release, SignatureForm::Detached)?;
    let file = |path: String, bytes: Vec<u8>| SeedFile { path, mode: 0o644, content: Content::shared(bytes), secret: false };
    let mut files = vec![
        file("key.asc".into(), signer.armored.as_bytes().to_vec()),
        file("key.gpg".into(), signer.keyring.to_vec()),
        file(format!("{id}/Release"), release),
        file(format!("{id}/InRelease"), in_release),
        file(format!("{id}/Release.gpg"), signature),
    ];
    for (name, bytes) in [("Packages", index), ("Packages.gz", packed)] {
        let plain = file(format!("{id}/{name}"), bytes);
        let by_hash = by_hash.then(|| format!("{id}/by-hash/SHA256/{}", plain.content.sha256.hex()));
        files.extend(by_hash.map(|path| SeedFile { path, ..plain.clone() }));
        files.push(plain);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let fingerprint = signer.fingerprint.to_string();
    Ok(Repository { id, files, pool, installed_mib: installed_kib.div_ceil(1024), fingerprint, created: signer.created })
}

/// A package's block of the index: its own paragraph, then where it is and what it is.
fn entry(package: &Package, name: &str, paragraph: &str) -> String {
    format!("{}\nFilename: pool/{name}\nSize: {}\nSHA256: {}\n\n", paragraph.trim_end(), package.size, package.sha256.hex())
}

/// Release without `Valid-Until`: a seed does not go stale by lying in a drawer, and a host without network has no newer one.
fn release(cluster: &Cluster, id: &str, epoch: u64, by_hash: bool, files: &[(&str, &[u8])]) -> String {
    let mut out = format!("Origin: clusterseed\nLabel: {}\nSuite: {id}\nCodename: {id}\nDate: {}\n", cluster.name, date(epoch));
    if by_hash {
        out.push_str("Acquire-By-Hash: yes\n");
    }
    out.push_str(&format!("Architectures: {}\nSHA256:\n", cluster.platform.architecture));
    for (name, bytes) in files {
        out.push_str(&format!(" {} {} {name}\n", Sha256Sum::of(bytes).hex(), bytes.len()));
    }
    out
}

/// As RFC 2822 writes it, in UTC: the only form that every apt reads.
fn date(epoch: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let Moment { year, month, day, hour, minute, second } = Moment::of(epoch);
    // Both are remainders.
    let weekday = DAYS[(epoch / 86_400 % 7) as usize];
    let month = date::MONTHS[usize::from(month) - 1];
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} UTC")
}
