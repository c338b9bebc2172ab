//! Refusals, races and permissions.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::umask;

use super::{
    Faults, Op, Script, Stage, Summary, add_foreign, build, build_well, chmod, expected, first, names, output, playground, put, second,
    snapshot, write_all,
};
use crate::artifact::Artifact;

/// The message of a build that must leave everything as it is.
fn refusal(target: &Path, files: &[Artifact]) -> String {
    let before = snapshot(target);
    let error = build(target, files, Script::default().faults()).expect_err("a refusal");
    assert_eq!(snapshot(target), before);
    format!("{error:#}")
}

#[track_caller]
fn assert_says(message: &str, part: &str) {
    assert!(message.contains(part), "{message}");
}

#[test]
fn summary() {
    let folder = playground();
    let out = folder.path().join("out");
    let bytes = |files: &[Artifact]| files.iter().map(|file| file.content.size()).sum::<u64>();
    let target = out.canonicalize().unwrap_or(out.clone());
    let base = Summary { target, files: 6, bytes: bytes(&first()), removed: 0, kept: 0, leftover: None };
    assert_eq!(build_well(&out, &first()), base);
    assert_eq!(build_well(&out, &first()), base);
    let kept = add_foreign(&out);
    assert_eq!(build_well(&out, &second()), Summary { bytes: bytes(&second()), removed: 2, kept, ..base });
}

#[test]
fn really_synced_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for files in [first(), second()] {
        let stage = Stage::begin(&out).unwrap();
        write_all(&stage, &files).unwrap();
        assert_eq!(stage.commit().unwrap().leftover, None);
    }
    assert_eq!(snapshot(&out), Some(expected(Path::new("/nonexistent"), &second())));
}

#[test]
fn own_files_changed_by_hand_are_replaced() {
    let folder = playground();
    let out = folder.path().join("out");
    build_well(&out, &first());
    let after = expected(&out, &second());
    put(out.join("hosts/a/user-data"), "edited", 0o666);
    fs::remove_file(out.join("hosts/a/meta-data")).unwrap();
    symlink("/etc/passwd", out.join("hosts/a/meta-data")).unwrap();
    fs::remove_file(out.join("hosts/b/user-data")).unwrap();
    assert_eq!(build_well(&out, &second()).removed, 1);
    assert_eq!(snapshot(&out), Some(after));
}

