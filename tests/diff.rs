//! What `diff` says of pairs of specs, and that it says the same of what was built from them.
//!
//! `diff/CASE/{old,new}.yaml` are the pair, `expected.txt` is all that people see, `expected.json`, where there is one, what programs
//! do. `UPDATE_EXPECT=1` writes both again: read them as somebody would who is about to change a cluster that works.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clusterseed::change::danger;
use clusterseed::diag::{Diagnostics, Sources};
use clusterseed::profile::{catalog::Catalog, load};
use serde_json::Value;

use super::cli::{Done, finish, schema, stdout_of};
use super::support::{self, clusterseed, scratch};

/// Everything that a secret of a case could be known by.
const SECRET: &str = "hush";

fn cases() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(support::data("diff")).expect("cases").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

fn at(folder: &Path, arguments: &[&str]) -> Done {
    finish(clusterseed().args(arguments).current_dir(folder))
}

#[test]
fn every_pair_says_what_it_must() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    let published: Value = serde_json::from_str(&stdout_of(&["schema", "diff"])).expect("a schema is JSON");
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = problems(case, &published);
                    wrong.lock().expect("no panic").extend(found.into_iter().map(|why| format!("{}: {why}", case.display())));
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn problems(case: &Path, published: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let people = at(case, &["diff", "old.yaml", "new.yaml"]);
    wrong.extend(support::expect(&case.join("expected.txt"), &people.out).err());
    if people.code != i32::from(!people.out.ends_with(", all the same\n")) || !people.err.is_empty() {
        wrong.push(format!("{}: {}", people.code, people.err));
    }
    let mut told = people.out;
    if case.join("expected.json").exists() {
        let programs = at(case, &["diff", "old.yaml", "new.yaml", "--format", "json"]);
        wrong.extend(support::expect(&case.join("expected.json"), &programs.out).err());
        let value: Value = serde_json::from_str(&programs.out).unwrap_or_default();
        wrong.extend(schema::check(published, &value));
        if (programs.code, people.code) != (i32::from(value["same"] != true), programs.code) {
            wrong.push(format!("{}: {}", programs.code, programs.err));
        }
        told += &programs.out;
    }
    if case.join("guide.txt").exists() {
        let guide = at(case, &["guide", "change", "old.yaml", "new.yaml"]);
        wrong.extend(support::expect(&case.join("guide.txt"), &guide.out).err());
        if guide.code != i32::from(guide.out.contains("no safe way")) || !guide.err.is_empty() {
            wrong.push(format!("guide: {}: {}", guide.code, guide.err));
        }
        wrong.extend(shell_problems(&guide.out));
        told += &guide.out;
    }
    if told.contains(SECRET) {
        wrong.push("it tells a secret".into());
    }
    wrong
}

/// What stands in the column of commands is what a shell reads.
fn shell_problems(guide: &str) -> Option<String> {
    let commands: String = guide.lines().filter_map(|line| line.strip_prefix("       ")).map(|line| format!("{line}\n")).collect();
    let output = Command::new("sh").args(["-n", "-c", &commands]).output().expect("sh");
    (!output.status.success()).then(|| support::texts(&output).1)
}

/// What is printed to be typed is one word for each path, whatever it is called.
#[test]
fn a_guide_quotes_paths() {
    let (case, folder) = (support::data("diff/slave-comes"), scratch());
    for side in ["old", "new"] {
        fs::copy(case.join(format!("{side}.yaml")), folder.path().join(format!("{side} (1).yaml"))).expect("a spec");
    }
    let guide = at(folder.path(), &["guide", "change", "old (1).yaml", "new (1).yaml", "-o", "it's out"]);
    assert_eq!((guide.code, shell_problems(&guide.out)), (0, None), "{}", guide.out);
    for command in ["diff 'old (1).yaml' 'new (1).yaml'", "build 'new (1).yaml' -o 'it'\\''s out'"] {
        assert!(guide.out.contains(&format!("    clusterseed {command}\n")), "{command}: {}", guide.out);
    }
}

/// Every guide is printed by a pair, and none speaks in lines that a terminal would break.
#[test]
fn every_guide_has_a_pair() {
    let printed: Vec<String> = cases().iter().filter_map(|case| fs::read_to_string(case.join("guide.txt")).ok()).collect();
    let catalog = Catalog::embedded();
    let profile = load::load("mesosphere", &catalog, &mut Sources::default(), &mut Diagnostics::new()).expect("the profile");
    for guide in profile.guides.iter().filter(|guide| guide.name != "healthy") {
        let title = guide.title.value.split("{{").next().expect("words");
        assert!(printed.iter().any(|text| text.contains(&format!("\n{title}"))), "no guide.txt prints `{}`", guide.name);
    }
    let words = printed.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with("    ") && !line.starts_with("Mind: "));
    let long: Vec<&str> = words.filter(|line| line.chars().count() > 120).collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// Every change that needs care has a pair that shows it, and one that is named is known to `explain`.
