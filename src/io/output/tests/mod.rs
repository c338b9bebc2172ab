//! What a build promises about the folder it writes: `faults` breaks it at every step, `rules` tries every refusal.

mod faults;
mod rules;
mod single;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use rustix::io::Errno;
use tempfile::TempDir;

use super::manifest::own_files;
use super::ops::{Faults, Op};
use super::{Stage, Summary};
use crate::artifact::{Artifact, CHECKSUMS, MANIFEST, folders_above};

/// A folder of its own, in memory where there is such a place: the tests make some 100,000 files.
fn playground() -> Playground {
    Playground(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
}

struct Playground(TempDir);

impl Playground {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        // Only root can remove what is in a folder without write permission.
        let mut todo = vec![self.path().to_path_buf()];
        while let Some(folder) = todo.pop() {
            chmod(&folder, 0o700);
            let below = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
            todo.extend(below.filter(|entry| entry.file_type().unwrap().is_dir()).map(|entry| entry.path()));
        }
    }
}

/// Adds checksums and manifest.
fn output(mut files: Vec<Artifact>) -> Vec<Artifact> {
    files.push(Artifact::public(CHECKSUMS, "sums"));
    let entry = |file: &Artifact| serde_json::json!({"path": file.path, "size": file.content.size(), "sha256": "0".repeat(64), "mode": format!("{:04o}", file.mode)});
    let entries: Vec<_> = files.iter().map(entry).collect();
    files.push(Artifact::public(MANIFEST, serde_json::json!({"format": 1, "files": entries}).to_string()));
    files
}

fn first() -> Vec<Artifact> {
    output(vec![
        Artifact::secret("hosts/a/user-data", "secret 1"),
        Artifact::public("hosts/a/meta-data", "same"),
        Artifact::public("hosts/b/user-data", "goes"),
        Artifact::public("packages/x.deb", "x 1"),
    ])
}

fn second() -> Vec<Artifact> {
    output(vec![
        Artifact::secret("hosts/a/user-data", "secret 2"),
        Artifact::public("hosts/a/meta-data", "same"),
        Artifact::secret("hosts/c/user-data", "comes"),
        Artifact { mode: 0o755, ..Artifact::public("packages", "a file where a folder was") },
    ])
}

/// Writes a whole output.
fn build(target: &Path, files: &[Artifact], faults: Faults) -> Result<Summary> {
    let stage = Stage::begin_with(target, faults)?;
    write_all(&stage, files)?;
    stage.commit()
}

fn write_all(stage: &Stage, files: &[Artifact]) -> Result<()> {
    files.iter().try_for_each(|file| stage.write(file).map(drop))
}

/// The same without touching the disk's cache, and nothing breaks.
fn build_well(target: &Path, files: &[Artifact]) -> Summary {
    build(target, files, Script::default().faults()).unwrap()
}

/// What goes wrong, and when.
#[derive(Default, Debug)]
struct Script {
    /// The number of the operation that fails, from 1; 0 for none.
    fail_at: u64,
    /// Whether all later ones fail too, as if the process were gone.
    dies: bool,
    /// Whether the file system lacks `RENAME_EXCHANGE`.
    no_exchange: bool,
    /// Operations so far.
    count: Arc<AtomicU64>,
    /// The number of the first rename.
    swap: Arc<AtomicU64>,
}

impl Script {
    fn faults(&self) -> Faults {
        let Self { fail_at, dies, no_exchange, .. } = *self;
        let (count, swap) = (Arc::clone(&self.count), Arc::clone(&self.swap));
        Faults(Some(Box::new(move |op| {
            let now = count.fetch_add(1, Ordering::Relaxed) + 1;
            if op == Op::Rename {
                let _ = swap.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
            }
            if fail_at > 0 && (now == fail_at || dies && now > fail_at) {
                return Err(Errno::NOSPC);
            }
            if no_exchange && op == Op::Exchange {
                return Err(Errno::INVAL);
            }
            Ok(op != Op::Sync)
        })))
    }

    /// Whether the fault was met.
    fn met(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.fail_at
    }
}

/// Everything in a folder: type, mode, content; for foreign files the inode number, too.
type Snapshot = BTreeMap<PathBuf, String>;

/// `None` if there is nothing.
fn snapshot(root: &Path) -> Option<Snapshot> {
    let own = own_in(root);
    let mut seen = Snapshot::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(path) = todo.pop() {
        let full = root.join(&path);
        let meta = fs::symlink_metadata(&full).ok()?;
        let mode = meta.mode() & 0o7777;
        let what = if meta.is_dir() {
            todo.extend(fs::read_dir(&full).unwrap().map(|entry| path.join(entry.unwrap().file_name())));
            format!("folder {mode:04o}")
        } else if meta.is_symlink() {
            format!("symlink {:?}", fs::read_link(&full).unwrap())
        } else {
            let foreign = path.to_str().is_none_or(|path| !own.contains(path));
            let inode = if foreign { format!(" inode {}", meta.ino()) } else { String::new() };
            format!("file {mode:04o} {:?}{inode}", fs::read(&full).unwrap())
        };
        seen.insert(path, what);
    }
    Some(seen)
}

fn own_in(root: &Path) -> BTreeSet<String> {
    fs::read(root.join(MANIFEST)).ok().and_then(|text| own_files(&text).ok()).unwrap_or_default()
}

/// What a folder must look like after a build: the new files, and of the old ones the foreign with the folders that they need.
fn expected(target: &Path, files: &[Artifact]) -> Snapshot {
    let old = snapshot(target).unwrap_or_default();
    let own = own_in(target);
    let own_folders: BTreeSet<&str> = own.iter().flat_map(|path| folders_above(path)).collect();
    let mut new = Snapshot::from([(PathBuf::new(), old.get(Path::new("")).cloned().unwrap_or("folder 0755".into()))]);
    for file in files {
        for folder in folders_above(&file.path) {
            new.insert(folder.into(), "folder 0755".into());
        }
        new.insert(file.path.clone().into(), format!("file {:04o} {:?}", file.mode, file.content.bytes().unwrap().to_vec()));
    }
    for (path, what) in &old {
        let ours = path.to_str().is_some_and(|path| own.contains(path) || own_folders.contains(path));
        if !ours {
            for path in path.ancestors() {
                new.entry(path.into()).or_insert_with(|| old[path].clone());
            }
            new.insert(path.clone(), what.clone());
        }
    }
    new
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn put(path: impl AsRef<Path>, content: &str, mode: u32) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    chmod(path, mode);
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Foreign files of all sorts; returns how many.
fn add_foreign(out: &Path) -> usize {
    put(out.join(".gitignore"), "*.iso", 0o644);
    put(out.join("hosts/a/notes"), "in a folder that stays", 0o640);
    put(out.join("hosts/b/notes"), "in a folder that goes", 0o600);
    put(out.join("mine/deep/script"), "#!/bin/sh", 0o755);
    put(out.join(OsStr::from_bytes(b"mine/\xff\xfe\n")), "no UTF-8", 0o644);
    symlink("hosts/a", out.join("latest")).unwrap();
    symlink("../nowhere", out.join("mine/dangling")).unwrap();
    fs::create_dir_all(out.join("empty/inside")).unwrap();
    chmod(&out.join("empty/inside"), 0o1777);
    chmod(&out.join("mine/deep"), 0o500);
    7
}
