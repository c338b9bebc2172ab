//! Of the commands for packages that are carried: `lock`, `fetch`, `store`, `bom`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, Input};

/// `lock`.
#[derive(Debug, Args)]
pub struct Lock {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Change nothing, and fail where something would change
    #[arg(long, conflicts_with = "upgrade")]
    pub locked: bool,
    /// Take the best version of this package, or of all, instead of the
    /// locked one (repeatable)
    #[arg(long, value_name = "PKG", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub upgrade: Vec<String>,
    /// Make no connection: use what was kept of repositories
    #[arg(long)]
    pub offline: bool,
    /// Take a Release after the day until which it says that it holds
    #[arg(long)]
    pub allow_expired: bool,
    /// Take a Release that is older than the one that the lock has seen
    #[arg(long)]
    pub allow_older: bool,
    /// Form of problems and result: text, or JSON Lines
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Folder with .deb files that you have, looked into first (repeatable)
    #[arg(long, value_name = "DIR")]
    pub from: Vec<PathBuf>,
    /// Make no connection: what is neither in the store nor on this machine
    /// is an error
    #[arg(long)]
    pub offline: bool,
    /// Files that are fetched at the same time
    #[arg(short, long, value_name = "N", default_value = "6", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: u8,
    /// Form of problems and result: text, or JSON Lines
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `store`.
#[derive(Debug, Args)]
pub struct Store {
    /// What to do.
    #[command(subcommand)]
    pub command: StoreCommand,
    /// Form of the list: text, or JSON
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub format: Format,
}

/// `store …`.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Name all files: SHA-256, size, and what they are
    List,
    /// Read all files, and compare them with their digests
    Check {
        /// Remove those that are damaged
        #[arg(long)]
        remove: bool,
    },
    /// Remove all files but those that these locks name, indexes and parts too
    Prune {
        /// Locks whose packages stay
        #[arg(value_name = "LOCK", required_unless_present = "all")]
        locks: Vec<PathBuf>,
        /// Keep nothing
        #[arg(long, conflicts_with = "locks")]
        all: bool,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

/// `bom`.
#[derive(Debug, Args)]
pub struct Bom {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Form of the bill: a table, or CycloneDX 1.6 in JSON
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
