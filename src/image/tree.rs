//! A root tree to look at: a folder, a tarball, or an ext2, ext3 or ext4 file system on a raw disk. Nothing is mounted or written.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ext4_view::{Ext4, Ext4Read};

use super::disk;

/// Longest file whose lines are looked at; what has lines for people is shorter.
const MAX_READ: u64 = 1 << 20;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file, its size in bytes.
    File(u64),
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A device, a socket, a pipe.
    Other,
}

/// A whole tree.
pub struct Tree {
    /// Everything by absolute path, the root itself not.
    pub entries: BTreeMap<String, Entry>,
    source: Source,
}

enum Source {
    Folder(PathBuf),
    /// What was kept of a tarball.
    Kept(BTreeMap<String, Vec<u8>>),
    Disk(Box<Ext4>),
}

impl Tree {
    /// All bytes of a small file; none when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.read_up_to(path, MAX_READ)
    }

    /// The same of a file of at most so many bytes. Of a tarball only small ones were kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_up_to(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>> {
        match self.entries.get(path) {
            Some(Entry::File(size)) if *size <= most => {}
            _ => return Ok(None),
        }
        let read = match &self.source {
            Source::Folder(root) => fs::read(root.join(path.trim_start_matches('/'))).map_err(anyhow::Error::new),
            Source::Kept(kept) => kept.get(path).cloned().ok_or_else(|| anyhow!("it was not kept")),
            Source::Disk(ext4) => ext4.read(path).map_err(anyhow::Error::new),
        };
        read.with_context(|| format!("reading `{path}` of the image")).map(Some)
    }
}

/// Shows a folder.
///
/// # Errors
/// When a part of it cannot be read: who is not root sees only a part of a root tree, and would take it for clean.
pub fn folder(root: &Path) -> Result<Tree> {
    let mut entries = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        let doing = || format!("reading `{}`", dir.display());
        for entry in fs::read_dir(&dir).with_context(doing)? {
            let path = entry.with_context(doing)?.path();
            let meta = fs::symlink_metadata(&path).with_context(doing)?;
            let name = format!("/{}", path.strip_prefix(root).unwrap_or(&path).to_string_lossy());
            let found = if meta.is_dir() {
                open.push(path);
                Entry::Folder
            } else if meta.is_symlink() {
                Entry::Link
            } else if meta.is_file() {
                Entry::File(meta.len())
            } else {
                Entry::Other
            };
            entries.insert(name, found);
        }
    }
    Ok(Tree { entries, source: Source::Folder(root.to_path_buf()) })
}

/// Shows a tarball, packed with gzip, xz, zstd or not at all; keeps the content of the files that `wanted` names.
///
/// # Errors
/// When it is no tarball, or what unpacks it is missing.
pub fn tarball(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Tree> {
    let doing = || format!("reading `{}`", path.display());
    let mut magic = [0; 6];
    let mut file = File::open(path).with_context(doing)?;
    let _ = file.read(&mut magic).with_context(doing)?;
    file.seek(SeekFrom::Start(0)).with_context(doing)?;
    let reader: Box<dyn Read> = match magic {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => unpacked_by("xz", file)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => unpacked_by("zstd", file)?,
        _ => Box::new(file),
    };
    let (mut entries, mut kept) = (BTreeMap::new(), BTreeMap::new());
    for entry in tar::Archive::new(reader).entries().with_context(doing)? {
        let mut entry = entry.with_context(doing)?;
        let name = format!("/{}", entry.path().with_context(doing)?.to_string_lossy().trim_start_matches("./").trim_matches('/'));
        let kind = entry.header().entry_type();
        let found = if kind.is_file() {
            Entry::File(entry.size())
        } else if kind.is_hard_link() {
            // The same file as one that came before: its size decides nothing but for what is to be empty.
            let target = entry.link_name().with_context(doing)?.map(|t| format!("/{}", t.to_string_lossy().trim_start_matches("./")));
            target.and_then(|target| entries.get(&target).copied()).unwrap_or(Entry::Other)
        } else if kind.is_symlink() {
            Entry::Link
        } else if kind.is_dir() {
            Entry::Folder
        } else {
            Entry::Other
        };
        if matches!(found, Entry::File(size) if size <= MAX_READ) && wanted(&name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).with_context(doing)?;
            kept.insert(name.clone(), bytes);
        }
        if name != "/" {
            entries.insert(name, found);
        }
    }
    Ok(Tree { entries, source: Source::Kept(kept) })
}

