//! The repositories of carried packages: each Release names its indexes as they are, and each index its packages.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::checksum::Sha256Sum;
use crate::io::tree::{self, Found};

/// Checks all of them; `pool` is what lies beside them.
pub fn check(found: &BTreeMap<String, Found>, pool: &BTreeMap<&str, Sha256Sum>) -> Result<(), String> {
    let mut named = BTreeSet::new();
    for (path, file) in found.iter().filter(|(path, _)| path.starts_with("packages/") && path.ends_with("/Release")) {
        let folder = path.trim_end_matches("/Release");
        let text =
            |file: &Found| tree::read(&file.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|e| format!("{e:#}"));
        let release = text(file)?;
        for line in release.lines().skip_while(|line| *line != "SHA256:").skip(1).take_while(|line| line.starts_with(' ')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [digest, size, name] = words[..] else { return Err(format!("{path}: {line:?} names no file")) };
            let index = found.get(&format!("{folder}/{name}")).ok_or_else(|| format!("{path} names {name}, which is missing"))?;
            let (is, sha256) = tree::digest(&index.path).map_err(|error| format!("{error:#}"))?;
            if sha256.hex() != digest || is.to_string() != size {
                return Err(format!("{path} names another {name} than is there"));
            }
        }
        let index = found.get(&format!("{folder}/Packages")).ok_or_else(|| format!("{folder}/Packages is missing"))?;
        named.extend(packages(&text(index)?, pool).map_err(|why| format!("{folder}/Packages: {why}"))?);
    }
    match pool.keys().find(|name| !named.contains(**name)) {
        Some(name) => Err(format!("packages/pool/{name} is in no index")),
        None => Ok(()),
    }
}

/// Names of the files in an index, each of which is what the index says.
fn packages(index: &str, pool: &BTreeMap<&str, Sha256Sum>) -> Result<BTreeSet<String>, String> {
    let mut named = BTreeSet::new();
    for paragraph in index.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let file = field("Filename").and_then(|path| path.strip_prefix("pool/")).ok_or("a paragraph names no file of the pool")?;
        let digest = pool.get(file).ok_or_else(|| format!("{file} is missing"))?;
        if field("SHA256") != Some(digest.hex().as_str()) {
            return Err(format!("{file} is another file"));
        }
        named.insert(file.to_string());
    }
    Ok(named)
}
