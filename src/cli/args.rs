//! Arguments, as clap reads them; clap's types stay in this folder.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::schema::scalar;

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
    /// Decide which packages are carried, and write cluster.lock
    Lock(Lock),
    /// Bring the packages that cluster.lock names into the store
    Fetch(Fetch),
    /// List, check and prune the store of packages
    Store(Store),
    /// Write everything that the hosts need
    Build(Build),
    /// Print one host's user-data, or any one file, on stdout
    Render(Render),
    /// Show what each host gets, and in which order
    Plan(Plan),
    /// Compare two specs or built folders: what changes on which hosts
    Diff(Diff),
    /// Print the steps of a change, with the commands
    Guide(Guide),
    /// Write a page about the cluster, to read, print and pass on
    Report(Report),
    /// Check a built folder: any changed, missing or added byte fails
    Verify(Verify),
    /// Ask the running machines: who leads, who is missing, and why
    Status(Status),
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
    /// Lock of carried packages [default: cluster.lock beside the spec]
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
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
    /// Whose commands to print when all is written: aws, az, cmk, doctl,
    /// gcloud, govc, govc-guestinfo, hcloud, openstack, proxmox, qemu or
    /// virt-install [default: the cloud's]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Key that signs packages and manifest: FILE, fd:N, or gpg:KEY of your own gpg
    /// [default: clusterseed.key beside the spec, made where it is missing]
    #[arg(long, value_name = "KEY")]
    pub sign_with: Option<String>,
    /// Base image that run.sh starts from; only with `--target qemu`
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Say nothing when all is well
    #[arg(short, long)]
    pub quiet: bool,
}

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
    /// Form of the problems: text, or JSON Lines
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
}

/// `store`.
#[derive(Debug, Args)]
pub struct Store {
    /// What to do.
    #[command(subcommand)]
    pub command: StoreCommand,
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
    /// Key that signs carried packages, as in `build`
    #[arg(long, value_name = "KEY")]
    pub sign_with: Option<String>,
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

/// The two sides of `diff` and of `guide change`.
#[derive(Clone, Debug, Args)]
pub struct Sides {
    /// As it was: a spec, a spec of a git revision such as HEAD~1:cluster.yaml,
    /// or a folder that `build` wrote
    pub old: PathBuf,
    /// As it will be, likewise
    pub new: PathBuf,
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

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The folder that `build` wrote
    pub dir: PathBuf,
    /// Public key that must have signed it, such as packages/key.asc of a build
    /// that you trust
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// `status`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the cluster is as the spec says; 1 it is not;\n2 nobody could be asked.")]
pub struct Status {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Ask again until all is as planned, for at most this long, such as 10mins
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// How long a service may take for all that it is asked
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5secs")]
    pub timeout: Duration,
    /// Reach a host at another address than the spec's, as through a tunnel
    /// (repeatable)
    #[arg(long, value_name = "HOST=ADDRESS", value_parser = elsewhere)]
    pub resolve: Vec<(String, Ipv4Addr)>,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// More than nothing, at most a day.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = scalar::duration(text)?;
    match seconds > 0.0 && seconds <= 86_400.0 {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err("it must be more than nothing and at most a day".into()),
    }
}

fn elsewhere(text: &str) -> Result<(String, Ipv4Addr), String> {
    let (host, address) = text.split_once('=').ok_or("write HOST=ADDRESS")?;
    Ok((host.to_string(), address.parse().map_err(|_| format!("`{address}` is no IPv4 address"))?))
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
    /// `status --format json`
    Status,
    /// `diff --format json`
    Diff,
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
