//! Private folders for what must not lie about: keys, disks of others. They go with the value; what a killed run left goes with the
//! next run. A lock tells the two apart, which a number of a process cannot where containers share the place.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;

/// A folder that only this user may enter.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes one in `TMPDIR`, after those of this kind that killed runs left there are removed: there may be a key in one. Its name
    /// is short, because the socket of gpg's agent lies in such a folder, and the path of a socket has at most 107 bytes.
    ///
    /// # Errors
    /// When no folder can be made there.
    pub fn new(kind: &str) -> Result<Self> {
        Self::with(kind, |_| {})
    }

    /// The same; `leave` is what else has to be done with one that is swept.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with(kind: &str, leave: impl Fn(&Path)) -> Result<Self> {
        // An empty variable would be the working folder.
        let base = Some(std::env::temp_dir()).filter(|base| !base.as_os_str().is_empty()).unwrap_or_else(|| "/tmp".into());
        Self::within(&base, &format!("clusterseed-{kind}"), leave)
    }

    fn within(base: &Path, prefix: &str, leave: impl Fn(&Path)) -> Result<Self> {
        sweep(base, prefix, leave);
        for attempt in 0..1000 {
            let folder = base.join(format!("{prefix}.{}.{attempt}", std::process::id()));
            let context = || format!("making `{}`", folder.display());
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error).with_context(context),
            }
            // Whoever sweeps in this moment takes it for a left one.
            let Some(lock) = locked(&folder).with_context(context)? else { continue };
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).with_context(context)?;
            return Ok(Self { folder, _lock: lock });
        }
        bail!("no free name for a folder in `{}`", base.display())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The lock of a folder that is still there; none where somebody else has it. Where a file system has no locks, nobody sweeps.
fn locked(folder: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let lock = match rustix::fs::open(folder, flags, Mode::empty()) {
        Ok(lock) => File::from(lock),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if flock(&lock, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(None);
    }
    let same = |there: fs::Metadata| lock.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (there.dev(), there.ino()));
    Ok(fs::symlink_metadata(folder).is_ok_and(same).then_some(lock))
}

/// Removes what runs that were killed left.
fn sweep(base: &Path, prefix: &str, leave: impl Fn(&Path)) {
    for old in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = old.file_name();
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let rest = name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_prefix('.')?.split_once('.'));
        if !rest.is_some_and(|(process, attempt)| number(process) && number(attempt)) {
            continue;
        }
        let ours = old.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw());
        if !ours {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(lock) = rustix::fs::open(old.path(), flags, Mode::empty()) else { continue };
        // Also where it cannot be known: better left than taken from somebody.
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            leave(&old.path());
            let _ = fs::remove_dir_all(old.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::Scratch;

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let base = tempfile::tempdir().expect("a folder");
        let swept = Cell::new(0);
        let new = || Scratch::within(base.path(), "clusterseed-x", |_| swept.set(swept.get() + 1)).expect("a folder");
        let live = new();
        assert_eq!(fs::metadata(&live.folder).expect("a folder").permissions().mode() & 0o777, 0o700);
        // A process of this number may well be there, in another container: that says nothing.
        for left in ["clusterseed-x.1.0", "clusterseed-x.999999999.3"] {
            fs::create_dir(base.path().join(left)).expect("a folder");
            fs::write(base.path().join(left).join("key"), "secret").expect("a file");
        }
        for foreign in ["clusterseed-xy.1.0", "clusterseed-x.a.0", "clusterseed-x.1"] {
            fs::create_dir(base.path().join(foreign)).expect("a folder");
        }
        let second = new();
        assert_eq!(swept.get(), 2);
        assert!(live.folder.exists() && second.folder.exists() && live.folder != second.folder);
        let gone = live.folder.clone();
        drop(live);
        assert!(!gone.exists());
        let mut left: Vec<_> = fs::read_dir(base.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        left.sort();
        assert_eq!(left.len(), 4, "{left:?}");
    }
}
