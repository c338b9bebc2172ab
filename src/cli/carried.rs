//! What `build` and `render` need where packages are carried: the store, what is in it, and the key that signs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::args::{Format, Global, Input};
use super::check::Checked;
use super::report;
use crate::cluster::{Cluster, Method};
use crate::diag::Diagnostics;
use crate::emit::repository::{SignatureForm, Signer, StoredPackage};
use crate::format::checksum::Sha256Sum;
use crate::io::load;
use crate::io::sign::{self, Key, KeySource};
use crate::io::{carried, store::Store};

/// A store, and what was read of the packages in it.
#[derive(Debug)]
pub struct Packages {
    /// Where they lie.
    pub store: Store,
    /// What is known of them.
    pub known: BTreeMap<Sha256Sum, StoredPackage>,
}

/// What packages are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Seeds, which bring them; with images, they do not.
    Seeds,
    /// An image.
    Image,
}

/// Loads and checks a spec and the packages that it carries, and shows what is wrong. `None` when there are errors.
pub fn load(input: &Input, global: &Global, format: Format, for_what: Use) -> Result<Option<(Checked, Option<Packages>)>> {
    let Some(checked) = Checked::load(input, global, format)? else { return Ok(None) };
    let method = &checked.cluster.delivery.method;
    let brings = for_what == Use::Image || *method != Method::Image;
    let Some(lock) = checked.cluster.lock.as_ref().filter(|_| brings) else { return Ok(Some((checked, None))) };
    let store = Store::of_user()?;
    store.sweep()?;
    let packed = for_what == Use::Image || *method == Method::Hand;
    let mut diags = Diagnostics::new();
    let known = carried::read(lock, &store, packed, &mut diags).context("reading the packages that are carried")?;
    report::diagnostics(&diags, &checked.sources, format)?;
    Ok((!diags.has_errors()).then_some((checked, Some(Packages { store, known }))))
}

/// What a command line says of the key that signs.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'o> {
    /// Packages come along, so something must sign.
    pub brings: bool,
    /// The key that was named.
    pub named: Option<&'o str>,
    /// Beside which one lies, if none was named.
    pub spec: &'o Path,
    /// It may be made where there is none.
    pub make: bool,
}

impl Signature<'_> {
    /// The key that signs what is built of a cluster, where something signs it: because packages come along, because hosts trust only
    /// certain keys, or because one was named. A key that hosts trust is never made on the way.
    ///
    /// # Errors
    /// As [`Key::open`]; and when hosts would refuse what it signs.
    pub fn key(self, cluster: &Cluster, epoch: u64) -> Result<Option<Key>> {
        if !self.brings && self.named.is_none() && cluster.trust.is_empty() {
            return Ok(None);
        }
        let key = key(self.named, self.spec, self.make && cluster.trust.is_empty(), epoch)?;
        ensure!(
            cluster.trust.is_empty() || cluster.trust.contains(&key.fingerprint),
            "the key {} would sign, and hosts would refuse it: `trust` in the spec names {}; sign with one of those, or add this one once all hosts have a seed that names it",
            key.fingerprint,
            cluster.trust.join(", ")
        );
        Ok(Some(key))
    }
}

/// The key that was named, or that beside the spec.
///
/// # Errors
/// As [`Key::open`].
pub fn key(named: Option<&str>, spec: &Path, make: bool, epoch: u64) -> Result<Key> {
    let source = match named {
        Some(named) => KeySource::parse(named)?,
        None => KeySource::BesideSpec { path: load::folder(spec).join(sign::FILE), make },
    };
    Key::open(&source, epoch).context("opening the key that signs")
}

/// Does something with a signer that signs with `key`.
pub fn signing<T>(key: &Key, then: impl FnOnce(Signer<'_>) -> T) -> T {
    let sign = |text: &[u8], form| key.sign(text, form == SignatureForm::Clear).map_err(io::Error::other);
    then(Signer { armored: &key.armored, keyring: &key.keyring, fingerprint: &key.fingerprint, created: key.created, sign: &sign })
}
