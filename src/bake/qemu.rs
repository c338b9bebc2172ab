//! The engine for disks: QEMU boots a copy-on-write layer over the base with a seed of ours, the machine bakes and seals itself and
//! switches itself off. With KVM where it works, emulated where not; never as root for its own sake.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use super::tools::{self, Ended, succeed, tied};
use super::work::Work;
use super::{Job, Output};
use crate::emit::image;
use crate::format::iso9660;
use crate::format::volume::{File, FileContent, Volume};
use crate::image::check::{self, ImageFormat};
use crate::image::tree;

/// The machine that bakes.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Memory in MiB.
    pub memory: u32,
    /// Size of the disk, in the words of qemu-img; none: the base's.
    pub disk_size: Option<String>,
}

/// What has to be there.
///
/// # Errors
/// What is not.
pub fn needs() -> Result<()> {
    tools::need(&[("qemu-img", "qemu-utils"), ("qemu-system-x86_64", "qemu-system-x86"), ("setpriv", "util-linux")])
}

/// Bakes; gives the disk.
pub fn bake(job: &Job<'_>, base: ImageFormat, output: Output, work: &Work, say: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let (layer, seed) = (work.file("layer.qcow2"), work.file("seed.iso"));
    let mut create = tied("qemu-img");
    create.args(["create", "-q", "-f", "qcow2", "-F", if base == ImageFormat::Qcow2 { "qcow2" } else { "raw" }, "-b"]);
    create.arg(job.base.canonicalize()?).arg(&layer).args(&job.machine.disk_size);
    succeed(&mut create, "laying a layer over the base")?;
    volume(job, work, &seed)?;
    let ended = boot(job, &layer, &seed, work, say)?;
    match ended.status {
        None => bail!("the machine took more than {} minutes; its console said last:{}", job.limit.as_secs() / 60, ended.words()),
        Some(status) if !status.success() || !ended.sealed() => {
            let off = format!("the machine went off before it was sealed ({status})");
            bail!("{}; its console said last:{}", ended.why().unwrap_or(&off), ended.words())
        }
        Some(_) => {}
    }
    say("check");
    let raw = work.file("image.raw");
    convert(&layer, &raw, &["-f", "qcow2", "-O", "raw"])?;
    let looked = tree::raw(&raw)?;
    let leaks = check::find(&looked, &check::rows_for(&looked)?)?;
    if !leaks.is_empty() {
        let lines: String = leaks.iter().map(|leak| format!("\n  {}: {}", leak.path, leak.why)).collect();
        bail!("the image is not sealed:{lines}");
    }
    say("write");
    if output == Output::Raw {
        return Ok(raw);
    }
    let disk = work.file("image.qcow2");
    let compress: &[&str] = if job.compress { &["-f", "raw", "-O", "qcow2", "-c"] } else { &["-f", "raw", "-O", "qcow2"] };
    convert(&raw, &disk, compress)?;
    Ok(disk)
}

/// Copies a disk from one format to another, without a layer below.
///
/// # Errors
/// What qemu-img says.
pub fn convert(from: &Path, to: &Path, options: &[&str]) -> Result<()> {
    succeed(tied("qemu-img").arg("convert").args(options).arg(from).arg(to), &format!("converting `{}`", from.display())).map(drop)
}

/// The volume that the machine bakes itself with.
fn volume(job: &Job<'_>, work: &Work, to: &Path) -> Result<()> {
    let mut bake = fs::File::open(work.file("bake.tar.gz")).context("reading the seed")?;
    let size = bake.metadata().context("reading the seed")?.len();
    let (user_data, meta_data) = (image::user_data(), image::meta_data(job.plan));
    let file = |name, source| File { name, mode: 0o600, source };
    let files = vec![
        file("user-data", FileContent::Bytes(user_data.as_bytes())),
        file("meta-data", FileContent::Bytes(meta_data.as_bytes())),
        // Packages may be gigabytes.
        file("bake.tar.gz", FileContent::Reader { size, reader: Box::new(&mut bake) }),
    ];
    let mut out = fs::File::create(to).context("writing the seed volume")?;
    iso9660::write(Volume { label: image::LABEL, epoch: job.context.epoch, files }, &mut out).context("writing the seed volume")?;
    Ok(())
}

/// A machine that is switched off at once: a /dev/kvm may be there and not for us, or not for this processor, which QEMU only finds out
/// when it begins and then ends with an assertion.
fn kvm_works() -> bool {
    let mut qemu = tied("qemu-system-x86_64");
    qemu.args(["-machine", "q35", "-accel", "kvm", "-cpu", "max", "-m", "64", "-nodefaults", "-display", "none", "-monitor", "stdio"]);
    let child = qemu.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return false };
    if let Some(mut monitor) = child.stdin.take() {
        let _ = monitor.write_all(b"quit\n");
    }
    child.wait().is_ok_and(|status| status.success())
}

fn boot(job: &Job<'_>, layer: &Path, seed: &Path, work: &Work, say: &mut dyn FnMut(&str)) -> Result<Ended> {
    let comma = |path: &Path| path.display().to_string().replace(',', ",,");
    let mut qemu = tied("qemu-system-x86_64");
    let said = work.file("qemu.said");
    let accelerator = if kvm_works() { "kvm" } else { "tcg" };
    say(if accelerator == "kvm" { "boot" } else { "boot, emulated: KVM does not work here, so this takes minutes" });
    qemu.args(["-machine", "q35", "-accel", accelerator, "-cpu", "max", "-smp", "2", "-m"]).arg(job.machine.memory.to_string());
    qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-device", "virtio-rng-pci", "-serial", "stdio"]);
    // What the layer gives up stays out of the image. It need not survive a power cut: then there is no image.
    qemu.arg("-drive").arg(format!("if=virtio,format=qcow2,cache=unsafe,discard=unmap,detect-zeroes=unmap,file={}", comma(layer)));
    qemu.arg("-drive").arg(format!("if=virtio,format=raw,readonly=on,file={}", comma(seed)));
    // Without a network still a card: images wait for one.
    qemu.arg("-nic").arg(if job.network { "user,model=virtio-net-pci" } else { "user,model=virtio-net-pci,restrict=on" });
    qemu.stderr(fs::File::create(&said).with_context(|| format!("writing to `{}`", said.display()))?);
    let mut ended = tools::follow(&mut qemu, job.limit, |line| {
        if let Some((_, phase)) = line.split_once("== ").filter(|(before, _)| before.trim().is_empty()) {
            say(phase);
        }
    })?;
    ended.last.extend(fs::read_to_string(&said).unwrap_or_default().lines().map(str::to_string));
    Ok(ended)
}
