//! ISO 9660: label, names and bytes through every tree, in bounds of memory, the same at each run.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use clusterseed::format::iso9660::{self, read};
use clusterseed::format::volume::{Error, File, FileContent, LARGEST_FILE, Volume};

use super::super::support;
use super::{Given, blkid, given, has, same, says, volume};

/// An image of the given files, and the folder that holds it.
fn image(given: &[Given]) -> (tempfile::TempDir, PathBuf) {
    let folder = support::scratch();
    let path = folder.path().join("x.iso");
    iso9660::write(volume(given), &mut fs::File::create(&path).expect("an image")).expect("a sound volume");
    assert_eq!(fs::metadata(&path).expect("an image").len(), iso9660::size(&volume(given)).expect("a sound volume"));
    (folder, path)
}

#[test]
fn blkid_finds_the_label() {
    if !has("blkid") {
        return;
    }
    let (_folder, path) = image(&given());
    let said = ["TYPE", "LABEL", "VERSION", "UUID"].map(|key| blkid(&path, key));
    assert_eq!(said, ["iso9660", "cidata", "Joliet Extension", "2023-11-14-22-13-20-00"]);
}

/// The names of Rock Ridge, with modes and times, and a second opinion on the structure as a whole.
#[test]
fn xorriso_reads_it() {
    if !has("xorriso") {
        return;
    }
    let given = given();
    let (folder, path) = image(&given);
    let out = folder.path().join("out");
    let (image, out) = (path.display().to_string(), out.display().to_string());
    says("xorriso", &["-abort_on", "WARNING", "-osirrox", "on", "-indev", &image, "-extract", "/", &out]);
    same(out.as_ref(), &given);
    for Given { name, mode, .. } in &given {
        let found = fs::metadata(PathBuf::from(&out).join(name)).expect("a file");
        assert_eq!(found.permissions().mode() & 0o7777, *mode, "{name}");
        let modified = found.modified().expect("a time").duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        assert_eq!(modified.as_secs(), 1_700_000_000, "{name}");
    }
    let listing = String::from_utf8(says("xorriso", &["-indev", &image, "-lsl", "/", "--"])).expect("UTF-8");
    let owners: Vec<_> = listing.lines().filter(|line| line.starts_with('-')).map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(owners, vec![Some("0"); given.len()], "all is root's");
}

/// Each tree by itself: Rock Ridge and Joliet.
#[test]
fn isoinfo_reads_it() {
    if !has("isoinfo") {
        return;
    }
    let given = given();
    let (_folder, path) = image(&given);
    let path = path.display().to_string();
    let about = String::from_utf8(says("isoinfo", &["-d", "-i", &path])).expect("UTF-8");
    for line in ["Volume id: cidata", "Joliet with UCS level 3 found", "Rock Ridge signatures version 1 found"] {
        assert!(about.lines().any(|l| l == line), "{line}: {about}");
    }
    let mut wanted: Vec<String> = given.iter().map(|file| format!("/{}", file.name)).collect();
    wanted.sort();
    for tree in ["-R", "-J"] {
        let listed = String::from_utf8(says("isoinfo", &["-f", tree, "-i", &path])).expect("UTF-8");
        let mut listed: Vec<&str> = listed.lines().collect();
        listed.sort_unstable();
        assert_eq!(listed, wanted, "{tree}");
        for Given { name, bytes, .. } in given.iter().step_by(5) {
            let found = says("isoinfo", &[tree, "-i", &path, "-x", &format!("/{name}")]);
            assert!(found == *bytes, "{tree}: {name}");
        }
    }
}

/// Joliet, as Windows would.
#[test]
fn seven_zip_reads_it() {
    if !has("7z") {
        return;
    }
    let given = given();
    let (folder, path) = image(&given);
    let out = folder.path().join("out");
    says("7z", &["x", "-bd", &format!("-o{}", out.display()), &path.display().to_string()]);
    same(&out, &given);
}

