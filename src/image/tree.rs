//! A root tree to look at: a folder, a tarball, or an ext2, ext3 or ext4 file system on a raw disk. Nothing is mounted or written.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ext4_view::{Ext4, Ext4Read};
use tar::EntryType;

use super::disk;
use crate::format::packed::Compression;

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
    backing: Backing,
}

enum Backing {
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
        let read = match &self.backing {
            Backing::Folder(root) => fs::read(root.join(path.trim_start_matches('/'))).map_err(anyhow::Error::new),
            Backing::Kept(kept) => kept.get(path).cloned().ok_or_else(|| anyhow!("it was not kept")),
            Backing::Disk(ext4) => ext4.read(path).map_err(anyhow::Error::new),
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
    Ok(Tree { entries, backing: Backing::Folder(root.to_path_buf()) })
}

/// Shows a tarball, packed with gzip, xz, zstd or not at all; keeps the content of the files that `wanted` names.
///
/// # Errors
/// When it is no tarball, is cut, or is packed in another way.
pub fn tarball(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Tree> {
    let doing = || format!("reading `{}`", path.display());
    let (mut entries, mut kept) = (BTreeMap::new(), BTreeMap::new());
    // What is linked hard is the file that came before, its bytes stand there alone: links by what they name.
    let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    members(path, |name, entry| {
        let kind = entry.header().entry_type();
        let found = if is_file(kind) {
            Entry::File(entry.size())
        } else if kind.is_hard_link() {
            let target = entry.link_name()?.map(|target| absolute(&target)).unwrap_or_default();
            let first = files.get(&target).cloned().unwrap_or(target);
            let found = entries.get(&first).copied();
            if matches!(found, Some(Entry::File(size)) if size <= MAX_READ) && wanted(&name) {
                links.entry(first.clone()).or_default().push(name.clone());
            }
            files.insert(name.clone(), first);
            found.unwrap_or(Entry::Other)
        } else if kind.is_symlink() {
            Entry::Link
        } else if kind.is_dir() {
            Entry::Folder
        } else {
            Entry::Other
        };
        if is_file(kind) && entry.size() <= MAX_READ && wanted(&name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            kept.insert(name.clone(), bytes);
        }
        if name != "/" {
            entries.insert(name, found);
        }
        Ok(())
    })
    .with_context(doing)?;
    for (first, names) in &links {
        if let Some(bytes) = kept.get(first).cloned() {
            kept.extend(names.iter().map(|name| (name.clone(), bytes.clone())));
        }
    }
    links.retain(|first, _| !kept.contains_key(first));
    if !links.is_empty() {
        // Nobody had asked for the file under its first name.
        members(path, |name, entry| {
            if let Some(names) = links.get(&name).filter(|_| is_file(entry.header().entry_type())) {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                kept.extend(names.iter().map(|name| (name.clone(), bytes.clone())));
            }
            Ok(())
        })
        .with_context(doing)?;
    }
    Ok(Tree { entries, backing: Backing::Kept(kept) })
}

fn is_file(kind: EntryType) -> bool {
    kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()
}

/// A path of a tarball as the machine has it.
fn absolute(path: &Path) -> String {
    format!("/{}", path.to_string_lossy().trim_start_matches("./").trim_matches('/'))
}

/// Gives each member of a tarball, with its absolute path, to its very end: what is cut shows a part for the whole.
fn members(path: &Path, mut each: impl FnMut(String, &mut tar::Entry<'_, &mut Whole<Box<dyn Read>>>) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let form = Compression::sniff(reader.fill_buf()?);
    let mut whole = Whole { inner: form.open(reader)?, zeros: 0 };
    for entry in tar::Archive::new(&mut whole).entries()? {
        let mut entry = entry?;
        let name = absolute(&entry.path()?);
        each(name, &mut entry)?;
    }
    io::copy(&mut whole, &mut io::sink())?;
    if whole.zeros < 512 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has no end: it is cut, or no tarball"));
    }
    Ok(())
}

/// Counts the zeros at the end, of which a tarball has two blocks (POSIX, pax).
struct Whole<R> {
    inner: R,
    zeros: usize,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        let zeros = into[..count].iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros = if zeros == count { self.zeros + zeros } else { zeros };
        Ok(count)
    }
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
    Ok(Tree { entries, backing: Backing::Disk(Box::new(ext4)) })
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
