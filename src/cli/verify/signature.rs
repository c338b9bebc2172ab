//! Who signed an output: the manifest and its sums, which name everything else.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::artifact::SIGNATURES;
use crate::format::openpgp;
use crate::io::gpgv::{self, Signed};
use crate::io::tree::{self, Found};

/// What speaks against the key in `file` having signed all of it.
///
/// # Errors
/// When the key cannot be read, or gpgv is missing.
pub fn check(file: &Path, found: &BTreeMap<String, Found>) -> Result<Vec<String>> {
    let context = || format!("reading the key `{}`", file.display());
    let keyring = openpgp::keyring(&tree::read(file)?).map_err(|why| anyhow!("{why}")).with_context(context)?;
    let keys = openpgp::keys(&keyring).map_err(|why| anyhow!("{why}")).with_context(context)?;
    let fingerprints: Vec<String> = keys.into_iter().filter(|key| key.primary).map(|key| key.fingerprint).collect();
    let mut problems = Vec::new();
    for name in SIGNATURES {
        let signed = name.trim_end_matches(".asc");
        // That what is signed is missing was said already.
        let Some(text) = found.get(signed) else { continue };
        let Some(signature) = found.get(name) else {
            problems.push(format!("{signed}: not signed"));
            continue;
        };
        let (text, signature) = (tree::read(&text.path)?, tree::read(&signature.path)?);
        if let Err(why) = gpgv::verify(Signed::Detached(&text, &signature), &keyring, &fingerprints)? {
            problems.push(format!("{signed}: {why}"));
        }
    }
    Ok(problems)
}
