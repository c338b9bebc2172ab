//! Single files.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::super::ops::Ops;
use super::super::single::write_with;
use super::super::{make_folder, write_file};
use super::{Script, names, playground, put};

#[test]
fn breaks_anywhere() {
    for (exists, no_clobber) in [(false, true), (false, false), (true, false)] {
        let mut fail_at = 1;
        loop {
            let folder = playground();
            let path = folder.path().join("cluster.yaml");
            if exists {
                put(path.clone(), "old", 0o600);
            }
            let script = Script { fail_at, ..Script::default() };
            let result = write_with(&Ops::new(script.faults()), &path, b"new", 0o644, no_clobber);
            if result.is_ok() {
                assert_eq!(fs::read(&path).unwrap(), b"new");
                assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
                assert_eq!(names(folder.path()), ["cluster.yaml"]);
            } else {
                assert_eq!(fs::read(&path).ok(), exists.then(|| b"old".to_vec()));
                assert_eq!(names(folder.path()).len(), usize::from(exists));
            }
            if !script.met() {
                break;
            }
            fail_at += 1;
        }
        assert!(fail_at > 5);
    }
}

#[test]
fn refusals() {
    let folder = playground();
    let here = folder.path();
    let says = |path: &Path, no_clobber, message: &str| {
        let error = format!("{:#}", write_file(path, b"new", 0o644, no_clobber).unwrap_err());
        assert!(error.contains(message), "{error}");
    };
    put(here.join("file"), "old", 0o600);
    symlink("nowhere", here.join("dangling")).unwrap();
    says(&here.join("file"), true, "exists already");
    says(&here.join("dangling"), true, "exists already");
    says(here, true, "exists already");
    says(here, false, "is not a plain file");
    says(Path::new("/dev/null"), false, "is not a plain file");
    says(&here.join("missing/file"), true, "No such file");
    says(Path::new("/"), false, "is not the name of a file");
    assert_eq!(fs::read(here.join("file")).unwrap(), b"old");
    assert_eq!(names(here), ["dangling", "file"]);
}

#[test]
fn follows_symlinks() {
    let folder = playground();
    let here = folder.path();
    make_folder(&here.join("a/b")).unwrap();
    make_folder(&here.join("a/b")).unwrap();
    put(here.join("a/b/file"), "old", 0o600);
    symlink("a/b/file", here.join("link")).unwrap();
    write_file(&here.join("link"), b"new", 0o640, false).unwrap();
    assert!(here.join("link").is_symlink());
    assert_eq!(fs::read(here.join("a/b/file")).unwrap(), b"new");
    assert!(make_folder(&here.join("link")).is_err());
}
