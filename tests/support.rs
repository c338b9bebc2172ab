//! What the tests share: the program as a command, folders of their own, and files of expected output.

use std::fs;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program under test, away from the user's environment.
pub fn clusterseed() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clusterseed"));
    command.env_remove("SOURCE_DATE_EPOCH").env("NO_COLOR", "1").env("LC_ALL", "C");
    command
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder below `tests`.
pub fn data(path: &str) -> PathBuf {
    root().join("tests").join(path)
}

/// A secret key of the data, for its owner alone: a checkout opens it to all.
pub fn key(path: &str) -> PathBuf {
    let key = data(path);
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a key");
    key
}

/// A fresh folder that vanishes with the value.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Standard output and error as text.
pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8 output");
    (text(&output.stdout), text(&output.stderr))
}

/// Compares with a file; `UPDATE_EXPECT=1` writes it instead. Gives what differs.
pub fn expect(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a folder for expected output");
        }
        fs::write(path, actual).expect("writing expected output");
        return Ok(());
    }
    let wanted = fs::read_to_string(path).unwrap_or_default();
    if wanted == actual {
        return Ok(());
    }
    let line = wanted.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
    Err(format!(
        "{} differs from line {}:\n  expected: {}\n  actual:   {}\n(UPDATE_EXPECT=1 writes the new text; read the difference before you keep it)",
        path.display(),
        line + 1,
        wanted.lines().nth(line).unwrap_or("(end)"),
        actual.lines().nth(line).unwrap_or("(end)")
    ))
}

/// Files below a folder by relative path, sorted.
pub fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.strip_prefix(folder).expect("below").to_string_lossy().into_owned(), path));
            }
        }
    }
    found.sort();
    found
}

/// Leaves holes where others would write zeros.
pub struct Sparse(pub fs::File);

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const ZEROS: [u8; 4096] = [0; 4096];
        // Compared as blocks: byte by byte, two gigabytes take a debug build a quarter of a minute.
        if bytes.chunks(ZEROS.len()).all(|piece| piece == &ZEROS[..piece.len()]) {
            self.0.seek_relative(i64::try_from(bytes.len()).expect("a piece"))?;
            return Ok(bytes.len());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Where tests that boot machines keep what they fetch and make, with the files and commands of a machine that QEMU boots. None,
/// with a word why, where nobody is root; in CI that is a mistake.
pub fn machine_cache() -> Option<PathBuf> {
    if !rustix::process::geteuid().is_root() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI must boot machines, so it has to be root");
        println!("skipped: making the disk of a machine is for root");
        return None;
    }
    let cache = std::env::var_os("CLUSTERSEED_CACHE").map_or_else(|| root().join("target/real"), PathBuf::from);
    succeed(Command::new("sh").arg(data("qemu/install.sh")));
    succeed(Command::new("sh").arg(data("real/root.sh")).arg(cache.join("root")));
    succeed(Command::new("sh").arg(data("qemu/disk.sh")).arg(cache.join("qemu")).arg(cache.join("root")));
    Some(cache)
}

/// Runs what must end well.
pub fn succeed(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
