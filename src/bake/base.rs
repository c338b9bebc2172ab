//! What a base has already: its dpkg status, wherever it lies.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::qemu;
use super::work::Work;
use crate::image::check::ImageFormat;
use crate::image::tree;
use crate::io::base::{self, MOST, STATUS};

/// The dpkg status of a base; a disk is unpacked in `work` for that, and removed again.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn status(path: &Path, form: ImageFormat, work: &Work) -> Result<String> {
    match form {
        ImageFormat::Folder | ImageFormat::Tarball => base::status(path),
        ImageFormat::Raw => of_disk(path, path),
        ImageFormat::Qcow2 => {
            let raw = work.file("base.raw");
            qemu::convert(path, &raw, &["-f", "qcow2", "-O", "raw"])?;
            let found = of_disk(&raw, path);
            fs::remove_file(&raw).with_context(|| format!("removing `{}`", raw.display()))?;
            found
        }
    }
}

fn of_disk(raw: &Path, shown: &Path) -> Result<String> {
    let doing = || format!("looking for what `{}` has installed", shown.display());
    let bytes = tree::raw(raw).and_then(|tree| tree.read_up_to(&format!("/{STATUS}"), MOST)).with_context(doing)?;
    let bytes = bytes.with_context(|| format!("its root file system has no /{STATUS}")).with_context(doing)?;
    String::from_utf8(bytes).context("its dpkg status is not UTF-8").with_context(doing)
}
