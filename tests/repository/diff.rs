//! `diff` of clusters that carry their packages: hosts that come change nothing of those that are there, and packages that move are told.

use std::fs;

use super::Project;
use crate::support::files;

/// What `diff` says of two sides, and how it ends.
fn diff(project: &Project, old: &str, new: &str) -> (i32, String) {
    let (code, said) = project.run(&["diff", old, new, "--profile-dir", "profiles"]);
    (code, said.replace(&format!("{old} -> {new}\n"), ""))
}

#[test]
fn carried_clusters_are_compared_too() {
    let project = Project::new();
    project.spec("hand");
    let at = |path: &str| project.folder.path().join(path);
    let text = fs::read_to_string(at("hand.yaml")).expect("a spec");
    let build = |spec: &str, out: &str| {
        let (code, said) = project.run(&["build", spec, "-q", "-o", out, "--sign-with", "signing.key"]);
        assert_eq!(code, 0, "{said}");
        let (code, said) = diff(&project, out, spec);
        assert_eq!(code, 0, "a built folder is as its spec: {said}");
    };
    build("hand.yaml", "old");
    // Growth: the same packages for more hosts.
    fs::write(at("grown.yaml"), text.replace("name: client1,", "name: \"client[1-40]\",")).expect("a spec");
    build("grown.yaml", "grown");
    let grown: std::collections::BTreeMap<_, _> = files(&at("grown/hosts")).into_iter().collect();
    for (name, path) in files(&at("old/hosts")) {
        assert!(fs::read(path).ok() == fs::read(&grown[&name]).ok(), "{name} changes with hosts that come");
    }
    let (code, said) = diff(&project, "hand.yaml", "grown.yaml");
    assert!(code == 1 && said.contains("2 hosts before, 41 after: 39 come, 2 stay as they are"), "{said}");
    assert!(said.contains("+ client[2-40]") && !said.contains("\npackages\n"), "{said}");
    assert_eq!(diff(&project, "old", "grown"), (code, said));

    // A package that hosts ask for moves: with another lock, in a folder of its own, as specs have theirs beside them.
    let move_to = |folder: &str, name: &str, old: &str, new: &str| {
        fs::create_dir_all(at(folder)).expect("a folder");
        fs::write(at(&format!("{folder}/hand.yaml")), text.replace("folder: debs}", "folder: ../debs}")).expect("a spec");
        let lock = fs::read_to_string(at("cluster.lock")).expect("a lock").replace("folder: debs\n", "folder: ../debs\n");
        let entry = format!("name: {name}\n    version: \"{old}\"");
        assert!(lock.contains(&entry), "{lock}");
        let begin = lock.find(&entry).expect("an entry");
        let (before, after) = lock.split_at(begin);
        // Another package has other bytes.
        let after = after.replacen(&entry, &format!("name: {name}\n    version: \"{new}\""), 1);
        let digest = after.find("sha256: \"").expect("a digest") + 9;
        let after = format!("{}00000000{}", &after[..digest], &after[digest + 8..]);
        fs::write(at(&format!("{folder}/cluster.lock")), format!("{before}{after}")).expect("a lock");
        diff(&project, "hand.yaml", &format!("{folder}/hand.yaml"))
    };
    let (code, said) = move_to("tool", "tool", "2.0", "2.1");
    // The same with both specs in one folder, each with a lock that is named.
    let other = fs::read_to_string(at("tool/cluster.lock")).expect("a lock").replace("folder: ../debs\n", "folder: debs\n");
    fs::write(at("other.lock"), other).expect("a lock");
    fs::write(at("other.yaml"), &text).expect("a spec");
    let with = |more: &[&str]| project.run(&[&["diff", "hand.yaml", "other.yaml", "--profile-dir", "profiles"], more].concat());
    let tell = |said: &str| said.contains("packages\n  ~ tool 2.0 -> 2.1  client1\n");
    for (locks, code) in [
        (&["--new-lock", "other.lock"][..], 1),
        (&["--old-lock", "cluster.lock", "--new-lock", "other.lock"], 1),
        (&["--lock", "other.lock"], 0),
        (&[], 0),
    ] {
        let done = with(locks);
        assert!(done.0 == code && tell(&done.1) == (code == 1), "{locks:?}: {}", done.1);
    }
    let guide = ["guide", "change", "hand.yaml", "other.yaml", "--profile-dir", "profiles", "--new-lock", "other.lock"];
    let (_, steps) = project.run(&guide);
    for line in [
        "check other.yaml --lock other.lock",
        "diff hand.yaml other.yaml --new-lock other.lock",
        "build other.yaml --lock other.lock -o out",
    ] {
        assert!(steps.contains(&format!("    clusterseed {line}\n")), "{line}: {steps}");
    }
    let (failed, why) = project.run(&["diff", "old", "other.yaml", "--profile-dir", "profiles", "--old-lock", "other.lock"]);
    assert!(failed == 2 && why.contains("`old` is a built folder"), "{why}");
    assert_eq!(project.run(&["diff", "old", "hand.yaml", "--profile-dir", "profiles", "--lock", "cluster.lock"]).0, 0);
    assert!(code == 1 && said.contains("packages\n  ~ tool 2.0 -> 2.1  client1\n"), "{said}");
    // Nobody asks for what only others depend on: `apply` leaves it alone where it is installed, but what travels is something else.
    let (code, said) = move_to("basis", "basis", "2:1.0", "2:1.1");
    assert!(code == 1 && said.contains("1 changes, 1 stays as it is") && said.contains("other packages travel"), "{said}");
}
