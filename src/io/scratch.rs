//! Folders for what another program needs as files. Each vanishes with its value; that of a killed run with the next run.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A folder that is this user's alone.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in `TMPDIR`, after those that killed runs left there are removed: there may be a key in one. Its name is short,
    /// because the socket of gpg's agent lies in such a folder, and the path of a socket has at most 107 bytes.
    ///
    /// # Errors
    /// When no folder can be made there.
    pub fn new(kind: &str) -> Result<Self> {
        Self::within(&std::env::temp_dir(), kind)
    }

    fn within(base: &Path, kind: &str) -> Result<Self> {
        sweep(base);
        // Whatever has the name already is not ours.
        for attempt in 0..1000 {
            let path = base.join(format!("clusterseed-{kind}.{}.{attempt}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    // A umask may have taken more.
                    fs::set_permissions(&path, Permissions::from_mode(0o700)).with_context(|| format!("making `{}`", path.display()))?;
                    return Ok(Self(path));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("making `{}`", path.display())),
            }
        }
        bail!("no free name for a folder in `{}`", base.display())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It holds nothing but copies.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes folders of this user's whose process is no more.
fn sweep(base: &Path) {
    let process = |name: &str| name.strip_prefix("clusterseed-")?.rsplit('.').nth(1)?.parse::<u32>().ok();
    for old in fs::read_dir(base).into_iter().flatten().flatten() {
        let gone = process(&old.file_name().to_string_lossy()).is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists());
        let ours = || old.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw());
        if gone && ours() {
            let _ = fs::remove_dir_all(old.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Scratch;

    #[test]
    fn what_killed_runs_left_goes() {
        let base = tempfile::tempdir().unwrap();
        // No process has such a number: the kernel's largest is 4194304.
        let dead = ["clusterseed-gpg.4194305.0", "clusterseed-gpgv.4194306.7", "clusterseed-image.4194305.0"];
        let alive = format!("clusterseed-gpgv.{}.0", std::process::id());
        let stay = [alive.as_str(), "clusterseed-gpg.mine", "clusterseed-notes", "somebody-gpg.4194305.0"];
        dead.iter().chain(&stay).for_each(|name| fs::create_dir_all(base.path().join(name).join("inner")).unwrap());
        fs::write(base.path().join("clusterseed-gpg.4194305.1"), "a file").unwrap();
        let made = Scratch::within(base.path(), "gpgv").unwrap();
        assert_eq!(made.path(), base.path().join(format!("clusterseed-gpgv.{}.1", std::process::id())));
        assert!(dead.iter().all(|name| !base.path().join(name).exists()));
        assert!(stay.iter().chain(&["clusterseed-gpg.4194305.1"]).all(|name| base.path().join(name).exists()));
        let path = made.path().to_path_buf();
        drop(made);
        assert!(!path.exists());
    }
}
