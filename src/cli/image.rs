//! `image check`: what an image must not hold.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::args::{Format, Image, ImageCommand};
use super::{Verdict, report};
use crate::bake::{enter, qemu, tools};
use crate::format::jks;
use crate::image::check::{self, ImageFormat};
use crate::image::leaks::{self, Leak};
use crate::image::tree::{self, Tree};
use crate::io::scratch::Scratch;

/// Looks into an image.
pub fn run(options: &Image) -> Result<Verdict> {
    match &options.command {
        ImageCommand::Check { image, format } => check(image, *format),
        ImageCommand::Settle { root, epoch } => settle(root, *epoch),
        ImageCommand::Enter { root, epoch, name_servers } => match enter::run(root, epoch, name_servers.as_deref())? {
            0 => Ok(Verdict::Done),
            _ => Ok(Verdict::Wrong),
        },
    }
}

/// Java's store of certificates, below a root.
const STORE: &str = "etc/ssl/certs/java/cacerts";

/// What no tool can be told to do.
fn settle(root: &Path, epoch: u64) -> Result<Verdict> {
    let doing = || format!("settling `{}`", root.join(STORE).display());
    let folder = File::open(root).with_context(doing)?;
    // A link would lead out of the tree: none is followed, not even on the way.
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let Ok(store) = openat2(&folder, STORE, OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty(), resolve) else {
        return Ok(Verdict::Done);
    };
    let mut store = File::from(store);
    if store.metadata().with_context(doing)?.is_file() {
        let mut bytes = Vec::new();
        store.read_to_end(&mut bytes).with_context(doing)?;
        if let Some(settled) = jks::at_one_time(&bytes, epoch) {
            // Times within have one size: the file keeps its own.
            store.rewind().and_then(|()| store.write_all(&settled)).with_context(doing)?;
            store.set_len(settled.len() as u64).with_context(doing)?;
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
        report::data(&line)?;
    }
    if found.is_empty() {
        report::say(&format!("{}: no leak in {}", image.display(), report::count(tree.entries.len(), "file")));
        return Ok(Verdict::Done);
    }
    report::say(&format!(
        "{}: {}; no machine should start from this image as it is, and `bake` removes what can be removed",
        image.display(),
        report::count(found.len(), "leak")
    ));
    Ok(Verdict::Wrong)
}

fn open(image: &Path) -> Result<Tree> {
    let shipped = leaks::parse(leaks::TABLE)?;
    let reads = |rows: &[Leak], path: &str| check::reads(rows, path);
    match check::form(image)? {
        ImageFormat::Folder => tree::folder(image),
        ImageFormat::Tarball => tree::tarball(image, |path| reads(&shipped, path)),
        ImageFormat::Raw => tree::raw(image),
        ImageFormat::Qcow2 => {
            tools::need(&[("qemu-img", "qemu-utils"), ("setpriv", "util-linux")])?;
            // Whoever may not read the image may not read the copy; the file may go while it is read.
            let private = Scratch::new("image")?;
            let copy = private.path().join("disk.raw");
            let made = File::options().write(true).create_new(true).mode(0o600).open(&copy);
            made.with_context(|| format!("making `{}`", copy.display()))?;
            qemu::convert(image, &copy, &["-f", "qcow2", "-O", "raw"])?;
            tree::raw(&copy)
        }
    }
}
