//! Where the output goes, whether it may go there, and the locked work folder beside it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Stat, StatxAttributes, StatxFlags, flock, fstat, statat, statx};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::ops::{Faults, Ops, at, kind, mode, open_folder, same_file, stat};
use super::settle::settle;
use super::show;

/// The file in the work folder that a running build holds locked.
pub(super) const LOCK: &str = "lock";

/// How often to begin anew when another build removes the work folder just then.
const ATTEMPTS: usize = 100;

/// The output folder, real and absolute; it need not exist.
pub(super) struct Place {
    /// The whole path, for messages.
    pub path: PathBuf,
    /// The folder above.
    pub parent: OwnedFd,
    /// The last component.
    pub name: OsString,
}

impl Place {
    /// Follows symlinks and refuses what cannot be swapped.
    ///
    /// # Errors
    /// With what to do about it.
    pub(super) fn find(target: &Path) -> Result<Self> {
        let shown = show(target);
        ensure!(!target.as_os_str().is_empty(), "the output folder has an empty name");
        let path = match target.canonicalize() {
            Ok(path) => path,
            Err(_) if target.is_symlink() => bail!("`{shown}` is a symlink that leads nowhere: remove it or mend it"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => below_real_parent(target)?,
            Err(error) => return Err(anyhow!(error).context(format!("looking at `{shown}`"))),
        };
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            bail!("`{shown}` is the root folder: choose a folder of its own for the output");
        };
        // Whoever stands in the folder would be left in the old one, which is about to be deleted.
        if std::env::current_dir().is_ok_and(|here| here.starts_with(&path)) {
            bail!("`{shown}` is the current folder or one above it, and is replaced as a whole: go elsewhere first, or choose another");
        }
        let parent = open_folder(at(&CWD, above)).with_context(|| format!("opening `{}`", show(above)))?;
        let place = Self { name: name.to_os_string(), parent, path };
        place.look()?;
        Ok(place)
    }

    /// What is there now; `None` if nothing.
    ///
    /// # Errors
    /// When it is not a folder that can be swapped for another.
    pub(super) fn look(&self) -> Result<Option<Stat>> {
        let shown = show(&self.path);
        let Some(found) = stat(at(&self.parent, &self.name)).with_context(|| format!("looking at `{shown}`"))? else {
            return Ok(None);
        };
        ensure!(kind(&found) == FileType::Directory, "`{shown}` is not a folder: remove it, or choose another name");
        if self.is_mount(&found)? {
            bail!("`{shown}` is a mount point, which cannot be swapped: choose a folder inside it");
        }
        let me = geteuid();
        if !me.is_root() && found.st_uid != me.as_raw() {
            bail!("`{shown}` belongs to another user: choose another folder, or run as that user");
        }
        // Without this, the rename would fail at the very end: moving a folder needs the right to write into it.
        if mode(&found) & 0o700 != 0o700 {
            bail!("`{shown}` is closed to its owner (mode {:04o}): open it with `chmod u+rwx`", mode(&found));
        }
        Ok(Some(found))
    }

    fn is_mount(&self, found: &Stat) -> Result<bool> {
        if fstat(&self.parent)?.st_dev != found.st_dev {
            return Ok(true);
        }
        // A bind mount of the same file system shows here, since Linux 5.8; before, the swap itself says EBUSY.
        let root = StatxAttributes::MOUNT_ROOT;
        Ok(statx(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO)
            .is_ok_and(|seen| seen.stx_attributes_mask.contains(root) && seen.stx_attributes.contains(root)))
    }

    /// The name of the work folder beside it.
    pub(super) fn stage_name(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".clusterseed-stage");
        name
    }

    /// The path of the work folder, for messages.
    pub(super) fn stage_path(&self) -> PathBuf {
        self.path.with_file_name(self.stage_name())
    }
}

