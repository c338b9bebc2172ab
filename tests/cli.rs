//! The command line as scripts and people meet it: exit codes, streams, formats, colour, pipes.

mod crash; // an output appears whole or stays as it was: killed builds, full disks
mod formats; // JSON against its schemas
mod places; // pipes, circles and long names where files are named
pub mod schema; // a small JSON Schema validator
mod secrets; // they are where they are needed and nowhere else
mod verify; // any changed, missing or added byte
mod words; // what an operator reads: the first spec, manual pages, failures

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::golden::golden;
use super::support::{self, clusterseed};

/// How a run ended.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program.
pub fn run(arguments: &[&str]) -> Done {
    finish(clusterseed().args(arguments))
}

/// Runs a prepared command to its end.
pub fn finish(command: &mut Command) -> Done {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let (out, err) = support::texts(&output);
    Done { code: output.status.code().expect("it ends by itself"), out, err }
}

/// Standard output of a run that must go well without a word on the other stream.
pub fn stdout_of(arguments: &[&str]) -> String {
    let done = run(arguments);
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{arguments:?}");
    done.out
}

/// A folder with `cluster.yaml` (the guide), `bad.yaml` (one error) and `quiet.yaml` (nothing to say about it).
fn desk() -> tempfile::TempDir {
    let folder = support::scratch();
    let guide = fs::read_to_string(support::data("golden/guide/cluster.yaml")).expect("the guide");
    let small = fs::read_to_string(support::data("golden/single-master/cluster.yaml")).expect("a small cluster");
    for (name, text) in
        [("cluster.yaml", guide.clone()), ("bad.yaml", guide.replacen("192.0.2.2}", "192.168.2.2}", 1)), ("quiet.yaml", small)]
    {
        fs::write(folder.path().join(name), text).expect("a spec");
    }
    folder
}