/// Names of the plain tree, which no reader of ours looks at: unique, 8.3, and sorted as ECMA-119 wants it.
#[test]
fn the_plain_tree_is_sound() {
    if !has("isoinfo") {
        return;
    }
    let (_folder, path) = image(&given());
    let listed = String::from_utf8(says("isoinfo", &["-f", "-i", &path.display().to_string()])).expect("UTF-8");
    let names: Vec<String> = listed.lines().map(|line| line.trim_start_matches('/').replace(";1", "")).collect();
    let d = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    for name in &names {
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        assert!(!stem.is_empty() && d(stem, 8) && d(extension, 3), "{name}");
    }
    let keys: Vec<_> = names.iter().map(|name| name.split_once('.').unwrap_or((name, ""))).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
}

/// Our own small reader, which `verify` uses, sees what the others see, and says what is wrong.
#[test]
fn the_own_reader_agrees() {
    let mut given = given();
    let (_folder, path) = image(&given);
    let bytes = fs::read(path).expect("an image");
    let contents = read::read(&bytes).expect("a sound volume");
    assert_eq!((contents.label.as_str(), contents.joliet_label.as_str()), ("cidata", "cidata"));
    given.sort_by(|a, b| a.name.cmp(&b.name));
    for (mut back, modes) in [(contents.files, true), (contents.joliet, false)] {
        back.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(back.len(), given.len());
        for (back, given) in back.iter().zip(&given) {
            assert!(back.name == given.name && back.bytes(&bytes) == given.bytes, "{} and {}", back.name, given.name);
            assert!(!modes || back.mode == given.mode, "{}", back.name);
        }
    }
    for cut in [0, 16 * 2048, 20 * 2048, bytes.len() - 1, bytes.len() - 2048] {
        assert!(read::read(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    // Whatever stands in a folder or a descriptor, it answers.
    for at in (16 * 2048..40 * 2048).step_by(7) {
        let mut bad = bytes[..64 * 2048].to_vec();
        bad[at] ^= 0xff;
        let _ = read::read(&bad);
    }
}

#[test]
fn same_volume_same_bytes() {
    let given = given();
    let made = |reverse: bool| {
        let mut volume = volume(&given);
        if reverse {
            volume.files.reverse();
        }
        let mut out = Vec::new();
        iso9660::write(volume, &mut out).expect("a sound volume");
        out
    };
    assert!(made(false) == made(false) && made(false) == made(true), "the order of files decides nothing");
    let mut empty = Vec::new();
    iso9660::write(Volume { label: "cidata", epoch: 0, files: Vec::new() }, &mut empty).expect("an empty volume");
    assert_eq!(empty.len(), 26 * 2048, "nothing is added that nobody needs");
    assert!(read::read(&empty).expect("an empty volume").files.is_empty());
}

/// Counts what is written, and how much at once.
#[derive(Default)]
struct Counter {
    total: u64,
    largest: usize,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.total += bytes.len() as u64;
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn large(size: u64) -> Volume<'static> {
    let source = FileContent::Reader { size, reader: Box::new(io::repeat(7).take(size)) };
    Volume { label: "cidata", epoch: 0, files: vec![File { name: "large", mode: 0o644, source }] }
}

/// As much as a file may have passes through in small pieces; one byte more is refused before anything is written.
#[test]
fn gigabytes_pass_through() {
    let mut counter = Counter::default();
    iso9660::write(large(LARGEST_FILE), &mut counter).expect("a sound volume");
    assert_eq!(counter.total, iso9660::size(&large(LARGEST_FILE)).expect("a sound volume"));
    assert_eq!(counter.total, 26 * 2048 + LARGEST_FILE.next_multiple_of(2048));
    assert!(counter.largest <= 256 * 1024, "{} bytes at once", counter.largest);
    let mut counter = Counter::default();
    let refused = iso9660::write(large(LARGEST_FILE + 1), &mut counter);
    assert!(matches!(refused, Err(Error::LargeFile(..))) && counter.total == 0, "{refused:?}");
}
