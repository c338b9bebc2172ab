//! The key that signs: made once, for its owner alone, and never one that old hosts or anybody else could be wrong about.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::Project;
use crate::support::{data, files};

#[test]
fn is_made_once() {
    let project = Project::new();
    project.spec("volume");
    let (code, said) = project.run(&["render", "volume.yaml", "server1"]);
    assert!(code == 2 && said.contains("`clusterseed key SPEC` makes it"), "{said}");
    let (code, said) = project.run(&["build", "volume.yaml", "-o", "out"]);
    assert!(code == 0 && said.contains("made clusterseed.key"), "{said}");
    let path = project.folder.path().join("clusterseed.key");
    let key = fs::read(&path).expect("a key");
    assert_eq!(fs::metadata(&path).expect("a key").permissions().mode() & 0o777, 0o600);
    for (name, path) in files(&project.folder.path().join("out")) {
        let bytes = fs::read(path).expect("a file");
        assert!(!bytes.windows(19).any(|window| window == b"PGP PRIVATE KEY BLO"), "{name} holds the secret key");
    }
    let before = fs::read(project.folder.path().join("out/SHA256SUMS")).expect("sums");
    let (code, said) = project.run(&["build", "volume.yaml", "-o", "out"]);
    assert!(code == 0 && !said.contains("made"), "{said}");
    assert!(fs::read(&path).ok() == Some(key) && fs::read(project.folder.path().join("out/SHA256SUMS")).ok() == Some(before));
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
    let (code, said) = project.run(&["build", "volume.yaml", "-o", "out"]);
    assert!(code == 2 && said.contains("can be read by others (mode 0640): chmod 600 clusterseed.key"), "{said}");
}

#[test]
fn is_refused_when_nobody_should_trust_it() {
    let project = Project::new();
    project.spec("volume");
    for (key, why) in [
        ("weak.key", "has 1024 bits, which can be broken"),
        ("curve.key", "is not RSA"),
        ("old.key", "has expired"),
        ("cluster.lock", "holds no secret OpenPGP key"),
        ("missing.key", "No such file"),
        ("fd:77", "file descriptor 77"),
        ("fd:x", "names no file descriptor"),
        ("gpg:", "names no key"),
        ("gpg:nobody@example.net", "No secret key"),
    ] {
        if data(&format!("repository/{key}")).exists() {
            fs::copy(data(&format!("repository/{key}")), project.folder.path().join(key)).expect("a key");
        }
        let file = project.folder.path().join(key);
        if file.exists() {
            fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("a mode");
            let (code, said) = project.run(&["build", "volume.yaml", "-q", "-o", "out", "--sign-with", key]);
            assert!(code == 2 && said.contains(&format!("can be read by others (mode 0644): chmod 600 {key}")), "{key}: {said}");
            fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("a mode");
        }
        let (code, said) = project.run(&["build", "volume.yaml", "-q", "-o", "out", "--sign-with", key]);
        assert!(code == 2 && said.contains(why), "{key}: {said}");
        assert!(!project.folder.path().join("out").exists(), "{key}: nothing was written");
    }
    let output = project.command(&["build", "volume.yaml", "-o", "out"]).env("PATH", "/nonexistent").output().expect("the program");
    assert!(String::from_utf8_lossy(&output.stderr).contains("apt-get install gnupg"), "{output:?}");
}

#[test]
fn comes_through_a_descriptor() {
    let project = Project::new();
    let wanted = fs::read(project.build("volume").join("SHA256SUMS")).expect("sums");
    let script = r#"exec 5<signing.key; exec "$0" build volume.yaml -q -o fd --sign-with fd:5 --profile-dir profiles"#;
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_clusterseed")]).current_dir(project.folder.path());
    let output =
        command.env("CLUSTERSEED_STORE", project.folder.path().join("store")).env_remove("SOURCE_DATE_EPOCH").output().expect("sh");
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read(project.folder.path().join("fd/SHA256SUMS")).ok() == Some(wanted));
}
