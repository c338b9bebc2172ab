//! Single files that the user asked for by name (`init`, `profile export`, a report): whole or not at all, too.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fs::{CWD, FileType};
use rustix::io::Errno;

use super::ops::{At, Faults, Ops, at, kind, open_folder, stat};
use super::show;

/// How many names to try for the temporary file; a killed run may have left one of them.
const ATTEMPTS: u32 = 100;

/// Writes `content` to `path` with exactly this mode, in one step: readers see the old file or the new one. The bytes are on the
/// disk when this returns. The folder must exist; a symlink is followed.
///
/// # Errors
/// When there is something at `path` already and `no_clobber` is set, or something that is not a file; when the disk says no.
pub fn write_file(path: &Path, content: &[u8], mode: u32, no_clobber: bool) -> Result<()> {
    write_with(&Ops::new(Faults::default()), path, content, mode, no_clobber)
}

/// Makes a folder and those above it, if they are missing, with the modes that the user's umask asks for.
///
/// # Errors
/// When there is a file of that name, or the disk says no.
pub fn make_folder(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o777).create(path);
    made.with_context(|| format!("making the folder `{}`", show(path)))
}

/// Gives a file another name, which must be free, also where the file system cannot promise that.
///
/// # Errors
/// When it is not free, or the disk says no.
pub fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    Ops::new(Faults::default()).rename_new(at(&CWD, from), at(&CWD, to))
}

pub(super) fn write_with(ops: &Ops, path: &Path, content: &[u8], mode: u32, no_clobber: bool) -> Result<()> {
    let shown = show(path);
    let doing = || format!("writing `{shown}`");
    let taken = || anyhow!("`{shown}` exists already, and is left as it is: move it away, or choose another name");

    if no_clobber && stat(at(&CWD, path)).with_context(doing)?.is_some() {
        return Err(taken());
    }
    let real = if path.is_symlink() { path.canonicalize().with_context(doing)? } else { path.to_path_buf() };
    let name = real.file_name().ok_or_else(|| anyhow!("`{shown}` is not the name of a file"))?;
    let above = match real.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    let folder = open_folder(at(&CWD, &above.canonicalize().with_context(doing)?)).with_context(doing)?;
    // A rename over `/dev/null` would replace the device for everybody.
    if let Some(found) = stat(at(&folder, name)).with_context(doing)? {
        ensure!(kind(&found) == FileType::RegularFile, "`{shown}` is not a plain file: choose another name");
    }

    for attempt in 0..ATTEMPTS {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".clusterseed-{}-{attempt}", process::id()));
        let temporary = at(&folder, &temporary);
        let done = match ops.create(temporary, mode, content) {
            Err(Errno::EXIST) => continue,
            Err(error) => Err(error),
            Ok(file) => ops.sync(&file).and_then(|()| put(ops, temporary, at(&folder, name), no_clobber)),
        };
        if done.is_err() {
            // There is nothing at this name if the file could not even be made.
            let _ = ops.unlink(temporary);
        }
        return match done {
            Err(Errno::EXIST) if no_clobber => Err(taken()),
            Err(error) => Err(anyhow!(error).context(doing())),
            // The file is there, whether or not its name is on the disk yet; some file systems cannot sync folders at all.
            Ok(()) => {
                let _ = ops.sync(&folder);
                Ok(())
            }
        };
    }
    bail!("writing `{shown}`: too many temporary files beside it, `.{}.clusterseed-*`: remove them", show(Path::new(name)))
}

fn put(ops: &Ops, temporary: At<'_>, place: At<'_>, no_clobber: bool) -> Result<(), Errno> {
    if no_clobber { ops.rename_new(temporary, place) } else { ops.rename(temporary, place) }
}
