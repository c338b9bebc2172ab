//! The choice of packages: this product's reader and resolver against `apt-get -s`, over the index of Debian that the machine has.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clusterseed::apt::index;
use clusterseed::apt::resolve::{PRIORITY, Request, Source, Universe, Versions, Want, resolve};
use clusterseed::apt::verify::verify;

use super::measure::{Figures, child, ms, timed};

/// What is wanted of an empty system: two hundred packages.
const WANTED: &str = "zookeeperd";

/// The index of the machine's Debian, main and amd64, as text; none where apt has none.
fn packages() -> Option<String> {
    let words = ["indextargets", "--format", "$(COMPONENT) $(FILENAME)", "Created-By: Packages", "Origin: Debian", "Architecture: amd64"];
    let targets = Command::new("apt-get").args(words).output().ok()?;
    let targets = String::from_utf8(targets.stdout).ok()?;
    let texts = targets.lines().filter_map(|line| line.strip_prefix("main ")).filter_map(|file| {
        let output = Command::new("/usr/lib/apt/apt-helper").arg("cat-file").arg(file).output().ok()?;
        String::from_utf8(output.stdout).ok()
    });
    texts.max_by_key(String::len).filter(|text| text.contains(&format!("\nPackage: {WANTED}\n")))
}

/// Compares both, and prints a table.
pub fn compare(scratch: &Path, runs: usize) -> Result<()> {
    let Some(text) = packages() else {
        println!("closure of {WANTED}: skipped, apt has no index of Debian; `apt-get update` fetches it\n");
        return Ok(());
    };
    let root = scratch.join("apt");
    for folder in ["etc/apt", "lists/partial", "archives/partial"] {
        fs::create_dir_all(root.join(folder))?;
    }
    let at = root.display();
    fs::write(root.join("lists/_r_._Packages"), &text)?;
    fs::write(root.join("etc/apt/sources.list"), "deb [trusted=yes] file:/r ./\n")?;
    fs::write(root.join("status"), "")?;
    let conf = format!(
        "Dir \"{at}\";\nDir::State::lists \"{at}/lists\";\nDir::State::status \"{at}/status\";\nDir::Cache::archives \"{at}/archives\";\n\
         Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\nAPT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\n\
         Debug::NoLocking \"true\";\nAcquire::Languages \"none\";\n"
    );
    fs::write(root.join("conf"), conf)?;
    let (mut reading, mut ours, mut theirs) = (Figures::default(), Figures::default(), Figures::default());
    let mut count = 0;
    for _ in 0..runs {
        reading.push(timed(|| index::read(&text).map(|offers| count = offers.len()).context("the index"))?);
        ours.push(timed(|| closure(&text))?);
        let mut apt = Command::new("apt-get");
        apt.env("APT_CONFIG", root.join("conf")).args(["-s", "-q", "--no-install-recommends", "install", WANTED]);
        theirs.push(child(&mut apt)?);
    }
    println!("| {count} packages, {runs} runs | least | median | times apt |\n| --- | ---: | ---: | ---: |");
    println!("| reading the index | {} | {} | |", ms(reading.least()), ms(reading.median()));
    let ratio = ours.least().wall / theirs.least().wall;
    println!("| index to closure of {WANTED}, verified | {} | {} | {ratio:.2} |", ms(ours.least()), ms(ours.median()));
    println!("| apt-get -s | {} | {} | |\n", ms(theirs.least()), ms(theirs.median()));
    Ok(())
}

/// From the text of an index to a closure that is proven whole.
fn closure(text: &str) -> Result<()> {
    let sources = [Source { name: "debian".into(), priority: PRIORITY, offers: index::read(text).context("the index")? }];
    let request = Request { architecture: "amd64", sources: &sources, ..Request::default() };
    let wanted = [Want { name: WANTED, versions: Versions::Any }];
    let closure = resolve(&Universe::new(request.clone())?, &wanted)?;
    let violations = verify(&request, &wanted, &closure);
    ensure!(violations.is_empty() && closure.packages.len() > 100, "{violations:?}");
    Ok(())
}
