//! .deb files, sound and harmful.

use std::fs;
use std::io::Write;
use std::process::Command;

use clusterseed::apt::deb;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::scratch;

const CONTROL: &str = "Package: a\nVersion: 1:2-3\nArchitecture: amd64\nDepends: b (>= 1)\nDescription: x\n y\n";

/// A tarball with these files.
fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *bytes).expect("memory");
    }
    builder.into_inner().expect("memory")
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Name and content.
type Member<'a> = (&'a str, &'a [u8]);

/// An ar archive with these members.
fn ar(members: &[Member<'_>]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let _ = writeln!(out, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100_644, bytes.len());
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

fn package(control: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", control), ("data.tar.gz", &gz(&tarball(&[])))])
}

fn told(deb: &[u8]) -> String {
    deb::control(deb).expect_err("no package").to_string()
}

#[test]
fn what_dpkg_packs_reads_back() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "dpkg-deb is not installed");
        eprintln!("skipped: dpkg-deb is not installed");
        return;
    }
    let folder = scratch();
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("DEBIAN")).expect("a folder");
    let control = format!("Maintainer: nobody <nobody@example.org>\n{CONTROL}");
    fs::write(tree.join("DEBIAN/control"), &control).expect("a file");
    fs::write(tree.join("DEBIAN/postinst"), "#!/bin/sh\n").expect("a file");
    let mut mode = fs::metadata(tree.join("DEBIAN/postinst")).expect("a file").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    fs::set_permissions(tree.join("DEBIAN/postinst"), mode).expect("a file");
    fs::write(tree.join("something"), vec![b'x'; 100_001]).expect("a file");
    let mut tried = 0;
    for kind in ["gzip", "xz", "zstd", "none"] {
        let deb = folder.path().join(kind);
        let output = Command::new("dpkg-deb").arg(format!("-Z{kind}")).arg("--uniform-compression").arg("-b").arg(&tree).arg(&deb).output();
        // The dpkg of Debian 11 does not know zstd.
        if !output.expect("dpkg-deb").status.success() && kind == "zstd" {
            continue;
        }
        let bytes = fs::read(&deb).expect("a file");
        assert_eq!(deb::control(&bytes[..]).expect(kind), control, "{kind}");
        for end in [0, 7, 8, 40, 68, 72, 130, bytes.len() / 2, bytes.len() - 2] {
            assert!(deb::control(&bytes[..end]).is_err(), "{kind} cut at {end}");
        }
        tried += 1;
    }
    assert!(tried >= 3);
}

#[test]
fn bytes_that_are_wrong_never_panic() {
    let good = package(&gz(&tarball(&[("./control", CONTROL.as_bytes())])));
    assert_eq!(deb::control(&good[..]).expect("a package"), CONTROL);
    for place in 0..good.len() {
        for bit in [1, 0x80] {
            let mut bad = good.clone();
            bad[place] ^= bit;
            drop(deb::control(&bad[..]));
        }
    }
}

#[test]
fn what_could_be_taken_in_two_ways_is_refused() {
    let control = gz(&tarball(&[("./control", CONTROL.as_bytes())]));
    let data = gz(&tarball(&[]));
    let binary: Member<'_> = ("debian-binary", b"2.0\n");
    let control: Member<'_> = ("control.tar.gz", &control);
    let data: Member<'_> = ("data.tar.gz", &data);
    assert!(deb::control(&ar(&[binary, control, data])[..]).is_ok());
    assert!(deb::control(&ar(&[binary, ("_signature", b"x"), control, data, ("_more", b"y")])[..]).is_ok());
    for (members, why) in [
        (vec![], "no control member"),
        (vec![control, binary, data], "first member"),
        (vec![binary, data], "before its control"),
        (vec![binary, control], "no data member"),
        (vec![binary, control, control, data], "two control members"),
        (vec![binary, control, data, control], "two control members"),
        (vec![binary, ("control.tar.xz", b""), control, data], "unpacked"),
        (vec![binary, control, data, data], "two data members"),
        (vec![("debian-binary", b"3.0\n"), control, data], "format"),
        (vec![binary, ("other", b""), control, data], "none that dpkg knows"),
        (vec![binary, ("control.tar.bz2", b""), data], "compressed in a way"),
    ] {
        let told = told(&ar(&members));
        assert!(told.contains(why), "{told}, not {why}");
    }
    assert!(told(b"PK\x03\x04 a zip").contains("no ar archive"));
    let many: Vec<Member<'_>> = [binary, control, data].into_iter().chain(std::iter::repeat_n(("_x", &b""[..]), 20)).collect();
    assert!(told(&ar(&many)).contains("more than 16 members"));
    // The last wins in a tarball that is unpacked, the first in one that is read.
    let twice = tarball(&[("./control", CONTROL.as_bytes()), ("control", CONTROL.replace("1:2-3", "9").as_bytes())]);
    assert!(told(&package(&gz(&twice))).contains("two control files"));
    for (text, why) in [
        ("Package: a\nVersion: 1\n", "Architecture"),
        ("Package: ../a\nVersion: 1\nArchitecture: all\n", "no name"),
        ("Package: a\nVersion: 1\nArchitecture: all\n\nPackage: b\nVersion: 1\nArchitecture: all\n", "not one paragraph"),
        ("Package: a\nVersion: 1\nVersion: 2\nArchitecture: all\n", "twice"),
        ("\n\n", "not one paragraph"),
        ("garbage", "no field"),
    ] {
        let told = told(&package(&gz(&tarball(&[("control", text.as_bytes())]))));
        assert!(told.contains(why), "{told}, not {why}");
    }
    assert!(told(&package(&gz(&tarball(&[("./md5sums", b"")])))).contains("no control file"));
}

/// Some kilobytes that unpack to gigabytes.
#[test]
fn bombs_are_not_unpacked() {
    let zeros = vec![0; 64 << 20];
    let bomb = gz(&tarball(&[("./control", CONTROL.as_bytes()), ("./zeros", &zeros)]));
    assert!(bomb.len() < 100_000);
    assert!(told(&package(&bomb)).contains("unpack to more than"));
    let long = format!("{CONTROL}X: {}\n", "x".repeat(2 << 20));
    assert!(told(&package(&gz(&tarball(&[("./control", long.as_bytes())])))).contains("control file has more than"));
    // A name of a file as long as the archive.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let name = [header.as_bytes().to_vec(), zeros].concat();
    assert!(!told(&package(&gz(&name))).is_empty());
    // A dictionary of 4 GiB in the header of an xz stream, a window of as much in the one of a zstd frame.
    let xz = [&b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01\x28\0\0\0"[..], &[0; 64]].concat();
    let zstd = [&b"\x28\xb5\x2f\xfd\0\xb0"[..], &[0; 64]].concat();
    for (name, bytes) in [("control.tar.xz", xz), ("control.tar.zst", zstd)] {
        assert!(!told(&ar(&[("debian-binary", b"2.0\n"), (name, &bytes), ("data.tar", b"")])).is_empty(), "{name}");
    }
}
