//! Reads a spec, the folders laid over the profiles, and the local files that the spec names.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;

use super::base;
use crate::cluster::LocalFiles;
use crate::compile::{Inputs, LockFile, parse_spec};
use crate::diag::{At, Diagnostics, FileId, Sources, Spanned};
use crate::format::checksum::Sha256Sum;
use crate::io::git::Blob;
use crate::lock;
use crate::profile::catalog::Catalog;
use crate::spec::secrets;
use crate::yaml::read as yaml;

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
    BesideSpec,
    /// This one.
    At(PathBuf),
    /// None: it is about to be made.
    Ignored,
}

impl Lock {
    /// Where it is, or would be.
    pub fn path(&self, spec: &Path) -> Option<PathBuf> {
        match self {
            Self::BesideSpec => Some(folder(spec).join(lock::FILE)),
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
    let stdin = path == Path::new("-");
    let bytes = if stdin { limited(std::io::stdin().lock(), "standard input")? } else { open(path)? };
    let name = if stdin { "standard input".to_string() } else { path.display().to_string() };
    let folder = folder(path);
    let local = |named: &str| Ok(read_local(&folder.join(named)));
    let mut inputs = from_bytes(&bytes, name, local, options, sources, diags)?;
    if let Some(path) = options.lock.path(path).filter(|_| carries(&inputs)) {
        inputs.lock = lock_file(&path)?;
    }
    inputs.base = base_of(&inputs, folder);
    Ok(inputs)
}

/// The same of a git revision. Files that the spec names are those of the revision; what it does not hold, as secrets should not be,
/// is read from the working tree, and its name is added to `elsewhere`.
pub fn inputs_of(
    blob: &Blob,
    options: &Options,
    elsewhere: &mut Vec<String>,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Inputs> {
    let local = |named: &str| {
        let Some(beside) = blob.beside(named) else { return Ok(read_local(Path::new(named))) };
        if let Ok(bytes) = beside.read()? {
            return Ok(Ok(bytes));
        }
        elsewhere.push(named.to_string());
        Ok(read_local(&blob.folder()?.join(named)))
    };
    let mut inputs = from_bytes(&blob.must()?, blob.to_string(), local, options, sources, diags)?;
    if let Lock::At(path) = &options.lock {
        if carries(&inputs) {
            inputs.lock = lock_file(path)?;
        }
    } else if let Some(beside) = blob.beside(lock::FILE).filter(|_| carries(&inputs)) {
        inputs.lock = match beside.read()? {
            Ok(bytes) => lock_text(beside.to_string(), bytes)?,
            Err(_) => LockFile::Missing,
        };
    }
    inputs.base = base_of(&inputs, &blob.folder()?);
    Ok(inputs)
}

fn carries(inputs: &Inputs) -> bool {
    inputs.spec.as_ref().and_then(|spec| spec.packages.source.as_ref()).is_some_and(|source| source.value == "carried")
}

/// Digest of the base that a lock was made for, as it is now; none where no lock asks.
fn base_of(inputs: &Inputs, folder: &Path) -> Option<Result<Sha256Sum, String>> {
    let path = inputs.spec.as_ref()?.packages.base.as_ref().filter(|_| matches!(inputs.lock, LockFile::Text(..)))?;
    Some(base::status(&folder.join(&path.value)).map(|text| Sha256Sum::of(text.as_bytes())).map_err(|error| format!("{error:#}")))
}

/// Parses a spec and reads with `read` what it names.
fn from_bytes(
    bytes: &[u8],
    name: String,
    mut read: impl FnMut(&str) -> Result<Result<Vec<u8>, String>>,
    options: &Options,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Inputs> {
    let catalog = catalog(&options.profile_dirs)?;
    let digest = Sha256Sum::of(bytes);
    let text = yaml::decode(bytes, |start, end| At::new(FileId(0), start, end), diags).unwrap_or_default();
    let readable = !diags.has_errors();
    let mut spec = if readable { parse_spec(&text, &name, sources, diags) } else { None };
    if !readable {
        // What can be shown of it: the place of the first bad byte is in the part before it.
        let part = if bytes.len() > yaml::MAX_BYTES { &bytes[..1024] } else { bytes };
        let part = String::from_utf8_lossy(part);
        let file = sources.add(name, &*part);
        secrets::hide_in_lines(&part, file, sources);
    }
    let mut local = LocalFiles::new();
    for reference in spec.iter().flat_map(crate::spec::Spec::references) {
        // Whether it is needed, and where, is known once the profile is.
        let found = read(&reference.value)?;
        local.insert(reference.value, found);
    }
    if let (Some(spec), Some(cloud)) = (&mut spec, &options.cloud) {
        spec.cloud = Some(Spanned::new(cloud.clone(), At { end: spec.at.start, ..spec.at }));
    }
    Ok(Inputs { digest, spec, catalog, local, lock: LockFile::Ignored, base: None, epoch: epoch()? })
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
    lock_text(name, bytes)
}

fn lock_text(name: String, bytes: Vec<u8>) -> Result<LockFile> {
    match String::from_utf8(bytes) {
        Ok(text) if text.len() <= yaml::MAX_BYTES => Ok(LockFile::Text(name, text)),
        Ok(_) => bail!("`{name}` has more than the {} bytes that are read", yaml::MAX_BYTES),
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
    /// ustar holds eleven octal digits.
    const LAST: u64 = (1 << 33) - 1;
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(0) };
    match text.to_str().and_then(|text| text.parse::<u64>().ok()) {
        Some(epoch) if epoch <= LAST => Ok(epoch),
        _ => bail!(
            "SOURCE_DATE_EPOCH is `{}`, not seconds since 1970 as a number from 0 to {LAST}: set it to one, or unset it",
            text.display()
        ),
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
    reader.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(|| format!("reading `{name}`"))?;
    Ok(bytes)
}

fn read_local(path: &Path) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        kind => kind.to_string(),
    };
    // A pipe that nobody writes to would be waited for.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::File::options().read(true).custom_flags(flags).open(path).map_err(words)?;
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
            let entry = entry.with_context(|| format!("reading `{}`", dir.display()))?;
            let path = entry.path();
            let kind = entry.file_type().with_context(|| format!("looking at `{}`", path.display()))?;
            if kind.is_dir() {
                open.push(path);
                continue;
            }
            if kind.is_symlink() && path.is_dir() {
                bail!("`{}` is a link to a folder, and may lead in a circle: put the folder itself there", path.display());
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
