//! Which files of a folder are ours: those that its manifest names.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, fstat};
use serde::Deserialize;

use super::ops::{at, kind, open_file, stat};
use crate::artifact::{CHECKSUMS, MANIFEST, SIGNATURES, check_path};

/// The version of the manifest that this program reads.
const FORMAT: u64 = 1;

/// More than any output has (some 150 bytes per file), and little enough to hold in memory.
const MAX_SIZE: u64 = 256 << 20;

/// What a folder says about its own files.
pub(super) enum Earlier {
    /// There is no manifest: everything is foreign.
    None,
    /// The paths that are ours, the manifest and checksums among them.
    Own(BTreeSet<String>),
    /// There is a file of that name that is no manifest of ours, and why: everything is foreign.
    Unreadable(String),
}

impl Earlier {
    /// Looks at the manifest in `folder`.
    ///
    /// # Errors
    /// When it cannot be looked at; one that makes no sense is no error.
    pub(super) fn read(folder: &OwnedFd) -> Result<Self> {
        let doing = || format!("reading `{MANIFEST}`");
        let place = at(folder, MANIFEST);
        match stat(place).with_context(doing)? {
            None => return Ok(Self::None),
            Some(stat) if kind(&stat) != FileType::RegularFile => return Ok(Self::Unreadable("it is not a file".into())),
            Some(_) => {}
        }
        let file = open_file(place).with_context(doing)?;
        if fstat(&file).with_context(doing)?.st_size.unsigned_abs() > MAX_SIZE {
            return Ok(Self::Unreadable("it is too big".into()));
        }
        let mut text = Vec::new();
        File::from(file).take(MAX_SIZE).read_to_end(&mut text).with_context(doing)?;
        Ok(match own_files(&text) {
            Ok(own) => Self::Own(own),
            Err(error) => Self::Unreadable(format!("{error:#}")),
        })
    }

    /// The paths that are ours.
    pub(super) fn own(self) -> BTreeSet<String> {
        match self {
            Self::Own(own) => own,
            Self::None | Self::Unreadable(_) => BTreeSet::new(),
        }
    }
}

/// Apart from the rest, so that a later format is named as such and not as a field that is missing.
#[derive(Deserialize)]
struct Header {
    format: u64,
}

#[derive(Deserialize)]
struct Body {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    sha256: String,
}

/// The paths that a manifest names, and those that every output has.
///
/// # Errors
/// When the text is not a manifest of a format that this program knows. `manifest.json` is a common name; a wrong guess here
/// would delete somebody's files, so every entry must look right.
pub(super) fn own_files(text: &[u8]) -> Result<BTreeSet<String>> {
    let Header { format } = serde_json::from_slice(text).context("it is not a manifest of clusterseed")?;
    ensure!(format == FORMAT, "it has format {format}, and this version of clusterseed reads format {FORMAT}");
    let Body { files } = serde_json::from_slice(text).context("it is not a manifest of clusterseed")?;
    let mut own = BTreeSet::from([MANIFEST.to_string(), CHECKSUMS.to_string()]);
    own.extend(SIGNATURES.map(str::to_string));
    for Entry { path, sha256 } in files {
        check_path(&path).with_context(|| format!("it names {path:?}"))?;
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!("it gives no SHA-256 for `{path}`");
        }
        own.insert(path);
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::own_files;

    #[test]
    fn manifests() {
        let hex = "0".repeat(64);
        let good = format!(r#"{{"format":1,"x":[],"files":[{{"path":"a/b","size":1,"sha256":"{hex}","mode":"0644"}}]}}"#);
        let own = own_files(good.as_bytes()).unwrap();
        assert_eq!(
            own.iter().map(String::as_str).collect::<Vec<_>>(),
            ["SHA256SUMS", "SHA256SUMS.asc", "a/b", "manifest.json", "manifest.json.asc"]
        );

        let table = [
            (r"", "it is not a manifest of clusterseed"),
            (r#"{"name":"a web app","icons":[]}"#, "it is not a manifest of clusterseed"),
            (r#"{"format":1}"#, "it is not a manifest of clusterseed"),
            (r#"{"format":2,"files":{}}"#, "it has format 2, and this version of clusterseed reads format 1"),
            (&good.replace("a/b", "../b"), r#"it names "../b""#),
            (&good.replace(&hex, "beef"), "it gives no SHA-256 for `a/b`"),
        ];
        for (text, message) in table {
            assert_eq!(own_files(text.as_bytes()).unwrap_err().to_string(), message, "{text}");
        }
    }
}
