//! The control paragraph of a .deb file.

use std::fmt;
use std::io::{self, Read};

/// Why a file is no package.
#[derive(Debug)]
pub enum DebError {
    /// It could not be read.
    Read(io::Error),
    /// What is wrong with it, in lower case.
    Broken(String),
}

impl fmt::Display for DebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for DebError {}

/// Reads the control paragraph of a .deb file.
pub fn control(_deb: impl Read) -> Result<String, DebError> {
    Err(DebError::Broken("not read yet".into()))
}
