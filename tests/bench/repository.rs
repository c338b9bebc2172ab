//! Packages that travel: writing a repository's index against apt-ftparchive and dpkg-scanpackages, and hashing and packing packages
//! against the tools that a user would do it with. All packages are in the page cache, and signing is left to whoever signs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clusterseed::compile;
use clusterseed::diag::{At, Diagnostics, FileId, Sources, Spanned};
use clusterseed::emit::repository::{Repositories, Signer};
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::io::store::Store;
use clusterseed::io::{carried, copyright, load};
use clusterseed::lock::{Asked, Lock, Package, Set, Source, SourceLocation, Wanted, print::print};

use super::machine;
use super::measure::{Figures, child, ms, timed};

/// How many packages the large ones are.
const LARGE: usize = 8;

/// What the rivals do for the index of one folder, with no other digests than ours.
const INDEXES: [(&str, &str); 2] = [
    (
        "apt-ftparchive",
        "o='-o APT::FTPArchive::MD5=false -o APT::FTPArchive::SHA1=false -o APT::FTPArchive::SHA512=false'
         apt-ftparchive $o packages pool >Packages; gzip -9nkf Packages; apt-ftparchive $o release . >Release",
    ),
    ("dpkg-scanpackages", "dpkg-scanpackages -h sha256 pool >Packages; gzip -9nkf Packages"),
];

/// What a user would do for a volume with packages, checked, with an index.
const PACK: &str = r#"set -eu
    mkdir "$2"; cd "$1"; sha256sum -c --quiet SHA256SUMS
    cp -R pool "$2/pool"; genisoimage -quiet -volid cidata -joliet -rock -o "$2/seed.iso" pool; sha256sum "$2/seed.iso" >"$2/SHA256SUMS"
    sync -f "$2""#;

/// A cluster of one host, whose packages are in a store and, for the rivals, in a folder.
struct Project {
    folder: PathBuf,
    store: Store,
    lock: Lock,
}

impl Project {
    /// So many packages, each with a file of so many bytes.
    fn new(folder: PathBuf, count: usize, bytes: usize) -> Result<Self> {
        fs::create_dir_all(folder.join("pool"))?;
        let store = Store::at(folder.join("store"));
        let mut packages = Vec::new();
        let mut sums = String::new();
        for number in 0..count {
            let (name, deb) = deb(number, bytes)?;
            let (sha256, path) = (Sha256Sum::of(&deb), format!("{name}_1.0-{number}_amd64.deb"));
            store.put(sha256, deb.len() as u64, &deb[..])?;
            fs::write(folder.join("pool").join(&path), &deb)?;
            sums.push_str(&format!("{}  pool/{path}\n", sha256.hex()));
            packages.push(Package {
                name: Spanned::new(name, At::new(FileId(0), 0, 0)),
                version: format!("1.0-{number}"),
                architecture: "amd64".into(),
                size: deb.len() as u64,
                sha256,
                source: "debs".into(),
                path,
                sets: BTreeMap::from([("node".into(), Vec::new())]),
            });
        }
        fs::write(folder.join("SHA256SUMS"), sums)?;
        let wanted: Vec<Wanted> = packages.iter().map(|package| Wanted { name: package.name.value.clone(), version: None }).collect();
        let names: Vec<&str> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
        fs::write(
            folder.join("cluster.yaml"),
            format!(
                "version: 1\ncluster: bench\nprofile: bare\nplatform: debian-12\nnetwork: {{subnet: 192.0.2.0/24, interface: ens3}}\ndelivery: volume\n\
                 hosts: [{{name: a1, role: node, address: 192.0.2.1}}]\n\
                 packages: {{source: carried, extra: [{}], from: [{{name: debs, folder: pool}}]}}\n",
                names.join(", ")
            ),
        )?;
        let asked = Asked {
            platform: "debian-12".into(),
            architecture: "amd64".into(),
            base: None,
            sources: vec![Source { name: "debs".into(), priority: 500, location: SourceLocation::Folder("pool".into()) }],
            sets: vec![Set { name: "node".into(), wanted }],
        };
        let mut lock = Lock { asked, base: None, releases: Vec::new(), packages, at: None };
        lock.sort();
        fs::write(folder.join("cluster.lock"), print(&lock))?;
        Ok(Self { folder, store, lock })
    }

    fn bytes(&self) -> u64 {
        self.lock.packages.iter().map(|package| package.size).sum()
    }
}

/// A package with a control file as long as most, and noise in its data.
fn deb(number: usize, bytes: usize) -> Result<(String, Vec<u8>)> {
    let name = format!("bench{number:05}");
    let words = " a line of a description, of which there are many in the archive\n".repeat(9);
    let control = format!(
        "Package: {name}\nVersion: 1.0-{number}\nArchitecture: amd64\nMaintainer: Nobody <nobody@example.net>\nInstalled-Size: {}\n\
         Section: misc\nPriority: optional\nDescription: a package of the benchmark\n{words}",
        bytes / 1024
    );
    let mut state = number as u64 + 1;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Vec<u8> = noise.take(bytes.div_ceil(8)).flatten().collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    packed.write_all(&tarball("./control", control.as_bytes())?)?;
    let members =
        [("debian-binary", b"2.0\n".to_vec()), ("control.tar.gz", packed.finish()?), ("data.tar", tarball("./usr/share/noise", &noise)?)];
    let mut deb = b"!<arch>\n".to_vec();
    for (name, content) in members {
        writeln!(deb, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100_644, content.len())?;
        deb.extend(&content);
        deb.resize(deb.len().next_multiple_of(2), b'\n');
    }
    Ok((name, deb))
}

