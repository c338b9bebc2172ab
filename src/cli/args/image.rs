//! Of the commands for golden images: `bake`, `image`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, Input};

/// `bake`.
#[derive(Debug, Args)]
#[command(override_usage = "clusterseed bake [OPTIONS] --role ROLE --base IMAGE -o FILE SPEC")]
pub struct Bake {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Role of the hosts that will start from it; repeat it for hosts that have
    /// several
    #[arg(long, value_name = "ROLE", required = true)]
    pub role: Vec<String>,
    /// What to start from, only read: a disk image (qcow2 or raw) that boots and
    /// has cloud-init, or a root tree (folder or tarball)
    #[arg(long, value_name = "IMAGE")]
    pub base: PathBuf,
    /// File to write: .qcow2, .raw or .img from a disk, .tar or .tar.gz from a
    /// root tree
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Compress the qcow2
    #[arg(long)]
    pub compress: bool,
    /// Give the base no network: its packages are in a `file:` mirror of its own
    #[arg(long)]
    pub offline: bool,
    /// Key that signs carried packages, as in `build`
    #[arg(long, value_name = "KEY")]
    pub sign_with: Option<String>,
    /// Memory in MiB of the machine that bakes a disk
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub memory: u32,
    /// Size of the disk, such as 10G, where the base has too little room; the
    /// base's own first boot grows its file system
    #[arg(long, value_name = "SIZE")]
    pub disk_size: Option<String>,
    /// Give up after so many minutes
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub minutes: u64,
}

/// `image`.
#[derive(Debug, Args)]
pub struct Image {
    /// What to do.
    #[command(subcommand)]
    pub command: ImageCommand,
}

/// `image …`.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// List every identity and leftover in an image, and why it matters
    Check {
        /// A root tree (folder or tarball) or a disk (qcow2 or raw); only read
        image: PathBuf,
        /// Form of the list: text, or JSON Lines
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Make a root tree the root, give up all that reaches beyond it, and bake
    /// there; `bake` runs it in namespaces of its own
    #[command(hide = true)]
    Enter {
        /// The root tree
        root: PathBuf,
        /// The time that is written down, in seconds since 1970
        epoch: std::ffi::OsString,
        /// Name servers that the tree is lent, as a resolv.conf
        name_servers: Option<PathBuf>,
    },
    /// Give a root tree that was baked one time for what differs from bake to
    /// bake; `bake` runs it
    #[command(hide = true)]
    Settle {
        /// The root tree
        root: PathBuf,
        /// The time, in seconds since 1970
        epoch: u64,
    },
}
