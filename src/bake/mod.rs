//! Golden images: a base in, one image of a role out. The same `apply` that turns a machine into its host runs up to the packages,
//! then `seal` takes every identity out.
//!
//! Two engines behind one function, [`run`]: [`qemu`] boots a disk image and lets it bake itself; [`tree`] works on a root tree in
//! namespaces of its own. Which one is decided by what the base is. Outside tools do the work on disks and packages; what is missing
//! is named before anything starts. The base is only read, and the output appears whole or not at all. Partitions, boot loader,
//! kernel and the growing of disks stay the base's business.

pub mod base;
pub mod enter;
pub mod qemu;
pub mod tools;
pub mod tree;
pub mod work;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::emit::Context;
use crate::emit::image::{self, Origin};
use crate::format::pieces::Pieces;
use crate::image::check::{ImageFormat, form};
use crate::io::output::pour::write_piece;
use crate::io::store::Store;
use crate::lock::base::{self as lock_base, Requirements};
use crate::plan::image::ImagePlan;
use work::Work;

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A disk in the format of QEMU.
    Qcow2,
    /// A disk, byte for byte.
    Raw,
    /// A root tarball.
    Tar,
    /// The same, packed with gzip.
    TarGz,
}

impl Output {
    /// By the end of its name.
    ///
    /// # Errors
    /// When it has none that is known.
    pub fn of(path: &Path) -> Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let known = [(".qcow2", Self::Qcow2), (".raw", Self::Raw), (".img", Self::Raw), (".tar", Self::Tar), (".tar.gz", Self::TarGz)];
        match known.iter().find(|(end, _)| name.len() > end.len() && name.ends_with(end)) {
            Some((_, output)) => Ok(*output),
            None => bail!("`{}` does not say what to write: end its name in .qcow2, .raw, .img, .tar or .tar.gz", path.display()),
        }
    }
}

/// What is carried into an image.
pub struct Carried<'a> {
    /// Where the packages lie.
    pub store: &'a Store,
    /// SHA-256 of cluster.lock, in hexadecimal.
    pub lock: String,
    /// What they need of the base.
    pub needs: Requirements<'a>,
}

/// A bake.
pub struct Job<'a> {
    /// What the image becomes.
    pub plan: &'a ImagePlan,
    /// What emitters know.
    pub context: Context<'a>,
    /// The base, only read.
    pub base: &'a Path,
    /// Where the image goes.
    pub output: &'a Path,
    /// Compress a disk.
    pub compress: bool,
    /// The base may reach the network while packages are installed.
    pub network: bool,
    /// For QEMU.
    pub machine: qemu::Machine,
    /// When to give up.
    pub limit: Duration,
    /// Time of everything that the bake made in a root tree; none: that of the base's list of packages.
    pub epoch: Option<u64>,
    /// Packages of the store, where some are carried.
    pub carried: Option<Carried<'a>>,
    /// This program, to look for leaks from where the tree can be read.
    pub program: PathBuf,
}

/// Bakes; `say` is told each phase when it begins.
///
/// # Errors
/// What is missing, what the base is not, why the packages did not come, which leak was left: no output then.
pub fn run(job: &Job<'_>, say: &mut dyn FnMut(&str)) -> Result<()> {
    let (base, output) = (form(job.base)?, Output::of(job.output)?);
    let is_disk = matches!(base, ImageFormat::Qcow2 | ImageFormat::Raw);
    match (is_disk, output) {
        (true, Output::Tar | Output::TarGz) => {
            bail!("`{}` is a disk, and gives a disk: end the name of the output in .qcow2 or .raw", job.base.display())
        }
        (false, Output::Qcow2 | Output::Raw) => bail!(
            "`{}` is a root tree, without boot loader and kernel, and gives a root tarball: end the name of the output in .tar or .tar.gz",
            job.base.display()
        ),
        _ => {}
    }
    if job.output.symlink_metadata().is_ok() {
        bail!("`{}` exists already, and is left as it is: move it away, or choose another name", job.output.display());
    }
    if is_disk {
        qemu::needs()?
    } else {
        tree::needs()?
    }
    say("base");
    let digest = tools::digest(job.base, base)?;
    let work = Work::begin(job.output)?;
    if let Some(carried) = &job.carried {
        agree(job.base, &base::status(job.base, base, &work)?, &carried.needs)?;
    }
    let origin = Origin { base: &digest, lock: job.carried.as_ref().map(|carried| &*carried.lock) };
    let seed = image::tarball(job.plan, origin, job.context).context("packing what the base is brought")?;
    write(&seed, &work.file("bake.tar.gz"), job.carried.as_ref().map(|carried| carried.store))?;
    let made = if is_disk { qemu::bake(job, base, output, &work, say)? } else { tree::bake(job, base, output, &work, say)? };
    work.commit(&made, job.output)
}

/// Most reasons that are told.
const MOST: usize = 8;

/// Refuses a base that is not the one that the lock was made for, as far as the lock relies on it; `status` is its dpkg status.
fn agree(base: &Path, status: &str, needs: &Requirements<'_>) -> Result<()> {
    let mut found = lock_base::differences(needs, status).map_err(|why| anyhow!("`{}`: {why}", base.display()))?;
    if found.is_empty() {
        return Ok(());
    }
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    found.extend((more > 0).then(|| format!("and {more} more")));
    bail!(
        "cluster.lock does not fit onto `{}`:\n  {}\nname what this base has as `packages: {{base: …}}` in the spec (its /{}), then lock, fetch and bake again",
        base.display(),
        found.join("\n  "),
        crate::io::base::STATUS
    )
}

/// Writes what is made of pieces, without holding more than one of them.
fn write(pieces: &Pieces, to: &Path, store: Option<&Store>) -> Result<()> {
    let doing = || format!("writing `{}`", to.display());
    let mut out = BufWriter::with_capacity(1 << 20, File::create(to).with_context(doing)?);
    pieces.iter().try_for_each(|piece| write_piece(piece, store, &mut out)).with_context(doing)?;
    out.flush().with_context(doing)
}
