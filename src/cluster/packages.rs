//! `packages` of the spec: which versions, from which repository, trusted through which key.

use std::collections::BTreeMap;

use super::{LocalFiles, PackageSource, Packages, Pin, carried, resolve};
use crate::diag::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::format::openpgp::{dearmor, fingerprint};
use crate::profile::Profile;
use crate::spec::{self, Spec};

/// Resolves `packages`; what does not fit together is in `diags`.
pub fn resolve(spec: &Spec, profile: &Profile, local: &LocalFiles, diags: &mut Diagnostics) -> Packages {
    let typed = &spec.packages;
    let sound = spec.sound("packages", diags);
    let mut versions: BTreeMap<String, Pin> =
        profile.versions.iter().map(|(name, v)| (name.clone(), Pin { version: v.default.clone(), at: None })).collect();
    for (name, version) in &typed.versions {
        // What the spec itself adds may have a version too.
        if typed.extra.iter().any(|extra| extra.value == name.value) {
            versions.entry(name.value.clone()).or_insert(Pin { version: None, at: None });
        }
        let Some(pin) = versions.get_mut(&name.value) else {
            diags.push(
                Diagnostic::error(
                    codes::UNKNOWN_PACKAGE,
                    name.at,
                    format!("the profile `{}` pins no package `{}`", profile.name, name.value),
                )
                .help(did_you_mean(&name.value, profile.versions.keys().map(String::as_str))),
            );
            continue;
        };
        *pin = Pin { version: Some(version.value.clone()).filter(|v| v != "*"), at: Some(version.at) };
    }
    let set = match &typed.set {
        Some(set) if !profile.package_sets.contains_key(&set.value) => {
            diags.push(
                Diagnostic::error(
                    codes::UNKNOWN_PACKAGE_SET,
                    set.at,
                    format!("the profile `{}` has no package set `{}`", profile.name, set.value),
                )
                .help(did_you_mean(&set.value, profile.package_sets.keys().map(String::as_str))),
            );
            profile.default_set.clone()
        }
        Some(set) => set.value.clone(),
        None => profile.default_set.clone(),
    };
    Packages { source: package_source(spec, sound, local, diags), set, versions, extra: typed.extra.clone() }
}

fn package_source(spec: &Spec, sound: bool, local: &LocalFiles, diags: &mut Diagnostics) -> PackageSource {
    let typed = &spec.packages;
    let source = typed.source.as_ref().map(|s| s.value.as_str());
    let source = source.unwrap_or(if typed.mirror.is_some() { "mirror" } else { "official" });
    for (part, name) in [(&typed.mirror, "mirror"), (&typed.key, "key"), (&typed.fingerprint, "fingerprint")] {
        if let Some(unused) = part.as_ref().filter(|_| source != "mirror") {
            diags.push(
                Diagnostic::error(codes::MIRROR, unused.at, format!("`{name}` has no meaning with `source: {source}`"))
                    .help(format!("write `source: mirror`, or remove `{name}`")),
            );
        }
    }
    if source != "carried" {
        carried::unused(typed, source, diags);
    }
    match (source, &typed.mirror) {
        _ if !sound => PackageSource::Official,
        ("mirror", Some(url)) => {
            let key = mirror_key(typed, local, diags);
            PackageSource::Mirror { url: url.value.trim_end_matches('/').to_string(), key }
        }
        ("mirror", None) => {
            let at = typed.source.as_ref().map_or(spec.at, |s| s.at);
            diags.push(Diagnostic::error(codes::MIRROR, at, "`source: mirror` needs the mirror's URL").help("add `mirror: http://…`"));
            PackageSource::Official
        }
        ("carried", _) => PackageSource::Carried(carried::resolve(spec, local, diags)),
        _ => PackageSource::Official,
    }
}

/// The mirror's own key: armored text and fingerprint, which must be given together and agree.
fn mirror_key(typed: &spec::Packages, local: &LocalFiles, diags: &mut Diagnostics) -> Option<(String, String)> {
    let (key, pin) = match (&typed.key, &typed.fingerprint) {
        (Some(key), Some(pin)) => (key, pin),
        (None, None) => return None,
        (Some(one), None) | (None, Some(one)) => {
            diags.push(
                Diagnostic::error(codes::KEY_FINGERPRINT, one.at, "`key` and `fingerprint` belong together")
                    .help("`gpg --show-keys --fingerprint FILE` prints the fingerprint; compare it with what the owner says, then pin it"),
            );
            return None;
        }
    };
    let text = match local.get(&key.value)? {
        Ok(text) => text,
        Err(why) => {
            diags.push(resolve::unreadable(&key.value, why, key.at));
            return None;
        }
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let pinned = pin.value.replace(' ', "").to_uppercase();
    match dearmor(&text).and_then(|keyring| fingerprint(&keyring)) {
        Ok(found) if found == pinned => Some((text, pinned)),
        Ok(found) => {
            diags.push(
                Diagnostic::error(codes::KEY_FINGERPRINT, pin.at, format!("`{}` has another fingerprint: {found}", key.value))
                    .related(key.at, "this key")
                    .help("find out which of the two is right before anything trusts it"),
            );
            None
        }
        Err(why) => {
            diags.push(
                Diagnostic::error(codes::KEY_FINGERPRINT, key.at, format!("`{}`: {why}", key.value))
                    .help("`gpg --armor --export KEY` writes it"),
            );
            None
        }
    }
}
