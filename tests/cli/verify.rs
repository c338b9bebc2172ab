//! `verify` against everything that can happen to a folder between the desk and the machines.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use clusterseed::format::checksum::Sha256Sum;

use super::super::support::{self, clusterseed};
use super::{Done, finish, run};

/// A fresh output of the smallest golden.
fn output(folder: &Path) -> PathBuf {
    let out = folder.join("out");
    let spec = support::data("golden/single-master/cluster.yaml");
    let done = finish(clusterseed().arg("build").arg(spec).arg("-o").arg(&out));
    assert_eq!(done.code, 0, "{}", done.err);
    out
}

fn verify(out: &Path) -> Done {
    run(&["verify", out.to_str().expect("UTF-8")])
}

/// The change must be found, and named.
fn caught(out: &Path, path: &str, what: &str) {
    let done = verify(out);
    // Without a manifest it is no output at all.
    let code = if path == "manifest.json" && what != "another mode" { 2 } else { 1 };
    assert_eq!(done.code, code, "{path}: {what} passed\n{}{}", done.out, done.err);
    assert!(format!("{}{}", done.out, done.err).contains(path), "{path}: {what} is not named\n{}{}", done.out, done.err);
}

/// Any folder may be named by mistake: nothing in it is looked at but whether a build wrote it.
#[test]
fn a_foreign_folder_is_not_walked() {
    let folder = support::scratch();
    // What vanishes while it is read: `/proc` is full of that.
    let done = verify(Path::new("/proc"));
    assert!(done.code == 2 && done.err.contains("holds no manifest.json"), "{}", done.err);
    let done = verify(&folder.path().join("nosuch"));
    assert!(done.code == 2 && done.err.contains("nosuch"), "{}", done.err);
}

/// Where the kernel lets nobody make a folder, no other build is to blame.
#[test]
fn a_place_that_takes_no_folder_is_named() {
    let spec = support::data("golden/single-master/cluster.yaml");
    let done = finish(clusterseed().arg("build").arg(spec).args(["-o", "/proc/x"]));
    assert!(done.code == 2 && done.err.contains("no folder can be made there"), "{}", done.err);
}

#[test]
fn every_change_is_caught() {
    let folder = support::scratch();
    let out = output(folder.path());
    for (path, file) in support::files(&out) {
        let good = fs::read(&file).expect("a file");
        let mode = fs::metadata(&file).expect("a file").permissions();
        for offset in [0, good.len() / 3, good.len() - 1] {
            let mut bad = good.clone();
            bad[offset] ^= 0x01;
            fs::write(&file, bad).expect("a changed file");
            // A changed manifest is known by the sums, or by what it then says of others.
            let done = verify(&out);
            assert_eq!(done.code, 1, "{path}: byte {offset} passed");
            assert!(path == "manifest.json" || path == "SHA256SUMS" || done.out.contains(&path), "{path}: {}", done.out);
        }
        fs::write(&file, [&good[..], b"\n"].concat()).expect("a longer file");
        assert_eq!(verify(&out).code, 1, "{path}: a byte more passed");
        fs::write(&file, &good[..good.len() - 1]).expect("a shorter file");
        assert_eq!(verify(&out).code, 1, "{path}: a byte less passed");
        fs::write(&file, &good).expect("the file as it was");

        fs::set_permissions(&file, Permissions::from_mode(mode.mode() ^ 0o040)).expect("another mode");
        caught(&out, &path, "another mode");
        fs::set_permissions(&file, mode).expect("the mode as it was");

        let away = folder.path().join("away");
        fs::rename(&file, &away).expect("a moved file");
        caught(&out, &path, "missing");
        symlink(&away, &file).expect("a link");
        caught(&out, &path, "a link in its place");
        fs::remove_file(&file).expect("no link");
        fs::rename(&away, &file).expect("the file back");
    }
    for added in [
        "extra",
        "hosts/extra",
        "hosts/m1/extra",
        "hosts/m1/.hidden",
        "hosts/new/user-data",
        "SHA256SUMS.bak",
        "manifest.json.asc",
        "SHA256SUMS.asc",
    ] {
        let file = out.join(added);
        let existed = file.parent().expect("a folder").is_dir();
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, "").expect("one more file");
        caught(&out, added, "added");
        fs::remove_file(&file).expect("no more file");
        if !existed {
            fs::remove_dir(file.parent().expect("a folder")).expect("no more folder");
        }
    }
    symlink("/etc/passwd", out.join("manifest.json.asc")).expect("a link");
    caught(&out, "manifest.json.asc", "a link");
    fs::remove_file(out.join("manifest.json.asc")).expect("no link");
    let done = verify(&out);
    assert_eq!(done.code, 0, "all is as it was: {}", done.out);
}

