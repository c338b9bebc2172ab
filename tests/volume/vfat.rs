//! FAT: each of its kinds, label, names and bytes, by the mtools, fsck.vfat and 7-Zip.

use std::fs;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use clusterseed::format::vfat::{self, read};
use clusterseed::format::volume::{Error, File, FileContent, LARGEST_FILE, Volume};

use super::super::support;
use super::{Given, blkid, given, has, noise, same, says, volume};

/// An image of the given files, and the folder that holds it.
fn image(given: &[Given]) -> (tempfile::TempDir, PathBuf) {
    let folder = support::scratch();
    let path = folder.path().join("x.img");
    vfat::write(volume(given), &mut fs::File::create(&path).expect("an image")).expect("a sound volume");
    assert_eq!(fs::metadata(&path).expect("an image").len(), vfat::size(&volume(given)).expect("a sound volume"));
    (folder, path)
}

/// A few files and one that decides the kind.
fn of_size(size: usize) -> Vec<Given> {
    let mut files = given();
    files.retain(|file| file.bytes.len() < 5000);
    files.push(Given { name: "filler.bin".into(), mode: 0o644, bytes: noise(5, size) });
    files
}

/// What holds for every image of FAT.
fn sound(path: &Path, kind: &str) {
    let said = ["TYPE", "LABEL", "LABEL_FATBOOT", "VERSION"].map(|key| blkid(path, key));
    assert_eq!(said, ["vfat", "cidata", "cidata", kind]);
    let checked = says("fsck.vfat", &["-n", "-v", &path.display().to_string()]);
    let checked = String::from_utf8_lossy(&checked);
    for word in ["differ", "Free cluster summary", "orphan", "invalid", "Auto", "bad", "wrong"] {
        assert!(!checked.contains(word), "{checked}");
    }
}

#[test]
fn every_kind_is_read_back() {
    if !["blkid", "fsck.vfat", "mcopy", "7z"].into_iter().all(has) {
        return;
    }
    for (size, kind) in [(0, "FAT12"), (1, "FAT12"), (7_800_000, "FAT12"), (8_400_000, "FAT16"), (40_000_000, "FAT16")] {
        let given = of_size(size);
        let (folder, path) = image(&given);
        sound(&path, kind);
        let image = path.display().to_string();
        let out = |name: &str| {
            let out = folder.path().join(name);
            fs::create_dir(&out).expect("a folder");
            out
        };
        let by_mtools = out("mtools");
        says("mcopy", &["-i", &image, "-s", "-n", "-m", "::*", &by_mtools.display().to_string()]);
        same(&by_mtools, &given);
        let modified = fs::metadata(by_mtools.join("user-data")).expect("a file").modified().expect("a time");
        let seconds = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        // FAT has no time zone: a tool takes what it finds for local time.
        assert!(seconds.abs_diff(1_700_000_000) <= 14 * 3600 && seconds % 60 == 20, "{seconds}");
        let by_seven_zip = out("7z");
        says("7z", &["x", "-bd", &format!("-o{}", by_seven_zip.display()), &image]);
        same(&by_seven_zip, &given);

        let bytes = fs::read(&path).expect("an image");
        let contents = read::read(&bytes).expect("a sound volume");
        assert_eq!((contents.label.as_str(), contents.boot_label.as_str()), ("cidata", "cidata"));
        assert_eq!(contents.files.len(), given.len());
        for back in &contents.files {
            let wanted = given.iter().find(|file| file.name == back.name).unwrap_or_else(|| panic!("{} is foreign", back.name));
            assert!(back.bytes(&bytes) == wanted.bytes, "{}", back.name);
        }
    }
}

/// FAT32 begins where 2 GB end: a hole of that size beside small files.
#[test]
fn fat32_is_read_back() {
    if !["blkid", "fsck.vfat", "mcopy"].into_iter().all(has) {
        return;
    }
    let given = of_size(100_000);
    let folder = support::scratch();
    let path = folder.path().join("x.img");
    let with_hole = || {
        let mut volume = volume(&given);
        let size = 2_200_000_000;
        let source = FileContent::Reader { size, reader: Box::new(io::repeat(0).take(size)) };
        volume.files.push(File { name: "a-hole", mode: 0, source });
        volume
    };
    let mut out = support::Sparse(fs::File::create(&path).expect("an image"));
    vfat::write(with_hole(), &mut out).expect("a sound volume");
    out.0.set_len(vfat::size(&with_hole()).expect("a sound volume")).expect("the last hole");
    assert_eq!(out.0.stream_position().expect("a place"), vfat::size(&with_hole()).expect("a sound volume"));
    sound(&path, "FAT32");
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    for Given { name, .. } in &given {
        says("mcopy", &["-i", &path.display().to_string(), "-n", &format!("::{name}"), &out.display().to_string()]);
    }
    same(&out, &given);
}

#[test]
fn same_volume_same_bytes() {
    let given = of_size(10_000);
    let made = |reverse: bool| {
        let mut volume = volume(&given);
        if reverse {
            volume.files.reverse();
        }
        let mut out = Vec::new();
        vfat::write(volume, &mut out).expect("a sound volume");
        out
    };
    assert!(made(false) == made(false) && made(false) == made(true), "the order of files decides nothing");
    let bytes = made(false);
    // Every byte of the boot sector, and some of all that follows it.
    let mut bad = bytes.clone();
    for at in (0..512).chain((512..64 * 1024).step_by(41)) {
        bad[at] ^= 0xff;
        let _ = read::read(&bad);
        bad[at] ^= 0xff;
    }
    for cut in [0, 511, 512, 4096, bytes.len() - 1] {
        assert!(read::read(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn too_large_is_refused() {
    let source = |size| FileContent::Reader { size, reader: Box::new(io::empty()) };
    let volume = |size| Volume { label: "cidata", epoch: 0, files: vec![File { name: "large", mode: 0, source: source(size) }] };
    assert!(vfat::size(&volume(LARGEST_FILE)).is_ok());
    let refused = vfat::write(volume(LARGEST_FILE + 1), &mut io::sink());
    assert!(matches!(refused, Err(Error::LargeFile(..))), "{refused:?}");
}
