//! `store`: what is in the store, whether it is sound, and what may go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::args::{Format, Store as Options, StoreCommand};
use super::{Verdict, report};
use crate::compile::LockFile;
use crate::diag::{Diagnostics, Sources};
use crate::format::checksum::Sha256Sum;
use crate::io::load;
use crate::io::store::{Store, Stored};
use crate::lock;

/// Version of `store … --format json`.
const FORMAT: u32 = 1;

/// Lists, checks or prunes.
pub fn run(options: &Options) -> Result<Verdict> {
    let store = Store::of_user()?;
    let listing = Listing { store: &store, format: options.format, files: Vec::new() };
    match &options.command {
        StoreCommand::List => list(listing),
        StoreCommand::Check { remove } => check(listing, *remove),
        StoreCommand::Prune { locks, all, dry_run } => {
            let Some(kept) = kept(locks, options.format)? else { return Ok(Verdict::Wrong) };
            if kept.is_empty() && !all {
                bail!("these locks name no package; to remove everything, say so with --all");
            }
            prune(listing, &kept, *dry_run)
        }
    }
}

/// Files as they are found: for people a line at once, for programs one document at the end.
struct Listing<'s> {
    store: &'s Store,
    format: Format,
    files: Vec<Value>,
}

impl Listing<'_> {
    /// A file, what was found of it or done with it, and what people read of that.
    fn add(&mut self, stored: &Stored, state: &str, line: Option<String>) -> Result<()> {
        if self.format == Format::Json {
            let (file, package) = (stored.path.display().to_string(), self.store.title(stored));
            self.files.push(json!({"sha256": stored.sha256.hex(), "size": stored.size, "file": file, "package": package, "state": state}));
            return Ok(());
        }
        if let Some(line) = line {
            report::data(&format!("{line}\n"))?;
        }
        Ok(())
    }

    /// Ends with words about all of it.
    fn end(self, words: &str) -> Result<()> {
        let folder = self.store.root().display().to_string();
        if self.format == Format::Json {
            let result = json!({"format": FORMAT, "store": {"folder": folder, "files": self.files}});
            report::data(&format!("{result}\n"))?;
        }
        report::say(&format!("{folder}: {words}"));
        Ok(())
    }
}

fn list(mut listing: Listing<'_>) -> Result<Verdict> {
    let found = listing.store.list()?;
    for stored in &found {
        let line = || format!("{}  {:>12}  {}", stored.sha256.hex(), stored.size, listing.store.title(stored).unwrap_or_default());
        let line = (listing.format == Format::Text).then(line);
        listing.add(stored, "stored", line)?;
    }
    let total: u64 = found.iter().map(|stored| stored.size).sum();
    listing.end(&format!("{}, {total} bytes", report::count(found.len(), "file")))?;
    Ok(Verdict::Done)
}

fn check(mut listing: Listing<'_>, remove: bool) -> Result<Verdict> {
    let found = listing.store.list()?;
    let mut damaged = 0;
    for stored in &found {
        if listing.store.check(&stored.sha256, stored.size)? {
            listing.add(stored, "sound", None)?;
            continue;
        }
        damaged += 1;
        let (state, done) = if remove { ("removed", ", removed") } else { ("damaged", "") };
        listing.add(stored, state, Some(format!("{}: its bytes are not those of its name{done}", stored.path.display())))?;
        if remove {
            listing.store.remove(stored)?;
        }
    }
    let files = report::count(found.len(), "file");
    if damaged == 0 {
        listing.end(&format!("{files}, all sound"))?;
        return Ok(Verdict::Done);
    }
    let help = if remove { "`clusterseed fetch` brings them again" } else { "`clusterseed store check --remove` removes them" };
    listing.end(&format!("{damaged} of {files} damaged; {help}"))?;
    Ok(Verdict::Wrong)
}

/// Digests that the locks name. `None` where one is wrong, which has been shown.
fn kept(locks: &[PathBuf], format: Format) -> Result<Option<BTreeSet<Sha256Sum>>> {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let mut kept = BTreeSet::new();
    for path in locks {
        let (name, text) = match load::lock_file(path)? {
            LockFile::Text(name, text) => (name, text),
            _ => bail!("`{}`: there is no such lock", Path::new(path).display()),
        };
        let file = sources.add(name, &text);
        kept.extend(lock::parse::parse(&text, file, &mut diags).into_iter().flat_map(|lock| lock.packages).map(|package| package.sha256));
    }
    report::diagnostics(&diags, &sources, format)?;
    Ok((!diags.has_errors()).then_some(kept))
}

fn prune(mut listing: Listing<'_>, kept: &BTreeSet<Sha256Sum>, dry_run: bool) -> Result<Verdict> {
    let (mut count, mut bytes) = (0, 0);
    let (state, would) = if dry_run { ("would-be-removed", "would remove") } else { ("removed", "removed") };
    for stored in listing.store.list()?.iter().filter(|stored| !kept.contains(&stored.sha256)) {
        count += 1;
        bytes += stored.size;
        listing.add(stored, state, Some(stored.path.display().to_string()))?;
        if !dry_run {
            listing.store.remove(stored)?;
        }
    }
    if !dry_run {
        listing.store.clear()?;
    }
    listing.end(&format!("{would} {}, {bytes} bytes", report::count(count, "file")))?;
    Ok(Verdict::Done)
}
