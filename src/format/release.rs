//! `Release` of an apt repository (deb-release(5)): when it was made, how long it holds, and the digests of its indexes.

use std::collections::BTreeMap;

use super::checksum::Sha256Sum;
use super::date;

/// What is used of a Release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// `Date`, as it stands there.
    pub date: Option<String>,
    /// `Valid-Until`, as it stands there.
    pub valid_until: Option<String>,
    /// Names by which the suite is known.
    pub suite: Option<String>,
    /// The release's name.
    pub codename: Option<String>,
    /// Components, without a path before them.
    pub components: Vec<String>,
    /// Architectures.
    pub architectures: Vec<String>,
    /// True where indexes are also found by their digest.
    pub by_hash: bool,
    /// True where packages for all architectures have an index of their own and stand in no other.
    pub all_apart: bool,
    /// Size and SHA-256 of the files, by path below the Release.
    pub files: BTreeMap<String, (u64, Sha256Sum)>,
    /// True where files are listed with other digests than SHA-256.
    pub other_digests: bool,
}

impl Release {
    /// Reads the text that is signed; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        let mut seen = BTreeMap::new();
        let mut field = "";
        for (number, line) in text.trim_end().lines().enumerate() {
            let line = line.trim_end();
            if line.starts_with([' ', '\t']) {
                if field == "sha256" {
                    let (path, file) = listed(line).ok_or_else(|| format!("line {} is no line of SHA256", number + 1))?;
                    if found.files.insert(path.to_string(), file).is_some_and(|first| first != file) {
                        return Err(format!("`{path}` is listed twice, with different digests"));
                    }
                }
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(format!("line {} is no field: {}", number + 1, line.chars().take(60).collect::<String>()));
            };
            let name = name.to_ascii_lowercase();
            let value = value.trim();
            if seen.insert(name.clone(), ()).is_some() {
                return Err(format!("the field {name} stands there twice"));
            }
            let words = || value.split_whitespace().map(str::to_string).collect();
            field = "";
            match name.as_str() {
                "date" => found.date = Some(value.into()),
                "valid-until" => found.valid_until = Some(value.into()),
                "suite" => found.suite = Some(value.into()),
                "codename" => found.codename = Some(value.into()),
                "components" => found.components = words(),
                "architectures" => found.architectures = words(),
                "acquire-by-hash" => found.by_hash = value == "yes",
                "no-support-for-architecture-all" => found.all_apart = value == "Packages",
                "sha256" => field = "sha256",
                "md5sum" | "sha1" | "sha512" => found.other_digests = true,
                _ => {}
            }
        }
        match (&found.date, &found.valid_until) {
            (Some(text), _) if date::seconds(text).is_none() => Err(format!("its Date is `{text}`, which is no date in UTC")),
            (_, Some(text)) if date::seconds(text).is_none() => Err(format!("its Valid-Until is `{text}`, which is no date in UTC")),
            _ => Ok(found),
        }
    }

    /// The last part of each component: security archives put a path before it.
    pub fn has_component(&self, name: &str) -> bool {
        self.components.iter().any(|component| component == name || component.rsplit('/').next() == Some(name))
    }
}

/// ` digest size path`.
fn listed(line: &str) -> Option<(&str, (u64, Sha256Sum))> {
    let mut words = line.split_whitespace();
    let (digest, size, path) = (words.next()?, words.next()?, words.next()?);
    let sound = words.next().is_none() && !path.starts_with('/') && !path.split('/').any(|part| part == "..");
    if !sound {
        return None;
    }
    Some((path, (size.parse().ok()?, Sha256Sum::from_hex(digest)?)))
}

/// The text inside a clearsigned message, unchecked: for sources that are taken unsigned.
pub fn without_signature(text: &str) -> String {
    let Some((_, rest)) = text.split_once("-----BEGIN PGP SIGNED MESSAGE-----\n") else { return text.to_string() };
    let body = rest.split_once("\n\n").map_or(rest, |(_, body)| body);
    let body = body.split_once("\n-----BEGIN PGP SIGNATURE-----").map_or(body, |(body, _)| body);
    body.lines().map(|line| line.strip_prefix("- ").unwrap_or(line)).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Release, without_signature};

    const TEXT: &str = "Origin: x\nSuite: stable\nDate: Sat, 09 Sep 2023 08:58:03 UTC\nAcquire-By-Hash: yes\nComponents: main updates/contrib\n\
        MD5Sum:\n 0 1 main/a\nSHA256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855        0 main/binary-amd64/Packages\n";

    #[test]
    fn reads_digests_and_refuses_what_is_odd() {
        let release = Release::parse(TEXT).unwrap();
        assert!(release.by_hash && release.other_digests && release.has_component("contrib") && !release.has_component("updates"));
        assert_eq!(release.files["main/binary-amd64/Packages"].0, 0);
        for (from, to) in [("main/binary", "../binary"), ("Suite: stable", "Date: x"), ("08:58:03 UTC", "08:58"), ("Origin: x", "nothing")]
        {
            assert!(Release::parse(&TEXT.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn takes_a_signature_off() {
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nA: b\n- -c\n-----BEGIN PGP SIGNATURE-----\nx\n";
        assert_eq!(without_signature(signed), "A: b\n-c\n");
        assert_eq!(without_signature("A: b\n"), "A: b\n");
    }
}
