//! Of the commands that look at changes, and at the whole: `diff`, `guide`, `report`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Format, Input};

/// The two sides of `diff` and of `guide change`.
#[derive(Clone, Debug, Args)]
pub struct Sides {
    /// As it was: a spec, a spec of a git revision such as HEAD~1:cluster.yaml,
    /// or a folder that `build` wrote
    pub old: PathBuf,
    /// As it will be, likewise
    pub new: PathBuf,
    /// Lock of carried packages, of both sides that are specs
    /// [default: cluster.lock beside each]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["old_lock", "new_lock"])]
    pub lock: Option<PathBuf>,
    /// Lock of the side as it was
    #[arg(long, value_name = "FILE")]
    pub old_lock: Option<PathBuf>,
    /// Lock of the side as it will be
    #[arg(long, value_name = "FILE")]
    pub new_lock: Option<PathBuf>,
}

impl Sides {
    /// The locks of the two, where they are named.
    pub fn locks(&self) -> [Option<&Path>; 2] {
        [&self.old_lock, &self.new_lock].map(|own| own.as_ref().or(self.lock.as_ref()).map(PathBuf::as_path))
    }
}

/// `diff`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 both are the same; 1 they differ; 2 they could not be compared.")]
pub struct Diff {
    /// What to compare.
    #[command(flatten)]
    pub sides: Sides,
    /// Form of the comparison
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `guide`.
#[derive(Debug, Args)]
pub struct Guide {
    /// What to do.
    #[command(subcommand)]
    pub command: GuideCommand,
}

/// `guide …`.
#[derive(Debug, Subcommand)]
pub enum GuideCommand {
    /// From one state of a cluster to another, in an order that is safe
    #[command(after_help = "Exit codes: 0 here are the steps; 1 there is no safe way in one step;\n2 the two could not be compared.")]
    Change {
        /// What lies between.
        #[command(flatten)]
        sides: Sides,
        /// Folder that the steps build into
        #[arg(short, long, default_value = "out", value_name = "DIR")]
        output: PathBuf,
    },
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// File to write, HTML without scripts; `-` prints it
    #[arg(short, long, default_value = "report.html", value_name = "FILE")]
    pub output: PathBuf,
}
