//! The engine for root trees: a copy of the base, in namespaces of its own, so that whatever ends the bake ends all that it started
//! and mounted. Root, or anybody with ranges in /etc/subuid.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::tools::{self, tied};
use super::work::Work;
use super::{Job, Output};
use crate::image::check::ImageFormat;

/// What happens: `tree.sh`.
const SCRIPT: &str = include_str!("tree.sh");

/// What happens inside of it, in the tree: `inside.sh`.
const INSIDE: &str = include_str!("inside.sh");

/// What has to be there.
///
/// # Errors
/// What is not.
pub fn needs() -> Result<()> {
    tools::need(&[
        ("tar", "tar"),
        ("unshare", "util-linux"),
        ("setpriv", "util-linux"),
        ("mount", "mount"),
        ("chroot", "coreutils"),
        ("bash", "bash"),
    ])?;
    if tools::is_root() {
        return Ok(());
    }
    let mut command = Command::new("unshare");
    let able = command.args(["--user", "--map-root-user", "--map-auto", "true"]).stdin(Stdio::null()).output();
    match able {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!(
            "a root tree has many owners, and this account may not act for them: be root, or have ranges in /etc/subuid and /etc/subgid \
             and the package uidmap ({})",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
        Err(error) => Err(error.into()),
    }
}

/// Bakes; gives the tarball.
pub fn bake(job: &Job<'_>, base: ImageFormat, output: Output, work: &Work, say: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let mut command = tied("unshare");
    if !tools::is_root() {
        command.args(["--user", "--map-root-user", "--map-auto"]);
    }
    command.args(["--mount", "--propagation", "private", "--uts", "--ipc", "--pid", "--fork", "--kill-child=KILL"]);
    if !job.network {
        command.arg("--net");
    }
    let made = work.file(if output == Output::TarGz { "image.tar.gz" } else { "image.tar" });
    command.args(["sh", "-c", SCRIPT, "tree.sh"]);
    command.arg(if base == ImageFormat::Folder { "folder" } else { "tarball" });
    command.arg(job.base.canonicalize()?).arg(&work.folder).arg(&made);
    command.arg(job.epoch.map_or_else(String::new, |epoch| epoch.to_string()));
    command.arg(if job.network { "network" } else { "offline" }).arg(&job.program).arg(INSIDE);
    let ended = tools::follow(command.stderr(Stdio::inherit()), job.limit, |line| {
        if let Some(phase) = line.strip_prefix("== ") {
            say(phase);
        }
    })?;
    match ended.status {
        Some(status) if status.success() => Ok(made),
        Some(_) => bail!("{}; it said last:{}", ended.why().unwrap_or("the bake failed"), ended.words()),
        None => {
            bail!("baking `{}` took more than {} minutes; it said last:{}", job.base.display(), job.limit.as_secs() / 60, ended.words())
        }
    }
}
