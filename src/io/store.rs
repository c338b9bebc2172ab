//! The store: packages by their SHA-256, shared by all clusters of a user.
//!
//! `sha256/ab/abcd…` below its root, each file whole from the moment it has its name. A name alone is never believed: whoever
//! takes bytes out compares size and digest as they go by, and a file that does not fit its name is an error.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::apt::deb;
use crate::format::checksum::Sha256Sum;

/// A store.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A file of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Digest that its name says.
    pub sha256: Sha256Sum,
    /// Bytes that it has.
    pub size: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// Bytes between two looks at anything else.
pub(super) const CHUNK: usize = 256 * 1024;

impl Store {
    /// The user's store: `$CLUSTERSEED_STORE`, else `$XDG_CACHE_HOME/clusterseed/store`, else `~/.cache/clusterseed/store`.
    /// Nothing is made yet.
    pub fn of_user() -> Result<Self> {
        // The XDG Base Directory Specification: a relative path is to be ignored.
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(root) = std::env::var_os("CLUSTERSEED_STORE").filter(|value| !value.is_empty()) {
            return Ok(Self { root: root.into() });
        }
        let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        let Some(cache) = cache else {
            bail!("no place for the store: neither HOME nor XDG_CACHE_HOME is set; name one in CLUSTERSEED_STORE")
        };
        Ok(Self { root: cache.join("clusterseed/store") })
    }

    /// A store below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file is, or would be.
    pub fn path(&self, sha256: &Sha256Sum) -> PathBuf {
        let hex = sha256.hex();
        self.root.join("sha256").join(&hex[..2]).join(hex)
    }

    /// True when a file of this name and size is there; its bytes are looked at when they are read.
    pub fn has(&self, sha256: &Sha256Sum, size: u64) -> bool {
        fs::symlink_metadata(self.path(sha256)).is_ok_and(|meta| meta.is_file() && meta.len() == size)
    }

    /// Opens a file. Reading it to the end fails where its bytes are not those of its name.
    pub fn open(&self, sha256: Sha256Sum, size: u64) -> Result<Checked<File>> {
        let path = self.path(&sha256);
        let file = File::open(&path).with_context(|| format!("opening `{}` of the store", path.display()))?;
        Ok(Checked::new(file, sha256, size))
    }

    /// Takes in what `reader` gives, if it is what it should be. Safe to run many times at once, and to be killed.
    pub fn put(&self, sha256: Sha256Sum, size: u64, reader: impl Read) -> Result<()> {
        let mut checked = Checked::new(reader, sha256, size);
        let (mut file, temporary) = self.temporary()?;
        let copied = copy(&mut checked, &mut file).and_then(|()| file.sync_all());
        if let Err(error) = copied {
            let _ = fs::remove_file(&temporary);
            return Err(error.into());
        }
        drop(file);
        self.adopt(&temporary, &sha256)
    }

    /// A fresh file in the store, to be filled and given to [`Self::adopt`].
    fn temporary(&self) -> Result<(File, PathBuf)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = self.folder("incoming")?;
        loop {
            // Containers that share a store may share process ids, too.
            let path = folder.join(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            match File::create_new(&path) {
                Ok(file) => {
                    // Against a `prune` or `sweep` at the same time; where nothing can be locked, nothing is lost by that.
                    let theirs = flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
                    // One of them may have been faster, and takes it away.
                    if !theirs && path.exists() {
                        return Ok((file, path));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("making `{}`", path.display())),
            }
        }
    }

    /// Writes a file of the store that is not known by its digest, whole or not at all.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let (mut file, temporary) = self.temporary()?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.with_context(|| format!("writing `{}`", path.display()))
    }

