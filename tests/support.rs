//! What the tests share: the program as a command, folders of their own, and files of expected output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
