//! What a repository offers: its Release, believed only with a sound signature, and its indexes, believed only with the digest that
//! the Release gives. In [`Reader::suite`] each step is refused before the next one is taken.

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::fetch::{self, Progress, Wanted};
use super::gpgv::{self, Signed};
use super::store::Store;
use super::web::{Client, Kind};
use crate::cluster::Trust;
use crate::format::checksum::Sha256Sum;
use crate::format::date;
use crate::format::packed::Compression;
use crate::format::release::{Release, without_signature};
use crate::lock;

/// How far the clocks of a repository and of this machine may be apart, in seconds.
const AHEAD: i64 = 600;

/// Most bytes of a Release or a signature: that of Debian has 150 kB.
const MAX_RELEASE: u64 = 16 << 20;
/// Most bytes of an index: that of Debian has 50 MB.
const MAX_INDEX: u64 = 1 << 30;

/// Reads repositories.
pub struct Reader<'a> {
    /// Where indexes are kept, and the last Release of each suite.
    pub store: &'a Store,
    /// None: only what is kept.
    pub client: Option<&'a Client>,
    /// Seconds since 1970.
    pub now: i64,
    /// Take a Release after its Valid-Until.
    pub allow_expired: bool,
    /// Take a Release that is older than that of the lock.
    pub allow_older: bool,
}

/// A suite of a repository, as the caller knows it.
#[derive(Clone, Copy, Debug)]
pub struct Suite<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Its base URLs.
    pub urls: &'a [String],
    /// The suite.
    pub suite: &'a str,
    /// Its components.
    pub components: &'a [String],
    /// Who vouches for it.
    pub trust: &'a Trust,
}

/// What a suite offers.
#[derive(Debug)]
pub struct Offered {
    /// What the lock keeps of its Release.
    pub release: lock::Release,
    /// Names of the suite and its release, for pins.
    pub names: Vec<String>,
    /// Texts of its indexes.
    pub indexes: Vec<Vec<u8>>,
    /// What is to be said, though it was accepted.
    pub remarks: Vec<String>,
}

/// A Release that is believed.
struct Believed {
    release: Release,
    sha256: Sha256Sum,
    signed_by: Option<String>,
}

