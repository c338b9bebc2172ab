//! The folder in which an image is made, beside where it will be; it becomes the output with one rename.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{FlockOperation, flock};

use super::tools;
use crate::io::output::rename_new;

/// A folder of our own. It vanishes with the value; that of a killed bake with the next bake of the same output.
pub struct Work {
    /// Absolute path.
    pub folder: PathBuf,
    _lock: File,
}

impl Work {
    /// Makes it, after what a killed bake left.
    ///
    /// # Errors
    /// When another bake of the same output is at work, or the disk says no.
    pub fn begin(output: &Path) -> Result<Self> {
        let above = match output.parent() {
            Some(above) if !above.as_os_str().is_empty() => above,
            _ => Path::new("."),
        };
        let name = output.file_name().with_context(|| format!("`{}` is not the name of a file", output.display()))?;
        let above = above.canonicalize().with_context(|| format!("looking for the folder `{}`", above.display()))?;
        let folder = above.join(format!(".{}.bake", name.to_string_lossy()));
        let doing = || format!("making `{}`", folder.display());
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let meta = fs::symlink_metadata(&folder).with_context(doing)?;
                if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
                    bail!("`{}` is there and not of this user: remove it, or choose another name", folder.display());
                }
            }
            made => made.with_context(doing)?,
        }
        let lock = File::options().write(true).create(true).truncate(false).open(folder.join("lock")).with_context(doing)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another bake of `{}` is at work: wait for it, or choose another name", output.display());
        }
        let work = Self { folder, _lock: lock };
        work.empty().with_context(|| format!("removing what an earlier bake left in `{}`", work.folder.display()))?;
        Ok(work)
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Gives the output its name, once its bytes are on the disk.
    ///
    /// # Errors
    /// When something has that name by now, or the disk says no.
    pub fn commit(self, made: &Path, output: &Path) -> Result<()> {
        let doing = || format!("writing `{}`", output.display());
        File::open(made).and_then(|file| file.sync_all()).with_context(doing)?;
        match rename_new(made, output) {
            Err(rustix::io::Errno::EXIST) => {
                bail!("`{}` exists by now, and is left as it is: bake again under another name", output.display())
            }
            done => done.map_err(|error| anyhow!(error)).with_context(doing)?,
        }
        if let Some(above) = self.folder.parent() {
            let _ = File::open(above).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }

    /// All but the lock. A root tree that was made without being root belongs to ids that only its namespace may remove.
    fn empty(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == "lock") {
                continue;
            }
            let mut command = if tools::is_root() {
                Command::new("rm")
            } else {
                let mut command = Command::new("unshare");
                command.args(["--user", "--map-root-user", "--map-auto", "rm"]);
                command
            };
            let done = command.args(["-rf", "--one-file-system"]).arg(&path).stdin(Stdio::null()).status()?;
            if !done.success() {
                return Err(io::Error::other(format!("`{}` stays", path.display())));
            }
        }
        Ok(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.empty().is_ok() {
            let _ = fs::remove_file(self.file("lock"));
            let _ = fs::remove_dir(&self.folder);
        }
    }
}
