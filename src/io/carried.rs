//! Reads the packages that a lock names out of the store: what a repository says of each, and that each is what it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use anyhow::{Context, Result};
use rayon::prelude::*;

use super::store::Store;
use crate::apt::control::paragraphs;
use crate::apt::deb;
use crate::apt::package::Package as Control;
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::emit::repository::StoredPackage;
use crate::format::checksum::Sha256Sum;
use crate::format::tarball::Crc;
use crate::lock::{Lock, Package};

/// Most packages that one message names.
const NAMED: usize = 5;

/// What is known of every package of a lock, by digest. Packages that are not in the store, or that are something else than the
/// lock says, are in `diags`. With `packed`, the checksum that gzip needs is taken too.
///
/// # Errors
/// When a file of the store cannot be read, or is not what its name says.
pub fn read(lock: &Lock, store: &Store, packed: bool, diags: &mut Diagnostics) -> Result<BTreeMap<Sha256Sum, StoredPackage>> {
    let mut seen = BTreeSet::new();
    let packages: Vec<&Package> = lock.packages.iter().filter(|package| seen.insert(package.sha256)).collect();
    let missing: Vec<&Package> = packages.iter().copied().filter(|package| !store.has(&package.sha256, package.size)).collect();
    if let Some(first) = missing.first() {
        let name = &first.name.value;
        let others = if missing.len() > 1 { format!(" and {} more are", missing.len() - 1) } else { " is".into() };
        let size: u64 = missing.iter().map(|package| package.size).sum();
        let mut found = Diagnostic::error(codes::PACKAGE_NOT_STORED, first.name.at, format!("`{name}`{others} not in the store"));
        for package in missing.iter().skip(1).take(NAMED) {
            found = found.related(package.name.at, "nor is this one");
        }
        diags.push(found.help(format!("`clusterseed fetch SPEC` brings what is missing, {size} bytes")));
        return Ok(BTreeMap::new());
    }
    let known = packages.par_iter().map(|package| Ok((*package, one(package, store, packed)?))).collect::<Result<Vec<_>>>()?;
    let mut all = BTreeMap::new();
    for (package, found) in known {
        match found {
            Ok(known) => drop(all.insert(package.sha256, known)),
            Err(why) => diags.push(
                Diagnostic::error(codes::LOCK_BROKEN, package.name.at, why)
                    .help("the lock was edited, or its source mislabels the file: write it again with `clusterseed lock`"),
            ),
        }
    }
    Ok(all)
}

/// Reads one package whole; what is wrong with what it says of itself is in words.
fn one(package: &Package, store: &Store, packed: bool) -> Result<Result<StoredPackage, String>> {
    let context = || {
        let path = store.path(&package.sha256);
        format!("{} in the store, `{}`: remove it, and run `clusterseed fetch` again", package.title(), path.display())
    };
    let mut reader = Summed { reader: store.open(package.sha256, package.size)?, crc: packed.then(Crc::new) };
    let paragraph = deb::control(&mut reader);
    let paragraph = match paragraph {
        Ok(text) => text,
        Err(deb::DebError::Read(error)) => return Err(error).with_context(context),
        Err(deb::DebError::Broken(why)) => {
            // Where its bytes are not those of its name, that is the reason.
            io::copy(&mut reader, &mut io::sink()).with_context(context)?;
            return Ok(Err(format!("`{}` is no package: {why}", package.name.value)));
        }
    };
    io::copy(&mut reader, &mut io::sink()).with_context(context)?;
    let mut installed_kib = 0;
    let read = paragraphs(&paragraph).next().context("a package without a paragraph").with_context(context)?;
    let own = Control::read(read, |field| {
        if field.name.eq_ignore_ascii_case("Installed-Size") {
            installed_kib = field.value.parse().unwrap_or(0);
        }
        Ok(())
    });
    let own = match own {
        Ok(own) => own,
        Err(why) => return Ok(Err(format!("`{}` says of itself what cannot be read: {why}", package.name.value))),
    };
    if (own.name, own.version, own.architecture) != (&package.name.value, &package.version, &package.architecture) {
        let found = format!("{} {} ({})", own.name, own.version, own.architecture);
        return Ok(Err(format!("the lock says {}, and the file is {found}", package.title())));
    }
    Ok(Ok(StoredPackage { paragraph: text(&paragraph), installed_kib, crc: reader.crc }))
}

/// The paragraph without what an index adds, which a file has no business to say of itself.
fn text(paragraph: &str) -> String {
    const ADDED: [&str; 7] = ["filename", "size", "md5sum", "sha1", "sha256", "sha512", "description-md5"];
    let mut kept = String::with_capacity(paragraph.len());
    let mut keep = true;
    for line in paragraph.lines().filter(|line| !line.trim().is_empty()) {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
            keep = !ADDED.contains(&name.as_str());
        }
        if keep {
            kept.push_str(line.trim_end());
            kept.push('\n');
        }
    }
    kept
}

/// Takes the checksum of what goes by.
struct Summed<R> {
    reader: R,
    crc: Option<Crc>,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Some(crc) = &mut self.crc {
            crc.update(&buffer[..count]);
        }
        Ok(count)
    }
}
