//! `packages: {source: carried}`: where packages are taken from, and through which keys those are trusted.

use std::collections::BTreeMap;

use super::{LocalFiles, resolve as resolution};
use crate::diag::{At, Diagnostic, Diagnostics, Spanned, codes};
use crate::format::openpgp;
use crate::spec::{self, Spec, packages::Origin as Typed};

/// What is said of packages that travel inside the seed.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Where they come from, in order of preference.
    pub from: Vec<Origin>,
    /// What the image has already, relative to the spec; none: nothing.
    pub base: Option<Spanned<String>>,
    /// What becomes of the host's own package sources.
    pub sources_list: SourcesList,
    /// Where the spec says that packages are carried.
    pub at: At,
}

/// What becomes of the host's own package sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcesList {
    /// They stay, and are not looked at while the seed is applied.
    Keep,
    /// They are set aside.
    Aside,
}

impl SourcesList {
    /// The word in the spec.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Aside => "aside",
        }
    }
}

/// A repository or folder that packages are taken from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What the lock and messages call it.
    pub name: String,
    /// Where it stands in the spec.
    pub at: At,
    /// Priority as apt counts it.
    pub priority: i64,
    /// What it is.
    pub location: OriginLocation,
}

/// Where packages lie.
#[derive(Clone, Debug)]
pub enum OriginLocation {
    /// In a folder, relative to the spec.
    Folder(String),
    /// In an apt repository.
    Repository {
        /// Base URLs without `/` at the end: the first, and mirrors of it.
        urls: Vec<String>,
        /// Suites; one that ends in `/` is the path of a repository without suites.
        suites: Vec<String>,
        /// Components of each suite; none where there are no suites.
        components: Vec<String>,
        /// Who vouches for it.
        trust: Trust,
    },
}

/// Who vouches for a repository.
#[derive(Clone, Debug)]
pub enum Trust {
    /// These keys alone.
    Keys {
        /// A binary keyring.
        keyring: Vec<u8>,
        /// Full fingerprints: forty upper-case hexadecimal digits.
        fingerprints: Vec<String>,
    },
    /// Nobody; the spec says so.
    Unsigned,
}

/// Shorter RSA and DSA keys are within reach of those who can pay (NIST SP 800-131A).
pub const LEAST_BITS: usize = 2048;

/// Resolves what is carried; what does not fit together is in `diags`.
pub fn resolve(spec: &Spec, local: &LocalFiles, diags: &mut Diagnostics) -> Carried {
    let typed = &spec.packages;
    let at = typed.source.as_ref().map_or(spec.at, |source| source.at);
    if typed.from.is_empty() {
        diags.push(
            Diagnostic::error(codes::PACKAGES_FROM, at, "`source: carried` does not say where packages come from")
                .help("add `from:` with an apt repository or a folder of .deb files; `clusterseed explain packages-from` shows both"),
        );
    }
    let mut names: BTreeMap<&str, At> = BTreeMap::new();
    for origin in &typed.from {
        if let Some(first) = names.insert(&origin.name.value, origin.name.at) {
            diags.push(
                Diagnostic::error(codes::PACKAGES_FROM, origin.name.at, format!("two sources are called `{}`", origin.name.value))
                    .related(first, "first here")
                    .help("cluster.lock tells them apart by name: give each its own"),
            );
        }
    }
    let from = typed.from.iter().filter_map(|typed| origin(typed, local, diags)).collect();
    let sources_list = match typed.sources_list.as_ref().map(|word| word.value.as_str()) {
        Some("aside") => SourcesList::Aside,
        _ => SourcesList::Keep,
    };
    Carried { from, base: typed.base.clone(), sources_list, at }
}

/// Fields that only mean something where packages are carried.
pub fn unused(typed: &spec::Packages, source: &str, diags: &mut Diagnostics) {
    let from = typed.from.first().map(|origin| ("from", origin.name.at));
    let base = typed.base.as_ref().map(|base| ("base", base.at));
    let list = typed.sources_list.as_ref().map(|word| ("sources_list", word.at));
    for (name, at) in [from, base, list].into_iter().flatten() {
        diags.push(
            Diagnostic::error(codes::PACKAGES_FROM, at, format!("`{name}` has no meaning with `source: {source}`"))
                .help(format!("write `source: carried`, or remove `{name}`")),
        );
    }
}

