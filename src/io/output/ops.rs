//! Every change to the file system, one function each, so that a test can break any single one of them; and the few looks
//! that go with them. All take an open folder and a path below it, and never follow a symlink in the last component.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::{Errno, retry_on_intr, write};

/// A place below an open folder.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    dir: BorrowedFd<'a>,
    path: &'a Path,
}

/// Shorthand for [`At`].
pub(super) fn at<'a, P: AsRef<Path> + ?Sized>(dir: &'a impl AsFd, path: &'a P) -> At<'a> {
    At { dir: dir.as_fd(), path: path.as_ref() }
}

/// The kinds of changes, for [`Faults`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Mkdir,
    Create,
    Write,
    Chmod,
    Chown,
    Link,
    Symlink,
    Rename,
    Exchange,
    Sync,
    Unlink,
    Rmdir,
}

/// Asked before each change: `Ok(true)` do it, `Ok(false)` pretend that it was done, `Err` fail without doing it.
/// Only tests have one.
type Gate = Box<dyn Fn(Op) -> Result<bool, Errno> + Send + Sync>;

/// Where a test lets a build break; nothing breaks by default.
#[derive(Default)]
pub(super) struct Faults(pub(super) Option<Gate>);

/// The changes.
#[derive(Default)]
pub(super) struct Ops {
    faults: Faults,
}

impl Ops {
    pub(super) fn new(faults: Faults) -> Self {
        Self { faults }
    }

    fn run(&self, op: Op, change: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        match &self.faults.0 {
            Some(gate) if !gate(op)? => Ok(()),
            _ => change(),
        }
    }

    /// A new folder with exactly this mode, whatever the umask.
    pub(super) fn mkdir(&self, place: At<'_>, mode: u32) -> Result<(), Errno> {
        self.run(Op::Mkdir, || fs::mkdirat(place.dir, place.path, Mode::from_raw_mode(mode)))?;
        self.chmod(place, mode)
    }

    /// A new file with exactly this mode; fails if anything is there.
    pub(super) fn create(&self, place: At<'_>, mode: u32, content: &[u8]) -> Result<OwnedFd, Errno> {
        let file = self.create_with(place, mode, |file| match self.run(Op::Write, || write_all(file, content)) {
            // A disk that fills up leaves the first half behind; so does an injected fault.
            Err(error) if self.faults.0.is_some() => write_all(file, &content[..content.len() / 2]).and(Err(error)),
            done => done,
        })?;
        Ok(file)
    }

    /// The same with whatever `fill` writes into it.
    pub(super) fn create_with<E: From<Errno>>(
        &self,
        place: At<'_>,
        mode: u32,
        fill: impl FnOnce(&OwnedFd) -> Result<(), E>,
    ) -> Result<OwnedFd, E> {
        // The gate goes first by itself, because the file must outlive the change.
        self.run(Op::Create, || Ok(()))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(place.dir, place.path, flags, Mode::from_raw_mode(0o600))?;
        fill(&file)?;
        self.run(Op::Chmod, || fs::fchmod(&file, Mode::from_raw_mode(mode)))?;
        Ok(file)
    }

    /// Asks whether a part of a file may be written.
    pub(super) fn may_write(&self) -> Result<(), Errno> {
        self.run(Op::Write, || Ok(()))
    }

    /// Opens the lock file, and makes it if it is missing.
    pub(super) fn open_lock(&self, place: At<'_>) -> Result<OwnedFd, Errno> {
        self.run(Op::Create, || Ok(()))?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fs::openat(place.dir, place.path, flags, Mode::from_raw_mode(0o600))
    }

    /// Follows symlinks: only for folders that this program made or that were looked at before.
    pub(super) fn chmod(&self, place: At<'_>, mode: u32) -> Result<(), Errno> {
        self.run(Op::Chmod, || fs::chmodat(place.dir, place.path, Mode::from_raw_mode(mode), AtFlags::empty()))
    }

    /// Gives a folder or symlink to the owner and group that `like` has, if it does not have them yet.
    pub(super) fn chown(&self, place: At<'_>, like: &Stat) -> Result<(), Errno> {
        let now = fs::statat(place.dir, place.path, AtFlags::SYMLINK_NOFOLLOW)?;
        let uid = (now.st_uid != like.st_uid).then(|| Uid::from_raw(like.st_uid));
        let gid = (now.st_gid != like.st_gid).then(|| Gid::from_raw(like.st_gid));
        if uid.is_none() && gid.is_none() {
            return Ok(());
        }
        self.run(Op::Chown, || fs::chownat(place.dir, place.path, uid, gid, AtFlags::SYMLINK_NOFOLLOW))
    }

