//! `packages` as typed: versions, and where packages come from.

use super::Packages;
use super::parse::items;
use crate::diag::{At, Spanned};
use crate::schema::Value;

/// One entry of `from`: an apt repository, or a folder of packages.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The entry as a whole.
    pub at: At,
    /// What the lock and messages call it.
    pub name: Spanned<String>,
    /// Base URLs of one repository: the first, and mirrors of it.
    pub urls: Vec<Spanned<String>>,
    /// Suites, or `./` and the like for a repository without them.
    pub suites: Vec<Spanned<String>>,
    /// Components.
    pub components: Vec<Spanned<String>>,
    /// File with the public keys that sign it, armored or not, relative to the spec.
    pub key: Option<Spanned<String>>,
    /// Full fingerprints of the keys that may sign it.
    pub fingerprints: Vec<Spanned<String>>,
    /// Folder of packages, relative to the spec.
    pub folder: Option<Spanned<String>>,
    /// That nobody signs it.
    pub unsigned: Option<Spanned<bool>>,
    /// Priority as apt counts it (apt_preferences(5)).
    pub priority: Option<i64>,
}

pub(super) fn packages(value: &Value) -> Packages {
    let versions = value.get("versions").map(|versions| {
        let pair = |(name, at, version): (&String, &At, &Value)| {
            Some((Spanned::new(name.clone(), *at), Spanned::new(version.text()?.to_string(), version.at)))
        };
        versions.entries().filter_map(pair).collect()
    });
    Packages {
        source: value.spanned("source"),
        mirror: value.spanned("mirror"),
        key: value.spanned("key"),
        fingerprint: value.spanned("fingerprint"),
        set: value.spanned("set"),
        versions: versions.unwrap_or_default(),
        extra: value.texts("extra"),
        from: items(value, "from").filter_map(origin).collect(),
        base: value.spanned("base"),
        sources_list: value.spanned("sources_list"),
    }
}

fn origin(value: &Value) -> Option<Origin> {
    let unsigned = value.get("unsigned").map(|word| word.at).zip(value.bool("unsigned"));
    Some(Origin {
        at: value.at,
        name: value.spanned("name")?,
        urls: value.texts("url"),
        suites: value.texts("suites"),
        components: value.texts("components"),
        key: value.spanned("key"),
        fingerprints: value.texts("fingerprints"),
        folder: value.spanned("folder"),
        unsigned: unsigned.map(|(at, flag)| Spanned::new(flag, at)),
        priority: value.int("priority"),
    })
}
