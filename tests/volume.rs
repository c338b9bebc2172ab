//! Volumes of our own writing, read by programs that we did not write: blkid, isoinfo, xorriso, 7-Zip, the mtools, fsck.
//!
//! A tool that is not there is said to be skipped; under CI=true all of them have to be there. Linux itself reads them in `qemu`.

mod iso; // ISO 9660 with Joliet and Rock Ridge
mod seeds; // the volumes of a build
mod vfat; // FAT with long names

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clusterseed::format::volume::{File, FileContent, Volume};

/// A file of a test volume.
pub struct Given {
    pub name: String,
    pub mode: u32,
    pub bytes: Vec<u8>,
}

/// Bytes that look like nothing else, the same at each run.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0; size.next_multiple_of(8)];
    for word in bytes.chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Sizes at the edges of sectors, names with everything that names may have, a file of many MB.
pub fn given() -> Vec<Given> {
    let mut files: Vec<Given> = [0, 1, 2047, 2048, 2049, 4096, 12_345_678]
        .into_iter()
        .map(|size| Given { name: format!("size-{size}"), mode: 0o644, bytes: noise(size as u64, size) })
        .collect();
    let names = ["user-data", "meta-data", "network-config", "seed.tar.gz", "a", "a.b", "a-b", "Mixed.Case-Name", "with blank", "x~+%@=,!"];
    files.extend(names.map(|name| Given { name: name.into(), mode: 0o600, bytes: name.as_bytes().to_vec() }));
    // Names that are one in 8.3, and more of them than one sector of a folder holds.
    for number in 0..60 {
        let name = format!("mesos-package-with-a-long-name_0.20.{number}-1.0.ubuntu1404_amd64.deb");
        files.push(Given { bytes: noise(number, 100 + number as usize), name, mode: 0o755 });
    }
    files.push(Given { name: format!("{}.end", "n".repeat(99)), mode: 0o644, bytes: b"the longest name".to_vec() });
    files
}

/// Those files as a volume.
pub fn volume(given: &[Given]) -> Volume<'_> {
    let files = given.iter().enumerate().map(|(number, given)| {
        let (size, bytes) = (given.bytes.len() as u64, &given.bytes[..]);
        let source = if number % 2 == 0 { FileContent::Bytes(bytes) } else { FileContent::Reader { size, reader: Box::new(bytes) } };
        File { name: &given.name, mode: given.mode, source }
    });
    Volume { label: "cidata", epoch: 1_700_000_000, files: files.collect() }
}

/// True when a tool can be run; says so when not. Under CI=true it has to be there.
pub fn has(tool: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&folders).chain([PathBuf::from("/usr/sbin"), "/sbin".into()]).any(|f| f.join(tool).is_file());
    assert!(there || std::env::var_os("CI").is_none(), "{tool} is not installed");
    if !there {
        eprintln!("skipped: {tool} is not installed");
    }
    there
}

/// What a tool says on stdout; it has to end well.
pub fn says(tool: &str, words: &[&str]) -> Vec<u8> {
    let output = Command::new(tool).args(words).stdin(Stdio::null()).env("LC_ALL", "C").env("PATH", path()).output().expect(tool);
    let both = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{tool} {words:?}: {both}");
    output.stdout
}

fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// A folder holds these files and no others.
pub fn same(folder: &Path, given: &[Given]) {
    for Given { name, bytes, .. } in given {
        let found = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(found == *bytes, "{name} has other bytes");
    }
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), given.len(), "there are more files than were given");
}

/// What blkid says of an image.
pub fn blkid(image: &Path, key: &str) -> String {
    let said = says("blkid", &["-p", "-o", "value", "-s", key, &image.display().to_string()]);
    String::from_utf8(said).expect("UTF-8").trim_end().to_string()
}