fn unpacked_by(tool: &str, file: File) -> Result<Box<dyn Read>> {
    let child = Command::new(tool).arg("-dc").stdin(file).stdout(Stdio::piped()).spawn();
    let child = child.with_context(|| format!("`{tool}` is needed to unpack it: install it"))?;
    Ok(Box::new(child.stdout.context("no output")?))
}

/// Shows the root file system of a raw disk: the partition that holds an /etc/os-release.
///
/// # Errors
/// When there is none on an ext2, ext3 or ext4 file system.
pub fn raw(path: &Path) -> Result<Tree> {
    let doing = || format!("reading `{}`", path.display());
    let mut file = File::open(path).with_context(doing)?;
    let starts = disk::partitions(&mut file).with_context(doing)?;
    for start in &starts {
        let window = Window { file: file.try_clone().with_context(doing)?, start: *start };
        let Ok(ext4) = Ext4::load(Box::new(window)) else { continue };
        let is_root = ["/etc/os-release", "/usr/lib/os-release"].iter().any(|name| ext4.symlink_metadata(*name).is_ok());
        if is_root {
            return walk(ext4).with_context(doing);
        }
    }
    bail!(
        "`{}` has no root file system that can be looked at: of its {} partitions none is ext2, ext3 or ext4 with an /etc/os-release",
        path.display(),
        starts.len()
    )
}

/// Longest path in bytes (PATH_MAX), and most files: a damaged file system may go in circles.
const LONGEST: usize = 4096;
const MOST: usize = 5_000_000;

fn walk(ext4: Ext4) -> Result<Tree> {
    let mut entries = BTreeMap::new();
    let mut open = vec![String::new()];
    while let Some(dir) = open.pop() {
        let listed = ext4.read_dir(if dir.is_empty() { "/" } else { &dir }).with_context(|| format!("reading the folder `{dir}/`"))?;
        for entry in listed {
            let entry = entry.with_context(|| format!("reading the folder `{dir}/`"))?;
            let name = entry.file_name();
            // A name that is not UTF-8 matches no row, but what is below it may.
            let name = name.as_str().map_or_else(|_| name.display().to_string(), str::to_string);
            if name == "." || name == ".." {
                continue;
            }
            let path = format!("{dir}/{name}");
            let meta = entry.metadata().with_context(|| format!("looking at `{path}`"))?;
            let kind = meta.file_type();
            let found = if kind.is_dir() {
                ensure!(path.len() <= LONGEST, "the folder `{dir}/` leads into itself: the file system is damaged");
                open.push(path.clone());
                Entry::Folder
            } else if kind.is_symlink() {
                Entry::Link
            } else if kind.is_regular_file() {
                Entry::File(meta.len())
            } else {
                Entry::Other
            };
            entries.insert(path, found);
            ensure!(entries.len() <= MOST, "it has more than {MOST} files: the file system is damaged");
        }
    }
    ensure!(!entries.is_empty(), "it is empty");
    Ok(Tree { entries, source: Source::Disk(Box::new(ext4)) })
}

/// A part of a file, from a byte on.
struct Window {
    file: File,
    start: u64,
}

impl Ext4Read for Window {
    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
        self.file.seek(SeekFrom::Start(self.start.saturating_add(at)))?;
        Ok(self.file.read_exact(into)?)
    }
}