impl Reader<'_> {
    /// Reads a suite from the first of its URLs that gives a sound one.
    pub fn suite(&self, suite: Suite<'_>, architecture: &str, old: Option<&lock::Release>) -> Result<Offered> {
        let mut failures = Vec::new();
        for url in suite.urls {
            match self.at(suite, url, architecture, old) {
                Ok(offered) => return Ok(offered),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        Err(anyhow!("{}", failures.join("\n  and ")))
            .with_context(|| format!("reading the source `{}`, suite `{}`", suite.source, suite.suite))
    }

    fn at(&self, suite: Suite<'_>, url: &str, architecture: &str, old: Option<&lock::Release>) -> Result<Offered> {
        let flat = suite.suite.ends_with('/');
        let inside = suite.suite.trim_start_matches("./").trim_end_matches('/');
        let folder = match (flat, inside) {
            (true, "") => format!("{url}/"),
            (true, inside) => format!("{url}/{inside}/"),
            (false, _) => format!("{url}/dists/{}/", suite.suite),
        };
        let mut remarks = Vec::new();
        let Some(found) = self.release(&folder, suite.trust)? else {
            // Only a source that is taken unsigned gets here: nothing is lost that was there.
            let index = self.text(&format!("{folder}Packages"))?.ok_or_else(|| anyhow!("{folder} has neither a Release nor Packages"))?;
            let release =
                lock::Release { source: suite.source.into(), suite: suite.suite.into(), date: None, sha256: None, signed_by: None };
            return Ok(Offered { release, names: Vec::new(), indexes: vec![index], remarks });
        };
        self.age(&found.release, &folder, old, &mut remarks)?;
        let indexes = if flat {
            vec![
                self.index(&folder, "Packages", &found.release, suite.trust)?
                    .ok_or_else(|| anyhow!("{folder}Release lists no Packages"))?,
            ]
        } else {
            self.component_indexes(&folder, &found.release, suite, architecture)?
        };
        let names = [&found.release.suite, &found.release.codename].into_iter().flatten().cloned().collect();
        let release = lock::Release {
            source: suite.source.into(),
            suite: suite.suite.into(),
            date: found.release.date,
            sha256: Some(found.sha256),
            signed_by: found.signed_by,
        };
        Ok(Offered { release, names, indexes, remarks })
    }

    /// The Release with its signature in it, or beside it. `None` where a source that is taken unsigned has none.
    fn release(&self, folder: &str, trust: &Trust) -> Result<Option<Believed>> {
        let inline = self.text(&format!("{folder}InRelease"))?;
        if inline.is_none() && self.client.is_none() && !folder.starts_with("file:") && self.text(&format!("{folder}Release"))?.is_none() {
            bail!("nothing of {folder} was kept, and nothing is fetched with --offline: run it once without");
        }
        let (text, signed_by) = match trust {
            Trust::Unsigned => {
                let text = match inline {
                    Some(text) => Some(without_signature(&String::from_utf8_lossy(&text)).into_bytes()),
                    None => self.text(&format!("{folder}Release"))?,
                };
                let Some(text) = text else { return Ok(None) };
                (text, None)
            }
            Trust::Keys { keyring, fingerprints } => {
                let (name, verdict) = match inline {
                    Some(text) => ("InRelease", gpgv::verify(Signed::Inline(&text), keyring, fingerprints)?),
                    None => {
                        let Some(text) = self.text(&format!("{folder}Release"))? else {
                            bail!("{folder} holds neither InRelease nor Release: there is no such repository or suite");
                        };
                        let Some(signature) = self.text(&format!("{folder}Release.gpg"))? else {
                            bail!("{folder}Release has no signature; if that shall be so, say `unsigned: true` in place of `key`");
                        };
                        ("Release", gpgv::verify(Signed::Detached(&text, &signature), keyring, fingerprints)?)
                    }
                };
                let verified = verdict.map_err(|why| anyhow!("{folder}{name} is refused: {why}"))?;
                (verified.text, Some(verified.signed_by))
            }
        };
        let text = String::from_utf8(text).map_err(|_| anyhow!("{folder}Release is not UTF-8"))?;
        let release = Release::parse(&text).map_err(|why| anyhow!("{folder}Release is refused: {why}"))?;
        // A signed message ends before its last line break, a file after it.
        Ok(Some(Believed { release, sha256: Sha256Sum::of(text.trim_end().as_bytes()), signed_by }))
    }

    /// Too old or too young to be believed: past the day that it names itself, or older than one that was seen before.
    fn age(&self, release: &Release, folder: &str, old: Option<&lock::Release>, remarks: &mut Vec<String>) -> Result<()> {
        if let Some(until) = &release.valid_until
            && date::seconds(until).is_some_and(|until| until < self.now)
        {
            if !self.allow_expired {
                bail!(
                    "{folder}Release held until {until}: somebody may be showing an old state; take it all the same with --allow-expired"
                );
            }
            remarks.push(format!("{folder}Release held until {until}, and is taken all the same"));
        }
        let seconds = |date: Option<&String>| date.and_then(|date| date::seconds(date));
        if let Some(date) = release.date.as_ref().filter(|date| seconds(Some(*date)).is_some_and(|made| made > self.now + AHEAD)) {
            bail!(
                "{folder}Release is of {date}, a time to come: is this machine's clock right? if it is, somebody signs what would never grow old"
            );
        }
        if let (Some(before), Some(now)) = (seconds(old.and_then(|old| old.date.as_ref())), seconds(release.date.as_ref()))
            && now < before
        {
            let dates = format!(
                "is of {}, older than that of cluster.lock, {}",
                release.date.as_deref().unwrap_or_default(),
                old.and_then(|old| old.date.as_deref()).unwrap_or_default()
            );
            if !self.allow_older {
                bail!(
                    "{folder}Release {dates}: a mirror lags behind, or somebody shows an old state; take it all the same with --allow-older"
                );
            }
            remarks.push(format!("{folder}Release {dates}, and is taken all the same"));
        }
        Ok(())
    }

    fn component_indexes(&self, folder: &str, release: &Release, suite: Suite<'_>, architecture: &str) -> Result<Vec<Vec<u8>>> {
        let mut indexes = Vec::new();
        for component in suite.components {
            if !release.components.is_empty() && !release.has_component(component) {
                bail!("{folder}Release has no component `{component}`; it has {}", release.components.join(", "));
            }
            let own = self.index(folder, &format!("{component}/binary-{architecture}/Packages"), release, suite.trust)?;
            let all = format!("{component}/binary-all/Packages");
            let all = if own.is_none() || release.all_apart { self.index(folder, &all, release, suite.trust)? } else { None };
            if own.is_none() && all.is_none() {
                bail!("{folder}Release lists no packages of `{component}` for {architecture}; it has {}", release.architectures.join(", "));
            }
            indexes.extend([own, all].into_iter().flatten());
        }
        Ok(indexes)
    }

    /// An index in the form that is shortest to fetch. `None` where the Release lists it in none.
    fn index(&self, folder: &str, path: &str, release: &Release, trust: &Trust) -> Result<Option<Vec<u8>>> {
        if release.files.is_empty() {
            if !matches!(trust, Trust::Unsigned) {
                let why = if release.other_digests { "lists MD5 and SHA-1 alone, which can be forged" } else { "lists no files" };
                bail!("{folder}Release {why}; SHA256 is needed");
            }
            return self.text(&format!("{folder}{path}"));
        }
        let plain = release.files.get(path);
        for (ending, form) in [(".xz", Compression::Xz), (".gz", Compression::Gzip), (".zst", Compression::Zstd), ("", Compression::Plain)]
        {
            let listed = format!("{path}{ending}");
            let Some((size, sha256)) = release.files.get(&listed).copied() else { continue };
            if size > MAX_INDEX {
                bail!("{folder}{listed} has {size} bytes, more than the {MAX_INDEX} that are read");
            }
            if size == 0 && ending.is_empty() {
                return Ok(Some(Vec::new()));
            }
            let by_hash = listed.rsplit_once('/').map_or(String::new(), |(above, _)| format!("{above}/"));
            let by_hash = release.by_hash.then(|| format!("{folder}{by_hash}by-hash/SHA256/{}", sha256.hex()));
            let urls = by_hash.into_iter().chain([format!("{folder}{listed}")]);
            let wanted = Wanted { title: listed.clone(), sha256, size, locations: urls.map(|url| location(&url)).collect::<Result<_>>()? };
            fetch::one(&wanted, self.store, self.client, &Progress::default())?;
            let file = self.store.open(sha256, size)?;
            let text = unpack(file, form, plain.map_or(MAX_INDEX, |(size, _)| (*size).min(MAX_INDEX)))
                .with_context(|| format!("unpacking {folder}{listed}"))?;
            if let Some((_, wanted)) = plain.filter(|(_, wanted)| Sha256Sum::of(&text) != *wanted) {
                bail!("{folder}{listed} does not unpack to what the Release lists: SHA-256 should be {}", wanted.hex());
            }
            return Ok(Some(text));
        }
        Ok(None)
    }

    /// A small file. `None` where there is none. What came over the network is kept for `--offline`.
    fn text(&self, url: &str) -> Result<Option<Vec<u8>>> {
        let limit = if url.ends_with("Packages") { MAX_INDEX } else { MAX_RELEASE };
        match location(url)? {
            fetch::Location::File(path) => read(&path, limit),
            fetch::Location::Url(url) => {
                let kept = self.store.folder("lists")?.join(Sha256Sum::of(url.as_bytes()).hex());
                let Some(client) = self.client else { return read(&kept, limit) };
                let text = download(client, &url, limit)?;
                match &text {
                    Some(bytes) => self.store.write(&kept, bytes)?,
                    None => drop(fs::remove_file(&kept)),
                }
                Ok(text)
            }
        }
    }
}

/// Where a URL leads: `file:` on this machine, or a server.
pub fn location(url: &str) -> Result<fetch::Location> {
    match url.strip_prefix("file://") {
        Some(path) => Ok(fetch::Location::File(PathBuf::from(unescaped(path)?))),
        None => Ok(fetch::Location::Url(url.to_string())),
    }
}

/// `%20` and the like to bytes, in the path of a `file:` URL.
fn unescaped(path: &str) -> Result<String> {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or_else(|| anyhow!("file://{path} holds a `%` without two hexadecimal digits"))?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("file://{path} is not UTF-8"))
}