    /// A second name for a file; fails if the name is taken.
    pub(super) fn link(&self, from: At<'_>, to: At<'_>) -> Result<(), Errno> {
        self.run(Op::Link, || fs::linkat(from.dir, from.path, to.dir, to.path, AtFlags::empty()))
    }

    pub(super) fn symlink(&self, text: &CString, place: At<'_>) -> Result<(), Errno> {
        self.run(Op::Symlink, || fs::symlinkat(text, place.dir, place.path))
    }

    /// Renames, and replaces a file that is there.
    pub(super) fn rename(&self, from: At<'_>, to: At<'_>) -> Result<(), Errno> {
        self.run(Op::Rename, || fs::renameat(from.dir, from.path, to.dir, to.path))
    }

    /// Renames to a free name. Where kernel or file system cannot promise that it stays free, looks first.
    pub(super) fn rename_new(&self, from: At<'_>, to: At<'_>) -> Result<(), Errno> {
        self.run(Op::Rename, || match fs::renameat_with(from.dir, from.path, to.dir, to.path, RenameFlags::NOREPLACE) {
            Err(error) if is_unsupported(error) => match stat(to)? {
                Some(_) => Err(Errno::EXIST),
                None => fs::renameat(from.dir, from.path, to.dir, to.path),
            },
            done => done,
        })
    }

    /// Swaps two names in one step (`RENAME_EXCHANGE`, Linux 3.15).
    pub(super) fn exchange(&self, one: At<'_>, other: At<'_>) -> Result<(), Errno> {
        self.run(Op::Exchange, || fs::renameat_with(one.dir, one.path, other.dir, other.path, RenameFlags::EXCHANGE))
    }

    /// Brings all that was written to the file system of `dir` to the disk.
    pub(super) fn sync_all(&self, dir: &OwnedFd) -> Result<(), Errno> {
        self.run(Op::Sync, || fs::syncfs(dir))
    }

    /// Brings one file, or the names in one folder, to the disk.
    pub(super) fn sync(&self, fd: &OwnedFd) -> Result<(), Errno> {
        self.run(Op::Sync, || fs::fsync(fd))
    }

    pub(super) fn unlink(&self, place: At<'_>) -> Result<(), Errno> {
        self.run(Op::Unlink, || fs::unlinkat(place.dir, place.path, AtFlags::empty()))
    }

    pub(super) fn rmdir(&self, place: At<'_>) -> Result<(), Errno> {
        self.run(Op::Rmdir, || fs::unlinkat(place.dir, place.path, AtFlags::REMOVEDIR))
    }
}

fn write_all(file: &OwnedFd, mut content: &[u8]) -> Result<(), Errno> {
    while !content.is_empty() {
        match retry_on_intr(|| write(file, content))? {
            0 => return Err(Errno::IO),
            n => content = &content[n..],
        }
    }
    Ok(())
}

/// Whether an error of `renameat2` means that kernel or file system lacks the flag.
pub(super) fn is_unsupported(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// What is at a place, not following a symlink; `None` if nothing.
pub(super) fn stat(place: At<'_>) -> Result<Option<Stat>, Errno> {
    match fs::statat(place.dir, place.path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The type in a [`Stat`].
pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The permission bits in a [`Stat`], with set-id and sticky bits.
pub(super) fn mode(stat: &Stat) -> u32 {
    Mode::from_raw_mode(stat.st_mode).as_raw_mode()
}

/// Whether two looks saw the same file.
pub(super) fn same_file(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// Opens a folder.
pub(super) fn open_folder(place: At<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(place.dir, place.path, flags, Mode::empty())
}

/// Opens a plain file for reading; never waits for a FIFO's other end.
pub(super) fn open_file(place: At<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(place.dir, place.path, flags, Mode::empty())
}

/// The text of a symlink.
pub(super) fn link_text(place: At<'_>) -> Result<CString, Errno> {
    fs::readlinkat(place.dir, place.path, Vec::new())
}

/// Name and type of everything in a folder, sorted, so that messages do not depend on the file system's order.
pub(super) fn list(place: At<'_>) -> Result<Vec<(OsString, FileType)>, Errno> {
    let mut found = Vec::new();
    for entry in fs::Dir::new(open_folder(place)?)? {
        let entry = entry?;
        let name = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()).to_os_string();
        if name == "." || name == ".." {
            continue;
        }
        let known = match entry.file_type() {
            // Some file systems leave the type out of the listing.
            FileType::Unknown => stat(At { dir: place.dir, path: &place.path.join(&name) })?.map(|stat| kind(&stat)),
            known => Some(known),
        };
        if let Some(known) = known {
            found.push((name, known));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}