/// What agrees with itself but not with the manifest, or the other way round.
#[test]
fn forged_outputs_are_caught() {
    let folder = support::scratch();
    let out = output(folder.path());
    let manifest = fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    let sums = fs::read_to_string(out.join("SHA256SUMS")).expect("sums");
    let put = |name: &str, text: &str| fs::write(out.join(name), text).expect("a changed file");
    for (from, to) in [
        ("\"format\": 1", "\"format\": 2"),
        ("\"files\": [", "\"file\": ["),
        ("\"mode\": \"0644\"", "\"mode\": \"0600\""),
        ("\"path\": \"hosts/m1/meta-data\"", "\"path\": \"../m1/meta-data\""),
        ("{", "["),
    ] {
        assert!(manifest.contains(from), "{from}");
        put("manifest.json", &manifest.replacen(from, to, 1));
        assert_eq!(verify(&out).code, 1, "`{from}` -> `{to}` passed");
    }
    put("manifest.json", &manifest);
    put("SHA256SUMS", &sums.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>());
    caught(&out, "SHA256SUMS", "a line less");
    put("SHA256SUMS", "");
    caught(&out, "SHA256SUMS", "empty");
}

/// Whatever brings a file of the seed, as text or as base64, brings that file.
#[test]
fn foreign_user_data_is_caught() {
    let folder = support::scratch();
    let spec = support::data("golden/single-master/cluster.yaml");
    let small = fs::read_to_string(spec).expect("a spec");
    fs::write(folder.path().join("own.bin"), [0u8, 159, 146, 150]).expect("a file");
    let more = "delivery: {method: inline}\nfiles: [{path: /etc/own, source: own.bin}, {path: /etc/text, content: xyzzy-own}]\n";
    fs::write(folder.path().join("cluster.yaml"), format!("{small}{more}")).expect("a spec");
    let out = folder.path().join("out");
    let done = finish(clusterseed().args(["build", "cluster.yaml", "-q", "-o", "out"]).current_dir(folder.path()));
    assert_eq!((done.code, verify(&out).code), (0, 0), "{}", done.err);
    let own = fs::read_to_string(out.join("hosts/m1/user-data")).expect("user-data");
    for (from, to, named) in [
        ("AJ+Slg==", "AJ+Sl2==", "root/etc/own"),
        ("xyzzy-own", "xyzzy-owm", "root/etc/text"),
        ("seed/root/etc/own", "seed/root/etc/owm", "root/etc/owm"),
    ] {
        assert!(own.contains(from), "{from}: {own}");
        replace(&out, "hosts/m1/user-data", own.replacen(from, to, 1).as_bytes());
        let done = verify(&out);
        assert!(done.code == 1 && done.out.contains(&format!("different versions of {named}")), "{to}: {}", done.out);
    }
}

/// A volume with which everything agrees but what it holds: another host's, or the same with a byte changed.
#[test]
fn foreign_volumes_are_caught() {
    let folder = support::scratch();
    let out = output(folder.path());
    let path = "hosts/s1/seed.iso";
    let own = fs::read(out.join(path)).expect("a volume");
    let at = own.windows(14).position(|bytes| bytes == b"#cloud-config\n").expect("user-data on the volume");
    let with = |at: usize, byte: u8| own.iter().enumerate().map(|(i, b)| if i == at { byte } else { *b }).collect::<Vec<u8>>();
    // The label of the primary descriptor, a name of Joliet, a mode of Rock Ridge.
    let joliet = own.windows(8).position(|bytes| bytes == b"\0m\0e\0t\0a").expect("a name of Joliet");
    let mode = own.windows(4).rposition(|bytes| bytes == b"PX\x24\x01").expect("a mode");
    let foreign = [
        (fs::read(out.join("hosts/m1/seed.iso")).expect("a volume"), "does not hold the files beside it"),
        (with(at + 4, b'C'), "does not hold the files beside it"),
        (with(16 * 2048 + 40, b'C'), "is labelled \"Cidata\""),
        (with(joliet + 1, b'M'), "does not hold the files beside it"),
        (with(mode + 4, 0), "does not hold the files beside it"),
        (own[..own.len() - 2048].to_vec(), "sectors are announced"),
    ];
    for (bytes, says) in foreign {
        replace(&out, path, &bytes);
        let done = verify(&out);
        assert!(done.code == 1 && done.out.starts_with("hosts/s1: seed.iso") && done.out.contains(says), "{says}: {}", done.out);
    }
    replace(&out, path, &own);
    assert_eq!(verify(&out).code, 0);
}

/// Puts other bytes into an output, with manifest and sums that agree.
fn replace(out: &Path, path: &str, bytes: &[u8]) {
    fs::write(out.join(path), bytes).expect("other bytes");
    let manifest = fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    let mut json: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let entry = json["files"].as_array_mut().expect("files").iter_mut().find(|file| file["path"] == path).expect("an entry");
    entry["size"] = bytes.len().into();
    entry["sha256"] = Sha256Sum::of(bytes).hex().into();
    fs::write(out.join("manifest.json"), format!("{json:#}\n")).expect("another manifest");
    let sums = fs::read_to_string(out.join("SHA256SUMS")).expect("sums");
    let line = |line: &str| {
        let path = &line[66..];
        format!("{}  {path}\n", Sha256Sum::of(&fs::read(out.join(path)).expect("a file")).hex())
    };
    fs::write(out.join("SHA256SUMS"), sums.lines().map(line).collect::<String>()).expect("other sums");
}
