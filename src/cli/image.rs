//! `image check`: what an image must not hold.

use std::path::Path;

use anyhow::{Context, Result};

use super::args::{Format, Image, ImageCommand};
use super::{Verdict, report};
use crate::bake::{qemu, tools};
use crate::format::jks;
use crate::image::check::{self, Form};
use crate::image::leaks::{self, Leak};
use crate::image::tree::{self, Tree};

/// Looks into an image.
pub fn run(options: &Image) -> Result<Verdict> {
    match &options.command {
        ImageCommand::Check { image, format } => check(image, *format),
        ImageCommand::Settle { root, epoch } => settle(root, *epoch),
    }
}

/// What no tool can be told to do.
fn settle(root: &Path, epoch: u64) -> Result<Verdict> {
    let store = root.join("etc/ssl/certs/java/cacerts");
    // A link would lead out of the tree.
    if store.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        let doing = || format!("settling `{}`", store.display());
        let bytes = std::fs::read(&store).with_context(doing)?;
        if let Some(settled) = jks::at_one_time(&bytes, epoch) {
            std::fs::write(&store, settled).with_context(doing)?;
        }
    }
    Ok(Verdict::Done)
}

fn check(image: &Path, format: Format) -> Result<Verdict> {
    let tree = open(image)?;
    let rows = check::rows_for(&tree)?;
    let found = check::find(&tree, &rows)?;
    for leak in &found {
        let line = match format {
            Format::Text => format!("{}: {}\n", leak.path, leak.why),
            Format::Json => format!("{}\n", serde_json::json!({"format": 1, "path": leak.path, "why": leak.why})),
        };
        report::heard_or_not(report::data(&line))?;
    }
    if found.is_empty() {
        report::say(&format!("{}: no leak in {}", image.display(), report::count(tree.entries.len(), "file")));
        return Ok(Verdict::Done);
    }
    report::say(&format!(
        "{}: {}; `bake` removes all of that, and no machine should start from this image as it is",
        image.display(),
        report::count(found.len(), "leak")
    ));
    Ok(Verdict::Wrong)
}

fn open(image: &Path) -> Result<Tree> {
    let shipped = leaks::parse(leaks::TABLE)?;
    let reads = |rows: &[Leak], path: &str| check::reads(rows, path);
    match check::form(image)? {
        Form::Folder => tree::folder(image),
        Form::Tarball => tree::tarball(image, |path| reads(&shipped, path)),
        Form::Raw => tree::raw(image),
        Form::Qcow2 => {
            tools::need(&[("qemu-img", "qemu-utils"), ("setpriv", "util-linux")])?;
            let copy = Copy::of(image)?;
            // The file may go while it is read.
            tree::raw(&copy.0)
        }
    }
}

/// A disk, byte for byte, as long as it is looked at.
struct Copy(std::path::PathBuf);

impl Copy {
    fn of(image: &Path) -> Result<Self> {
        let folder = std::env::temp_dir();
        let copy = Self(folder.join(format!("clusterseed-image-{}.raw", std::process::id())));
        // A name that nobody else prepared.
        std::fs::File::create_new(&copy.0).with_context(|| format!("making `{}`", copy.0.display()))?;
        qemu::convert(image, &copy.0, &["-O", "raw"])?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
