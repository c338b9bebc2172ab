//! A cluster kind without Rust: the profiles in `profiles/zookeeper` and, of several files, `profiles/queue`, folders laid over built-in
//! profiles, and profiles with mistakes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{clusterseed, data, files, root, scratch, texts};

const SPEC: &str = r#"version: 1
cluster: ensemble
profile: zookeeper
platform: debian-12
network: {subnet: 192.0.2.0/24, search: [example.net], interface: ens3}
hosts:
  - {name: "member[1-3]", role: member, address: 192.0.2.1}
  - {name: client1, role: client, address: 192.0.2.9}
"#;

/// The program with folders laid over, in the repository so that paths in messages are the same everywhere.
fn with(folders: &[&Path], arguments: &[&str]) -> Command {
    let mut command = clusterseed();
    command.current_dir(root());
    for folder in folders {
        command.arg("--profile-dir").arg(folder);
    }
    command.args(arguments);
    command
}

fn ours(arguments: &[&str]) -> Command {
    with(&[Path::new("tests/profiles")], arguments)
}

/// Standard output and error of a run that ends with `code`.
fn run(command: &mut Command, code: i32) -> (String, String) {
    let output = command.output().expect("the program starts");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{out}{err}");
    (out, err)
}

/// Of a kind that a profile has none of, nothing is said.
#[test]
fn a_profile_shows_what_it_has() {
    let (shown, _) = run(&mut ours(&["profile", "show", "bare"]), 0);
    let lines: Vec<&str> = shown.lines().collect();
    for pair in lines.windows(2).filter(|pair| !pair[0].is_empty() && !pair[0].starts_with(' ') && !pair[0].contains(':')) {
        assert!(pair[1].starts_with("  "), "an empty heading: {}", pair[0]);
    }
    assert!(lines.contains(&"roles") && !lines.contains(&"versions") && !shown.contains(":\n"), "{shown}");
    assert!(lines.iter().all(|line| !line.trim_end().ends_with("services:")), "{shown}");
}

/// A spec in a folder of its own, as text for arguments.
fn saved(folder: &Path, text: &str) -> String {
    let path = folder.join("cluster.yaml");
    fs::write(&path, text).expect("writing the spec");
    path.to_str().expect("UTF-8").to_string()
}

/// Digest of each planned file by host and path.
fn planned(folders: &[&Path], spec: &str) -> BTreeMap<(String, String), String> {
    let (out, _) = run(&mut with(folders, &["plan", "--format", "json", spec]), 0);
    let plan: Value = serde_json::from_str(&out).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let hosts = list(&plan["hosts"]).into_iter();
    hosts.flat_map(|h| list(&h["files"]).into_iter().map(move |f| ((text(&h["name"]), text(&f["path"])), text(&f["sha256"])))).collect()
}

/// Keys at which two maps differ.
fn differing(old: &BTreeMap<(String, String), String>, new: &BTreeMap<(String, String), String>) -> Vec<String> {
    let keys: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter(|key| old.get(key) != new.get(key)).map(|(host, path)| format!("{host}:{path}")).collect()
}

#[test]
fn a_profile_of_ones_own_builds() {
    for platform in ["debian-12", "ubuntu-14.04"] {
        let dir = scratch();
        let spec = saved(dir.path(), &SPEC.replace("debian-12", platform));
        let out = dir.path().join("out");
        let (_, said) = run(&mut ours(&["check", &spec]), 0);
        assert_eq!(said, format!("ensemble: 4 hosts (3 member, 1 client) of zookeeper on {platform}, no errors\n"));
        run(ours(&["build", &spec, "-o"]).arg(&out), 0);
        run(ours(&["verify"]).arg(&out), 0);
        let (plan, _) = run(&mut ours(&["plan", &spec]), 0);
        assert!(plan.contains("\nmember\n  installs  zookeeperd\n  starts    zookeeper\n"), "{plan}");
        assert!(plan.contains("\nclient\n  installs  netcat-openbsd\n  starts    \n  holds     zookeeper\n"), "{plan}");
    }
}

