//! Foreign files: found in the old output, and taken along into the new one.
//!
//! Files are hard-linked, so that bytes, owner, times and attributes stay what they are and an editor that has one open goes on
//! writing to the same file. Folders and symlinks cannot be linked; they are made anew with mode, owner and group.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::manifest::Earlier;
use super::ops::{Ops, at, kind, link_text, list, mode, stat};
use super::{Claims, show};
use crate::artifact::{MANIFEST, folders_above};

/// A folder that was never an output and holds more files than this is a slip of the pen (a home folder, say).
const STRANGE: usize = 10_000;

/// How many names a message lists.
const NAMED: usize = 3;

/// What is in a folder.
#[derive(Default)]
pub(super) struct Survey {
    /// Our own files that are there.
    pub own: Vec<String>,
    /// All folders below the top, ours too.
    folders: BTreeMap<PathBuf, Stat>,
    /// Foreign files, symlinks and folders.
    foreign: BTreeMap<PathBuf, FileType>,
    /// Why there are no own files, if a manifest is the reason.
    unreadable: Option<String>,
}

impl Survey {
    /// Walks through `root`, whose path is `shown` in messages.
    ///
    /// # Errors
    /// When something in there cannot be taken along.
    pub(super) fn of(root: &OwnedFd, shown: &Path) -> Result<Self> {
        let earlier = Earlier::read(root).with_context(|| format!("looking at `{}`", show(shown)))?;
        let mut survey = Self::default();
        let limit = if matches!(earlier, Earlier::Own(_)) { usize::MAX } else { STRANGE };
        if let Earlier::Unreadable(why) = &earlier {
            survey.unreadable = Some(why.clone());
        }
        let own = earlier.own();
        let own_folders: BTreeSet<&str> = own.iter().flat_map(|path| folders_above(path)).collect();
        let device = rustix::fs::fstat(root)?.st_dev;

        let mut todo = vec![PathBuf::new()];
        while let Some(folder) = todo.pop() {
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            let found = list(at(root, here)).with_context(|| format!("listing `{}`", show(&shown.join(&folder))))?;
            for (name, kind) in found {
                let path = folder.join(name);
                let text = path.to_str();
                if kind == FileType::Directory {
                    let Some(seen) = stat(at(root, &path))? else { continue };
                    check_folder(&seen, device).with_context(|| format!("looking at `{}`", show(&shown.join(&path))))?;
                    if text.is_none_or(|text| !own_folders.contains(text)) {
                        survey.foreign.insert(path.clone(), kind);
                    }
                    survey.folders.insert(path.clone(), seen);
                    todo.push(path);
                } else if let Some(text) = text.filter(|text| own.contains(*text)) {
                    survey.own.push(text.to_string());
                } else if matches!(kind, FileType::RegularFile | FileType::Symlink) {
                    survey.foreign.insert(path, kind);
                } else {
                    bail!("`{}` is a socket, FIFO or device, which cannot be kept: move it away", show(&shown.join(path)));
                }
            }
            ensure!(
                survey.foreign.len() <= limit,
                "`{}` was never an output of clusterseed and holds more than {STRANGE} files: choose a folder of its own",
                show(shown),
            );
        }
        Ok(survey)
    }

    /// The number of foreign files and symlinks.
    pub(super) fn kept(&self) -> usize {
        self.foreign.values().filter(|kind| **kind != FileType::Directory).count()
    }

