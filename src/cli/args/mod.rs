//! Arguments, as clap reads them; clap's types stay in this folder.

mod changes;
mod examples;
mod image;
mod packages;
mod running;
mod trust;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use changes::{Diff, Guide, GuideCommand, Report, Sides};
pub use examples::{EXAMPLES, command, parse};
pub use image::{Bake, Image, ImageCommand};
pub use packages::{Bom, Fetch, Lock, Store, StoreCommand};
pub use running::{Apps, Status};
pub use trust::Key;

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
    /// Print the bill of materials of carried packages
    Bom(Bom),
    /// Make the key that signs seeds, or show which one signs
    Key(Key),
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
    /// Compare the apps of the spec with those that run, and submit them
    Apps(Apps),
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
    /// Key that signs packages, seeds and manifest: FILE, fd:N, or gpg:KEY of your own gpg
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
    /// Key that signs, as in `build`
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
    /// The last line of `lock --format json`
    Lock,
    /// The last line of `fetch --format json`
    Fetch,
    /// `store list --format json`, of `check` and `prune` too
    Store,
    /// `status --format json`
    Status,
    /// `apps --format json`
    Apps,
    /// `diff --format json`
    Diff,
    /// image.json of a golden image
    Image,
    /// One line of `image check --format json`
    Leak,
    /// profile.yaml
    Profile,
    /// A file that profile.yaml names in `parts`
    Part,
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
