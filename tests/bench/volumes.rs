//! `cargo bench --bench volumes`: this product's writer of seed volumes against genisoimage and xorriso, over the same files.
//!
//! Rivals are called once for each volume, as a user would in a loop. The writer is a part of `build` and no command, so it is
//! measured twice: as `build` calls it, with contents in memory and on all threads, and in a process of its own, on one thread and
//! from files, as the rivals have it. For that this program calls itself; it is a program apart so that it is no larger than
//! such a tool would be.
//!
//! Rivals take turns, and the least of several runs is what counts. `--dir DIR` and `--runs N` are those of `--bench build`.

#![allow(missing_docs)]

mod machine;
// Processor time is the other benchmark's.
#[allow(dead_code)]
mod measure;

use std::fs::{self, File as Disk};
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clusterseed::format::iso9660;
use clusterseed::format::pieces::Pieces;
use clusterseed::format::volume::{File, FileContent, Volume};
use measure::{Figures, child, ms, timed};
use rayon::prelude::*;

/// The word by which this program is told to write an ISO of each folder below one, and nothing else.
const WRITE: &str = "--write-volumes";

/// One file, once: what `packages` of a large closure would be.
const LARGE: u64 = 1 << 30;

/// Six small volumes are written in a moment, so that can be repeated more often.
const SMALL_FACTOR: usize = 20;

/// Bytes that go to the disk at once, and the largest file that is held in memory.
const AT_ONCE: usize = 256 * 1024;

