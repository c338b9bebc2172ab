//! A planned file: final bytes at a final path.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::format::checksum::Content;

/// The phase of `apply` that puts a file in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// A file of the target.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// Absolute path.
    pub path: String,
    /// Its bytes.
    pub content: Arc<Content>,
    /// Permission bits.
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
    pub secret: bool,
    /// Who wants it, for messages.
    pub origin: String,
}

/// Permission bits in JSON: a text of four octal digits.
pub mod octal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes them.
    pub fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{mode:04o}"))
    }

    /// Reads them back.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 8).map_err(|_| D::Error::custom(format!("`{text}` is no mode")))
    }
}
