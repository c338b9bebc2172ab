//! Looks for leaks in a tree.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::leaks::{self, Kind, Leak};
use super::tree::{Entry, Tree};
use crate::format::packed;

/// Something that must not be in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its path.
    pub path: String,
    /// Why it matters: goes on from "it".
    pub why: String,
}

/// Everything in `tree` that a row matches, sorted by path; what lies below something that has to go is not named once more.
///
/// # Errors
/// When a file cannot be read.
pub fn find(tree: &Tree, leaks: &[Leak]) -> Result<Vec<Finding>> {
    let mut found: Vec<Finding> = Vec::new();
    for leak in leaks {
        for path in matches(tree, leak)? {
            let known = found.iter().any(|finding| finding.path == path || is_below(&path, &finding.path));
            if !known {
                found.push(Finding { path, why: leak.why.clone() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn matches(tree: &Tree, leak: &Leak) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for (path, entry) in &tree.entries {
        let is_leak = match &leak.kind {
            Kind::Gone => leak.path.is_match(path),
            Kind::Own => *entry != Entry::Link && leak.path.is_match(path),
            Kind::Empty => matches!(entry, Entry::File(size) if *size > 0) && leak.path.is_match(path),
            Kind::Hollow => matches!(entry, Entry::File(size) if *size > 0) && is_below(path, &leak.pattern),
            Kind::Named(name) => is_below(path, &leak.pattern) && name.is_match(path.rsplit('/').next().unwrap_or(path)),
            Kind::Lines(line) | Kind::Never(line) => leak.path.is_match(path) && lines(tree, path)?.iter().any(|text| line.is_match(text)),
            Kind::Only(line) => leak.path.is_match(path) && lines(tree, path)?.iter().any(|text| !text.is_empty() && !line.is_match(text)),
        };
        if is_leak {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}

fn lines(tree: &Tree, path: &str) -> Result<Vec<String>> {
    let bytes = tree.read(path)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_string).collect())
}

/// The shipped table, and the rows that an image has of the services for which it was baked.
///
/// # Errors
/// When what the image says of itself cannot be read.
pub fn rows_for(tree: &Tree) -> Result<Vec<Leak>> {
    let mut rows = leaks::parse(leaks::TABLE)?;
    if let Some(bytes) = tree.read(super::PLACE)? {
        rows.extend(own_rows(&bytes).with_context(|| format!("{} of the image", super::PLACE))?);
    }
    Ok(rows)
}

fn own_rows(bytes: &[u8]) -> Result<Vec<Leak>> {
    let image: serde_json::Value = serde_json::from_slice(bytes)?;
    if image["format"] != 1 {
        bail!("format {} is not known", image["format"]);
    }
    let state = image["state"].as_array().into_iter().flatten();
    let row = |entry: &serde_json::Value| Some(leaks::row(entry["path"].as_str()?, entry["why"].as_str()?));
    leaks::parse(&state.filter_map(row).collect::<String>())
}

/// True for files of which the content decides, or which say what the image is.
pub fn reads(leaks: &[Leak], path: &str) -> bool {
    path == super::PLACE || leaks.iter().any(|leak| leak.reads(path))
}

/// What a file of an image is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// A folder with a root tree.
    Folder,
    /// A tarball of a root tree, packed or not.
    Tarball,
    /// A disk in the format of QEMU.
    Qcow2,
    /// A disk, byte for byte.
    Raw,
}

/// Looks at a path.
///
/// # Errors
/// When there is nothing that can be read.
pub fn form(path: &Path) -> Result<ImageFormat> {
    use std::io::Read;
    let doing = || format!("reading `{}`", path.display());
    if std::fs::metadata(path).with_context(doing)?.is_dir() {
        return Ok(ImageFormat::Folder);
    }
    let mut head = Vec::new();
    std::fs::File::open(path).with_context(doing)?.take(packed::HEAD as u64).read_to_end(&mut head).with_context(doing)?;
    Ok(if head.starts_with(b"QFI\xfb") {
        ImageFormat::Qcow2
    } else if packed::is_tarball(&head) {
        ImageFormat::Tarball
    } else {
        ImageFormat::Raw
    })
}