fn tarball(path: &str, content: &[u8]) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, content)?;
    Ok(builder.into_inner()?)
}

/// The index of `count` packages, then `megabytes` of them, hashed and packed.
pub fn compare(scratch: &Path, runs: usize, count: usize, megabytes: usize) -> Result<()> {
    let small = Project::new(scratch.join("many"), count, 4_000)?;
    indexes(&small, runs)?;
    fs::remove_dir_all(&small.folder)?;
    let large = Project::new(scratch.join("large-packages"), LARGE, megabytes * 1_000_000 / LARGE)?;
    packing(&large, runs)?;
    fs::remove_dir_all(&large.folder).context("removing the packages")
}

fn indexes(project: &Project, runs: usize) -> Result<()> {
    let count = project.lock.packages.len();
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles");
    let options = load::Options { profile_dirs: vec![profiles], cloud: None, lock: load::Lock::BesideSpec };
    let inputs = load::inputs(&project.folder.join("cluster.yaml"), &options, &mut sources, &mut diags)?;
    let cluster = compile::check(&inputs, &mut sources, &mut diags).with_context(|| format!("{diags:?}"))?;
    let armored = include_str!("../carried/keys/signer.asc");
    let sign: &clusterseed::emit::repository::Sign<'_> = &|_, _| Ok(Vec::new());
    let signer = Signer { armored, keyring: &[], fingerprint: "", created: 0, sign };
    let ours = || {
        let mut diags = Diagnostics::new();
        let known = carried::read(&project.lock, &project.store, false, &mut diags)?;
        let repositories = Repositories::of(&cluster, &known, signer, 0)?;
        ensure!(repositories.artifacts().len() > count, "{diags:?}");
        Ok(())
    };
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (mut all, mut one) = (Figures::default(), Figures::default());
    let mut theirs: Vec<(&str, &str, Option<Figures>)> =
        INDEXES.iter().map(|(name, call)| (*name, *call, machine::has(name).then(Figures::default))).collect();
    for _ in 0..runs {
        all.push(timed(ours)?);
        one.push(timed(|| alone.install(ours))?);
        for (_, call, figures) in &mut theirs {
            let Some(figures) = figures else { continue };
            figures.push(child(Command::new("sh").args(["-euc", call]).current_dir(&project.folder))?);
        }
    }
    println!(
        "| index of {count} packages, {runs} runs | least | median | a package | times as long |\n| --- | ---: | ---: | ---: | ---: |"
    );
    let base = all.least().wall;
    let row = |name: &str, figures: &Figures| {
        let least = figures.least();
        #[allow(clippy::cast_precision_loss)]
        let each = least.wall * 1e3 / count as f64;
        println!("| {name} | {} | {} | {each:.3} ms | {:.1} |", ms(least), ms(figures.median()), least.wall / base);
    };
    row("clusterseed, every byte compared", &all);
    row("clusterseed on one thread", &one);
    for (name, _, figures) in &theirs {
        match figures {
            Some(figures) => row(name, figures),
            None => println!("| {name} | skipped: `apt install apt-utils dpkg-dev` brings it | | | |"),
        }
    }
    println!();
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn packing(project: &Project, runs: usize) -> Result<()> {
    let megabytes = project.bytes() as f64 / 1e6;
    let out = project.folder.join("out");
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles");
    let build = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clusterseed"));
        command.args(["build", "--quiet", "--profile-dir"]).arg(&profiles).arg("-o").arg(&out).arg(project.folder.join("cluster.yaml"));
        command.env("CLUSTERSEED_STORE", project.store.root()).env_remove("SOURCE_DATE_EPOCH");
        command
    };
    let signs = machine::has("gpg");
    let packs = machine::has("genisoimage");
    if signs {
        // The key is made once, and what copyright files say is noted.
        child(&mut build())?;
        fs::remove_dir_all(&out)?;
    } else {
        copyright::read(&project.lock, &project.store)?;
    }
    let hash = || {
        let known = carried::read(&project.lock, &project.store, false, &mut Diagnostics::new())?;
        ensure!(known.len() == project.lock.packages.len(), "not all packages were read");
        Ok(())
    };
    let (mut hashed, mut ours, mut theirs) = (Figures::default(), Figures::default(), Figures::default());
    for _ in 0..runs {
        hashed.push(timed(hash)?);
        if signs {
            ours.push(child(&mut build())?);
            fs::remove_dir_all(&out)?;
        }
        if packs {
            theirs.push(child(Command::new("sh").args(["-c", PACK, "sh"]).arg(&project.folder).arg(&out))?);
            fs::remove_dir_all(&out)?;
        }
    }
    println!("| {megabytes:.0} MB of packages, {runs} runs | least | median | MB/s | peak memory |\n| --- | ---: | ---: | ---: | ---: |");
    let row = |name: &str, figures: &Figures, memory: String| {
        let least = figures.least();
        println!("| {name} | {} | {} | {:.0} | {memory} |", ms(least), ms(figures.median()), megabytes / least.wall);
    };
    row("read and compared with the lock", &hashed, "-".into());
    if signs {
        row("clusterseed build: pool, index, volume, on the disk", &ours, format!("{:.0} MB", ours.peak_mb()));
    } else {
        println!("| clusterseed build | skipped: `apt install gpg` brings what signs | | | |");
    }
    if packs {
        row("sha256sum, cp, genisoimage, sync", &theirs, "-".into());
    } else {
        println!("| sha256sum, cp, genisoimage | skipped: `apt install genisoimage` brings it | | | |");
    }
    println!();
    Ok(())
}