#[test]
fn its_settings_derived_values_and_roles_reach_the_files() {
    let dir = scratch();
    let text = SPEC.replace(", address: 192.0.2.9}", ", address: 192.0.2.9, settings: {heap: 64m}}");
    let spec = saved(dir.path(), &format!("{text}settings: {{tick_time: 1500, motd: 'hello {{{{ motd }}}}'}}\n"));
    let render = |host: &str, path: &str| run(&mut ours(&["render", &spec, host, path]), 0).0;
    let zoo = "# Written by clusterseed.\ntickTime=1500\ninitLimit=10\nsyncLimit=5\ndataDir=/var/lib/zookeeper\nclientPort=2181\n\
        autopurge.snapRetainCount=3\nautopurge.purgeInterval=24\nadmin.enableServer=false\n4lw.commands.whitelist=ruok,srvr,mntr\n\
        server.1=192.0.2.1:2888:3888\nserver.2=192.0.2.2:2888:3888\nserver.3=192.0.2.3:2888:3888\n";
    assert_eq!(render("member2", "/etc/zookeeper/conf/zoo.cfg"), zoo);
    assert_eq!(render("member2", "/etc/zookeeper/conf/myid"), "2\n");
    let connect = "ZOOKEEPER_CONNECT=192.0.2.1:2181,192.0.2.2:2181,192.0.2.3:2181\nZOOKEEPER_QUORUM=2\n";
    assert_eq!(render("member3", "/etc/default/zookeeper-ensemble"), format!("# member3 of ensemble, heap 128m\n{connect}"));
    assert_eq!(render("client1", "/etc/default/zookeeper-ensemble"), format!("# client1 of ensemble, heap 64m\n{connect}"));
    assert_eq!(render("client1", "/etc/motd"), "hello {{ motd }}\n", "a value is never a template");
    assert_eq!(
        render("member1", "/etc/systemd/system/zookeeper.service.d/clusterseed.conf"),
        "[Service]\nEnvironment=\"JAVA_TOOL_OPTIONS=-Djava.net.preferIPv4Stack=true\"\n"
    );
    run(&mut ours(&["render", &spec, "client1", "/etc/zookeeper/conf/zoo.cfg"]), 2);
    run(&mut ours(&["render", &spec, "member1", "/etc/motd"]), 2);
}

#[test]
fn the_commands_know_it_only_with_its_folder() {
    let (list, _) = run(&mut ours(&["profile", "list"]), 0);
    let line = "  zookeeper        A ZooKeeper ensemble and hosts that talk to it (tests/profiles)\n";
    assert!(list.contains(line) && list.contains("  mesosphere ") && list.contains("(built in)\n"), "{list}");
    let (shown, _) = run(&mut ours(&["profile", "show", "zookeeper"]), 0);
    assert!(shown.contains("  heap = \"128m\"\n      memory, per host: largest Java heap\n"), "{shown}");
    assert!(shown.contains("  zookeeper/data-dir-volatile (error)\n"), "{shown}");
    let (json, _) = run(&mut ours(&["profile", "show", "zookeeper", "--format", "json"]), 0);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["settings"]["client_port"]["default"], 2181);
    let (schema, _) = run(&mut ours(&["schema", "--profile", "zookeeper"]), 0);
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(schema["properties"]["settings"]["properties"]["client_port"]["maximum"], 65535);
    let (told, _) = run(&mut ours(&["explain", "zookeeper/data-dir-volatile"]), 0);
    assert!(told.starts_with("zookeeper/data-dir-volatile: an error of the profile\n\nA member that comes back without"), "{told}");
    let (codes, _) = run(&mut ours(&["explain"]), 0);
    assert!(codes.contains("\nzookeeper/debug-log "), "{codes}");

    let dir = scratch();
    let spec = saved(dir.path(), SPEC);
    let (_, unknown) = run(&mut with(&[], &["check", &spec]), 1);
    assert!(unknown.starts_with("error[unknown-profile]: ") && unknown.contains("cluster.yaml:3:10\n"), "{unknown}");
    for arguments in [&["profile", "show", "zookeeper"][..], &["explain", "zookeeper/debug-log"], &["schema", "--profile", "zookeeper"]] {
        run(&mut with(&[], arguments), 2);
    }
}

