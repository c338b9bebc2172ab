//! `store`: what is in the store, whether it is sound, and what may go.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use super::args::{Store as Options, StoreCommand};
use super::{Verdict, report};
use crate::compile::LockFile;
use crate::diag::{Diagnostics, Sources};
use crate::format::checksum::Sha256Sum;
use crate::io::load;
use crate::io::store::Store;
use crate::lock;

/// Lists, checks or prunes.
pub fn run(options: &Options) -> Result<Verdict> {
    let store = Store::of_user()?;
    match &options.command {
        StoreCommand::List => list(&store),
        StoreCommand::Check { remove } => check(&store, *remove),
        StoreCommand::Prune { locks, all, dry_run } => {
            let Some(kept) = kept(locks)? else { return Ok(Verdict::Wrong) };
            if kept.is_empty() && !all {
                bail!("these locks name no package; to remove everything, say so with --all");
            }
            prune(&store, &kept, *dry_run)
        }
    }
}

fn list(store: &Store) -> Result<Verdict> {
    let found = store.list()?;
    let mut total = 0;
    for stored in &found {
        total += stored.size;
        report::data(&format!("{}  {:>12}  {}\n", stored.sha256.hex(), stored.size, store.title(stored).unwrap_or_default()))?;
    }
    report::say(&format!("{}: {}, {total} bytes", store.root().display(), report::count(found.len(), "file")));
    Ok(Verdict::Done)
}

fn check(store: &Store, remove: bool) -> Result<Verdict> {
    let found = store.list()?;
    let mut damaged = 0;
    for stored in &found {
        if store.check(&stored.sha256, stored.size)? {
            continue;
        }
        damaged += 1;
        let done = if remove { ", removed" } else { "" };
        report::data(&format!("{}: its bytes are not those of its name{done}\n", stored.path.display()))?;
        if remove {
            store.remove(stored)?;
        }
    }
    let files = report::count(found.len(), "file");
    if damaged == 0 {
        report::say(&format!("{}: {files}, all sound", store.root().display()));
        return Ok(Verdict::Done);
    }
    let help = if remove { "`clusterseed fetch` brings them again" } else { "`clusterseed store check --remove` removes them" };
    report::say(&format!("{}: {damaged} of {files} damaged; {help}", store.root().display()));
    Ok(Verdict::Wrong)
}

/// Digests that the locks name. `None` where one is wrong, which has been shown.
fn kept(locks: &[std::path::PathBuf]) -> Result<Option<BTreeSet<Sha256Sum>>> {
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
    report::diagnostics(&diags, &sources, super::args::Format::Text)?;
    Ok((!diags.has_errors()).then_some(kept))
}

fn prune(store: &Store, kept: &BTreeSet<Sha256Sum>, dry_run: bool) -> Result<Verdict> {
    let (mut count, mut bytes) = (0, 0);
    for stored in store.list()?.iter().filter(|stored| !kept.contains(&stored.sha256)) {
        count += 1;
        bytes += stored.size;
        report::data(&format!("{}\n", stored.path.display()))?;
        if !dry_run {
            store.remove(stored)?;
        }
    }
    if !dry_run {
        store.clear()?;
    }
    let would = if dry_run { "would remove" } else { "removed" };
    report::say(&format!("{}: {would} {}, {bytes} bytes", store.root().display(), report::count(count, "file")));
    Ok(Verdict::Done)
}
