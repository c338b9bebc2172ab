//! Brings a work folder to rest, whatever state a build left it in: after the swap, after a failure, and after a kill.
//!
//! The names in the work folder say how far a build got:
//!
//! | name | what it is |
//! |---|---|
//! | `new` | a tree in the making: rubbish, unless its build is alive |
//! | `swap-N` | about to be exchanged with the output whose inode number is N. If it has that number itself, it is the old output |
//! | `old` | the old output, where the two cannot be exchanged in one step. If there is no output, it has to go back |

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Stat};

use super::manifest::Earlier;
use super::ops::{Ops, at, kind, link_text, list, mode, open_folder, same_file, stat};
use super::place::{LOCK, Site};
use super::{carry::dress, show};
use crate::artifact::MANIFEST;

/// The tree in the making.
pub(super) const NEW: &str = "new";

/// The old output between two renames.
pub(super) const OLD: &str = "old";

const SWAP: &str = "swap-";

/// The name of a tree that is about to be exchanged with the output `old`.
pub(super) fn swap_name(old: &Stat) -> String {
    format!("{SWAP}{}", old.st_ino)
}

/// Empties the work folder but for the lock: puts back the old output of a build that did not finish, removes the old output of
/// one that did, and removes trees in the making.
///
/// # Errors
/// When something has to stay; doing it again later is safe.
pub(super) fn settle(site: &Site) -> Result<()> {
    let place = &site.place;
    let mut names = list(at(&site.work, "."))?;
    names.retain(|(name, _)| name != LOCK);

    // First, because what `swap-N` means depends on the output that is there.
    if names.iter().any(|(name, _)| name == OLD) {
        put_back_or_retire(site, OLD)?;
    }
    for (name, _) in names.iter().filter(|(name, _)| name != OLD) {
        let shown = show(&place.stage_path().join(name));
        let doing = || format!("removing `{shown}`");
        if name == NEW {
            remove(site, NEW).with_context(doing)?;
            continue;
        }
        let number = name.to_str().and_then(|name| name.strip_prefix(SWAP)).and_then(|number| number.parse::<u64>().ok());
        let (Some(number), Some(tree)) = (number, stat(at(&site.work, name))?) else {
            bail!("`{shown}` is nothing that clusterseed put there: move it away");
        };
        if tree.st_ino == number {
            put_back_or_retire(site, name)?;
        } else if stat(at(&place.parent, &place.name))?.is_none_or(|output| output.st_ino == number) {
            remove(site, name).with_context(doing)?;
        } else {
            // Somebody has replaced the output since, or the file system makes inode numbers up: no telling which tree this is.
            bail!("`{shown}` was left by a build that was killed: look whether it is of use, and remove it");
        }
    }
    Ok(())
}

/// Ends what began with a swap: an old output goes back if there is none, and away if there is.
fn put_back_or_retire(site: &Site, name: impl AsRef<OsStr>) -> Result<()> {
    let place = &site.place;
    if stat(at(&place.parent, &place.name))?.is_some() {
        return retire(site, name);
    }
    let back = site.ops.rename_new(at(&site.work, name.as_ref()), at(&place.parent, &place.name));
    back.with_context(|| format!("putting the old output `{}` back", show(&place.path)))
}

/// Removes a tree that never was an output.
fn remove(site: &Site, name: impl AsRef<OsStr>) -> Result<()> {
    let name = name.as_ref();
    let tree = open_folder(at(&site.work, name))?;
    clear(&site.ops, &tree, &|_| Ok(true))?;
    site.ops.rmdir(at(&site.work, name))?;
    Ok(())
}

/// Removes a tree that was the output until the swap. Foreign files that came or changed at the last moment, after the new tree
/// had got its links, move to the new output.
fn retire(site: &Site, name: impl AsRef<OsStr>) -> Result<()> {
    let name = name.as_ref();
    let shown = site.place.stage_path().join(name);
    let doing = || format!("removing the old output, now at `{}`", show(&shown));
    let tree = open_folder(at(&site.work, name)).with_context(doing)?;
    let output = open_folder(at(&site.place.parent, &site.place.name)).with_context(doing)?;
    let own = Earlier::read(&tree).with_context(doing)?.own();
    clear(&site.ops, &tree, &|path| {
        if path.to_str().is_some_and(|text| own.contains(text)) {
            return Ok(true);
        }
        let Some(old) = stat(at(&tree, path))? else { return Ok(false) };
        if let Some(kept) = stat(at(&output, path))? {
            let same = match (kind(&old), kind(&kept)) {
                (FileType::Symlink, FileType::Symlink) => link_text(at(&tree, path))? == link_text(at(&output, path))?,
                _ => same_file(&old, &kept),
            };
            ensure!(same, "`{}` changed during the build: compare and move it by hand", show(&shown.join(path)));
            return Ok(true);
        }
        rescue(&site.ops, &tree, &output, path).with_context(|| format!("moving `{}` to the new output", show(path)))?;
        Ok(false)
    })
    .with_context(doing)?;
    site.ops.rmdir(at(&site.work, name)).with_context(doing)
}

/// Moves a file from one tree to another, with the folders above it.
fn rescue(ops: &Ops, from: &OwnedFd, to: &OwnedFd, path: &Path) -> Result<()> {
    let mut above: Vec<&Path> = path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
    above.reverse();
    for folder in above {
        if let (Some(old), None) = (stat(at(from, folder))?, stat(at(to, folder))?) {
            ops.mkdir(at(to, folder), 0o700)?;
            dress(ops, to, folder, &old)?;
        }
    }
    ops.rename_new(at(from, path), at(to, path))?;
    Ok(())
}

/// Removes all below `tree` of which `rid` says so; `rid` has moved away the rest.
///
/// The manifest goes last: as long as there is anything else, it tells the next build which files are ours.
fn clear(ops: &Ops, tree: &OwnedFd, rid: &dyn Fn(&Path) -> Result<bool>) -> Result<()> {
    let drop_file = |path: &Path| -> Result<()> {
        if rid(path)? {
            ops.unlink(at(tree, path))?;
        }
        Ok(())
    };
    // Folders are met top down and removed bottom up.
    let mut folders = vec![PathBuf::from(".")];
    let mut next = 0;
    while let Some(folder) = folders.get(next).cloned() {
        next += 1;
        open_up(ops, tree, &folder)?;
        for (name, kind) in list(at(tree, &folder))? {
            let path = if next == 1 { PathBuf::from(name) } else { folder.join(name) };
            if kind == FileType::Directory {
                folders.push(path);
            } else if path != Path::new(MANIFEST) {
                drop_file(&path)?;
            }
        }
    }
    for folder in folders.iter().skip(1).rev() {
        ops.rmdir(at(tree, folder))?;
    }
    if stat(at(tree, MANIFEST))?.is_some() {
        drop_file(Path::new(MANIFEST))?;
    }
    Ok(())
}

/// Nothing can be removed from a folder without write permission, not even by its owner.
fn open_up(ops: &Ops, tree: &OwnedFd, folder: &Path) -> Result<()> {
    if let Some(seen) = stat(at(tree, folder))?
        && mode(&seen) & 0o700 != 0o700
    {
        ops.chmod(at(tree, folder), 0o700)?;
    }
    Ok(())
}
