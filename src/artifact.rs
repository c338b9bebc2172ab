//! One file of the output: what emitters return and `io::output` writes.
//!
//! Emitters and the writer agree on a type without knowing each other.

use std::fmt;

use crate::format::pieces::Pieces;

/// The file at the top of every output that names all others with size, SHA-256 and mode.
pub const MANIFEST: &str = "manifest.json";

/// The same digests for `sha256sum -c`.
pub const CHECKSUMS: &str = "SHA256SUMS";

/// Signatures of both, where a build signs: nothing lists them.
pub const SIGNATURES: [&str; 2] = ["SHA256SUMS.asc", "manifest.json.asc"];

/// Mode of an ordinary file.
pub const PUBLIC: u32 = 0o644;

/// Mode of a file that holds a secret.
pub const SECRET: u32 = 0o600;

/// Longest path in bytes: leaves room for the output folder's own path below Linux's `PATH_MAX` of 4096.
pub const MAX_PATH: usize = 1024;

/// Longest component in bytes (`NAME_MAX` of ext4, XFS, btrfs and NFS).
pub const MAX_COMPONENT: usize = 255;

/// A file to write: where, with which permissions, which bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Relative to the output folder, `/`-separated; see [`check_path`].
    pub path: String,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
    /// All bytes of the file, or where they lie.
    pub content: Pieces,
}

impl Artifact {
    /// An ordinary file, mode [`PUBLIC`].
    pub fn public(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: PUBLIC, content: content.into().into() }
    }

    /// A file that only its owner may read, mode [`SECRET`].
    pub fn secret(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: SECRET, content: content.into().into() }
    }

    /// Checks path and mode.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), ArtifactError> {
        check_path(&self.path)?;
        if self.mode > 0o777 {
            return Err(ArtifactError::Mode(self.mode));
        }
        Ok(())
    }
}

/// Leaves the content out: it may be secret, and debug output ends up in logs.
impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Artifact({:?}, {:04o}, {} bytes)", self.path, self.mode, self.content.size())
    }
}

/// Why an artifact cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactError {
    /// The path has no characters.
    Empty,
    /// The path starts with `/`.
    Absolute,
    /// An empty component, `.` or `..`.
    Unnormalised,
    /// A character that is not allowed in a path.
    Character(char),
    /// A component that starts or ends with a blank.
    Blank,
    /// Path or component too long; the limit in bytes.
    TooLong(usize),
    /// More than permission bits.
    Mode(u32),
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the path is empty"),
            Self::Absolute => write!(f, "the path is not relative"),
            Self::Unnormalised => write!(f, "the path has an empty component, `.` or `..`"),
            Self::Character(c) => write!(f, "the path has the character {c:?}, and only printable ASCII without `\\` is allowed"),
            Self::Blank => write!(f, "a component of the path starts or ends with a blank"),
            Self::TooLong(limit) => write!(f, "the path, or a component of it, is longer than {limit} bytes"),
            Self::Mode(mode) => write!(f, "the mode {mode:o} has more than permission bits"),
        }
    }
}

impl std::error::Error for ArtifactError {}

/// Checks that `path` is relative, normalised and portable: printable ASCII, because file systems disagree about the rest,
/// and no backslash, because `sha256sum` writes such names in another syntax.
///
/// # Errors
/// The first rule that is broken.
pub fn check_path(path: &str) -> Result<(), ArtifactError> {
    if path.is_empty() {
        return Err(ArtifactError::Empty);
    }
    if path.starts_with('/') {
        return Err(ArtifactError::Absolute);
    }
    if let Some(c) = path.chars().find(|c| !matches!(c, ' '..='~') || *c == '\\') {
        return Err(ArtifactError::Character(c));
    }
    if path.len() > MAX_PATH {
        return Err(ArtifactError::TooLong(MAX_PATH));
    }
    for component in path.split('/') {
        if matches!(component, "" | "." | "..") {
            return Err(ArtifactError::Unnormalised);
        }
        if component.starts_with(' ') || component.ends_with(' ') {
            return Err(ArtifactError::Blank);
        }
        if component.len() > MAX_COMPONENT {
            return Err(ArtifactError::TooLong(MAX_COMPONENT));
        }
    }
    Ok(())
}

/// The folders above a path, from the top: `a/b/c` gives `a`, `a/b`.
pub fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::{Artifact, ArtifactError, MAX_COMPONENT, check_path, folders_above};

    #[test]
    fn paths() {
        for good in ["a", "hosts/m1/user-data", ".x", "a b", "packages/mesos_0.20.1-1.0~x+y%3a_amd64.deb", "...", "-"] {
            assert_eq!(check_path(good), Ok(()), "{good:?}");
        }
        let bad = [
            ("", ArtifactError::Empty),
            ("/a", ArtifactError::Absolute),
            ("a/", ArtifactError::Unnormalised),
            ("a//b", ArtifactError::Unnormalised),
            ("./a", ArtifactError::Unnormalised),
            ("a/../b", ArtifactError::Unnormalised),
            ("..", ArtifactError::Unnormalised),
            ("a\\b", ArtifactError::Character('\\')),
            ("a\nb", ArtifactError::Character('\n')),
            ("a\0b", ArtifactError::Character('\0')),
            ("\u{7f}", ArtifactError::Character('\u{7f}')),
            ("é", ArtifactError::Character('é')),
            ("a /b", ArtifactError::Blank),
            ("a/ b", ArtifactError::Blank),
        ];
        for (path, error) in bad {
            assert_eq!(check_path(path), Err(error), "{path:?}");
        }
        assert_eq!(check_path(&"x".repeat(MAX_COMPONENT)), Ok(()));
        assert!(matches!(check_path(&"x".repeat(MAX_COMPONENT + 1)), Err(ArtifactError::TooLong(255))));
        assert!(matches!(check_path(&"x/".repeat(600)), Err(ArtifactError::TooLong(1024))));
    }

    #[test]
    fn modes_and_secrets() {
        assert_eq!(Artifact { mode: 0o4755, ..Artifact::public("a", "") }.check(), Err(ArtifactError::Mode(0o4755)));
        assert_eq!(format!("{:?}", Artifact::secret("a", "hunter2")), "Artifact(\"a\", 0600, 7 bytes)");
    }

    #[test]
    fn folders() {
        assert_eq!(folders_above("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(folders_above("a").count(), 0);
    }
}
