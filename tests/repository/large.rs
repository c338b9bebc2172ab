//! Volumes and packages that are larger than memory pass through `verify`.

use std::fs::{self, File as Disk};
use std::io::{self, Read, Write};
use std::process::Command;

use clusterseed::format::checksum::{Sha256Sum, sums};
use clusterseed::format::iso9660;
use clusterseed::format::volume::{File, FileContent, Volume};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Project;
use crate::support::{Sparse, clusterseed, files, texts};

/// More than the program may have of memory.
const LARGE: u64 = 400 << 20;
/// In KiB.
const MEMORY: u64 = 200 << 10;

#[test]
fn verify_holds_no_volume_in_memory() {
    let project = Project::new();
    let out = project.build("volume");
    let host = out.join("hosts/server1");
    // The volume as it was, and one file more.
    let image = fs::read(host.join("seed.iso")).expect("a volume");
    let contents = iso9660::read::read(&image).expect("a sound volume");
    let held = contents.files.iter().map(|file| File { name: &file.name, mode: file.mode, source: FileContent::Bytes(file.bytes(&image)) });
    let large =
        File { name: "zeros", mode: 0o644, source: FileContent::Reader { size: LARGE, reader: Box::new(io::repeat(0).take(LARGE)) } };
    let volume = || Volume { label: "cidata", epoch: 0, files: Vec::new() };
    let mut whole = volume();
    whole.files.extend(held);
    whole.files.push(large);
    let size = iso9660::size(&whole).expect("a sound volume");
    let mut sparse = Sparse(Disk::create(host.join("seed.iso")).expect("an image"));
    iso9660::write(whole, &mut sparse).expect("a sound volume");
    sparse.0.set_len(size).expect("the last hole");
    // Somebody who changes the manifest and the sums as well is found by what the volume holds.
    let manifest = out.join("manifest.json");
    let mut text: Value = serde_json::from_slice(&fs::read(&manifest).expect("a manifest")).expect("JSON");
    let mut hash = Sha256::new();
    io::copy(&mut Disk::open(host.join("seed.iso")).expect("an image"), &mut Hashed(&mut hash)).expect("an image");
    let digest = Sha256Sum(hash.finalize().into());
    let entries = text["files"].as_array_mut().expect("files");
    let entry = entries.iter_mut().find(|entry| entry["path"] == "hosts/server1/seed.iso").expect("the volume");
    (entry["size"], entry["sha256"]) = (json!(size), json!(digest.hex()));
    fs::write(&manifest, text.to_string()).expect("a manifest");
    let others = files(&out).into_iter().filter(|(name, _)| !name.starts_with("SHA256SUMS") && !name.ends_with("json.asc"));
    let all: Vec<(String, Sha256Sum)> = others
        .map(
            |(name, path)| {
                if name.ends_with("server1/seed.iso") { (name, digest) } else { (name, Sha256Sum::of(&fs::read(path).expect("a file"))) }
            },
        )
        .collect();
    fs::write(out.join("SHA256SUMS"), sums(all.iter().map(|(name, digest)| (name.as_str(), *digest)))).expect("sums");

    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$@\""), "sh"]).arg(clusterseed().get_program()).arg("verify").arg(&out);
    let output = command.env("NO_COLOR", "1").output().expect("sh");
    let (said, words) = texts(&output);
    assert_eq!((output.status.code(), said.as_str()), (Some(1), "hosts/server1: seed.iso does not hold the files beside it\n"), "{words}");
}

struct Hashed<'h>(&'h mut Sha256);

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