    /// A folder below the root, made where it is missing.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("making `{}`", folder.display()))?;
        Ok(folder)
    }

    /// Gives a file whose bytes were checked its name.
    pub fn adopt(&self, file: &Path, sha256: &Sha256Sum) -> Result<()> {
        let path = self.path(sha256);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("making `{}`", parent.display()))?;
        }
        fs::rename(file, &path).with_context(|| format!("taking `{}` into the store", path.display()))
    }

    /// True when the bytes of a file are those of its name; false when it is missing or damaged.
    pub fn check(&self, sha256: &Sha256Sum, size: u64) -> Result<bool> {
        if !self.has(sha256, size) {
            return Ok(false);
        }
        match copy(&mut self.open(*sha256, size)?, &mut io::sink()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
            Err(error) => Err(error).with_context(|| format!("reading `{}`", self.path(sha256).display())),
        }
    }

    /// Removes a file, and what is noted of it.
    pub fn remove(&self, stored: &Stored) -> Result<()> {
        // Only a note: without the file nobody looks for it.
        let _ = fs::remove_file(super::copyright::place(self, &stored.sha256));
        fs::remove_file(&stored.path).with_context(|| format!("removing `{}`", stored.path.display()))
    }

    /// Removes what is kept of repositories, and parts of files that nobody is fetching.
    pub fn clear(&self) -> Result<()> {
        remove(entries(&self.root.join("lists"))?.into_iter().chain(entries(&self.root.join("incoming"))?))
    }

    /// Removes temporary files of runs that were killed. Parts of downloads stay: the next `fetch` goes on with them.
    pub fn sweep(&self) -> Result<()> {
        let ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            name.split_once('-').is_some_and(|(process, file)| number(process) && number(file))
        };
        remove(entries(&self.root.join("incoming"))?.into_iter().filter(ours))
    }

    /// What a file is: name, version and architecture of a package.
    pub fn title(&self, stored: &Stored) -> Option<String> {
        let control = deb::control(File::open(&stored.path).ok()?).ok()?;
        let field = |name: &str| control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim);
        Some(format!("{} {} ({})", field("Package")?, field("Version")?, field("Architecture")?))
    }

    /// All files, sorted by digest.
    pub fn list(&self) -> Result<Vec<Stored>> {
        let mut found = Vec::new();
        for folder in entries(&self.root.join("sha256"))? {
            for path in entries(&folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let Some(sha256) = Sha256Sum::from_hex(&name) else { continue };
                let meta = fs::symlink_metadata(&path).with_context(|| format!("looking at `{}`", path.display()))?;
                found.push(Stored { sha256, size: meta.len(), path });
            }
        }
        found.sort_by_key(|stored| stored.sha256);
        Ok(found)
    }
}

/// Removes files, but for those that somebody has locked.
fn remove(paths: impl Iterator<Item = PathBuf>) -> Result<()> {
    for path in paths {
        let Ok(file) = File::open(&path) else { continue };
        // Locked until it is gone, so that nobody begins with it in between.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing `{}`", path.display()));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What is in a folder, sorted; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("reading `{}`", folder.display());
    let list = match fs::read_dir(folder) {
        Ok(list) => list,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(context),
    };
    let mut paths = list.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().with_context(context)?;
    paths.sort();
    Ok(paths)
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads what it should be, and fails at the end, or as soon as there is too much, where it is something else.
pub struct Checked<R> {
    reader: R,
    hash: Sha256,
    read: u64,
    sha256: Sha256Sum,
    size: u64,
}

impl<R: Read> Checked<R> {
    /// Checks what `reader` gives against a digest and a size in bytes.
    pub fn new(reader: R, sha256: Sha256Sum, size: u64) -> Self {
        Self { reader, hash: Sha256::new(), read: 0, sha256, size }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let wrong = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        self.read += count as u64;
        self.hash.update(&buffer[..count]);
        if self.read > self.size {
            return wrong(format!("more than the {} bytes that it should have", self.size));
        }
        if count == 0 && !buffer.is_empty() {
            if self.read < self.size {
                return wrong(format!("{} bytes instead of {}", self.read, self.size));
            }
            let found = Sha256Sum(self.hash.clone().finalize().into());
            if found != self.sha256 {
                return wrong(format!("its SHA-256 is {}, not {}", found.hex(), self.sha256.hex()));
            }
        }
        Ok(count)
    }
}
