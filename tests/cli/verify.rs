//! `verify` against everything that can happen to a folder between the desk and the machines.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

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
    for added in ["extra", "hosts/extra", "hosts/m1/extra", "hosts/m1/.hidden", "hosts/new/user-data", "SHA256SUMS.bak"] {
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
