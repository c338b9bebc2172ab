//! `verify`: recomputes everything that a build wrote, and reads it back with a second, independent YAML reader.

mod repository;
mod signature;
mod volume;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use anyhow::{Result, bail};

use super::args::Verify;
use super::{Verdict, report};
use crate::artifact::{CHECKSUMS, MANIFEST, PUBLIC, SIGNATURES};
use crate::emit::encoding;
use crate::emit::seed::{PLACE, SIGNATURE};
use crate::format::checksum::{Sha256Sum, sums};
use crate::format::{base64, openpgp};
use crate::io::tree::{self, Found, IN_POOL};

/// Where packages lie in an output.
const POOL: &str = "packages/pool/";

/// Checks a built folder; every problem is a line on stdout.
pub fn run(options: &Verify) -> Result<Verdict> {
    let foreign = || format!("`{}` holds no {MANIFEST}; it was not written by `clusterseed build`", options.dir.display());
    // Looked for first: any other folder may hold anything.
    if options.dir.is_dir() && options.dir.join(MANIFEST).symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        bail!(foreign());
    }
    let found = tree::list(&options.dir)?;
    let mut problems = Vec::new();
    let Some(manifest) = found.get(MANIFEST) else { bail!(foreign()) };
    if !manifest.regular {
        bail!("`{}` is not a regular file", manifest.path.display());
    }
    let manifest = tree::read(&manifest.path)?;
    let listed = match listed(&manifest) {
        Ok(listed) => listed,
        Err(why) => {
            problems.push(format!("{MANIFEST}: {why}"));
            BTreeMap::new()
        }
    };
    let mut digests = vec![(MANIFEST.to_string(), Sha256Sum::of(&manifest))];
    for (path, file) in &listed {
        match check_file(path, file, &found) {
            Ok(digest) => digests.push((path.clone(), digest)),
            Err(why) => problems.push(format!("{path}: {why}")),
        }
    }
    let signed = signed(&manifest);
    let signatures = if signed.is_some() { &SIGNATURES[..] } else { &[] };
    // These list the others; nothing lists them.
    let unlisted: Vec<&str> = [MANIFEST, CHECKSUMS].iter().chain(signatures).copied().collect();
    for name in &unlisted {
        match found.get(*name) {
            None => problems.push(format!("{name}: missing")),
            Some(file) if !file.regular => problems.push(format!("{name}: not a regular file")),
            Some(file) if file.mode != PUBLIC => problems.push(format!("{name}: mode {:04o}, built with {PUBLIC:04o}", file.mode)),
            Some(file) if signatures.contains(name) && !openpgp::is_signature(&tree::read(&file.path)?) => {
                problems.push(format!("{name}: not a signature as gpg writes it"));
            }
            Some(_) => {}
        }
    }
    let known: BTreeSet<&str> = listed.keys().map(String::as_str).chain(unlisted.iter().copied()).collect();
    problems.extend(found.keys().filter(|path| !known.contains(path.as_str())).map(|path| format!("{path}: not in the manifest")));
    // Before anything is unpacked that somebody else may have packed.
    let key = options.key.as_deref().map(signature::Key::read).transpose()?;
    if let Some(key) = &key {
        problems.extend(key.signed_output(&found)?);
    }
    if problems.is_empty() {
        check_sums(&digests, &found, &mut problems)?;
        let pool: BTreeMap<&str, Sha256Sum> =
            digests.iter().filter_map(|(path, digest)| Some((path.strip_prefix(POOL)?, *digest))).collect();
        for host in hosts(&listed) {
            let checked = check_host(&host, &found, &pool, key.as_ref()).and_then(|packages| volume::check(&host, &found, &packages));
            if let Err(why) = checked {
                problems.push(format!("hosts/{host}: {why}"));
            }
        }
        if let Err(why) = repository::check(&found, &pool) {
            problems.push(why);
        }
    }
    for problem in &problems {
        report::data(&format!("{problem}\n"))?;
    }
    if problems.is_empty() {
        report::say(&format!("{}: {}, all as they were built", options.dir.display(), report::count(found.len(), "file")));
        if let (Some(fingerprint), None) = (&signed, &key) {
            report::say(&format!(
                "it says that {fingerprint} signed it, which only --key can check: whoever changes a file can change what lists it"
            ));
        }
        return Ok(Verdict::Done);
    }
    report::say(&format!("{}: find out who changed it, and build again", report::count(problems.len(), "problem")));
    Ok(Verdict::Wrong)
}

struct Listed {
    mode: u32,
    size: u64,
    sha256: String,
}

fn listed(manifest: &[u8]) -> Result<BTreeMap<String, Listed>, String> {
    let value: serde_json::Value = serde_json::from_slice(manifest).map_err(|error| format!("not JSON: {error}"))?;
    if value["format"] != crate::emit::manifest::FORMAT {
        return Err(format!("format {} is not known", value["format"]));
    }
    let files = value["files"].as_array().ok_or("it lists no files")?;
    let entry = |file: &serde_json::Value| {
        let mode = u32::from_str_radix(file["mode"].as_str()?, 8).ok()?;
        let listed = Listed { mode, size: file["size"].as_u64()?, sha256: file["sha256"].as_str()?.to_string() };
        Some((file["path"].as_str()?.to_string(), listed))
    };
    files.iter().map(|file| entry(file).ok_or_else(|| "an entry of `files` is incomplete".to_string())).collect()
}

