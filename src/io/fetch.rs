//! Files into the store: whole or not at all, from the first of several locations that gives the right bytes.
//!
//! What has arrived of a file stays under `incoming` when a connection breaks or the program is killed, and the next try asks for
//! the rest. Nothing counts before size and SHA-256 of all its bytes are right.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::store::{CHUNK, Store};
use super::web::{Client, Failure, Kind};
use crate::format::checksum::Sha256Sum;

/// How often a place is tried where a failure may pass.
pub(super) const TRIES: u32 = 4;
/// Wait before the second try; doubled before each further one.
pub(super) const PAUSE: Duration = Duration::from_millis(250);
/// How often a file is begun anew at one place because the parts do not fit together.
const RESTARTS: u32 = 2;
/// Bytes that a try must bring to count as one that succeeded in part.
const LEAST: u64 = 64 * 1024;

/// A file that is wanted in the store.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What messages call it.
    pub title: String,
    /// SHA-256.
    pub sha256: Sha256Sum,
    /// Bytes.
    pub size: u64,
    /// Where it may be, best first.
    pub locations: Vec<Location>,
}

/// Where a file may be.
#[derive(Clone, Debug)]
pub enum Location {
    /// On a server.
    Url(String),
    /// On this machine.
    File(PathBuf),
}

/// What is seen of the work while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes that have arrived.
    pub bytes: AtomicU64,
    /// Files that are there.
    pub files: AtomicUsize,
    /// Files that were not there before.
    pub fetched: AtomicUsize,
}