/// Arguments, exit code, what stdout and stderr begin with or hold; an empty text means that nothing may be there.
const RUNS: &[(&[&str], i32, &str, &str)] = &[
    (&["--version"], 0, concat!("clusterseed ", env!("CARGO_PKG_VERSION"), "\n"), ""),
    (&["--help"], 0, "Usage: clusterseed", ""),
    (&["build", "--help"], 0, "Usage: clusterseed build", ""),
    (&[], 2, "", "Usage: clusterseed"),
    (&["nonsense"], 2, "", "unrecognized subcommand"),
    (&["check"], 2, "", "<SPEC>"),
    (&["check", "cluster.yaml", "--bogus"], 2, "", "unexpected argument"),
    (&["check", "cluster.yaml", "--format", "xml"], 2, "", "invalid value"),
    (&["check", "cluster.yaml"], 0, "", "no errors"),
    (&["check", "quiet.yaml"], 0, "", "no errors"),
    (&["check", "quiet.yaml", "--format", "json"], 0, "", ""),
    (&["check", "cluster.yaml", "--strict"], 1, "", "error[mesosphere/official-repository-gone]"),
    (&["check", "cluster.yaml", "--format", "json"], 0, "{\"format\":1,", ""),
    (&["check", "bad.yaml"], 1, "", "error[address-outside-subnet]"),
    (&["check", "bad.yaml", "--format", "json"], 1, "\"code\":\"address-outside-subnet\"", ""),
    (&["check", "quiet.yaml", "--cloud", "ec2"], 1, "", "error[user-data-size]"),
    (&["check", "quiet.yaml", "--cloud", "nosuch"], 1, "", "error[unknown-cloud]"),
    (&["check", "nosuch.yaml"], 2, "", "nosuch.yaml"),
    (&["check", "."], 2, "", "is a folder"),
    (&["check", "cluster.yaml", "--profile-dir", "nosuch"], 2, "", "nosuch"),
    (&["build", "bad.yaml", "-o", "never"], 1, "", "error[address-outside-subnet]"),
    (&["build", "quiet.yaml", "-o", "missing/out"], 2, "", "missing"),
    (&["build", "quiet.yaml", "-o", "bad.yaml"], 2, "", "bad.yaml"),
    (&["build", "quiet.yaml", "-o", "out"], 0, "", "next: "),
    (&["build", "quiet.yaml", "-o", "out", "--quiet"], 0, "", ""),
    (&["build", "quiet.yaml", "-o", "local", "--target", "qemu", "--base", "base.img"], 0, "", "sh local/run.sh up"),
    (&["verify", "local"], 0, "", "all as they were built"),
    (&["build", "quiet.yaml", "-o", "never", "--target", "nosuch"], 2, "", "no target `nosuch`"),
    (&["verify", "out"], 0, "", "all as they were built"),
    (&["verify", "nosuch"], 2, "", "nosuch"),
    (&["verify", "."], 2, "", "manifest.json"),
    (&["render", "quiet.yaml", "m1"], 0, "#cloud-config\n", ""),
    (&["render", "quiet.yaml", "m1", "meta-data"], 0, "instance-id: \"trial-m1\"\n", ""),
    (&["render", "quiet.yaml", "m1", "/etc/mesos/zk"], 0, "zk://198.51.100.2:2181/mesos\n", ""),
    (&["render", "quiet.yaml", "m1", "host.json"], 0, "{\n  \"format\": 1,", ""),
    (&["render", "quiet.yaml", "m1", "apply"], 0, "#!/bin/sh\n", ""),
    (&["render", "quiet.yaml", "nosuch"], 2, "", "no host `nosuch`"),
    (&["render", "quiet.yaml", "m1", "/etc/nosuch"], 2, "", "no file `/etc/nosuch`"),
    (&["render", "bad.yaml", "master1"], 1, "", "error[address-outside-subnet]"),
    (&["plan", "quiet.yaml"], 0, "cluster trial ", ""),
    (&["plan", "quiet.yaml", "s1"], 0, "mesos-slave", ""),
    (&["plan", "quiet.yaml", "--cloud", "gce"], 0, "Google Compute Engine gives the instance ids", ""),
    (&["plan", "quiet.yaml", "--cloud", "ec2"], 1, "", "error[user-data-size]"),
    (&["plan", "quiet.yaml", "nosuch"], 2, "", "no host `nosuch`"),
    (&["plan", "bad.yaml"], 1, "", "error[address-outside-subnet]"),
    (&["status", "bad.yaml"], 2, "", "the spec has errors, so nobody was asked"),
    (&["status", "quiet.yaml", "--resolve", "nosuch=127.0.0.1"], 2, "", "no host `nosuch`"),
    (&["status", "quiet.yaml", "--resolve", "m1=localhost"], 2, "", "`localhost` is no IPv4 address"),
    (&["status", "quiet.yaml", "--wait", "5m"], 2, "", "write `mins`"),
    (&["status", "quiet.yaml", "--timeout", "0secs"], 2, "", "more than nothing"),
    (&["diff", "quiet.yaml", "quiet.yaml"], 0, "all the same", ""),
    (&["diff", "out", "quiet.yaml"], 0, "all the same", ""),
    (&["diff", "quiet.yaml", "cluster.yaml"], 1, "danger[", ""),
    (&["diff", "quiet.yaml", "bad.yaml"], 2, "", "`bad.yaml` has errors"),
    (&["diff", "quiet.yaml"], 2, "", "<NEW>"),
    (&["guide", "change", "quiet.yaml", "quiet.yaml"], 0, "Nothing changes", ""),
    (&["bake", "quiet.yaml", "--role", "master", "--base", "b", "-o", "x.tar", "--minutes", "0"], 2, "", "1..=10080"),
    (&["bake", "quiet.yaml", "--role", "master", "--base", "b", "-o", "x.tar", "--minutes", "300000000000000000"], 2, "", "1..=10080"),
    (&["report", "quiet.yaml", "-o", "-"], 0, "<!DOCTYPE html>\n", ""),
    (&["report", "quiet.yaml", "-o", "page.html"], 0, "", "wrote page.html"),
    (&["report", "quiet.yaml", "-o", "bad.yaml"], 2, "", "no report of ours"),
    (&["report", "bad.yaml", "-o", "never"], 1, "", "error[address-outside-subnet]"),
    (&["explain"], 0, "address-duplicate ", ""),
    (&["explain", "identity-change"], 0, "identity-change: ", ""),
    (&["explain", "mesosphere/masters-more"], 0, "known to the profile", ""),
    (&["explain", "role-even"], 0, "role-even: ", ""),
    (&["explain", "nosuch-code"], 2, "", "no code `nosuch-code`"),
    (&["schema", "--profile", "nosuch"], 2, "", "no profile `nosuch`"),
    (&["schema", "nosuch"], 2, "", "invalid value"),
    (&["profile", "list"], 0, "mesosphere", ""),
    (&["profile", "show", "mesosphere"], 0, "mesosphere: ", ""),
    (&["profile", "show", "nosuch"], 2, "", "no profile `nosuch`"),
    (&["profile", "export", "mesosphere", "mine"], 0, "", "--profile-dir mine"),
    (&["profile", "export", "mesosphere", "mine"], 2, "", "is there already"),
    (&["init", "-"], 0, "version: 1\n", ""),
    (&["init", "new/place"], 0, "", "clusterseed check new/place/cluster.yaml"),
    (&["init", "new/place"], 2, "", "exists already"),
    (&["init"], 2, "", "exists already"),
];

