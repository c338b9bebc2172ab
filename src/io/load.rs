//! Reads a spec, the folders laid over the profiles, and the local files that the spec names.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::base;
use crate::cluster::LocalFiles;
use crate::compile::{Inputs, LockFile, parse_spec};
use crate::diag::{At, Diagnostics, FileId, Sources, Spanned};
use crate::format::checksum::Sha256Sum;
use crate::lock;
use crate::profile::catalog::Catalog;
use crate::yaml::read;

/// Most bytes of one local file that a spec names; larger things belong on a mirror.
const MAX_LOCAL: u64 = 64 * 1024 * 1024;
/// Most files of a folder that is laid over.
const MAX_OVERLAY: usize = 10_000;

/// Where everything is read from.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folders laid over the built-in profiles, the later over the earlier.
    pub profile_dirs: Vec<PathBuf>,
    /// Cloud instead of the spec's.
    pub cloud: Option<String>,
    /// Which lock counts.
    pub lock: Lock,
}

/// Which lock counts, where packages are carried.
#[derive(Clone, Debug, Default)]
pub enum Lock {
    /// That beside the spec.
    #[default]
    Beside,
    /// This one.
    At(PathBuf),
    /// None: it is about to be made.
    Ignored,
}

impl Lock {
    /// Where it is, or would be.
    pub fn path(&self, spec: &Path) -> Option<PathBuf> {
        match self {
            Self::Beside => Some(folder(spec).join(lock::FILE)),
            Self::At(path) => Some(path.clone()),
            Self::Ignored => None,
        }
    }
}

/// What paths in a spec are relative to.
pub fn folder(spec: &Path) -> &Path {
    if spec == Path::new("-") { Path::new("") } else { spec.parent().unwrap_or(Path::new("")) }
}

/// Reads the spec at `path` (`-` is standard input) and everything that it names. Mistakes in it are in `diags`.
pub fn inputs(path: &Path, options: &Options, sources: &mut Sources, diags: &mut Diagnostics) -> Result<Inputs> {
    let catalog = catalog(&options.profile_dirs)?;
    let stdin = path == Path::new("-");
    let bytes = if stdin { limited(std::io::stdin().lock(), "standard input")? } else { open(path)? };
    let digest = Sha256Sum::of(&bytes);
    let name = if stdin { "standard input".to_string() } else { path.display().to_string() };
    let text = read::decode(&bytes, |start, end| At::new(FileId(0), start, end), diags).unwrap_or_default();
    let readable = !diags.has_errors();
    let mut spec = if readable { parse_spec(&text, &name, sources, diags) } else { None };
    if !readable {
        // What can be shown of it: the place of the first bad byte is in the part before it.
        let part = if bytes.len() > read::MAX_BYTES { &bytes[..1024] } else { &bytes[..] };
        sources.add(name, String::from_utf8_lossy(part));
    }
    let folder = folder(path);
    let mut local = LocalFiles::new();
    for reference in spec.iter().flat_map(crate::spec::Spec::references) {
        // Whether it is needed, and where, is known once the profile is.
        let read = read_local(&folder.join(&reference.value));
        local.insert(reference.value, read);
    }
    if let (Some(spec), Some(cloud)) = (&mut spec, &options.cloud) {
        spec.cloud = Some(Spanned::new(cloud.clone(), At { end: spec.at.start, ..spec.at }));
    }
    let carries = spec.as_ref().and_then(|spec| spec.packages.source.as_ref()).is_some_and(|source| source.value == "carried");
    let lock = match options.lock.path(path).filter(|_| carries) {
        Some(path) => lock_file(&path)?,
        None => LockFile::Ignored,
    };
    let base = spec.as_ref().and_then(|spec| spec.packages.base.as_ref()).filter(|_| matches!(lock, LockFile::Text(..)));
    let base = base.map(|path| match base::status(&folder.join(&path.value)) {
        Ok(text) => Ok(Sha256Sum::of(text.as_bytes())),
        Err(error) => Err(format!("{error:#}")),
    });
    Ok(Inputs { digest, spec, catalog, local, lock, base, epoch: epoch()? })
}

/// A lock as text; that it is a sound one is seen later.
pub fn lock_file(path: &Path) -> Result<LockFile> {
    let name = path.display().to_string();
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(LockFile::Missing),
        Err(error) => return Err(error).with_context(|| format!("reading `{name}`")),
    };
    let bytes = limited(file, &name)?;
    match String::from_utf8(bytes) {
        Ok(text) if text.len() <= read::MAX_BYTES => Ok(LockFile::Text(name, text)),
        Ok(_) => bail!("`{name}` has more than the {} bytes that are read", read::MAX_BYTES),
        Err(_) => bail!("`{name}` is not UTF-8: take it from version control, or write it again with `clusterseed lock`"),
    }
}

/// The built-in profiles with folders laid over.
pub fn catalog(folders: &[PathBuf]) -> Result<Catalog> {
    let mut catalog = Catalog::embedded();
    for folder in folders {
        let origin = folder.display().to_string();
        for (path, bytes) in overlay(folder)? {
            catalog.overlay(&path, bytes, &origin);
        }
    }
    Ok(catalog)
}

/// SOURCE_DATE_EPOCH (reproducible-builds.org), or 0: never the clock.
pub fn epoch() -> Result<u64> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        // ustar holds eleven octal digits.
        Ok(text) => match text.parse::<u64>() {
            Ok(epoch) if epoch < 1 << 33 => Ok(epoch),
            _ => bail!("SOURCE_DATE_EPOCH is `{text}`, not a number of seconds since 1970"),
        },
        Err(_) => Ok(0),
    }
}

fn open(path: &Path) -> Result<Vec<u8>> {
    let context = || format!("reading `{}`", path.display());
    let file = fs::File::open(path).with_context(context)?;
    if file.metadata().with_context(context)?.is_dir() {
        bail!("`{}` is a folder; name the spec in it", path.display());
    }
    limited(file, &path.display().to_string())
}

/// One byte more than is allowed is enough to refuse a file without reading the rest.
fn limited(reader: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(read::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(|| format!("reading `{name}`"))?;
    Ok(bytes)
}

fn read_local(path: &Path) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        kind => kind.to_string(),
    };
    let file = fs::File::open(path).map_err(words)?;
    let meta = file.metadata().map_err(words)?;
    if !meta.is_file() {
        return Err("it is not a regular file".into());
    }
    if meta.len() > MAX_LOCAL {
        return Err(format!("it has {} bytes, more than {MAX_LOCAL}", meta.len()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_LOCAL).read_to_end(&mut bytes).map_err(words)?;
    Ok(bytes)
}

/// All files below a folder by relative path, sorted.
fn overlay(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("reading the profile folder `{}`", dir.display()))? {
            let path = entry.with_context(|| format!("reading `{}`", dir.display()))?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let bytes = read_local(&path).map_err(|why| anyhow::anyhow!("reading `{}`: {why}", path.display()))?;
            files.insert(relative, bytes);
            if files.len() > MAX_OVERLAY {
                bail!("`{}` holds more than {MAX_OVERLAY} files; name the folder that holds profiles", folder.display());
            }
        }
    }
    Ok(files)
}
