//! The only place that writes an output: a folder appears whole, or stays exactly as it was.
//!
//! ```text
//! DIR/out                          the output, old until the swap and new from then on
//! DIR/.out.clusterseed-stage/lock  held locked by the build that is running
//! DIR/.out.clusterseed-stage/new   the tree that the build fills
//! ```
//!
//! [`Stage::begin`] takes the work folder, [`Stage::write`] fills the tree, [`Stage::commit`] links what is foreign in the old
//! output into it, brings all of it to the disk, exchanges the two in one step, and removes the old one. There is never a moment
//! without an output, except on file systems that cannot exchange (NFS): there are two renames, and the next build mends what a
//! kill between them leaves. Files that the old output's manifest names are ours and go; all others are foreign and stay.
//!
//! Known limits: the output's folders are new ones after each build, so a shell that stands in one of them has to `cd` again,
//! and extended attributes and ACLs of foreign *folders* are not kept.

mod carry;
mod manifest;
mod ops;
mod place;
pub mod pour;
mod settle;
mod single;
#[cfg(test)]
mod tests;

pub use single::{make_folder, rename_new, write_file};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::Stat;
use rustix::io::Errno;

use self::carry::{Survey, dress};
use self::ops::{Faults, at, is_unsupported, open_folder};
use self::place::Site;
use self::settle::{NEW, OLD, settle, swap_name};
use crate::artifact::{Artifact, CHECKSUMS, MANIFEST, SIGNATURES, folders_above};
use crate::format::checksum::Sha256Sum;
use crate::io::store::Store;

/// Mode of every folder in an output.
const FOLDER: u32 = 0o755;

/// An output in the making. Dropping it without [`Stage::commit`] leaves everything as it was.
pub struct Stage {
    site: Site,
    /// The folder `new`.
    tree: OwnedFd,
    /// Where files lie that artifacts name.
    store: Option<Store>,
    claims: Mutex<Claims>,
}

/// What has been written so far.
#[derive(Default)]
struct Claims {
    /// Path and size.
    files: BTreeMap<String, u64>,
    /// Every folder above a file.
    folders: BTreeSet<String>,
    /// What the new manifest names.
    manifest: Option<BTreeSet<String>>,
    /// Set when any write failed: an output with a hole must not go out.
    failed: bool,
}

/// What a build did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The output's real path.
    pub target: PathBuf,
    /// Files written.
    pub files: usize,
    /// Their sizes together.
    pub bytes: u64,
    /// Files of the earlier output that are in the new one no more.
    pub removed: usize,
    /// Foreign files and symlinks that were kept.
    pub kept: usize,
    /// The new output is there, but this did not go well after the swap: a sentence to show as a warning.
    pub leftover: Option<String>,
}

impl Stage {
    /// Prepares to write the output folder `target`, which need not exist; the folder above it must.
    ///
    /// # Errors
    /// When `target` is no place for an output, or another build is writing it.
    pub fn begin(target: &Path) -> Result<Self> {
        Self::begin_with(target, Faults::default())
    }

    fn begin_with(target: &Path, faults: Faults) -> Result<Self> {
        let site = Site::open(target, faults)?;
        settle(&site).context("clearing up after a build that was killed")?;
        let shown = show(&site.place.stage_path());
        site.ops.mkdir(at(&site.work, NEW), 0o700).with_context(|| format!("making a folder in `{shown}`"))?;
        let tree = open_folder(at(&site.work, NEW)).with_context(|| format!("opening a folder in `{shown}`"))?;
        Ok(Self { site, tree, store: None, claims: Mutex::default() })
    }

    /// With the store that has the files which artifacts name.
    pub fn with_store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Writes one file with exactly its mode, and the folders above it, and gives its digest; any number of threads may do so at once.
    ///
    /// # Errors
    /// When the path is unsafe or taken, or the disk says no. The output cannot be committed any more then.
    pub fn write(&self, artifact: &Artifact) -> Result<Sha256Sum> {
        let shown = || show(&self.site.place.path.join(&artifact.path));
        let done = self.try_write(artifact).with_context(|| format!("writing `{}`, so the output stays as it was", shown()));
        if done.is_err() {
            self.lock().failed = true;
        }
        done
    }

