//! `cargo bench --bench build`: the release binary against what a user would do instead, and against the least that any program must do.
//!
//! - Six hosts, the guide's: against a shell loop of `cloud-localds` and `tar czf` over the same files.
//! - The closure of a package in the index of Debian: against apt-get.
//! - The index of a repository: against apt-ftparchive and dpkg-scanpackages; packages hashed and packed: against sha256sum, cp and
//!   genisoimage.
//! - 1,000 and 10,000 hosts: against a [floor](floor) that gets the very same bytes ready-made and only digests, deflates and
//!   writes them.
//!
//! Rivals take turns, so that a busy machine is unfair to all alike; the least of several runs is what counts. Prints a table in
//! Markdown. `cargo bench --bench build -- --dir DIR` writes below another folder than the temporary one, `--runs N` sets how often (3),
//! `--hosts N,N` the sizes, `--packages N` (1,000) how many are indexed, `--megabytes N` (500) how much is packed. 10,000 hosts take 4 GB of memory, because the floor's bytes are kept there, and 4 GB of disk.

#![allow(missing_docs)]

mod floor;
mod machine;
mod measure;
mod packages;
mod repository;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use floor::Prepared;
use measure::{Figures, Run, child, ms, timed};

/// The six-host comparison is over in a moment, so it can be repeated more often.
const SMALL_FACTOR: usize = 7;

struct Options {
    dir: PathBuf,
    runs: usize,
    sizes: Vec<usize>,
    packages: usize,
    megabytes: usize,
}

fn main() -> Result<()> {
    let options = options()?;
    let scratch = tempfile::Builder::new().prefix("clusterseed-bench-").tempdir_in(&options.dir)?;
    println!("{}\n", machine::describe(scratch.path())?);
    small(scratch.path(), options.runs * SMALL_FACTOR)?;
    packages::compare(scratch.path(), options.runs)?;
    repository::compare(scratch.path(), options.runs, options.packages, options.megabytes)?;
    large(scratch.path(), &options)
}

fn options() -> Result<Options> {
    let mut options = Options { dir: std::env::temp_dir(), runs: 3, sizes: vec![1_000, 10_000], packages: 1_000, megabytes: 500 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
        match word.as_str() {
            "--bench" => {} // what cargo itself says
            "--dir" => options.dir = value()?.into(),
            "--runs" => options.runs = value()?.parse().context("`--runs` needs a number")?,
            "--hosts" => {
                options.sizes = value()?.split(',').map(str::parse).collect::<Result<_, _>>().context("`--hosts` needs numbers")?
            }
            "--packages" => options.packages = value()?.parse().context("`--packages` needs a number")?,
            "--megabytes" => options.megabytes = value()?.parse().context("`--megabytes` needs a number")?,
            _ => bail!("unknown argument `{word}`"),
        }
    }
    ensure!(options.runs > 0, "`--runs` needs a number above 0");
    ensure!(options.packages > 0 && options.megabytes > 0, "nothing is nothing to measure");
    Ok(options)
}

/// The program as users have it; `threads` 0 means all.
fn build(spec: &Path, out: &Path, threads: usize) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clusterseed"));
    command.args(["build", "--quiet", "-o"]).arg(out).arg(spec).env_remove("SOURCE_DATE_EPOCH");
    command.env("RAYON_NUM_THREADS", threads.to_string());
    command
}

/// The six hosts of the guide.
fn small(scratch: &Path, runs: usize) -> Result<()> {
    let guide = scratch.join("guide");
    child(Command::new(env!("CARGO_BIN_EXE_clusterseed")).arg("init").arg(&guide))?;
    let spec = guide.join("cluster.yaml");
    let files = scratch.join("files");
    child(&mut build(&spec, &files, 0))?;
    let hosts = files.join("hosts");
    unpack(&hosts)?;

    let out = scratch.join("out");
    let can_loop = ["cloud-localds", "genisoimage"].iter().all(|tool| machine::has(tool));
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..runs {
        ours.push(child(&mut build(&spec, &out, 0))?);
        fs::remove_dir_all(&out)?;
        if can_loop {
            fs::create_dir(&out)?;
            theirs.push(child(Command::new("sh").args(["-euc", LOOP, "loop"]).arg(&hosts).arg(&out))?);
            fs::remove_dir_all(&out)?;
        }
    }
    println!("| six hosts, {runs} runs | least | median | times as fast |\n| --- | ---: | ---: | ---: |");
    println!("| clusterseed build | {} | {} | |", ms(ours.least()), ms(ours.median()));
    if can_loop {
        let ratio = theirs.least().wall / ours.least().wall;
        println!("| 6 × cloud-localds + 6 × tar czf | {} | {} | {ratio:.0} |", ms(theirs.least()), ms(theirs.median()));
    } else {
        println!("| 6 × cloud-localds + 6 × tar czf | skipped: `apt install cloud-image-utils genisoimage` brings it | | |");
    }
    println!();
    Ok(())
}