#[test]
fn its_rules_fire_with_code_place_and_help() {
    let dir = scratch();
    let text = SPEC.replace(
        "\"member[1-3]\", role: member, address: 192.0.2.1}",
        "member1, role: member, address: 192.0.2.1, settings: {log_level: DEBUG}}",
    );
    let spec = saved(dir.path(), &format!("{text}settings:\n  data_dir: /tmp/zookeeper\n"));
    let (_, said) = run(&mut ours(&["check", &spec]), 1);
    let wanted = r#"warning[zookeeper/debug-log]: `member1` logs every packet
 --> SPEC:7:77
  |
7 |   - {name: member1, role: member, address: 192.0.2.1, settings: {log_level: DEBUG}}
  |                                                                             ^^^^^
  |
  = help: use INFO once the search is over

"#;
    assert!(said.replace(&spec, "SPEC").contains(wanted), "{said}");
    let wanted = r#"error[zookeeper/data-dir-volatile]: `/tmp/zookeeper` is emptied at every boot, and with it what the ensemble knows
  --> SPEC:10:13
   |
10 |   data_dir: /tmp/zookeeper
   |             ^^^^^^^^^^^^^^
   |
   = help: keep the default, /var/lib/zookeeper

"#;
    assert!(said.replace(&spec, "SPEC").contains(wanted), "{said}");
    assert!(said.ends_with("1 error, 2 warnings; `clusterseed explain zookeeper/data-dir-volatile` says more\n"), "{said}");

    let spec = saved(dir.path(), &format!("{text}allow: [zookeeper/debug-log, zookeeper/single-member]\n"));
    run(&mut ours(&["check", "--strict", &spec]), 0);
    let spec = saved(dir.path(), &text);
    run(&mut ours(&["check", &spec]), 0);
    run(&mut ours(&["check", "--strict", &spec]), 1);
    let spec = saved(dir.path(), &SPEC.replace("[1-3]", "[1-4]"));
    let (_, said) = run(&mut ours(&["check", &spec]), 1);
    assert!(said.starts_with("error[role-even]: ") && said.contains("an even number of members tolerates no more failures"), "{said}");
}

/// The guide, quiet about the repository that is gone.
fn guide(folder: &Path) -> String {
    let (init, _) = run(&mut with(&[], &["init", "-"]), 0);
    saved(folder, &format!("{init}\nallow: [mesosphere/official-repository-gone]\n"))
}

#[test]
fn a_file_laid_over_changes_that_file_alone() {
    let dir = scratch();
    let spec = guide(dir.path());
    let old = planned(&[], &spec);
    // A template over a template, a file over a template, a template over a file.
    let forms = [
        ("etc/mesos-master/quorum.j2", "{{ derived.quorum }}0\n", "master", "/etc/mesos-master/quorum"),
        ("etc/mesos-slave/ip", "192.0.2.7\n", "slave", "/etc/mesos-slave/ip"),
        ("etc/default/mesos-slave.j2", "# {{ cluster.name }}\n", "slave", "/etc/default/mesos-slave"),
    ];
    for (file, content, role, path) in forms {
        let over = scratch();
        let target = over.path().join("mesosphere/files").join(file);
        fs::create_dir_all(target.parent().expect("a parent")).expect("folders");
        fs::write(&target, content).expect("writing the file");
        let new = planned(&[over.path()], &spec);
        assert_eq!(differing(&old, &new), [1, 2, 3].map(|n| format!("{role}{n}:{path}")), "{file}");
        let (text, _) = run(&mut with(&[over.path()], &["render", &spec, &format!("{role}1"), path]), 0);
        assert_eq!(text, content.replace("{{ derived.quorum }}", "2").replace("{{ cluster.name }}", "guide"), "{file}");
    }
}

