//! Who signed an output: the manifest and its sums, which name everything else; and the seeds in it, which travel without them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::artifact::{CHECKSUMS, SIGNATURES};
use crate::emit::seed;
use crate::format::openpgp;
use crate::io::gpgv::{self, Signed};
use crate::io::tree::{self, Found};

/// The key that must have signed.
#[derive(Debug)]
pub struct Key {
    keyring: Vec<u8>,
    fingerprints: Vec<String>,
}

impl Key {
    /// Reads a public key, armored or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        let context = || format!("reading the key `{}`", file.display());
        let keyring = openpgp::keyring(&tree::read(file)?).map_err(|why| anyhow!("{why}")).with_context(context)?;
        let keys = openpgp::keys(&keyring).map_err(|why| anyhow!("{why}")).with_context(context)?;
        let fingerprints = keys.into_iter().filter(|key| key.primary).map(|key| key.fingerprint).collect();
        Ok(Self { keyring, fingerprints })
    }

    /// What speaks against it having signed the output.
    ///
    /// # Errors
    /// When gpgv is missing.
    pub fn signed_output(&self, found: &BTreeMap<String, Found>) -> Result<Vec<String>> {
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
            if let Err(why) = gpgv::verify(Signed::Detached(&text, &signature), &self.keyring, &self.fingerprints)? {
                problems.push(format!("{signed}: {why}"));
            }
        }
        Ok(problems)
    }

    /// Whether a host that pins it would take this seed: with the key that lies in the seed, as there.
    ///
    /// # Errors
    /// In words, when it would not.
    pub fn signed_seed(&self, seed: &BTreeMap<String, tree::Member>) -> Result<(), String> {
        let (Some(list), Some(signature), Some(key)) = (seed.get(CHECKSUMS), seed.get(seed::SIGNATURE), seed.get(seed::KEY)) else {
            return Err("the seed is not signed".into());
        };
        let judged = gpgv::verify(Signed::Detached(&list.bytes, &signature.bytes), &key.bytes, &self.fingerprints);
        judged.map_err(|error| format!("{error:#}"))?.map_err(|why| format!("the seed: {why}"))?;
        Ok(())
    }
}