#[test]
fn every_danger_has_a_pair() {
    let mut shown = BTreeSet::new();
    for case in cases() {
        let text = fs::read_to_string(case.join("expected.txt")).expect("an expectation");
        shown.extend(text.lines().filter_map(|line| Some(line.strip_prefix("danger[")?.split_once(']')?.0.to_string())));
    }
    let catalog = Catalog::embedded();
    let profile = load::load("mesosphere", &catalog, &mut Sources::default(), &mut Diagnostics::new()).expect("the profile");
    let watched = profile.watch.iter().map(|watch| format!("mesosphere/{}", watch.code));
    let known: BTreeSet<String> = danger::CODES.iter().map(|(code, _, _)| (*code).to_string()).chain(watched).collect();
    assert_eq!(shown, known);
}

/// Without the names of the two sides.
fn nameless(text: &str, old: &str, new: &str) -> String {
    text.replace(&format!("{old} -> {new}\n"), "").replace(&format!("guide change {old} {new}"), "guide change")
}

/// Two built folders differ as their specs do, and each is the same as its own spec.
#[test]
fn built_folders_tell_what_specs_tell() {
    for name in ["masters-3-to-5", "own-secret", "users", "platform", "content-id"] {
        let (case, folder) = (support::data("diff").join(name), scratch());
        for side in ["old", "new"] {
            let out = folder.path().join(side);
            let done = at(&case, &["build", "-q", &format!("{side}.yaml"), "-o", out.to_str().expect("UTF-8")]);
            assert_eq!(done.code, 0, "{name}: {}", done.err);
            let spec = case.join(format!("{side}.yaml"));
            let same = at(folder.path(), &["diff", side, spec.to_str().expect("UTF-8")]);
            assert_eq!((same.code, same.err.as_str()), (0, ""), "{name}: {}", same.out);
        }
        let done = at(folder.path(), &["diff", "old", "new"]);
        let wanted = fs::read_to_string(case.join("expected.txt")).expect("an expectation");
        assert_eq!(nameless(&done.out, "old", "new"), nameless(&wanted, "old.yaml", "new.yaml"), "{name}");
        assert_eq!((done.code, done.err.as_str()), (1, ""), "{name}");
    }
}

/// Slaves that come change no byte of those that are there; a dead master's successor keeps its id.
#[test]
fn what_stays_stays_byte_for_byte() {
    let spec = |slaves: u32, masters: &str| {
        format!(
            "version: 1\ncluster: large\nprofile: mesosphere\nplatform: ubuntu-14.04\nnetwork: {{subnet: 10.0.0.0/16, addressing: none}}\n\
             packages: {{source: mirror, mirror: \"http://mirror.example.net/mesosphere\"}}\n\
             hosts:\n{masters}  - {{name: \"slave[1-{slaves}]\", role: slave, address: 10.0.1.1}}\n"
        )
    };
    let three = "  - {name: \"master[1-3]\", role: master, address: 10.0.0.1}\n";
    let folder = scratch();
    let build = |name: &str, text: String| {
        fs::write(folder.path().join(format!("{name}.yaml")), text).expect("a spec");
        let done = at(folder.path(), &["build", "-q", &format!("{name}.yaml"), "-o", name]);
        assert_eq!(done.code, 0, "{}", done.err);
    };
    build("old", spec(197, three));
    build("new", spec(297, three));
    let hosts = |name: &str| support::files(&folder.path().join(name).join("hosts"));
    let (old, new) = (hosts("old"), hosts("new"));
    assert_eq!((old.len(), new.len()), (200 * 4, 300 * 4));
    let bytes = |path: &Path| fs::read(path).expect("a file");
    let new: std::collections::BTreeMap<_, _> = new.into_iter().collect();
    let changed: Vec<&String> = old.iter().filter(|(name, path)| bytes(path) != bytes(&new[name])).map(|(name, _)| name).collect();
    assert!(changed.is_empty(), "{changed:?}");
    let told = at(folder.path(), &["diff", "old", "new.yaml"]);
    assert!(told.out.contains("200 hosts before, 300 after: 100 come, 200 stay as they are"), "{}", told.out);
    assert!(told.out.contains("+ slave[198-297]  10.0.1.198 to 10.0.2.41  slave"), "{}", told.out);

    let successor = "  - {name: master1, role: master, address: 10.0.0.1}\n  - {name: master3, role: master, address: 10.0.0.3}\n  \
                     - {name: master9, id: 2, role: master, address: 10.0.0.9}\n";
    fs::write(folder.path().join("successor.yaml"), spec(1, successor)).expect("a spec");
    let id = |spec: &str, host: &str| at(folder.path(), &["render", spec, host, "/etc/zookeeper/conf/myid"]).out;
    assert_eq!(id("old.yaml", "master2"), id("successor.yaml", "master9"));
    for host in ["master1", "master3"] {
        assert_eq!(id("old.yaml", host), id("successor.yaml", host));
    }
}