/// The real path of something that does not exist: only its last component may be missing.
fn below_real_parent(target: &Path) -> Result<PathBuf> {
    let shown = show(target);
    let name = target.file_name().ok_or_else(|| anyhow!("`{shown}` does not exist"))?;
    let above = match target.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    let real = above.canonicalize().with_context(|| {
        let above = show(above);
        format!("the folder `{above}`, in which `{shown}` is to be, is not there: make it with `mkdir -p`")
    })?;
    ensure!(real.is_dir(), "`{}` is not a folder, so `{shown}` cannot be in it", show(above));
    Ok(real.join(name))
}

/// An output folder with the work folder beside it, which is ours alone as long as this lives.
///
/// Going out of scope without [`Site::close`] undoes an unfinished build; what cannot be undone then, the next build undoes.
pub(super) struct Site {
    pub ops: Ops,
    pub place: Place,
    /// The work folder.
    pub work: OwnedFd,
    /// `None` once the work folder is given up.
    lock: Option<OwnedFd>,
}

impl Site {
    /// Makes or takes over the work folder, and locks it.
    ///
    /// # Errors
    /// When another build has it.
    pub(super) fn open(target: &Path, faults: Faults) -> Result<Self> {
        let place = Place::find(target)?;
        let ops = Ops::new(faults);
        let shown = show(&place.stage_path());
        for _ in 0..ATTEMPTS {
            if let Some((work, lock)) = take(&ops, &place).with_context(|| format!("making the work folder `{shown}`"))? {
                return Ok(Self { ops, place, work, lock: Some(lock) });
            }
        }
        bail!("making the work folder `{shown}`: other builds come and go too fast")
    }

    /// Clears the work folder and removes it.
    ///
    /// # Errors
    /// When something stays behind, which the next build will clear.
    pub(super) fn close(&mut self) -> Result<()> {
        // Given up in any case: a second try when this goes out of scope would find the same trouble.
        let Some(lock) = self.lock.take() else { return Ok(()) };
        settle(self)?;
        self.ops.unlink(at(&self.work, LOCK)).context("removing the lock")?;
        drop(lock);
        // Not empty, or gone: another build has taken it over in the meantime.
        match self.ops.rmdir(at(&self.place.parent, &self.place.stage_name())) {
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => Ok(()),
            Err(error) => Err(anyhow!(error).context("removing the work folder")),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Nobody to tell: the build has failed already and says why.
        let _ = self.close();
    }
}

/// One attempt; `None` when the work folder vanished in between.
///
/// The lock is on a file and not on the folder itself because NFS locks only what is open for writing.
fn take(ops: &Ops, place: &Place) -> Result<Option<(OwnedFd, OwnedFd)>> {
    let name = place.stage_name();
    let here = at(&place.parent, &name);
    match ops.mkdir(here, 0o700) {
        Ok(()) | Err(Errno::EXIST) => {}
        // Kernel file systems say so, and so does a folder that somebody has just removed.
        Err(Errno::NOENT) => bail!("no folder can be made there: the one above it is gone, or the kernel's; name another place with `-o`"),
        Err(error) => {
            let _ = ops.rmdir(here);
            return Err(error.into());
        }
    }
    let work = match open_folder(here) {
        Ok(work) => work,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(anyhow!(error)),
    };
    let owner = fstat(&work)?.st_uid;
    ensure!(owner == geteuid().as_raw(), "it belongs to another user: have it removed, if no build of theirs is running");
    let lock = match ops.open_lock(at(&work, LOCK)) {
        Ok(lock) => lock,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => {
            let _ = ops.rmdir(here);
            return Err(error.into());
        }
    };
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => bail!("another build is writing `{}`: wait until it is done", show(&place.path)),
        Err(error) => return Err(anyhow!(error).context("locking it")),
    }
    // The build that held it may have removed it before letting go.
    let current = statat(&place.parent, Path::new(&name).join(LOCK), AtFlags::SYMLINK_NOFOLLOW);
    Ok(match current {
        Ok(current) if same_file(&current, &fstat(&lock)?) => Some((work, lock)),
        _ => None,
    })
}