/// A path below a repository as a part of a URL (RFC 3986, 2.3 and 3.3).
pub fn escaped(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~+:@!$&'()*,;=".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let context = || format!("reading `{}`", path.display());
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(context),
    };
    whole(file, limit).with_context(context).map(Some)
}

fn whole(reader: impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        bail!("it has more than {limit} bytes");
    }
    Ok(bytes)
}

fn download(client: &Client, url: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    let mut failures = 0;
    loop {
        let failure = match client.get(url, 0) {
            Ok(answer) => match whole(answer.reader, limit) {
                Ok(bytes) if answer.length.is_none_or(|length| length == bytes.len() as u64) => return Ok(Some(bytes)),
                Ok(_) => format!("{url}: the connection ended too early"),
                Err(error) => format!("{url}: {error:#}"),
            },
            Err(failure) if failure.kind == Kind::Missing => return Ok(None),
            // Object stores that list no folders say this of what is not there; a Release with a signature beside it may still be.
            Err(failure) if failure.kind == Kind::Refused && url.ends_with("/InRelease") => return Ok(None),
            Err(failure) if failure.kind == Kind::Passing => failure.words,
            Err(failure) => bail!("{}", failure.words),
        };
        failures += 1;
        if failures >= fetch::TRIES {
            bail!("{failure}, {failures} times");
        }
        std::thread::sleep(fetch::PAUSE * 2u32.pow(failures - 1));
    }
}

/// Unpacks no more than is allowed: what packs well can be made to fill any memory.
fn unpack(reader: impl Read, form: Compression, limit: u64) -> Result<Vec<u8>> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let text = whole(form.open(&mut reader)?, limit)?;
    // To the end, where the digest of what was packed is compared.
    std::io::copy(&mut reader, &mut std::io::sink())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn two_hexadecimal_digits_and_nothing_else() {
        assert_eq!(unescaped("/a%20b%2B").expect("a path"), "/a b+");
        for bad in ["/%+5", "/%", "/%2", "/%zz", "/% 5", "/%é"] {
            assert!(unescaped(bad).is_err(), "{bad}");
        }
    }
}
