//! Arguments, as clap reads them; clap's types stay in this folder.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// One YAML file in, a cluster out: user-data, meta-data and offline seeds for every host.
#[derive(Debug, Parser)]
#[command(name = "clusterseed", version, max_term_width = 80, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done; 1 the spec or the checked thing has errors;\n2 usage, input/output or an outside tool failed.")]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: Color,
    /// Folder with profiles of your own, laid over the built-in ones (repeatable)
    #[arg(long, global = true, value_name = "DIR")]
    pub profile_dir: Vec<PathBuf>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes it the choice for everything that is printed.
    pub fn write_global(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented cluster.yaml: the six-host guide
    Init(Init),
    /// Find every problem of a spec in one run
    Check(Check),
    /// Say what a code means, why it matters and how to mend it
    Explain(Explain),
    /// Write everything that the hosts need
    Build(Build),
    /// Print one host's user-data, or any one file, on stdout
    Render(Render),
    /// Show what each host gets, and in which order
    Plan(Plan),
    /// Check a built folder: any changed, missing or added byte fails
    Verify(Verify),
    /// Make a golden image of a role: packages in, every identity out
    Bake(Bake),
    /// Look into an image
    Image(Image),
    /// Print a JSON Schema
    Schema(Schema),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page
    Man,
    /// List, show and export profiles
    Profile(Profile),
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Folder to write cluster.yaml into; `-` prints it
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// The spec and how strictly it is read.
#[derive(Clone, Debug, Args)]
pub struct Input {
    /// The spec; `-` reads standard input
    pub spec: PathBuf,
    /// Make warnings errors
    #[arg(long)]
    pub strict: bool,
    /// Cloud whose limits hold, instead of the spec's
    #[arg(long, value_name = "NAME")]
    pub cloud: Option<String>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Form of the problems: text, or JSON Lines
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, for example `role-even` or `mesosphere/marathon-java`; none: list all
    pub code: Option<String>,
}

/// `build`.
#[derive(Debug, Args)]
pub struct Build {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Folder to write; it appears whole or stays as it was
    #[arg(short, long, default_value = "out", value_name = "DIR")]
    pub output: PathBuf,
    /// Form of the problems: text, or JSON Lines
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Whose commands to print when all is written: aws, az, doctl, gcloud,
    /// hcloud, openstack, proxmox, qemu or virt-install [default: the cloud's]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Base image that run.sh starts from; only with `--target qemu`
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Say nothing when all is well
    #[arg(short, long)]
    pub quiet: bool,
}

/// `render`.
#[derive(Debug, Args)]
pub struct Render {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Name of the host
    pub host: String,
    /// user-data (default), meta-data, network-config, seed.tar.gz, a file of
    /// the seed such as host.json, or a path on the target such as /etc/mesos/zk
    pub path: Option<String>,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Only this host, with every file
    pub host: Option<String>,
    /// Form of the plan
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The folder that `build` wrote
    pub dir: PathBuf,
}

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
    /// Memory in MiB of the machine that bakes a disk
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub memory: u32,
    /// Size of the disk, such as 10G, where the base has too little room; the
    /// base's own first boot grows its file system
    #[arg(long, value_name = "SIZE")]
    pub disk_size: Option<String>,
    /// Give up after so many minutes
    #[arg(long, value_name = "N", default_value_t = 60)]
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

/// `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Which one
    #[arg(value_enum, default_value = "spec")]
    pub which: Which,
    /// With the settings of this profile
    #[arg(long, value_name = "NAME", default_value = "mesosphere")]
    pub profile: String,
}

/// Schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// The spec, for editors
    Spec,
    /// One line of `--format json`
    Diagnostics,
    /// The last line of `build --format json`
    Next,
    /// manifest.json
    Manifest,
    /// host.json of a seed
    Host,
    /// `plan --format json`
    Plan,
    /// profile.yaml
    Profile,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `profile`.
#[derive(Debug, Args)]
pub struct Profile {
    /// What to do.
    #[command(subcommand)]
    pub command: ProfileCommand,
}

/// `profile …`.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Name all profiles and platforms
    List,
    /// Show roles, settings, packages, files and rules of a profile
    Show {
        /// Its name
        name: String,
        /// Form of the output
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Write a profile's files into a folder, to start from
    Export {
        /// Its name
        name: String,
        /// Folder; files that are there are never overwritten
        dir: PathBuf,
    },
}
