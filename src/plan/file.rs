//! A planned file: final bytes at a final path.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::format::checksum::Content;

/// The phase of `apply` that puts a file in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before any package: keeps a service from starting.
    Hold,
    /// apt's sources and keys.
    Sources,
    /// Configuration.
    Configure,
    /// Final overrides of the host's own services.
    Release,
}

impl Phase {
    /// The word in `host.json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Sources => "sources",
            Self::Configure => "configure",
            Self::Release => "release",
        }
    }
}

/// A file of the target. Serialized, it is an entry of `files` in `host.json`.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedFile {
    /// Absolute path.
    pub path: String,
    /// Its bytes.
    #[serde(skip)]
    pub content: Arc<Content>,
    /// Permission bits.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
    /// Phase that puts it in place.
    pub phase: Phase,
    /// Units to restart when it changes.
    pub restarts: Vec<String>,
    /// True when it holds a secret.
    #[serde(skip)]
    pub secret: bool,
    /// Who wants it, for messages.
    #[serde(skip)]
    pub origin: String,
}

/// Serializes permission bits as four octal digits.
pub fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}