/// Who writes a volume of each of some folders.
#[derive(Clone, Copy)]
enum Writer {
    /// The writer in this process, as in that of `build`.
    Within,
    /// The writer in a process of its own.
    Alone,
    /// Another program: its call for the folder `$1` and the image `$2`.
    Rival(&'static str),
}

const WRITERS: [(&str, Writer); 4] = [
    ("clusterseed, within `build`", Writer::Within),
    ("clusterseed, a process of its own", Writer::Alone),
    ("genisoimage", Writer::Rival(r#"genisoimage -quiet -output "$2" -volid cidata -joliet -rock "$1""#)),
    ("xorriso", Writer::Rival(r#"xorriso -as mkisofs -quiet -o "$2" -V cidata -J -R "$1""#)),
];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, from, out] = &words[..]
        && word == WRITE
    {
        let mut buffer = Vec::with_capacity(AT_ONCE);
        return folders(from.as_ref())?.iter().try_for_each(|folder| alone(folder, &image(folder, out.as_ref()), &mut buffer));
    }
    let (mut dir, mut runs) = (std::env::temp_dir(), 3);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
        match word.as_str() {
            "--bench" => {} // what cargo itself says
            "--dir" => dir = value()?.into(),
            "--runs" => runs = value()?.parse().context("`--runs` needs a number")?,
            _ => bail!("unknown argument `{word}`"),
        }
    }
    ensure!(runs > 0, "`--runs` needs a number above 0");
    let scratch = tempfile::Builder::new().prefix("clusterseed-bench-").tempdir_in(dir)?;
    println!("{}\n", machine::describe(scratch.path())?);
    compare(scratch.path(), runs)
}

/// The folders below one; a volume is made of each.
fn folders(below: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(below)?.map(|folder| Ok(folder?.path())).collect()
}

fn image(folder: &Path, out: &Path) -> PathBuf {
    out.join(folder.file_name().unwrap_or_default()).with_extension("iso")
}

fn volume<'a>(files: impl Iterator<Item = (&'a str, FileContent<'a>)>) -> Volume<'a> {
    let files = files.map(|(name, source)| File { name, mode: 0o644, source });
    Volume { label: "cidata", epoch: 0, files: files.collect() }
}

/// Names, sizes, and the bytes of files that are not large.
type Contents = Vec<(String, u64, Option<Vec<u8>>)>;

/// What is in a folder.
fn contents(folder: &Path) -> Result<Contents> {
    let mut files = Contents::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let size = entry.metadata()?.len();
        let bytes = (size <= AT_ONCE as u64).then(|| fs::read(entry.path())).transpose()?;
        files.push((entry.file_name().into_string().ok().context("a name in UTF-8")?, size, bytes));
    }
    Ok(files)
}

/// One volume of what is in memory.
fn within(contents: &Contents, image: &Path) -> Result<()> {
    let files = contents.iter().filter_map(|(name, _, bytes)| Some((&**name, FileContent::Bytes(bytes.as_ref()?))));
    let volume = volume(files);
    let mut pieces = Pieces::with_capacity(volume.room());
    iso9660::write(volume, &mut pieces)?;
    Ok(fs::write(image, pieces.bytes().context("bytes alone")?)?)
}

/// One volume of the files in a folder.
fn alone(folder: &Path, image: &Path, buffer: &mut Vec<u8>) -> Result<()> {
    let contents = contents(folder)?;
    let mut files = Vec::new();
    for (name, size, bytes) in &contents {
        let source = match bytes {
            Some(bytes) => FileContent::Bytes(bytes),
            None => FileContent::Reader { size: *size, reader: Box::new(Disk::open(folder.join(name))?) },
        };
        files.push((&**name, source));
    }
    let volume = volume(files.into_iter());
    if contents.iter().any(|(_, _, bytes)| bytes.is_none()) {
        return Ok(iso9660::write(volume, &mut BufWriter::with_capacity(AT_ONCE, Disk::create(image)?))?);
    }
    buffer.clear();
    iso9660::write(volume, buffer)?;
    Ok(fs::write(image, buffer)?)
}

/// Six small seeds of the guide's hosts, and a large one.
fn compare(scratch: &Path, runs: usize) -> Result<()> {
    let small = scratch.join("seeds");
    seeds(scratch, &small)?;
    let large = scratch.join("large");
    fs::create_dir_all(large.join("seed"))?;
    std::io::copy(&mut std::io::repeat(0x5a).take(LARGE), &mut Disk::create(large.join("seed/packages.tar"))?)?;

    println!("| volumes | writer | least | median | times as long | peak memory | MB/s |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    table("six seeds", &small, scratch, runs * SMALL_FACTOR, &WRITERS, None)?;
    // Within `build` a large file is digested on its way, which says nothing about the writer.
    table("1 GiB", &large, scratch, runs, &WRITERS[1..], Some(LARGE))
}

/// Has the program build the six hosts of the guide; a folder each of what is on their volumes.
fn seeds(scratch: &Path, to: &Path) -> Result<()> {
    let (guide, out) = (scratch.join("guide"), scratch.join("out"));
    let program = || Command::new(env!("CARGO_BIN_EXE_clusterseed"));
    child(program().arg("init").arg(&guide))?;
    child(program().args(["build", "-o"]).arg(&out).arg(guide.join("cluster.yaml")))?;
    for host in folders(&out.join("hosts"))? {
        let folder = to.join(host.file_name().context("a host's name")?);
        fs::create_dir_all(&folder)?;
        for name in ["user-data", "meta-data", "seed.tar.gz"] {
            fs::copy(host.join(name), folder.join(name))?;
        }
    }
    Ok(())
}

/// Lets the writers take turns with the folders below one, and prints how long each took beside the first.
fn table(what: &str, from: &Path, scratch: &Path, runs: usize, writers: &[(&str, Writer)], bytes: Option<u64>) -> Result<()> {
    let there = |(name, writer): &&(&str, Writer)| !matches!(writer, Writer::Rival(_)) || machine::has(name);
    let (writers, missing): (Vec<_>, Vec<_>) = writers.iter().partition(there);
    let out = scratch.join("volumes");
    let held = folders(from)?.into_iter().map(|folder| Ok((contents(&folder)?, folder))).collect::<Result<Vec<_>>>()?;
    let mut figures: Vec<_> = writers.iter().map(|_| Figures::default()).collect();
    for _ in 0..runs {
        for ((_, writer), figures) in writers.iter().zip(&mut figures) {
            fs::create_dir(&out)?;
            figures.push(match writer {
                Writer::Within => timed(|| held.par_iter().try_for_each(|(contents, folder)| within(contents, &image(folder, &out))))?,
                Writer::Alone => child(Command::new(std::env::current_exe()?).arg(WRITE).arg(from).arg(&out))?,
                Writer::Rival(call) => {
                    let each = format!(r#"out=$2; for folder in "$1"/*; do set -- "$folder" "$out/${{folder##*/}}.iso"; {call}; done"#);
                    child(Command::new("sh").args(["-euc", &each, "loop"]).arg(from).arg(&out))?
                }
            });
            fs::remove_dir_all(&out)?;
        }
    }
    let base = figures[0].least().wall;
    for ((name, writer), figures) in writers.iter().zip(&figures) {
        let (least, median) = (figures.least(), ms(figures.median()));
        #[allow(clippy::cast_precision_loss)]
        let speed = bytes.map_or(String::new(), |bytes| format!("{:.0}", bytes as f64 / least.wall / 1e6));
        // A shell's own memory says nothing of its children, nor does that of this process.
        let peak = if matches!(writer, Writer::Alone) { format!("{:.0} MB", figures.peak_mb()) } else { "-".into() };
        println!("| {what} | {name} | {} | {median} | {:.1} | {peak} | {speed} |", ms(least), least.wall / base);
    }
    for (name, _) in missing {
        println!("| {what} | {name} | skipped: not installed | | | | |");
    }
    Ok(())
}