#[test]
fn exit_codes_and_streams() {
    let desk = desk();
    let mut wrong = Vec::new();
    for (arguments, code, out, err) in RUNS {
        let done = finish(clusterseed().args(*arguments).current_dir(desk.path()));
        let says = |text: &str, wanted: &str| if wanted.is_empty() { text.is_empty() } else { text.contains(wanted) };
        if done.code != *code || !says(&done.out, out) || !says(&done.err, err) {
            wrong.push(format!("{arguments:?}: {}\n--- stdout\n{:.300}\n--- stderr\n{:.600}", done.code, done.out, done.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(!desk.path().join("never").exists(), "a build with errors writes nothing");
    let kept = fs::read_to_string(desk.path().join("cluster.yaml")).expect("the spec is still there");
    assert_eq!(kept, golden_spec("guide"), "init never overwrites");
    let epoch = finish(clusterseed().args(["build", "quiet.yaml"]).current_dir(desk.path()).env("SOURCE_DATE_EPOCH", "yesterday"));
    assert_eq!(epoch.code, 2, "{}", epoch.err);
    assert!(epoch.err.contains("SOURCE_DATE_EPOCH"), "{}", epoch.err);
}

fn golden_spec(name: &str) -> String {
    fs::read_to_string(support::data("golden").join(name).join("cluster.yaml")).expect("a golden's spec")
}

/// What `init` writes passes `check` and builds what the golden says, also through a pipe.
#[test]
fn the_guide_from_init_to_verify() {
    let desk = support::scratch();
    let at = |arguments: &[&str]| finish(clusterseed().args(arguments).current_dir(desk.path()));
    assert_eq!(at(&["init"]).code, 0);
    assert_eq!(fs::read_to_string(desk.path().join("cluster.yaml")).expect("a spec"), stdout_of(&["init", "-"]));
    assert_eq!(at(&["build", "cluster.yaml"]).code, 0);
    let sums = fs::read(desk.path().join("out/SHA256SUMS")).expect("sums");
    assert_eq!(sums, golden("guide").bytes("SHA256SUMS"), "the program builds what the library does");
    assert_eq!(at(&["verify", "out"]).code, 0);
    let spec = fs::File::open(desk.path().join("cluster.yaml")).expect("the spec");
    let piped = clusterseed().args(["build", "-", "-o", "piped"]).current_dir(desk.path()).stdin(spec).output().expect("a run");
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    assert_eq!(fs::read(desk.path().join("piped/SHA256SUMS")).expect("sums"), sums);
    let rendered = at(&["render", "cluster.yaml", "slave1"]);
    assert_eq!(rendered.out.as_bytes(), golden("guide").bytes("hosts/slave1/user-data"));
    // sha256sum reads the sums as they are.
    let checked = Command::new("sha256sum").args(["--quiet", "--strict", "-c", "SHA256SUMS"]).current_dir(desk.path().join("out")).status();
    assert!(checked.expect("coreutils").success());
}

#[test]
fn every_code_is_explained() {
    let list = stdout_of(&["explain"]);
    let codes: Vec<&str> = list.lines().map(|line| line.split_once(' ').expect("a code and its summary").0).collect();
    assert!(codes.len() > 100, "{}", codes.len());
    for code in codes {
        let text = stdout_of(&["explain", code]);
        assert!(text.starts_with(&format!("{code}: ")) && text.lines().count() > 2, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[test]
fn completions_and_manual_page_are_sound() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout_of(&["completions", shell]);
        assert!(script.contains("clusterseed") && script.contains("verify"), "{shell}");
        if which(shell) && matches!(shell, "bash" | "zsh" | "fish") {
            let folder = support::scratch();
            let path = folder.path().join("script");
            fs::write(&path, &script).expect("a script");
            assert!(Command::new(shell).arg("-n").arg(&path).status().expect("a shell").success(), "{shell} -n");
        }
    }
    let page = stdout_of(&["man"]);
    assert!(page.contains(".TH clusterseed 1"), "{page:.200}");
    if which("groff") {
        let mut groff = Command::new("groff");
        // Without colours and overstriking.
        groff.args(["-man", "-Tutf8", "-ww", "-P-cbou"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut groff = groff.spawn().expect("groff");
        let mut stdin = groff.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || stdin.write_all(page.as_bytes()));
        let shown = groff.wait_with_output().expect("groff ends");
        writer.join().expect("no panic").expect("groff reads all");
        let (out, err) = support::texts(&shown);
        assert!(shown.status.success() && err.is_empty(), "{err}");
        for word in ["SYNOPSIS", "check", "verify", "profile"] {
            assert!(out.contains(word), "the page lacks {word}");
        }
    }
}

fn which(tool: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {tool} >/dev/null")]).status().expect("sh").success()
}

#[test]
fn colour_is_for_terminals() {
    let desk = desk();
    let spec = desk.path().join("bad.yaml");
    let colourful = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output().expect("a run");
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    for (flag, no_color, wanted) in
        [("auto", false, false), ("auto", true, false), ("always", false, true), ("always", true, true), ("never", false, false)]
    {
        let mut command = clusterseed();
        command.args(["check", "--color", flag]).arg(&spec);
        if !no_color {
            command.env_remove("NO_COLOR");
        }
        assert_eq!(colourful(&mut command), wanted, "--color {flag}, NO_COLOR {no_color}, no terminal");
    }
    let json = run(&["check", "--color", "always", "--format", "json", spec.to_str().expect("UTF-8")]);
    assert!(!json.out.contains('\u{1b}'), "data is never coloured");
    if which("script") {
        for (flag, no_color, wanted) in [("auto", false, true), ("auto", true, false), ("never", false, false)] {
            let mut command = Command::new("script");
            let line = format!("{} check --color {flag} {}", env!("CARGO_BIN_EXE_clusterseed"), spec.display());
            command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CLICOLOR");
            if no_color {
                command.env("NO_COLOR", "1");
            }
            assert_eq!(colourful(&mut command), wanted, "--color {flag}, NO_COLOR {no_color}, on a terminal");
        }
    }
}

/// `clusterseed … | head -1` says nothing and succeeds; a verdict does not depend on who listens.
#[test]
fn closed_pipes_end_quietly() {
    let desk = desk();
    let closed = |arguments: &[&str], both: bool| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = clusterseed();
        command.args(arguments).current_dir(desk.path()).stdin(Stdio::null()).stderr(Stdio::piped());
        if both {
            command.stderr(writer.try_clone().expect("a second end"));
        }
        let output = command.stdout(writer).output().expect("a run");
        (output.status.code().expect("it ends by itself"), support::texts(&output).1)
    };
    for arguments in [
        &["explain"][..],
        &["schema"],
        &["man"],
        &["completions", "bash"],
        &["init", "-"],
        &["render", "quiet.yaml", "m1"],
        &["plan", "quiet.yaml"],
        &["plan", "quiet.yaml", "--format", "json"],
        &["diff", "quiet.yaml", "quiet.yaml"],
        &["guide", "change", "quiet.yaml", "quiet.yaml"],
        &["profile", "list"],
        &["profile", "show", "mesosphere"],
        &["check", "cluster.yaml", "--format", "json"],
        &["--help"],
        &["--version"],
    ] {
        assert_eq!(closed(arguments, false), (0, String::new()), "{arguments:?}");
    }
    assert_eq!(closed(&["diff", "quiet.yaml", "cluster.yaml"], false), (1, String::new()), "a difference is one");
    assert_eq!(closed(&["check", "bad.yaml", "--format", "json"], false).0, 1, "errors are errors");
    assert_eq!(closed(&["check", "bad.yaml"], true).0, 1);
    assert_eq!(closed(&["build", "cluster.yaml", "-o", "out"], true).0, 0);
    assert!(desk.path().join("out/manifest.json").is_file(), "a build is made whether or not anybody listens");
    fs::write(desk.path().join("out/extra"), "x").expect("a file");
    assert_eq!(closed(&["verify", "out"], true).0, 1);

    // A reader that stops after the first line of much.
    let mut child = clusterseed();
    child.args(["render", "cluster.yaml", "master1"]).current_dir(desk.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("a run");
    let mut first = [0; 14];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("the first line");
    let rest = child.wait_with_output().expect("it ends");
    assert_eq!((&first[..], rest.status.code()), (&b"#cloud-config\n"[..], Some(0)));
    assert!(!support::texts(&rest).1.contains("ipe"), "no word about pipes");
}

/// What stands in the output and is not ours stays; what an earlier build wrote and this one does not goes.
#[test]
fn foreign_files_stay_and_stale_ones_go() {
    let desk = desk();
    let build = |spec: &str| {
        let done = finish(clusterseed().args(["build", spec, "-o", "out"]).current_dir(desk.path()));
        assert_eq!(done.code, 0, "{}", done.err);
        done.err
    };
    let out = |path: &str| desk.path().join("out").join(path);
    let text = |path: &Path| fs::read_to_string(path).expect("a file");
    build("cluster.yaml");
    fs::write(out("notes.txt"), "mine").expect("a file");
    fs::create_dir(out("hosts/slave3/mine")).expect("a folder");
    fs::write(out("hosts/slave3/mine/key"), "mine too").expect("a file");
    let words = build("quiet.yaml");
    assert_eq!(text(&out("notes.txt")), "mine");
    assert_eq!(text(&out("hosts/slave3/mine/key")), "mine too");
    assert!(out("hosts/m1/user-data").is_file() && !out("hosts/master1").exists() && !out("hosts/slave3/user-data").exists());
    assert!(words.contains("2 files alone"), "{words}");
    // A file in the place of one that is to be written is nobody's to overwrite.
    fs::create_dir_all(out("hosts/master1")).expect("a folder");
    fs::write(out("hosts/master1/user-data"), "mine as well").expect("a file");
    let done = finish(clusterseed().args(["build", "cluster.yaml", "-o", "out"]).current_dir(desk.path()));
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("hosts/master1/user-data"), "{}", done.err);
    assert_eq!(text(&out("hosts/master1/user-data")), "mine as well");
    assert!(out("hosts/m1/user-data").is_file(), "the earlier output is whole");
}