    /// Refuses if a foreign file or folder is where one of ours must go.
    ///
    /// # Errors
    /// Names the first of them.
    pub(super) fn check(&self, claims: &Claims, shown: &Path) -> Result<()> {
        let file_at = |path: &Path| path.to_str().is_some_and(|text| claims.files.contains_key(text));
        let folder_at = |path: &Path| path.to_str().is_some_and(|text| claims.folders.contains(text));
        let mut taken = BTreeSet::new();
        for (path, kind) in &self.foreign {
            // A foreign file in what was a folder of ours keeps that folder, so all above it count too.
            taken.extend(path.ancestors().filter(|above| file_at(above)));
            if *kind != FileType::Directory && folder_at(path) {
                taken.insert(path);
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let mut names: Vec<_> = taken.iter().take(NAMED).map(|path| format!("`{}`", show(&shown.join(path)))).collect();
        if taken.len() > NAMED {
            names.push(format!("{} more", taken.len() - NAMED));
        }
        let (is, it) = if taken.len() == 1 { ("is", "it") } else { ("are", "them") };
        let why = match &self.unreadable {
            Some(why) => format!(", as far as can be told, because `{MANIFEST}` there is of no use: {why}"),
            None => String::new(),
        };
        bail!("{} {is} in the way: move {it} away, or choose another output folder (clusterseed did not write {it}{why})", names.join(", "),)
    }

    /// Makes all that is foreign below `from` appear below `to` as well.
    ///
    /// # Errors
    /// When a file cannot be linked, or an owner not kept.
    pub(super) fn carry(&self, ops: &Ops, from: &OwnedFd, to: &OwnedFd, claims: &Claims) -> Result<()> {
        // Folders whose mode and owner come from the old tree: the foreign ones, and ours that only foreign files keep alive.
        let mut made = BTreeSet::new();
        for (path, kind) in &self.foreign {
            let doing = || format!("keeping `{}`", show(path));
            let mut above: Vec<&Path> = path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
            above.reverse();
            if *kind == FileType::Directory {
                above.push(path);
            }
            for folder in above {
                let ours = folder.to_str().is_some_and(|text| claims.folders.contains(text));
                if !ours && !made.contains(folder) {
                    // Open to nobody else, and to us in any case, until it is filled.
                    ops.mkdir(at(to, folder), 0o700).with_context(doing)?;
                    made.insert(folder);
                }
            }
            match *kind {
                FileType::Directory => {
                    made.insert(path);
                }
                FileType::Symlink => {
                    let text = link_text(at(from, path)).with_context(doing)?;
                    ops.symlink(&text, at(to, path)).with_context(doing)?;
                    if let Some(old) = stat(at(from, path)).with_context(doing)? {
                        ops.chown(at(to, path), &old).with_context(doing)?;
                    }
                }
                _ => ops.link(at(from, path), at(to, path)).map_err(explain_link).with_context(doing)?,
            }
        }
        // From the bottom up: a folder without write permission must be full by then.
        for folder in made.into_iter().rev() {
            if let Some(old) = self.folders.get(folder) {
                dress(ops, to, folder, old).with_context(|| format!("keeping the folder `{}`", show(folder)))?;
            }
        }
        Ok(())
    }
}

/// Gives a new folder the owner, group and mode of an old one.
///
/// # Errors
/// When this user may not.
pub(super) fn dress(ops: &Ops, root: &OwnedFd, folder: &Path, old: &Stat) -> Result<()> {
    ops.chown(at(root, folder), old).context("keeping owner and group")?;
    // After the owner, because a change of owner takes set-id bits away.
    ops.chmod(at(root, folder), mode(old)).context("keeping the mode")
}

/// A folder that cannot be removed with the old tree must be found before the swap, not after it.
fn check_folder(seen: &Stat, device: u64) -> Result<()> {
    debug_assert_eq!(kind(seen), FileType::Directory);
    ensure!(seen.st_dev == device, "it is a mount point, and would be left behind: unmount it, or choose another output folder");
    let me = geteuid();
    ensure!(me.is_root() || seen.st_uid == me.as_raw(), "it belongs to another user: give it to yourself with `chown`");
    Ok(())
}

fn explain_link(error: Errno) -> anyhow::Error {
    let why = match error {
        Errno::PERM | Errno::OPNOTSUPP => "this user or this file system may not hard-link it: move it away",
        Errno::XDEV => "it is a mount point: move it away",
        Errno::MLINK => "it has as many hard links as the file system allows: move it away",
        _ => return anyhow!(error),
    };
    anyhow!(error).context(why)
}
