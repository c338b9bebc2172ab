//! Folders of .deb files: what is in them, by size and digest.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::tree;
use crate::format::checksum::Sha256Sum;

/// Most files of a folder, with those below it: a mistyped `/` shall not be read to its end.
const MOST: usize = 100_000;

/// A .deb file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deb {
    /// Path below the folder, with `/` between its parts.
    pub path: String,
    /// Where it is.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
}

/// All .deb files of a folder and of those below it, sorted by path.
pub fn list(folder: &Path) -> Result<Vec<Deb>> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_path_buf(), String::new())];
    let mut seen = 0;
    while let Some((dir, prefix)) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("reading the folder `{}`", dir.display()))? {
            let entry = entry.with_context(|| format!("reading the folder `{}`", dir.display()))?;
            let file = entry.path();
            let Ok(name) = entry.file_name().into_string() else { continue };
            seen += 1;
            if seen > MOST {
                bail!("`{}` holds more than {MOST} files; name the folder that holds the packages", folder.display());
            }
            // A link to a file is as good as the file; one to a folder may lead in a circle.
            let link = entry.file_type().with_context(|| format!("looking at `{}`", file.display()))?.is_symlink();
            let Ok(meta) = fs::metadata(&file) else { continue };
            let path = format!("{prefix}{name}");
            if meta.is_dir() && !link {
                open.push((file, format!("{path}/")));
            } else if meta.is_file() && name.ends_with(".deb") {
                found.push(Deb { path, file, size: meta.len() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// SHA-256 of a file.
pub fn digest(file: &Path) -> Result<Sha256Sum> {
    Ok(tree::digest(file)?.1)
}