#[test]
fn foreign_in_the_way() {
    /// What the user does, and the path that the message names.
    type Case = (fn(&Path), &'static str);
    let table: [Case; 6] = [
        (|out| put(out.join("hosts/c/user-data"), "a file for a file", 0o644), "hosts/c/user-data"),
        (|out| put(out.join("hosts/c/user-data/mine"), "a folder for a file", 0o644), "hosts/c/user-data"),
        (|out| fs::create_dir_all(out.join("hosts/c/user-data")).unwrap(), "hosts/c/user-data"),
        (|out| put(out.join("hosts/c"), "a file for a folder", 0o644), "hosts/c"),
        (|out| symlink("a", out.join("hosts/c")).unwrap(), "hosts/c"),
        (|out| put(out.join("packages/notes"), "in a folder of ours for a file", 0o644), "packages"),
    ];
    for (prepare, path) in table {
        let folder = playground();
        let out = folder.path().join("out");
        build_well(&out, &first());
        prepare(&out);
        let message = format!("out/{path}` is in the way: move it away, or choose another output folder");
        assert_says(&refusal(&out, &second()), &message);
        assert_eq!(names(folder.path()), ["out"]);
    }

    // A foreign folder is not in the way of files inside it.
    let folder = playground();
    let out = folder.path().join("out");
    build_well(&out, &first());
    fs::create_dir(out.join("hosts/c")).unwrap();
    chmod(&out.join("hosts/c"), 0o700);
    build_well(&out, &second());
    assert_eq!(fs::metadata(out.join("hosts/c")).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn manifests_of_others() {
    let table = [
        ("no JSON", "is of no use: it is not a manifest of clusterseed"),
        (r#"{"name":"app"}"#, "is of no use: it is not a manifest of clusterseed"),
        (r#"{"format":2}"#, "is of no use: it has format 2,"),
    ];
    for (text, message) in table {
        let folder = playground();
        let out = folder.path().join("out");
        build_well(&out, &first());
        put(out.join("manifest.json"), text, 0o644);
        let refusal = refusal(&out, &first());
        assert_says(&refusal, "out/hosts/a/user-data`, 3 more are in the way: move them away");
        assert_says(&refusal, message);
    }
}

#[test]
fn strange_things_inside() {
    let folder = playground();
    let out = folder.path().join("out");
    build_well(&out, &first());
    mkfifoat(CWD, out.join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
    let message = format!("{:#}", build(&out, &second(), Faults::default()).unwrap_err());
    assert_says(&message, "out/pipe` is a socket, FIFO or device");

    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    for number in 0..=10_000 {
        fs::hard_link(out.join("SHA256SUMS"), home.join(number.to_string())).unwrap();
    }
    assert_says(&refusal(&home, &first()), "was never an output of clusterseed and holds more than 10000 files");
}

#[test]
fn targets() {
    let folder = playground();
    let here = folder.path();
    put(here.join("file"), "", 0o644);
    symlink("nowhere", here.join("dangling")).unwrap();
    symlink("file", here.join("to-file")).unwrap();
    fs::create_dir(here.join("closed")).unwrap();
    chmod(&here.join("closed"), 0o555);
    let cwd = std::env::current_dir().unwrap();
    let table = [
        (PathBuf::new(), "empty name"),
        ("/".into(), "is the root folder"),
        (cwd.clone(), "is the current folder or one above it"),
        (cwd.parent().unwrap().into(), "is the "),
        (here.join("file"), "is not a folder"),
        (here.join("to-file"), "is not a folder"),
        (here.join("dangling"), "leads nowhere"),
        (here.join("closed"), "chmod u+rwx"),
        (here.join("missing/out"), "make it with `mkdir -p`"),
        (here.join("missing/.."), "does not exist"),
        ("/proc".into(), "is a mount point"),
    ];
    let before = names(here);
    for (target, message) in table {
        let error = Stage::begin(&target).err().unwrap_or_else(|| panic!("{} refused", target.display()));
        assert_says(&format!("{error:#}"), message);
    }
    assert_eq!(names(here), before);
}

#[test]
fn symlinked_target() {
    let folder = playground();
    let here = folder.path();
    fs::create_dir_all(here.join("disk/real")).unwrap();
    symlink("disk/real", here.join("out")).unwrap();
    for files in [first(), second()] {
        let after = expected(&here.join("disk/real"), &files);
        let summary = build_well(&here.join("out"), &files);
        assert_eq!(summary.target, here.canonicalize().unwrap().join("disk/real"));
        assert_eq!(snapshot(&here.join("disk/real")), Some(after));
        assert!(here.join("out").is_symlink());
        assert_eq!(names(&here.join("disk")), ["real"]);
    }
}

#[test]
fn writes_that_are_refused() {
    let folder = playground();
    let out = folder.path().join("out");
    let table = [
        ("hosts/a/user-data", "there is such a file already"),
        ("hosts/a", "there is such a folder already"),
        ("hosts/a/meta-data/x", "`hosts/a/meta-data` is a file"),
        ("../escape", "`.` or `..`"),
        ("/etc/passwd", "not relative"),
        ("a//b", "empty component"),
    ];
    for (path, message) in table {
        let mut files = first();
        files.insert(2, Artifact::public(path, ""));
        assert_says(&refusal(&out, &files), message);
    }
    assert_eq!(names(folder.path()), [""; 0]);

    // The caller may not go on after an error, whatever it does with it.
    let stage = Stage::begin_with(&out, Script::default().faults()).unwrap();
    write_all(&stage, &first()).unwrap();
    stage.write(&Artifact::public("manifest.json", "{}")).unwrap_err();
    assert_says(&stage.commit().unwrap_err().to_string(), "not complete");
}

#[test]
fn manifest_must_be_right() {
    let folder = playground();
    let out = folder.path().join("out");
    let mut files = first();
    files.push(Artifact::public("extra", ""));
    assert_says(&refusal(&out, &files), "`manifest.json` does not name `extra`");
    assert_says(&refusal(&out, &first()[1..]), "`manifest.json` names `hosts/a/user-data`, which was not written");
    assert_says(&refusal(&out, &first()[..4]), "the output has no `manifest.json`");
}

#[test]
fn threads() {
    let folder = playground();
    let out = folder.path().join("out");
    let files: Vec<_> = (0..400).map(|n| Artifact::public(format!("hosts/{}/{n}", n % 40), vec![b'x'; n])).collect();
    let files = output(files);
    let stage = Stage::begin_with(&out, Script::default().faults()).unwrap();
    std::thread::scope(|scope| {
        for part in 0..8 {
            let (stage, files) = (&stage, &files);
            scope.spawn(move || files.iter().skip(part).step_by(8).for_each(|file| assert!(stage.write(file).is_ok())));
        }
    });
    stage.commit().unwrap();
    assert_eq!(snapshot(&out), Some(expected(Path::new("/nonexistent"), &files)));
}

#[test]
fn one_build_at_a_time() {
    let folder = playground();
    let out = folder.path().join("out");
    let stage = Stage::begin(&out).unwrap();
    assert_eq!(names(folder.path()), [".out.clusterseed-stage"]);
    let mode = fs::metadata(folder.path().join(".out.clusterseed-stage")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_says(&refusal(&out, &first()), "another build is writing");
    // The refused build has left the other one alone.
    write_all(&stage, &first()).unwrap();
    stage.commit().unwrap();
    build_well(&out, &second());
    assert_eq!(names(folder.path()), ["out"]);
}

/// Many builds at once: each one either goes well as a whole or is refused.
#[test]
fn race() {
    let folder = playground();
    let out = folder.path().join("out");
    build_well(&out, &first());
    put(out.join("notes"), "mine", 0o600);
    let (one, two) = (expected(&out, &first()), expected(&out, &second()));
    let refused = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (out, refused) = (&out, &refused);
            let files = if number % 2 == 0 { first() } else { second() };
            scope.spawn(move || {
                for _ in 0..50 {
                    if let Err(error) = build(out, &files, Script::default().faults()) {
                        refused.lock().unwrap().push(format!("{error:#}"));
                    }
                }
            });
        }
    });
    let refused = refused.into_inner().unwrap();
    assert!(refused.len() < 200);
    for message in refused {
        assert_says(&message, "another build is writing");
    }
    let now = snapshot(&out).unwrap();
    assert!(now == one || now == two, "{now:#?}");
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn stale_work_folder() {
    let folder = playground();
    let out = folder.path().join("out");
    let stage = folder.path().join(".out.clusterseed-stage");
    put(stage.join("new/hosts/a/user-data"), "half", 0o400);
    chmod(&stage.join("new/hosts/a"), 0o500);
    put(stage.join("lock"), "", 0o600);
    build_well(&out, &first());
    assert_eq!(names(folder.path()), ["out"]);

    for strange in ["notes", "swap-x", "swap-12345"] {
        put(stage.join(strange).join("mine"), "mine", 0o644);
        let message = refusal(&out, &first());
        assert!(message.contains("move it away") || message.contains("look whether it is of use"), "{message}");
        fs::remove_dir_all(stage.join(strange)).unwrap();
    }
    build_well(&out, &first());
    assert_eq!(names(folder.path()), ["out"]);
}

/// Runs `then` just before the swap.
fn at_swap(then: impl Fn() + Send + Sync + 'static) -> Faults {
    Faults(Some(Box::new(move |op| {
        if op == Op::Exchange {
            then();
        }
        Ok(op != Op::Sync)
    })))
}

#[test]
fn foreign_files_of_the_last_moment() {
    let folder = playground();
    let out = folder.path().join("out");
    build_well(&out, &first());
    let late = out.clone();
    let summary = build(&out, &second(), at_swap(move || put(late.join("new/folder/notes"), "late", 0o640))).unwrap();
    assert_eq!(summary.leftover, None);
    assert_eq!(fs::read_to_string(out.join("new/folder/notes")).unwrap(), "late");
    assert_eq!(names(folder.path()), ["out"]);

    // An editor that replaces the file instead of writing into it: two versions now, and it is not for us to choose.
    let late = out.join("new/folder/notes");
    let replace = move || {
        fs::remove_file(&late).unwrap();
        put(&late, "later", 0o640);
    };
    let summary = build(&out, &second(), at_swap(replace)).unwrap();
    let leftover = summary.leftover.unwrap();
    assert_says(&leftover, "new/folder/notes` changed during the build: compare and move it by hand");
    assert_says(&refusal(&out, &second()), "changed during the build");
    let stage = folder.path().join(".out.clusterseed-stage");
    let old = names(&stage).into_iter().find(|name| name.starts_with("swap-")).unwrap();
    fs::rename(stage.join(old).join("new/folder/notes"), out.join("new/folder/notes")).unwrap();
    let after = expected(&out, &second());
    build_well(&out, &second());
    assert_eq!(snapshot(&out), Some(after));
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn output_made_by_somebody_else_meanwhile() {
    let folder = playground();
    let out = folder.path().join("out");
    let stage = Stage::begin_with(&out, Script::default().faults()).unwrap();
    write_all(&stage, &second()).unwrap();
    put(out.join("notes"), "mine", 0o644);
    let after = expected(&out, &second());
    assert_eq!(stage.commit().unwrap().kept, 1);
    assert_eq!(snapshot(&out), Some(after));
}

#[test]
fn any_umask() {
    // The umask belongs to the whole process; the other tests must not depend on it, and do not.
    let before = umask(Mode::empty());
    for mask in [0o077, 0o000, 0o027] {
        umask(Mode::from_raw_mode(mask));
        let folder = playground();
        let out = folder.path().join("out");
        for files in [first(), second()] {
            let after = expected(&out, &files);
            build_well(&out, &files);
            assert_eq!(snapshot(&out), Some(after), "umask {mask:03o}");
        }
    }
    umask(before);
}
