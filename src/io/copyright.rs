//! Copyright files of packages in the store. Unpacking a package in search of one takes most of a second for a large one, so what
//! was found is kept beside the packages, under the digest of the package.
//!
//! ```text
//! copyright/ab/abcd…     SHA-256 of what follows, then one of the words of [`word`], then the text
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;

use super::store::Store;
use crate::apt::data::{Copyright, copyright};
use crate::format::checksum::Sha256Sum;
use crate::lock::Lock;

/// What every package of a lock has for a copyright file, by digest. The packages themselves were looked at before: see
/// [`super::carried::read`].
///
/// # Errors
/// When a package cannot be read, or the store cannot be written.
pub fn read(lock: &Lock, store: &Store) -> Result<BTreeMap<Sha256Sum, Copyright>> {
    let packages: BTreeMap<Sha256Sum, &str> = lock.packages.iter().map(|package| (package.sha256, &*package.name.value)).collect();
    // The largest first, or the last thread would work alone.
    let mut by_size: Vec<_> = packages.into_iter().collect();
    by_size.sort_by_key(|(sha256, _)| std::cmp::Reverse(fs::metadata(store.path(sha256)).map_or(0, |meta| meta.len())));
    by_size.par_iter().with_max_len(1).map(|(sha256, name)| Ok((*sha256, one(store, sha256, name)?))).collect()
}

/// Where the note about a package is, or would be.
pub(super) fn place(store: &Store, sha256: &Sha256Sum) -> PathBuf {
    let hex = sha256.hex();
    store.root().join("copyright").join(&hex[..2]).join(hex)
}

fn one(store: &Store, sha256: &Sha256Sum, name: &str) -> Result<Copyright> {
    let note = place(store, sha256);
    if let Some(kept) = fs::read_to_string(&note).ok().and_then(|text| parse(&text)) {
        return Ok(kept);
    }
    let path = store.path(sha256);
    let context = || format!("looking for the copyright file in `{}` of the store", path.display());
    let file = BufReader::with_capacity(1 << 16, File::open(&path).with_context(context)?);
    let found = copyright(file, name).map_err(|error| anyhow!("{error}")).with_context(context)?;
    // What a later version of this program may be able to read is looked for again.
    if !matches!(found, Copyright::Unread(_)) {
        store.folder(&format!("copyright/{}", &sha256.hex()[..2]))?;
        store.write(&note, print(&found).as_bytes())?;
    }
    Ok(found)
}

fn word(found: &Copyright) -> (&'static str, &str) {
    match found {
        Copyright::Nothing | Copyright::Unread(_) => ("nothing", ""),
        Copyright::Text(text) => ("text", text),
        Copyright::Of(name) => ("of", name),
    }
}

fn print(found: &Copyright) -> String {
    let (word, text) = word(found);
    let body = format!("{word}\n{text}");
    format!("{}\n{body}", Sha256Sum::of(body.as_bytes()).hex())
}

/// `None` where the note is not what was written: then it is made again.
fn parse(note: &str) -> Option<Copyright> {
    let (digest, body) = note.split_once('\n')?;
    if Sha256Sum::from_hex(digest)? != Sha256Sum::of(body.as_bytes()) {
        return None;
    }
    match body.split_once('\n')? {
        ("nothing", "") => Some(Copyright::Nothing),
        ("text", text) => Some(Copyright::Text(text.to_string())),
        ("of", name) => Some(Copyright::Of(name.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Copyright, parse, print};

    #[test]
    fn notes_go_round() {
        for found in [Copyright::Nothing, Copyright::Text("a\n\nb\n".into()), Copyright::Text(String::new()), Copyright::Of("libx1".into())]
        {
            let note = print(&found);
            assert_eq!(parse(&note), Some(found));
            assert_eq!(parse(&note[..note.len() - 1]), None);
            assert_eq!(parse(&format!("{note} ")), None);
        }
    }
}