/// What a user would do by hand with the files of six hosts: a NoCloud volume and a tarball each.
const LOOP: &str = r#"
for host in "$1"/*; do
    name=${host##*/}
    cloud-localds "$2/$name.img" "$host/user-data" "$host/meta-data"
    tar czf "$2/$name.tar.gz" -C "$host" seed
done
"#;

/// Unpacks the seed of each host beside it, for the loop to pack again.
fn unpack(hosts: &Path) -> Result<()> {
    for host in fs::read_dir(hosts)? {
        child(Command::new("tar").arg("xzf").arg("seed.tar.gz").current_dir(host?.path()))?;
    }
    Ok(())
}

/// Many hosts, against the floor, on one thread and on all.
fn large(scratch: &Path, options: &Options) -> Result<()> {
    println!(
        "| hosts, {} runs | threads | clusterseed: least | median | per host | peak memory | floor: least | median | times the floor | CPU: times the floor |",
        options.runs
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let all = std::thread::available_parallelism()?.get();
    let out = scratch.join("out");
    let mut per_host = Vec::new();
    for &hosts in &options.sizes {
        let spec = scratch.join(format!("{hosts}.yaml"));
        fs::write(&spec, cluster(hosts)?)?;
        child(&mut build(&spec, &out, 0))?;
        let prepared = Prepared::read(&out)?;
        fs::remove_dir_all(&out)?;
        for threads in if all > 1 { vec![1, all] } else { vec![1] } {
            let (mut ours, mut floor) = (Figures::default(), Figures::default());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            for _ in 0..options.runs {
                ours.push(child(&mut build(&spec, &out, threads))?);
                fs::remove_dir_all(&out)?;
                floor.push(timed(|| pool.install(|| prepared.write(&out)))?);
                fs::remove_dir_all(&out)?;
            }
            let (best, base) = (ours.least(), floor.least());
            #[allow(clippy::cast_precision_loss)]
            let each = best.wall * 1e3 / hosts as f64;
            println!(
                "| {hosts} | {threads} | {} | {} | {each:.2} ms | {:.0} MB | {} | {} | {:.2} | {:.2} |",
                seconds(best),
                seconds(ours.median()),
                ours.peak_mb(),
                seconds(base),
                seconds(floor.median()),
                best.wall / base.wall,
                ours.least_cpu() / floor.least_cpu()
            );
            per_host.push((threads, hosts, each));
        }
    }
    println!();
    if let (Some((_, few, first)), Some((_, many, last))) = (per_host.iter().find(|p| p.0 == all), per_host.iter().rfind(|p| p.0 == all))
        && few < many
    {
        println!("A host of {many} costs {:.2} times as much as a host of {few}.", last / first);
    }
    Ok(())
}

/// A spec with three masters and slaves.
fn cluster(hosts: usize) -> Result<String> {
    ensure!((4..60_000).contains(&hosts), "{hosts} hosts do not fit into the benchmark's network");
    let slaves = hosts - 3;
    Ok(format!(
        "version: 1\ncluster: bench\nprofile: mesosphere\nplatform: ubuntu-14.04\n\
         network: {{subnet: 10.0.0.0/16, gateway: 10.0.255.254, nameservers: [10.0.255.253], search: [example.net], interface: eth0}}\n\
         hosts:\n\
         - {{name: \"master[1-3]\", role: master, address: 10.0.0.1}}\n\
         - {{name: \"slave[1-{slaves}]\", role: slave, address: 10.0.1.1}}\n"
    ))
}

fn seconds(run: Run) -> String {
    format!("{:.2} s", run.wall)
}
