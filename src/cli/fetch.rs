//! `fetch`: brings what the lock names into the store, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::args::{Fetch, Format, Global};
use super::check::Checked;
use super::progress::Shown;
use super::{Verdict, report};
use crate::compile::Inputs;
use crate::format::checksum::Sha256Sum;
use crate::io::fetch::{self, Location, Progress, Wanted};
use crate::io::store::Store;
use crate::io::web::Client;
use crate::io::{debs, load, source};
use crate::lock::published::{PublishedPackages, Verdict as Judged};
use crate::lock::{self, Lock};

/// Version of the last line of `fetch --format json`.
const FORMAT: u32 = 1;

/// Brings the packages of a lock into the store.
pub fn run(options: &Fetch, global: &Global) -> Result<Verdict> {
    let Some(Checked { cluster, inputs, .. }) = Checked::load(&options.input, global, options.format)? else {
        return Ok(Verdict::Wrong);
    };
    let Some(lock) = &cluster.lock else {
        report::say(&format!(
            "{}: nothing is carried (`packages: {{source: {}}}`), nothing to fetch",
            cluster.name,
            cluster.packages.source.word()
        ));
        return Ok(Verdict::Done);
    };
    let store = Store::of_user()?;
    store.sweep()?;
    let client = if options.offline { None } else { Some(Client::new()) };
    let mut given = given(&options.from, lock, &inputs)?;
    let folder = load::folder(&options.input.spec);
    // One file may be several packages' only where somebody has copied it: it is brought once.
    let mut seen = BTreeSet::new();
    let packages: Vec<&lock::Package> = lock.packages.iter().filter(|package| seen.insert(package.sha256)).collect();
    let wanted: Vec<Wanted> = packages.iter().map(|package| wanted(package, lock, folder, &mut given)).collect::<Result<_>>()?;
    let progress = Arc::new(Progress::default());
    let missing: u64 = wanted.iter().filter(|file| !store.has(&file.sha256, file.size)).map(|file| file.size).sum();
    let failed = {
        let _shown = Shown::start(&progress, wanted.len(), missing);
        fetch::all(&wanted, &store, client.as_ref(), options.jobs.into(), &progress)
    };
    for (index, why) in &failed {
        report::say(&format!("error: {}: {why}", wanted[*index].title));
    }
    let bytes: u64 = wanted.iter().map(|file| file.size).sum();
    let fetched = progress.fetched.load(Ordering::Relaxed);
    if options.format == Format::Json {
        let why = |index: usize| failed.iter().find(|(failed, _)| *failed == index).map(|(_, why)| why);
        let line = |(index, package): (usize, &&lock::Package)| {
            json!({
                "name": package.name.value, "version": package.version, "architecture": package.architecture, "size": package.size,
                "sha256": package.sha256.hex(), "file": store.path(&package.sha256).display().to_string(), "error": why(index),
            })
        };
        let packages: Vec<_> = packages.iter().enumerate().map(line).collect();
        let store = store.root().display().to_string();
        let result = json!({"format": FORMAT, "fetch": {"store": store, "bytes": bytes, "fetched": fetched, "packages": packages}});
        report::data(&format!("{result}\n"))?;
    }
    if !failed.is_empty() {
        let (count, of) = (failed.len(), report::count(wanted.len(), "package"));
        bail!("{count} of {of} could not be had; what has arrived is kept, and `fetch` goes on from there");
    }
    let there = wanted.len() - fetched;
    report::say(&format!(
        "{}: {}, {bytes} bytes in {}; {fetched} fetched, {there} were there",
        cluster.name,
        report::count(wanted.len(), "package"),
        store.root().display()
    ));
    Ok(Verdict::Done)
}

/// Where a package may be: what the user has given, then the source of the lock.
fn wanted(package: &lock::Package, lock: &Lock, folder: &Path, given: &mut BTreeMap<Sha256Sum, Location>) -> Result<Wanted> {
    let source = lock.asked.sources.iter().find(|source| source.name == package.source);
    let source = source.with_context(|| format!("`{}` comes from `{}`, which is no source", package.name.value, package.source))?;
    let mut locations: Vec<Location> = given.remove(&package.sha256).into_iter().collect();
    match &source.location {
        lock::SourceLocation::Folder(path) => locations.push(Location::File(folder.join(path).join(&package.path))),
        lock::SourceLocation::Repository { urls, .. } => {
            for url in urls {
                locations.push(source::location(&format!("{url}/{}", source::escaped(&package.path)))?);
            }
        }
    }
    Ok(Wanted { title: package.title(), sha256: package.sha256, size: package.size, locations })
}

/// Files of `--from` that the lock names, by digest; and words about all others.
fn given(folders: &[std::path::PathBuf], lock: &Lock, inputs: &Inputs) -> Result<BTreeMap<Sha256Sum, Location>> {
    let known = known(inputs);
    let wanted: BTreeMap<Sha256Sum, &lock::Package> = lock.packages.iter().map(|package| (package.sha256, package)).collect();
    let mut given = BTreeMap::new();
    for folder in folders {
        let (mut published, mut unused) = (0, 0);
        for deb in debs::list(folder)? {
            let sha256 = debs::digest(&deb.file)?;
            let name = deb.path.rsplit('/').next().unwrap_or(&deb.path);
            match known.judge(name, &sha256) {
                Judged::Published(_) => published += 1,
                Judged::Other(official) => report::say(&format!(
                    "warning: {}: it is not the package that was published under this name, whose SHA-256 is {}",
                    deb.file.display(),
                    official.hex()
                )),
                Judged::Unknown => {}
            }
            match wanted.get(&sha256) {
                Some(_) => drop(given.insert(sha256, Location::File(deb.file))),
                None => unused += 1,
            }
        }
        let folder = folder.display();
        if published > 0 {
            report::say(&format!("{folder}: {} as published, by digest", report::count(published, "package")));
        }
        if unused > 0 {
            report::say(&format!("{folder}: {} that the lock does not name, left alone", report::count(unused, "package")));
        }
    }
    Ok(given)
}

/// Tables of published packages that are shipped, or laid over.
pub fn known(inputs: &Inputs) -> PublishedPackages {
    let mut known = PublishedPackages::default();
    let tables = inputs.catalog.below("vendor/").filter(|(path, _)| path.ends_with("_debs.tsv"));
    tables.for_each(|(_, entry)| known.add(&String::from_utf8_lossy(&entry.bytes)));
    known
}