/// Fingerprint of the key that signed the build, as the manifest says.
fn signed(manifest: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(manifest).ok()?;
    Some(value["signed"].as_str()?.to_string())
}

fn check_file(path: &str, listed: &Listed, found: &BTreeMap<String, Found>) -> Result<Sha256Sum, String> {
    let file = found.get(path).ok_or("missing")?;
    if !file.regular {
        return Err("not a regular file".into());
    }
    if file.mode != listed.mode {
        return Err(format!("mode {:04o}, built with {:04o}", file.mode, listed.mode));
    }
    let (size, digest) = tree::digest(&file.path).map_err(|error| format!("{error:#}"))?;
    if size != listed.size || digest.hex() != listed.sha256 {
        return Err("changed".into());
    }
    Ok(digest)
}

fn check_sums(digests: &[(String, Sha256Sum)], found: &BTreeMap<String, Found>, problems: &mut Vec<String>) -> Result<()> {
    let Some(file) = found.get(CHECKSUMS) else { return Ok(()) };
    let wanted = sums(digests.iter().map(|(path, digest)| (path.as_str(), *digest)));
    if tree::read(&file.path)? != wanted.as_bytes() {
        problems.push(format!("{CHECKSUMS}: it does not agree with the files"));
    }
    Ok(())
}

fn hosts(listed: &BTreeMap<String, Listed>) -> BTreeSet<String> {
    listed.keys().filter_map(|path| path.strip_prefix("hosts/")?.split('/').next().map(str::to_string)).collect()
}

/// The seed inside user-data, read by another reader than the one that wrote it, is the seed inside the tarball. Gives the packages
/// that come beside the tarball, by the names of their files.
fn check_host(
    host: &str,
    found: &BTreeMap<String, Found>,
    pool: &BTreeMap<&str, Sha256Sum>,
    key: Option<&signature::Key>,
) -> Result<BTreeMap<String, Sha256Sum>, String> {
    let read = |name: &str| {
        let file = found.get(&format!("hosts/{host}/{name}")).ok_or(format!("{name} is missing"))?;
        tree::read(&file.path).map_err(|error| format!("{error:#}"))
    };
    let tarball = found.get(&format!("hosts/{host}/seed.tar.gz")).ok_or("seed.tar.gz is missing")?;
    let file = std::fs::File::open(&tarball.path).map(std::io::BufReader::new);
    let seed = file.and_then(tree::unpack).map_err(|error| format!("seed.tar.gz: {error}"))?;
    let list = seed.get(CHECKSUMS).ok_or("the seed holds no SHA256SUMS")?;
    let list = String::from_utf8_lossy(&list.bytes);
    let beside = list
        .lines()
        .filter_map(|line| line.get(66..)?.strip_prefix(IN_POOL))
        .filter(|name| !seed.contains_key(&format!("{IN_POOL}{name}")));
    let mut packages = BTreeMap::new();
    for name in beside {
        let digest = pool.get(name).ok_or_else(|| format!("the package {name} of the seed is not in {POOL}"))?;
        packages.insert(name.to_string(), *digest);
    }
    key.map_or(Ok(()), |key| key.signed_seed(&seed))?;
    let own =
        seed.iter().filter(|(path, _)| ![CHECKSUMS, SIGNATURE].contains(&path.as_str())).map(|(path, file)| (path.clone(), file.sha256));
    let all: Vec<(String, Sha256Sum)> = own.chain(packages.iter().map(|(name, digest)| (format!("{IN_POOL}{name}"), *digest))).collect();
    let wanted = sums(all.iter().map(|(path, digest)| (path.as_str(), *digest)));
    if list != wanted {
        return Err("the seed's SHA256SUMS does not agree with its files".into());
    }
    let user_data: serde_yaml::Value =
        serde_yaml::from_slice(&encoding::readable(read("user-data")?)?).map_err(|error| format!("user-data: {error}"))?;
    let _: serde_yaml::Value = serde_yaml::from_slice(&read("meta-data")?).map_err(|error| format!("meta-data: {error}"))?;
    let Some(files) = user_data.get("write_files").and_then(|files| files.as_sequence()) else { return Ok(packages) };
    for file in files {
        let Some(path) = file["path"].as_str().and_then(|path| path.strip_prefix(PLACE)) else { continue };
        let path = path.trim_start_matches('/');
        let text = file["content"].as_str();
        let content = match file.get("encoding").map(|encoding| encoding.as_str()) {
            None => text.map(|text| text.as_bytes().to_vec()),
            Some(Some("b64")) => text.and_then(|text| base64::decode(&text.split_whitespace().collect::<String>())),
            Some(_) => None,
        };
        let own = seed.get(path).map(|file| &file.bytes[..]);
        if own.is_none() || content.as_deref() != own {
            return Err(format!("user-data and seed.tar.gz hold different versions of {path}"));
        }
    }
    Ok(packages)
}
