//! Seed volumes: this product's writer against genisoimage and xorriso, each in processes of its own over the same files.
//!
//! The writer is a part of `build` and no command, so this program calls itself to give it a process.

use std::fs::{self, File as Disk};
use std::io::{BufWriter, Read};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clusterseed::format::iso9660;
use clusterseed::format::volume::{File, Source, Volume};
use rayon::prelude::*;

use super::machine;
use super::measure::{Figures, child};

/// The word by which this program is told to write an ISO of each folder below one, and nothing else.
pub const WRITE: &str = "--write-volumes";

/// One file, once: what `packages` of a large closure would be.
const LARGE: u64 = 1 << 30;

/// Bytes that go to the disk at once: a small volume as a whole, as `build` writes it.
const AT_ONCE: usize = 256 * 1024;

/// How the rivals are called; each makes what a NoCloud seed needs.
const RIVALS: [(&str, &str); 2] = [
    ("genisoimage", r#"genisoimage -quiet -output "$2" -volid cidata -joliet -rock "$1""#),
    ("xorriso", r#"xorriso -as mkisofs -quiet -o "$2" -V cidata -J -R "$1""#),
];

/// Writes `OUT/NAME.iso` for each folder `FROM/NAME`; several at once, as `build` does.
pub fn write(from: &Path, out: &Path) -> Result<()> {
    let folders: Vec<_> = fs::read_dir(from)?.map(|folder| Ok(folder?.path())).collect::<Result<_>>()?;
    folders.par_iter().try_for_each(|folder| {
        let image = out.join(folder.file_name().context("a folder with a name")?).with_extension("iso");
        image_of(folder, Disk::create(image)?)
    })
}

fn image_of(folder: &Path, image: Disk) -> Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.file_name().into_string().ok().context("a name in UTF-8")?, entry.metadata()?.len(), entry.path()));
    }
    let file = |(name, size, path): &'_ (String, u64, std::path::PathBuf)| -> Result<(u64, Box<dyn Read>)> {
        Ok((*size, Box::new(Disk::open(path).with_context(|| name.clone())?)))
    };
    let sources = files.iter().map(file).collect::<Result<Vec<_>>>()?;
    let named = files.iter().zip(sources);
    let files = named.map(|((name, ..), (size, reader))| File { name, mode: 0o644, source: Source::Reader { size, reader } });
    let volume = Volume { label: "cidata", epoch: 0, files: files.collect() };
    Ok(iso9660::write(volume, &mut BufWriter::with_capacity(AT_ONCE, image))?)
}

/// Six small seeds, `hosts/NAME/…` as `build` wrote them, and a large one.
pub fn compare(hosts: &Path, scratch: &Path, runs: usize) -> Result<()> {
    let small = scratch.join("seeds");
    for host in fs::read_dir(hosts)? {
        let host = host?;
        let folder = small.join(host.file_name());
        fs::create_dir_all(&folder)?;
        for name in ["user-data", "meta-data", "seed.tar.gz"] {
            fs::copy(host.path().join(name), folder.join(name))?;
        }
    }
    let large = scratch.join("large");
    fs::create_dir_all(large.join("seed"))?;
    std::io::copy(&mut std::io::repeat(0x5a).take(LARGE), &mut Disk::create(large.join("seed/packages.tar"))?)?;

    println!(
        "| volumes | writer | least | median | times as long | peak memory | MB/s |\n| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    );
    table("six seeds", &small, scratch, runs * super::SMALL_FACTOR, None)?;
    table("1 GiB", &large, scratch, runs, Some(LARGE))?;
    println!();
    fs::remove_dir_all(large).context("removing the large file")
}

/// Who writes volumes, and how long it took; no figures where the tool is not installed.
struct Rival {
    name: &'static str,
    /// What it may use; 0 means all. The loop of the others is one thing after the other.
    threads: usize,
    /// Its program and words, before the folders.
    call: Vec<String>,
    figures: Option<Figures>,
}

fn rivals() -> Result<Vec<Rival>> {
    let this = std::env::current_exe()?.into_os_string().into_string().ok().context("a path in UTF-8")?;
    let ours = |name, threads| Rival { name, threads, call: vec![this.clone(), WRITE.into()], figures: Some(Figures::default()) };
    let mut rivals = vec![ours("clusterseed", 0), ours("clusterseed, one thread", 1)];
    for (name, call) in RIVALS {
        let each = format!(r#"out=$2; for folder in "$1"/*; do set -- "$folder" "$out/${{folder##*/}}.iso"; {call}; done"#);
        let call = ["sh", "-euc", &each, "loop"].map(String::from).to_vec();
        rivals.push(Rival { name, threads: 1, call, figures: machine::has(name).then(Figures::default) });
    }
    Ok(rivals)
}

fn table(what: &str, from: &Path, scratch: &Path, runs: usize, bytes: Option<u64>) -> Result<()> {
    let out = scratch.join("volumes");
    let mut rivals = rivals()?;
    // One volume is the work of one thread anyhow.
    rivals.retain(|rival| bytes.is_none() || rival.threads == 0 || rival.call[1] != WRITE);
    for _ in 0..runs {
        for Rival { threads, call, figures, .. } in &mut rivals {
            let Some(figures) = figures else { continue };
            fs::create_dir(&out)?;
            let mut command = Command::new(&call[0]);
            command.args(&call[1..]).arg(from).arg(&out).env("RAYON_NUM_THREADS", threads.to_string());
            figures.push(child(&mut command)?);
            fs::remove_dir_all(&out)?;
        }
    }
    let base = rivals[0].figures.as_ref().map_or(f64::NAN, |figures| figures.least().wall);
    for Rival { name, figures, .. } in &rivals {
        let Some(figures) = figures else {
            println!("| {what} | {name} | skipped: not installed | | | | |");
            continue;
        };
        let least = figures.least();
        #[allow(clippy::cast_precision_loss)]
        let speed = bytes.map_or(String::new(), |bytes| format!("{:.0}", bytes as f64 / least.wall / 1e6));
        // A shell's own memory says nothing of its children.
        let peak = if name.starts_with("clusterseed") { format!("{:.0} MB", figures.peak_mb()) } else { "-".into() };
        let (least, times) = (super::ms(least), least.wall / base);
        println!("| {what} | {name} | {least} | {} | {times:.1} | {peak} | {speed} |", super::ms(figures.median()));
    }
    Ok(())
}