fn origin(typed: &Typed, local: &LocalFiles, diags: &mut Diagnostics) -> Option<Origin> {
    let name = &typed.name;
    let mut wrong = |at: At, message: String, help: &str| {
        diags.push(Diagnostic::error(codes::PACKAGES_FROM, at, message).help(help));
    };
    let location = match (&typed.folder, typed.urls.first()) {
        (Some(folder), None) => {
            let url_only = [typed.suites.first(), typed.components.first(), typed.key.as_ref(), typed.fingerprints.first()];
            let unsigned = typed.unsigned.as_ref().map(|word| word.at);
            for at in url_only.into_iter().flatten().map(|text| text.at).chain(unsigned) {
                wrong(at, format!("`{}` is a folder, which has no suites, components and signatures", name.value), "remove it");
            }
            OriginLocation::Folder(folder.value.clone())
        }
        (None, Some(_)) => {
            let flat = |suite: &&Spanned<String>| suite.value.ends_with('/');
            match (typed.suites.first(), typed.suites.iter().find(flat), typed.suites.iter().find(|suite| !flat(suite))) {
                (None, ..) => wrong(
                    name.at,
                    format!("`{}` names no suite", name.value),
                    "add `suites: [bookworm]`, or `suites: [\"./\"]` where there are none",
                ),
                (_, Some(flat), Some(_)) => {
                    wrong(
                        flat.at,
                        format!("`{}` is a repository with suites and one without", name.value),
                        "make two sources of it, each with a name of its own",
                    );
                }
                (_, Some(_), None) if !typed.components.is_empty() => {
                    wrong(
                        typed.components[0].at,
                        format!("`{}` has no suites, so it has no components", name.value),
                        "remove `components`",
                    );
                }
                (_, None, Some(_)) if typed.components.is_empty() => {
                    wrong(name.at, format!("`{}` names no component", name.value), "add `components: [main]`");
                }
                _ => {}
            }
            let texts = |list: &[Spanned<String>]| list.iter().map(|text| text.value.clone()).collect::<Vec<_>>();
            let urls = typed.urls.iter().map(|url| url.value.trim_end_matches('/').to_string()).collect();
            let trust = trust(typed, local, diags)?;
            OriginLocation::Repository { urls, suites: texts(&typed.suites), components: texts(&typed.components), trust }
        }
        (folder, _) => {
            let what = if folder.is_some() { "has both `url` and" } else { "needs `url` or" };
            wrong(
                name.at,
                format!("`{}` {what} `folder`", name.value),
                "`url` is an apt repository, `folder` holds .deb files; write one of them",
            );
            return None;
        }
    };
    Some(Origin { name: name.value.clone(), at: typed.at, priority: typed.priority.unwrap_or(500), location })
}

/// Who vouches for a repository: keys that are pinned and lie beside the spec, or the word that nobody does.
fn trust(typed: &Typed, local: &LocalFiles, diags: &mut Diagnostics) -> Option<Trust> {
    let name = &typed.name.value;
    let pins = &typed.fingerprints;
    let unsigned = typed.unsigned.as_ref().filter(|word| word.value);
    let key = match (&typed.key, pins.first(), unsigned) {
        (None, None, Some(_)) => return Some(Trust::Unsigned),
        (Some(key), Some(_), None) => key,
        (Some(one), _, Some(word)) | (None, Some(one), Some(word)) => {
            diags.push(
                Diagnostic::error(codes::SOURCE_UNSIGNED, word.at, format!("`{name}` has a key, and is to be taken unsigned"))
                    .related(one.at, "this would not be looked at")
                    .help("remove `unsigned`, or the key and its fingerprints"),
            );
            return None;
        }
        (Some(one), None, None) | (None, Some(one), None) => {
            diags.push(
                Diagnostic::error(codes::KEY_FINGERPRINT, one.at, "`key` and `fingerprints` belong together")
                    .help("`gpg --show-keys --fingerprint FILE` prints the fingerprint; compare it with what the owner says, then pin it"),
            );
            return None;
        }
        (None, None, None) => {
            diags.push(Diagnostic::error(codes::SOURCE_UNSIGNED, typed.name.at, format!("nothing says who vouches for `{name}`")).help(
                "add `key: FILE` and `fingerprints: [\"…\"]`; or `unsigned: true`, if you trust the way to it and whoever may write there",
            ));
            return None;
        }
    };
    let bytes = match local.get(&key.value)? {
        Ok(bytes) => bytes,
        Err(why) => {
            diags.push(resolution::unreadable(&key.value, why, key.at));
            return None;
        }
    };
    let found = openpgp::keyring(bytes).and_then(|keyring| Ok((openpgp::keys(&keyring)?, keyring)));
    let (keys, keyring) = match found {
        Ok(found) => found,
        Err(why) => {
            diags.push(
                Diagnostic::error(codes::KEY_FINGERPRINT, key.at, format!("`{}`: {why}", key.value))
                    .help("`gpg --armor --export KEY` writes it"),
            );
            return None;
        }
    };
    let mut sound = true;
    let mut fingerprints = Vec::new();
    for pin in pins {
        let pinned = pin.value.replace(' ', "").to_uppercase();
        match keys.iter().find(|key| key.fingerprint == pinned) {
            None => {
                let known: Vec<&str> = keys.iter().filter(|key| key.primary).map(|key| key.fingerprint.as_str()).collect();
                diags.push(
                    Diagnostic::error(codes::KEY_FINGERPRINT, pin.at, format!("`{}` holds no key with this fingerprint", key.value))
                        .related(key.at, "this key")
                        .help(format!("it holds {}; find out which is right before anything trusts it", known.join(", "))),
                );
                sound = false;
            }
            Some(found) if found.weak(LEAST_BITS) => {
                diags.push(
                    Diagnostic::error(codes::KEY_WEAK, pin.at, format!("this key has {} bits, {LEAST_BITS} are the least", found.bits))
                        .help("ask the owner of the repository for a newer key; without one, anybody may have signed it"),
                );
                sound = false;
            }
            Some(_) => fingerprints.push(pinned),
        }
    }
    sound.then_some(Trust::Keys { keyring, fingerprints })
}
