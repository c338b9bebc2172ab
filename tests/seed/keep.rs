//! `keep` under dash and busybox: what is copied where, when nothing is, and that it never holds a boot up.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::{Machine, no_real_volume};

const USER_DATA: &[u8] = b"#cloud-config\nhostname: \"x\"\n";
const META_DATA: &[u8] = b"\"instance-id\": \"x\"\n";

/// A machine whose cloud-init says that it was seeded from `places`, and an image with these files; none where no image can be
/// made and mounted.
fn machine(shell: &'static [&'static str], class: &str, places: &str, files: &[(&str, &[u8])]) -> Option<Machine> {
    let m = Machine::new(shell, false);
    let top = m.folder.path().display().to_string();
    m.put("cloud/instances/x/datasource", format!("{class}: {class} [seed={}][dsmode=net]\n", places.replace("TOP", &top)).as_bytes());
    symlink("instances/x", m.at("cloud/instance")).expect("a link");
    for (name, bytes) in files {
        m.put(&format!("disk/{name}"), bytes);
    }
    for folder in ["devices", "try"] {
        fs::create_dir(m.at(folder)).expect("a folder");
    }
    let script = r#"cd "$1" && mke2fs -q -t ext2 -d disk devices/sr0 1024 >/dev/null 2>&1 &&
        mount -o ro devices/sr0 try 2>/dev/null && umount try"#;
    let made = Command::new("sh").args(["-c", script, "sh"]).arg(m.folder.path()).status().expect("sh");
    if !made.success() {
        eprintln!("skipped: no image can be made and mounted here");
    }
    made.success().then_some(m)
}

fn cases(shell: &'static [&'static str]) {
    let files: &[(&str, &[u8])] = &[("user-data", USER_DATA), ("meta-data", META_DATA), ("network-config", b"{}\n"), ("seed.tar.gz", b"x")];
    let both = |class, folder: &str, places| {
        let Some(m) = machine(shell, class, places, files) else { return };
        // What a killed run left, and what an image may have.
        m.put(&format!("cloud/seed/{folder}.new/user-data"), b"half");
        fs::create_dir_all(m.at(&format!("cloud/seed/{folder}"))).expect("a folder");
        let ended = m.run("keep", &[]);
        assert!(ended.code == 0 && ended.words.contains("may be removed"), "{class}: {}", ended.words);
        let kept = m.at("cloud/seed").join(folder);
        for (name, bytes) in &files[..3] {
            assert!(fs::read(kept.join(name)).expect("a kept file") == *bytes, "{class}: {name}");
            assert_eq!(fs::metadata(kept.join(name)).expect("a kept file").permissions().mode() & 0o777, 0o600, "{name}");
        }
        assert_eq!(fs::read_dir(&kept).expect("a folder").count(), 3, "{class}: cloud-init's own files alone");
        assert_eq!(fs::read_dir(m.at("cloud/seed")).expect("a folder").count(), 1, "{class}: nothing else lies about");
        assert!(!m.at("state/volume").exists(), "{class}: the volume is still mounted");
        // Once more: nothing, also when the volume is gone by then.
        fs::remove_file(m.at("devices/sr0")).expect("no volume");
        let again = m.run("keep", &[]);
        assert_eq!((again.code, again.words.as_str()), (0, ""), "{class}");
    };
    both("DataSourceNoCloudNet", "nocloud-net", "TOP/devices/sr0");
    both("DataSourceNoCloud", "nocloud", "TOP/devices/sr0");
    both("DataSourceNoCloud", "nocloud", "cmdline,TOP/devices/sr0");

    // The operator's own folder, which cloud-init merged with the volume, stays as it is.
    if let Some(m) = machine(shell, "DataSourceNoCloud", "TOP/cloud/seed/nocloud,TOP/devices/sr0", files) {
        m.put("cloud/seed/nocloud/user-data", b"own");
        m.put("cloud/seed/nocloud/meta-data", b"own");
        assert_eq!(m.run("keep", &[]).words, "");
        assert_eq!(m.text("cloud/seed/nocloud/meta-data"), "own");
    }
    // Seeds that came in another way, and machines without cloud-init.
    for (class, places) in
        [("DataSourceEc2", ""), ("DataSourceConfigDrive", "TOP/devices/sr0"), ("DataSourceNoCloud", "TOP/cloud/seed/nocloud")]
    {
        let Some(m) = machine(shell, class, places, files) else { return };
        let ended = m.run("keep", &[]);
        assert!(ended.code == 0 && ended.words.is_empty() && !m.at("cloud/seed").exists(), "{class}: {}", ended.words);
    }
    let m = Machine::new(shell, false);
    assert_eq!(m.run("keep", &[]).code, 0);

    // A volume that cannot be read any more: it says what to do.
    if let Some(m) = machine(shell, "DataSourceNoCloud", "TOP/devices/sr1", files) {
        let ended = m.run("keep", &[]);
        assert!(ended.code == 1 && ended.words.contains("cannot mount") && ended.words.contains("leave the seed volume attached"));
        assert!(!m.at("cloud/seed/nocloud/meta-data").exists());
    }
}

#[test]
fn keep_under_dash() {
    if no_real_volume() {
        cases(&["dash"]);
    }
}

#[test]
fn keep_under_busybox() {
    if no_real_volume() {
        cases(&["busybox", "sh"]);
    }
}