/// Brings all files, several at a time. Gives what could not be had, in the order of `wanted`.
pub fn all(wanted: &[Wanted], store: &Store, client: Option<&Client>, jobs: usize, progress: &Progress) -> Vec<(usize, String)> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, wanted.len().max(1)) {
            scope.spawn(|| {
                while let Some((index, file)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, wanted.get(i)?))) {
                    match one(file, store, client, progress) {
                        Ok(brought) => {
                            progress.files.fetch_add(1, Ordering::Relaxed);
                            progress.fetched.fetch_add(usize::from(brought), Ordering::Relaxed);
                        }
                        Err(error) => failed.lock().unwrap_or_else(PoisonError::into_inner).push((index, format!("{error:#}"))),
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort();
    failed
}

/// Brings one file; false where it was there. Without a client, locations on servers are passed over.
pub fn one(wanted: &Wanted, store: &Store, client: Option<&Client>, progress: &Progress) -> Result<bool> {
    if store.check(&wanted.sha256, wanted.size)? {
        return Ok(false);
    }
    let mut part = Part::open(store, wanted)?;
    // Whoever held it before us may have brought it.
    if store.check(&wanted.sha256, wanted.size)? {
        return part.discard().map(|()| false);
    }
    let mut failures = Vec::new();
    for location in &wanted.locations {
        let outcome = match (location, client) {
            (Location::File(path), _) => part.copy(path, progress),
            (Location::Url(url), Some(client)) => part.download(url, client, progress),
            (Location::Url(_), None) => continue,
        };
        match outcome {
            Ok(()) => return part.keep(store).map(|()| true),
            Err(Trouble::Source(why)) => failures.push(why),
            Err(Trouble::Machine(error)) => return Err(error),
        }
    }
    if failures.is_empty() {
        failures.push("it is not in the store, and nothing is fetched with --offline".to_string());
    }
    anyhow::bail!("{}", failures.join("; "))
}

/// Why a place did not give the file.
enum Trouble {
    /// Another place may.
    Source(String),
    /// None will: the disk is full, the store cannot be written.
    Machine(anyhow::Error),
}

/// What has arrived of a file, ours alone while this lives.
struct Part {
    file: File,
    path: PathBuf,
    wanted: Sha256Sum,
    size: u64,
    hash: Sha256,
    length: u64,
}

impl Part {
    /// Opens what is there already, waiting for another process that is at it.
    fn open(store: &Store, wanted: &Wanted) -> Result<Self> {
        let path = store.folder("incoming")?.join(format!("{}.part", wanted.sha256.hex()));
        let context = || format!("opening `{}`", path.display());
        loop {
            let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).with_context(context)?;
            flock(&file, FlockOperation::LockExclusive).with_context(context)?;
            // Another process may have finished with it, and renamed or removed what we have just locked.
            if !same(&file, &path) {
                continue;
            }
            let (mut hash, mut length) = (Sha256::new(), 0);
            let mut buffer = vec![0; CHUNK];
            loop {
                let count = file.read(&mut buffer).with_context(context)?;
                if count == 0 {
                    break;
                }
                hash.update(&buffer[..count]);
                length += count as u64;
            }
            return Ok(Self { file, path, wanted: wanted.sha256, size: wanted.size, hash, length });
        }
    }

    fn restart(&mut self) -> Result<(), Trouble> {
        let fresh = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        fresh.with_context(|| format!("emptying `{}`", self.path.display())).map_err(Trouble::Machine)?;
        (self.hash, self.length) = (Sha256::new(), 0);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.file.write_all(bytes).with_context(|| format!("writing `{}`", self.path.display())).map_err(Trouble::Machine)?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Takes all that a reader gives; `Err` of the inner result is the reader's.
    fn take(&mut self, reader: &mut dyn Read, progress: &Progress) -> Result<Result<(), io::Error>, Trouble> {
        let mut buffer = vec![0; CHUNK];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Ok(())),
                Ok(count) => {
                    progress.bytes.fetch_add(count as u64, Ordering::Relaxed);
                    self.write(&buffer[..count])?;
                    if self.length > self.size {
                        return Ok(Ok(()));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// What is wrong with the bytes that are there, if anything.
    fn problem(&self) -> Option<String> {
        if self.length != self.size {
            let more = if self.length > self.size { "more than " } else { "" };
            let has = if self.length > self.size { self.size } else { self.length };
            return Some(format!("it has {more}{has} bytes, and should have {}", self.size));
        }
        let found = Sha256Sum(self.hash.clone().finalize().into());
        (found != self.wanted)
            .then(|| format!("its SHA-256 is {}, and should be {}: it was changed or damaged", found.hex(), self.wanted.hex()))
    }

    fn copy(&mut self, path: &Path, progress: &Progress) -> Result<(), Trouble> {
        let words = |why: &dyn std::fmt::Display| Trouble::Source(format!("{}: {why}", path.display()));
        let mut source = File::open(path).map_err(|error| words(&error))?;
        self.restart()?;
        self.take(&mut source, progress)?.map_err(|error| words(&error))?;
        match self.problem() {
            None => Ok(()),
            Some(why) => {
                self.restart()?;
                Err(words(&why))
            }
        }
    }

    /// Downloads the rest. A failure that may pass is tried again, as long as it lasts, and as long as something comes.
    fn download(&mut self, url: &str, client: &Client, progress: &Progress) -> Result<(), Trouble> {
        let (mut failures, mut restarts) = (0, 0);
        loop {
            if restarts > RESTARTS {
                return Err(Trouble::Source(format!("{url}: the server gives parts that do not fit together")));
            }
            if self.length > self.size || (self.length == self.size && self.problem().is_some()) {
                self.restart()?;
            }
            let (before, resumed) = (self.length, self.length > 0);
            let failure = match self.attempt(url, client, progress)? {
                Ok(()) => match self.problem() {
                    None => return Ok(()),
                    // What was there before may have been of another file; a whole one that is wrong will be wrong again.
                    Some(_) if resumed => {
                        restarts += 1;
                        self.restart()?;
                        continue;
                    }
                    Some(why) => {
                        self.restart()?;
                        return Err(Trouble::Source(format!("{url}: {why}")));
                    }
                },
                Err(failure) => failure,
            };
            match failure.kind {
                Kind::Range if resumed => {
                    restarts += 1;
                    self.restart()?;
                }
                Kind::Passing => {
                    failures = if self.length > before + LEAST { 1 } else { failures + 1 };
                    if failures >= TRIES {
                        return Err(Trouble::Source(format!("{}, {TRIES} times", failure.words)));
                    }
                    std::thread::sleep(PAUSE * 2u32.pow(failures - 1));
                }
                _ => return Err(Trouble::Source(failure.words)),
            }
        }
    }

    fn attempt(&mut self, url: &str, client: &Client, progress: &Progress) -> Result<Result<(), Failure>, Trouble> {
        if self.length == self.size {
            return Ok(Ok(()));
        }
        let mut answer = match client.get(url, self.length) {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        };
        if answer.from != self.length {
            self.restart()?;
        }
        let fail = |kind, why: String| Ok(Err(Failure { words: format!("{url}: {why}"), kind }));
        if let Some(length) = answer.length.filter(|length| answer.from.saturating_add(*length) != self.size) {
            // Some give less of a range than was asked: then from the beginning.
            let kind = if answer.from > 0 { Kind::Range } else { Kind::Lasting };
            return fail(kind, format!("the server has {} bytes, and should have {}", answer.from.saturating_add(length), self.size));
        }
        match self.take(&mut *answer.reader, progress)? {
            Err(error) => fail(Kind::Passing, broken(&error)),
            Ok(()) if self.length < self.size => {
                fail(Kind::Passing, format!("the connection ended after {} of {} bytes", self.length, self.size))
            }
            Ok(()) => Ok(Ok(())),
        }
    }

    /// The bytes are right: into the store with them.
    fn keep(self, store: &Store) -> Result<()> {
        self.file.sync_all().with_context(|| format!("writing `{}`", self.path.display()))?;
        store.adopt(&self.path, &self.wanted)
    }

    fn discard(self) -> Result<()> {
        fs::remove_file(&self.path).with_context(|| format!("removing `{}`", self.path.display()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nothing has arrived: nothing to go on from.
        if self.length == 0 && same(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "nothing came for too long".into(),
        _ => format!("the connection broke: {error}"),
    }
}
