//! Outside tools: whether they are there, how they are started so that none outlives us, and what they say at the end.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::format::checksum::hex;
use crate::image::check::ImageFormat;

/// Lines of what a tool said that an error repeats.
const LAST_LINES: usize = 25;

/// True when this process may do all.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Fails with all that is missing at once: pairs of a program and the package that brings it on Debian and Ubuntu.
///
/// # Errors
/// What to install.
pub fn need(tools: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = tools.iter().filter(|(program, _)| find(program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|(program, _)| format!("`{program}`")).collect();
    let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    bail!("{} missing: install {} (on Debian and Ubuntu)", names.join(", "), packages.join(" "))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A command that the kernel kills when this process dies, however it dies.
pub fn tied(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).stdin(Stdio::null());
    command
}

/// Runs to the end; a failure is told with what was said.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn succeed(command: &mut Command, doing: &str) -> Result<String> {
    let output = command.output().with_context(|| doing.to_string())?;
    if !output.status.success() {
        bail!("{doing}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How a followed tool ended.
pub struct Ended {
    /// Its status; none when it took too long and was killed.
    pub status: Option<ExitStatus>,
    /// The last lines that it wrote.
    pub last: Vec<String>,
    /// The line in which the program in the base says how it ended; a machine may have much to say after it.
    verdict: Option<String>,
}

/// How the program in the base ends well, and how it gives up.
const SEALED: &str = "bake: sealed";
const FAILED: &str = "bake: failed: ";

impl Ended {
    /// Why the program in the base gave up, if it said so.
    pub fn why(&self) -> Option<&str> {
        self.verdict.as_deref()?.split_once(FAILED).map(|(_, why)| why)
    }

    /// True when it said that the image is sealed.
    pub fn sealed(&self) -> bool {
        self.verdict.as_ref().is_some_and(|line| line.contains(SEALED))
    }

    /// For an error: the last lines, set off.
    pub fn words(&self) -> String {
        self.last.iter().map(|line| format!("\n  | {line}")).collect()
    }
}

/// Runs a command and follows what it writes to standard output, line by line; kills it after `limit`.
///
/// # Errors
/// When it cannot be started.
pub fn follow(command: &mut Command, limit: Duration, mut line: impl FnMut(&str)) -> Result<Ended> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {:?}", command.get_program()))?;
    let out = child.stdout.take().context("no output")?;
    let (send, receive) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut out = BufReader::new(out);
        let mut bytes = Vec::new();
        while out.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
            let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).collect();
            bytes.clear();
            if send.send(text).is_err() {
                break;
            }
        }
    });
    let (until, mut last) = (Instant::now() + limit, VecDeque::new());
    let mut verdict = None;
    let status = loop {
        match receive.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(text) => {
                line(&text);
                if verdict.is_none() && (text.contains(SEALED) || text.contains(FAILED)) {
                    verdict = Some(text.clone());
                }
                if !text.trim().is_empty() {
                    last.push_back(text);
                }
                if last.len() > LAST_LINES {
                    last.pop_front();
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break Some(child.wait().context("waiting for a tool")?),
        }
    };
    drop(receive);
    let _ = reader.join();
    Ok(Ended { status, last: last.into(), verdict })
}

/// SHA-256 of a base: of a file as it is, of a folder as the tarball that GNU tar makes of it, sorted by name.
///
/// # Errors
/// When it cannot be read.
pub fn digest(base: &Path, form: ImageFormat) -> Result<String> {
    let doing = || format!("reading `{}`", base.display());
    if form != ImageFormat::Folder {
        return stream(File::open(base).with_context(doing)?).with_context(doing);
    }
    let mut tar = tied("tar");
    tar.args(["--sort=name", "--numeric-owner", "--one-file-system", "--format=posix"]);
    tar.args(["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "-cf", "-", "-C"]).arg(base).arg(".");
    let mut child = tar.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().with_context(doing)?;
    let digest = stream(child.stdout.take().context("no output")?).with_context(doing)?;
    if !child.wait().with_context(doing)?.success() {
        bail!("`{}` cannot be read as a whole: be root, or take a tarball as the base", base.display());
    }
    Ok(digest)
}

fn stream(mut from: impl Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}
