//! One package of a bill: what the lock, its control paragraph and its copyright file say of it.

use std::collections::BTreeMap;

use super::{Licences, Material, Part, by_name};
use crate::apt::control::paragraphs;
use crate::apt::copyright::licences;
use crate::apt::data::Copyright;
use crate::emit::repository;
use crate::lock::{Lock, Package, SourceLocation};
use crate::platform::Platform;

/// Longest way of links from a package without a copyright file of its own to the one that has it.
const LINKS: usize = 4;

/// All packages, in the lock's order, without what they need.
pub(super) fn parts(lock: &Lock, material: Material<'_>) -> Result<Vec<Part>, String> {
    let (names, files) = (by_name(lock), repository::names(lock));
    let mut parts = Vec::with_capacity(lock.packages.len());
    for package in &lock.packages {
        let unknown = || format!("{} was not read from the store", package.title());
        let known = material.known.get(&package.sha256).ok_or_else(unknown)?;
        let said = Said::read(&known.paragraph);
        let source = said.source(package);
        parts.push(Part {
            name: package.name.value.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            size: package.size,
            sha256: package.sha256,
            file: files.get(&package.sha256).cloned().ok_or_else(unknown)?,
            purl: purl(package, &source, &material.cluster.platform),
            supplier: said.get("maintainer").map(|text| person(text)),
            source,
            summary: said.get("description").map(|text| text.lines().next().unwrap_or_default().trim().to_string()),
            homepage: said.get("homepage").filter(|url| is_web(url)).cloned(),
            url: offered(lock, package),
            licences: licences_of(package, lock, &names, material),
            sets: package.sets.clone(),
            needs: Vec::new(),
        });
    }
    Ok(parts)
}

/// Fields of a control paragraph that the bill shows, by lower-case name; none is empty.
struct Said(BTreeMap<String, String>);

impl Said {
    fn read(paragraph: &str) -> Self {
        let fields = paragraphs(paragraph).take(1).flat_map(|paragraph| paragraph.fields().flatten());
        let shown = fields.filter(|field| !field.value.is_empty());
        Self(shown.map(|field| (field.name.to_ascii_lowercase(), field.value.to_string())).collect())
    }

    fn get(&self, name: &str) -> Option<&String> {
        self.0.get(name)
    }

    /// `Source: name (version)`; what is not said is the package's own (deb-control(5)).
    fn source(&self, package: &Package) -> (String, String) {
        let own = || (package.name.value.clone(), package.version.clone());
        let Some(source) = self.get("source") else { return own() };
        match source.split_once('(') {
            Some((name, version)) => (name.trim().to_string(), version.trim_end_matches([')', ' ']).trim().to_string()),
            None => (source.trim().to_string(), package.version.clone()),
        }
    }
}

/// `Name <mail@example.net>`; a name may stand in quotes.
fn person(text: &str) -> (String, Option<String>) {
    let split = text.rsplit_once('<').and_then(|(name, mail)| Some((name.trim().trim_matches('"').trim(), mail.trim().strip_suffix('>')?)));
    let is_mail = |mail: &str| mail.split_once('@').is_some_and(|(user, at)| !user.is_empty() && at.contains('.') && is_plain(mail));
    match split {
        Some((name, mail)) if !name.is_empty() && is_mail(mail) => (name.to_string(), Some(mail.to_string())),
        _ => (text.trim().to_string(), None),
    }
}

/// Graphic ASCII but for what no address and no URL has.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

fn is_web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    // A login has no place where everybody reads it.
    rest.is_some_and(|rest| !rest.is_empty() && is_plain(rest) && !rest.split('/').next().unwrap_or_default().contains(['@', '[', ']']))
}

/// The first place of a package on the web.
fn offered(lock: &Lock, package: &Package) -> Option<String> {
    let source = lock.asked.sources.iter().find(|source| source.name == package.source)?;
    let SourceLocation::Repository { urls, .. } = &source.location else { return None };
    let url = format!("{}/{}", urls.iter().find(|url| is_web(url))?, encoded(&package.path, b"/-._~+:@!$&'()*,;="));
    is_web(&url).then_some(url)
}

/// A text with `%2B` and the like for everything but letters, digits and some signs.
fn encoded(text: &str, plain: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || plain.contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// `pkg:deb/debian/NAME@VERSION?arch=…&distro=debian-12&upstream=SOURCE`, as the type `deb` of package URLs has it. The vendor is
/// that of the platform, as scanners of running systems say it, too: what they look for is the name there. `upstream` names the
/// source package, under which weaknesses are listed, where that is another.
fn purl(package: &Package, source: &(String, String), platform: &Platform) -> String {
    let code = |text: &str| encoded(text, b"-._~:");
    let vendor = platform.distribution.to_ascii_lowercase();
    let mut purl = format!(
        "pkg:deb/{}/{}@{}?arch={}&distro={}",
        code(&vendor),
        code(&package.name.value),
        code(&package.version),
        code(&package.architecture),
        code(&format!("{vendor}-{}", platform.version)),
    );
    let (name, version) = source;
    if *name != package.name.value || *version != package.version {
        let other = if *version == package.version { name.clone() } else { format!("{name}@{version}") };
        purl.push_str(&format!("&upstream={}", code(&other)));
    }
    purl
}

/// What a package says of its licences, or the one that its link leads to, which must be of the same source.
fn licences_of(package: &Package, lock: &Lock, names: &BTreeMap<&str, Vec<usize>>, material: Material<'_>) -> Licences {
    let source = |package: &Package| Some(Said::read(&material.known.get(&package.sha256)?.paragraph).source(package).0);
    let mut here = package;
    for _ in 0..LINKS {
        match material.copyright.get(&here.sha256) {
            Some(Copyright::Text(text)) => return licences(text).map_or(Licences::Prose, Licences::Said),
            Some(Copyright::Of(name)) => {
                let others = names.get(name.as_str()).into_iter().flatten().map(|place| &lock.packages[*place]);
                let near =
                    |other: &&Package| other.sets.keys().any(|set| package.sets.contains_key(set)) && source(other) == source(package);
                match others.filter(|other| other.sha256 != here.sha256).find(near) {
                    Some(other) => here = other,
                    None => return Licences::Silent,
                }
            }
            Some(Copyright::Unread(why)) => return Licences::Unread(why.clone()),
            Some(Copyright::Nothing) | None => return Licences::Silent,
        }
    }
    Licences::Silent
}

#[cfg(test)]
mod tests {
    use super::{is_web, person};

    #[test]
    fn maintainers() {
        let mail = |name: &str, mail: &str| (name.to_string(), Some(mail.to_string()));
        assert_eq!(person("Debian Java <a-b@lists.example.org>"), mail("Debian Java", "a-b@lists.example.org"));
        assert_eq!(person("\"J. Doe\" <j@example.org>"), mail("J. Doe", "j@example.org"));
        for odd in ["<root@localhost>", "Nobody", "A <b at example.org>", "root <root@build>", "A <b@example.org> x"] {
            assert_eq!(person(odd), (odd.to_string(), None));
        }
    }

    #[test]
    fn addresses() {
        for (url, good) in [
            ("https://example.org/a?b=c#d", true),
            ("http://example.org", true),
            ("http://user:secret@example.org/", false),
            ("ftp://example.org", false),
            ("https://", false),
            ("https://example.org/a b", false),
            ("https://example.org/<a>", false),
            ("www.example.org", false),
        ] {
            assert_eq!(is_web(url), good, "{url}");
        }
    }
}