    fn try_write(&self, artifact: &Artifact) -> Result<Sha256Sum> {
        let path = artifact.path.as_str();
        artifact.check()?;
        let text = artifact.content.bytes().filter(|_| path == MANIFEST);
        let manifest = text.map(manifest::own_files).transpose()?;
        {
            // Held while folders are made, so that a file's folder is there with its right mode before anybody writes into it.
            let mut claims = self.lock();
            ensure!(!claims.files.contains_key(path), "there is such a file already");
            ensure!(!claims.folders.contains(path), "there is such a folder already");
            for folder in folders_above(path) {
                ensure!(!claims.files.contains_key(folder), "`{folder}` is a file");
                if !claims.folders.contains(folder) {
                    self.site.ops.mkdir(at(&self.tree, folder), FOLDER).with_context(|| format!("making `{folder}`"))?;
                    claims.folders.insert(folder.to_string());
                }
            }
            claims.files.insert(path.to_string(), artifact.content.size());
            claims.manifest = manifest.or(claims.manifest.take());
        }
        pour::pour(&self.site.ops, at(&self.tree, path), artifact.mode, &artifact.content, self.store.as_ref())
    }

    /// Makes all that was written the output, in one step.
    ///
    /// # Errors
    /// The output is what it was before. (Once the new one is there, nothing is an error any more: see [`Summary::leftover`].)
    pub fn commit(self) -> Result<Summary> {
        let Self { mut site, tree, store: _, claims } = self;
        let claims = claims.into_inner().unwrap_or_else(PoisonError::into_inner);
        claims.check_complete()?;

        let shown = show(&site.place.path);
        let old = site.place.look()?;
        let mut survey = Survey::default();
        if let Some(stat) = &old {
            let output = open_folder(at(&site.place.parent, &site.place.name)).with_context(|| format!("opening `{shown}`"))?;
            survey = Survey::of(&output, &site.place.path)?;
            survey.check(&claims, &site.place.path)?;
            survey.carry(&site.ops, &output, &tree, &claims)?;
            dress(&site.ops, &tree, Path::new("."), stat)?;
        } else {
            site.ops.chmod(at(&tree, "."), FOLDER).context("setting the mode of the output folder")?;
        }
        site.ops.sync_all(&tree).context("bringing the output to the disk")?;
        swap(&site, old.as_ref()).with_context(|| format!("putting the new output in the place of `{shown}`"))?;

        let synced = site.ops.sync(&site.place.parent).map_err(|error| anyhow!(error).context("bringing the swap to the disk"));
        let closed = site.close();
        let removed = survey.own.iter().filter(|path| !claims.files.contains_key(*path)).count();
        Ok(Summary {
            files: claims.files.len(),
            bytes: claims.files.values().sum(),
            removed,
            kept: survey.kept(),
            leftover: closed.and(synced).err().map(|error| format!("{error:#}")),
            target: site.place.path.clone(),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Claims> {
        // A panic in another thread leaves at worst a claim without a file, and that thread's build is over.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claims {
    /// A manifest that does not name exactly what was written would make the next build take our files for foreign ones, or
    /// foreign ones for ours.
    fn check_complete(&self) -> Result<()> {
        ensure!(!self.failed, "a file could not be written, so the output is not complete");
        let Some(named) = &self.manifest else { bail!("the output has no `{MANIFEST}`") };
        if let Some(path) = self.files.keys().find(|path| !named.contains(*path)) {
            bail!("`{MANIFEST}` does not name `{path}`");
        }
        let missing =
            named.iter().find(|path| !self.files.contains_key(*path) && path.as_str() != CHECKSUMS && !SIGNATURES.contains(&path.as_str()));
        if let Some(path) = missing {
            bail!("`{MANIFEST}` names `{path}`, which was not written");
        }
        Ok(())
    }
}

/// The step that makes the new tree the output. If it fails half-way, [`settle`] undoes it.
fn swap(site: &Site, old: Option<&Stat>) -> Result<()> {
    let output = at(&site.place.parent, &site.place.name);
    let Some(old) = old else {
        return site.ops.rename_new(at(&site.work, NEW), output).map_err(explain_swap);
    };
    let ready = swap_name(old);
    let ready = at(&site.work, &ready);
    site.ops.rename(at(&site.work, NEW), ready)?;
    match site.ops.exchange(ready, output) {
        Err(error) if is_unsupported(error) => {
            site.ops.rename(output, at(&site.work, OLD)).map_err(explain_swap)?;
            site.ops.rename_new(ready, output).map_err(explain_swap)
        }
        done => done.map_err(explain_swap),
    }
}

fn explain_swap(error: Errno) -> anyhow::Error {
    let why = match error {
        Errno::BUSY => "it is a mount point: choose a folder inside it",
        // Overlay file systems cannot rename a folder of a lower layer.
        Errno::XDEV => "it cannot be renamed, because it is part of a container image: choose a new folder",
        Errno::EXIST | Errno::NOTEMPTY => "somebody else has just made it: build again",
        _ => return anyhow!(error),
    };
    anyhow!(error).context(why)
}

/// A path for a message: names may hold anything, a terminal should not get it.
fn show(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