/// Runs git away from the user's settings.
fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.net", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]);
    let output = command.args(arguments).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", support::texts(&output).1);
}

#[test]
fn a_side_may_be_a_git_revision() {
    let (folder, case) = (scratch(), support::data("diff/login-changes"));
    let repository = folder.path();
    fs::create_dir(repository.join("site")).expect("a folder");
    let copy = |from: &str, to: &str| assert!(fs::copy(case.join(from), repository.join("site").join(to)).is_ok());
    copy("old.yaml", "cluster.yaml");
    copy("password", "password");
    git(repository, &["init", "-q"]);
    git(repository, &["add", "."]);
    git(repository, &["commit", "-qm", "old"]);
    copy("new.yaml", "cluster.yaml");
    copy("other-password", "other-password");
    // As it should be: the new secret is in no revision.
    git(repository, &["commit", "-qam", "new"]);

    let told = |folder: &Path, old: &str, new: &str| {
        let done = at(folder, &["diff", old, new]);
        assert_eq!(done.code, 1, "{}", done.err);
        (nameless(&done.out, old, new), done.err)
    };
    let wanted = fs::read_to_string(case.join("expected.txt")).expect("an expectation");
    let wanted = nameless(&wanted, "old.yaml", "new.yaml");
    let site = repository.join("site");
    for (folder, old, new) in [
        (repository, "HEAD~1:site/cluster.yaml", "site/cluster.yaml"),
        (&site, "HEAD~1:./cluster.yaml", "cluster.yaml"),
        (&site, "HEAD~1:site/cluster.yaml", "cluster.yaml"),
    ] {
        assert_eq!(told(folder, old, new), (wanted.clone(), String::new()), "{old}");
    }
    // A secret that only the working tree has is taken from there, and that is said.
    let (out, err) = told(repository, "HEAD~1:site/cluster.yaml", "HEAD:site/cluster.yaml");
    assert_eq!(out, wanted);
    assert!(err.contains("note: `other-password` is not in that revision"), "{err}");
    for (old, why) in [
        ("HEAD:nosuch.yaml", "does not exist in 'HEAD'"),
        ("nosuch:site/cluster.yaml", "invalid object name 'nosuch'"),
        ("HEAD:site", "write REVISION:PATH"),
    ] {
        let done = at(repository, &["diff", old, "site/cluster.yaml"]);
        assert_eq!(done.code, 2, "{old}");
        assert!(done.err.contains(why), "{old}: {}", done.err);
    }
}

/// What cannot be compared is neither the same nor different.
#[test]
fn failures_are_no_verdict() {
    let folder = scratch();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    let good = fs::read_to_string(support::data("diff/same/old.yaml")).expect("a spec");
    write("good.yaml", &good);
    write("bad.yaml", &good.replace("198.51.100.51", "192.168.2.51"));
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    for (arguments, why) in [
        (["good.yaml", "bad.yaml"], "`bad.yaml` has errors"),
        (["nosuch.yaml", "good.yaml"], "nosuch.yaml"),
        (["empty", "good.yaml"], "manifest.json"),
        (["-", "-"], "not both"),
    ] {
        let done = at(folder.path(), &["diff", arguments[0], arguments[1]]);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{arguments:?}");
        assert!(done.err.contains(why), "{arguments:?}: {}", done.err);
    }
    assert!(at(folder.path(), &["diff", "good.yaml", "bad.yaml"]).err.contains("error[address-outside-subnet]"));
    let built = at(folder.path(), &["build", "-q", "good.yaml"]);
    assert_eq!(built.code, 0, "{}", built.err);
    for (file, bytes) in [("hosts/slave1/seed.tar.gz", "no tarball"), ("hosts/slave1/meta-data", "- a\n- list\n"), ("manifest.json", "{}")]
    {
        let path = folder.path().join("out").join(file);
        let kept = fs::read(&path).expect("a file");
        fs::write(&path, bytes).expect("a file");
        let done = at(folder.path(), &["diff", "out", "good.yaml"]);
        assert_eq!(done.code, 2, "{file}: {}", done.out);
        fs::write(&path, kept).expect("a file");
    }
}

#[test]
fn colours_are_for_terminals() {
    let case = support::data("diff/heap");
    let coloured =
        finish(clusterseed().args(["diff", "old.yaml", "new.yaml", "--color", "always"]).env_remove("NO_COLOR").current_dir(&case));
    assert!(coloured.out.contains("\u{1b}[32m+ "), "{}", coloured.out);
    assert!(!at(&case, &["diff", "old.yaml", "new.yaml"]).out.contains('\u{1b}'));
}