const QUEUE: &str = "version: 1
cluster: jobs
profile: queue
platform: debian-12
network: {subnet: 192.0.2.0/24, interface: ens3}
settings: {port: 99, greeting: work!}
hosts:
  - {name: keeper1, role: keeper, address: 192.0.2.1}
";

#[test]
fn a_profile_of_several_files_is_one() {
    let dir = scratch();
    let spec = saved(dir.path(), QUEUE);
    let (_, said) = run(&mut ours(&["check", &spec]), 0);
    assert!(said.contains("warning[queue/port-low]: the queue runs as root on port 99\n"), "{said}");
    assert!(said.contains("warning[queue/greeting-shouts]: `work!` shouts\n"), "{said}");
    // A list goes on in the order of the parts, after what profile.yaml holds of it.
    let (shown, _) = run(&mut ours(&["profile", "show", "queue"]), 0);
    assert!(shown.contains("\nrules\n  queue/port-low (warning)\n  queue/greeting-shouts (warning)\n"), "{shown}");
    assert!(shown.contains("\nfiles\n  0644 /etc/default/beanstalkd\n  0644 /etc/motd\n"), "{shown}");
    assert_eq!(run(&mut ours(&["render", &spec, "keeper1", "/etc/motd"]), 0).0, "work!\n");
    let (told, _) = run(&mut ours(&["explain", "queue/greeting-shouts"]), 0);
    assert!(told.contains("Nobody likes to be shouted at"), "{told}");
    // An exported one is whole.
    let exported = dir.path().join("exported");
    run(ours(&["profile", "export", "queue"]).arg(&exported), 0);
    run(&mut with(&[&exported], &["check", &spec]), 0);
}

