//! Reads a built output back, for `verify` and `diff`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::format::checksum::Sha256Sum;
use crate::format::volume::Image;

/// A file of an output as it lies on disk.
#[derive(Debug)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// False for links, devices and the like.
    pub regular: bool,
}

/// Everything below a folder that is not a folder, by relative path.
pub fn list(folder: &Path) -> Result<BTreeMap<String, Found>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("reading `{}`", dir.display()))? {
            let path = entry.with_context(|| format!("reading `{}`", dir.display()))?.path();
            let meta = fs::symlink_metadata(&path).with_context(|| format!("reading `{}`", path.display()))?;
            if meta.is_dir() {
                open.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            found.insert(relative, Found { mode: meta.permissions().mode() & 0o7777, regular: meta.is_file(), path });
        }
    }
    Ok(found)
}

/// Size and digest of a file, which may be larger than memory.
pub fn digest(path: &Path) -> Result<(u64, Sha256Sum)> {
    let context = || format!("reading `{}`", path.display());
    digest_of(&mut fs::File::open(path).with_context(context)?).with_context(context)
}

/// Size and digest of what a reader gives.
pub fn digest_of(reader: &mut impl Read) -> io::Result<(u64, Sha256Sum)> {
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut chunk = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok((size, Sha256Sum(hash.finalize().into()))),
            Ok(count) => {
                hash.update(&chunk[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A volume in a file, read piece by piece.
#[derive(Debug)]
pub struct Disk {
    file: fs::File,
    path: PathBuf,
    size: u64,
}

impl Disk {
    /// Opens it.
    pub fn open(path: &Path) -> Result<Self> {
        let context = || format!("reading `{}`", path.display());
        let file = fs::File::open(path).with_context(context)?;
        let size = file.metadata().with_context(context)?.len();
        Ok(Self { file, path: path.to_path_buf(), size })
    }

    /// Digest of some of its bytes.
    pub fn digest(&self, at: u64, size: u64) -> Result<Sha256Sum> {
        let context = || format!("reading `{}`", self.path.display());
        (&self.file).seek(SeekFrom::Start(at)).with_context(context)?;
        Ok(digest_of(&mut (&self.file).take(size)).with_context(context)?.1)
    }
}

impl Image for Disk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }
}

/// All bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading `{}`", path.display()))
}

/// A file of a seed.
#[derive(Debug)]
pub struct Member {
    /// Permission bits: those of a secret are 0600.
    pub mode: u32,
    /// Digest of its bytes.
    pub sha256: Sha256Sum,
    /// Its bytes; none of a package, which may be larger than memory.
    pub bytes: Vec<u8>,
}

/// Where packages lie in a seed.
pub const IN_POOL: &str = "repo/pool/";

/// Files of a seed tarball by path below `seed/`.
///
/// # Errors
/// When it is damaged.
pub fn unpack(tarball: impl Read) -> io::Result<BTreeMap<String, Member>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(tarball));
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = entry.path()?.to_string_lossy().into_owned();
            let path = path.strip_prefix("seed/").map_or(path.clone(), str::to_string);
            let mode = entry.header().mode()?;
            let mut bytes = Vec::new();
            let sha256 = if path.starts_with(IN_POOL) {
                digest_of(&mut entry)?.1
            } else {
                entry.read_to_end(&mut bytes)?;
                Sha256Sum::of(&bytes)
            };
            files.insert(path, Member { mode, sha256, bytes });
        }
    }
    Ok(files)
}