#[test]
fn a_part_is_laid_over_like_any_file() {
    let dir = scratch();
    let spec = saved(dir.path(), QUEUE);
    let over = dir.path().join("over");
    let queue = |path: &str| fs::read_to_string(data("profiles/queue").join(path)).expect("a part");
    let lay = |path: &str, text: &str| {
        let target = over.join("queue").join(path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("folders");
        fs::write(&target, text).expect("writing");
        target
    };
    let check = |code| run(&mut with(&[Path::new("tests/profiles"), &over], &["check", &spec]), code).1;
    let names = lay("rules/names.yaml", &queue("rules/names.yaml").replace("severity: warning", "severity: grave"));
    assert!(check(1).contains(&format!("--> {}:3:15\n", names.display())), "{}", check(1));
    lay("rules/names.yaml", &queue("rules/names.yaml").replace("shouts\"", "is loud\""));
    assert!(check(0).contains("`work!` is loud\n"), "{}", check(0));
    // What nobody names would count for nothing.
    for stray in ["rules/mine.yaml", "files/etc/mine", "guides/mine.j2"] {
        let path = lay(stray, "rules: []\n");
        assert!(check(1).contains(&format!("{stray}` is named by no entry of ")), "{}", check(1));
        fs::remove_file(path).expect("removing");
    }
    // What the profile below has as parts may be left out, or stand in one file.
    let first = queue("profile.yaml");
    lay("profile.yaml", &first.replace(", rules/ports.yaml", ""));
    assert!(!check(0).contains("port-low"), "{}", check(0));
    // An export holds what counts, so that it is a profile as well.
    let exported = dir.path().join("exported");
    run(with(&[Path::new("tests/profiles"), &over], &["profile", "export", "queue"]).arg(&exported), 0);
    assert!(!exported.join("queue/rules/ports.yaml").exists());
    run(&mut with(&[&exported], &["check", &spec]), 0);
    let whole = first.replace("parts: [settings.yaml, rules/ports.yaml, rules/names.yaml]\n", "");
    lay("profile.yaml", &(whole + queue("settings.yaml").split("files:").next().expect("settings")));
    fs::remove_file(over.join("queue/rules/names.yaml")).expect("removing");
    assert!(check(0).ends_with("no errors\n"), "{}", check(0));
}

#[test]
fn a_mistake_in_a_profile_is_shown_where_it_lies() {
    let good = fs::read_to_string(data("profiles/zookeeper/profile.yaml")).expect("the profile");
    // What is replaced by what, the line it is on, and what the message says.
    let cases = [
        ("    services: [zookeeper]\n", "    services: [zookeper]\n", "profile has no service `zookeper`"),
        ("roles.member | length // 2 + 1", "roles.member | lenght // 2 + 1", "lenght"),
        ("max_length: 200", "max_lenght: 200", "max_lenght"),
        ("  - {path: /etc/hosts}\n", "  - {path: /etc/hots}\n", "there is no `files/etc/hots`"),
        ("    at: settings.log_level\n", "    at: settings.loglevel\n", "loglevel"),
        ("        srvr: {try: [srvr]}\n", "        srvr: {try: [Srvr]}\n", "`Srvr` cannot be asked"),
        ("found: \"answers.mntr.zk_synced", "found: \"answers.mtnr.zk_synced", "`answers.mtnr.zk_synced_followers` is not defined here"),
        ("package: zookeeperd}\n", "package: zookeeper}\n", "profile has no versioned package `zookeeper`"),
        ("      protocol: zookeeper\n", "      protocol: telnet\n", "telnet"),
    ];
    let dir = scratch();
    let spec = saved(dir.path(), SPEC);
    for (old, new, message) in cases {
        assert_eq!(good.matches(old).count(), 1, "{old}");
        let over = scratch();
        let profile = over.path().join("zookeeper/profile.yaml");
        fs::create_dir_all(over.path().join("zookeeper")).expect("a folder");
        fs::write(&profile, good.replace(old, new)).expect("writing the profile");
        let (_, said) = run(&mut with(&[Path::new("tests/profiles"), over.path()], &["check", &spec]), 1);
        let line = 1 + good[..good.find(old).expect("counted above")].matches('\n').count();
        let place = format!("--> {}:{line}:", profile.display());
        assert!(said.starts_with("error[") && said.contains(message) && said.contains(&place), "{new}: {said}");
    }
    let (_, said) = run(&mut with(&[Path::new("tests/no-such-folder")], &["check", &spec]), 2);
    assert!(said.contains("tests/no-such-folder"), "{said}");
}

#[test]
fn an_exported_profile_gives_the_same_output() {
    let dir = scratch();
    let spec = guide(dir.path());
    let exported = dir.path().join("exported");
    run(with(&[], &["profile", "export", "mesosphere"]).arg(&exported), 0);
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    run(with(&[], &["build", &spec, "-o"]).arg(&first), 0);
    run(with(&[&exported], &["build", &spec, "-o"]).arg(&second), 0);
    same(&first, &second);
    // Beside `files` lies what is nobody's file.
    fs::write(exported.join("mesosphere/files.txt"), "notes").expect("writing");
    run(&mut with(&[&exported], &["check", &spec]), 0);
    // What is there is never overwritten.
    let mine = exported.join("mesosphere/profile.yaml");
    fs::write(&mine, "mine").expect("writing");
    let (_, said) = run(with(&[], &["profile", "export", "mesosphere"]).arg(&exported), 2);
    assert!(said.contains("is there already") && fs::read(&mine).expect("reading") == b"mine", "{said}");
}

fn same(first: &Path, second: &Path) {
    let read = |folder| files(folder).into_iter().map(|(path, file)| (path, fs::read(file).expect("a file"))).collect::<Vec<_>>();
    let (first, second) = (read(first), read(second));
    assert_eq!(first.iter().map(|(path, _)| path).collect::<Vec<_>>(), second.iter().map(|(path, _)| path).collect::<Vec<_>>());
    for ((path, old), (_, new)) in first.iter().zip(&second) {
        assert!(old == new, "{path} differs");
    }
}
