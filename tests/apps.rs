//! `apps` against a fixture of Marathon that answers over TCP (`apps/marathon.py`), on three addresses with one state.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::cli::schema;
use super::support::{clusterseed, data, scratch, texts};

const SPEC: &str = r#"version: 1
cluster: guide
profile: mesosphere
platform: ubuntu-14.04
network: {subnet: 192.0.2.0/24, nameservers: [192.0.2.253]}
packages: {source: mirror, mirror: "http://mirror.example.net/mesosphere"}
hosts:
  - {name: "master[1-3]", role: master, address: 192.0.2.1}
  - {name: "slave[1-3]", role: slave, address: 192.0.2.51}
settings:
  marathon:
    http_port: 18081
    apps:
      - {file: hello2.json}
      - {id: /shop/web, cmd: run, instances: 2, ports: [0, 0]}
"#;

/// The fixture, its state in a folder, and a spec beside it.
struct Marathon {
    folder: tempfile::TempDir,
    process: Child,
    net: String,
}

impl Drop for Marathon {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Marathon {
    fn start() -> Self {
        let folder = scratch();
        fs::write(folder.path().join("cluster.yaml"), SPEC).expect("a spec");
        let hello2 =
            r#"{"id": "hello2", "cmd": "echo hello; sleep 10", "mem": 16, "cpus": 0.1, "instances": 1, "disk": 0.0, "ports": [0]}"#;
        fs::write(folder.path().join("hello2.json"), hello2).expect("an app");
        // Other runs of the tests may have an address.
        for attempt in 0..50 {
            let net = format!("127.{}.{}", 100 + attempt, std::process::id() % 250 + 1);
            let mut command = Command::new("python3");
            command.arg(data("apps/marathon.py")).arg(folder.path()).arg("18081").args([1, 2, 3].map(|n| format!("{net}.{n}")));
            let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python3");
            let mut said = String::new();
            BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut said).expect("a line");
            if said == "ready\n" {
                let marathon = Self { folder, process, net };
                marathon.put("leader", "192.0.2.2:18081");
                marathon.put("registered", "");
                return marathon;
            }
            process.wait().expect("it ended");
        }
        panic!("no address is free");
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).expect("a file of the fixture");
    }

    fn app(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(&format!("apps/{name}"))).expect("an app")).expect("JSON")
    }

    fn puts(&self) -> usize {
        fs::read_to_string(self.at("requests")).unwrap_or_default().lines().filter(|line| line.contains(" PUT ")).count()
    }

    /// Runs `apps`: exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = clusterseed();
        command.current_dir(self.folder.path()).args(["apps", "cluster.yaml", "--timeout", "30secs"]);
        for n in 1..=3 {
            command.arg("--resolve").arg(format!("master{n}={}.{n}", self.net));
        }
        let output = command.args(arguments).output().expect("the program");
        let (out, err) = texts(&output);
        (output.status.code().expect("a code"), out, err)
    }
}

fn has_python() -> bool {
    let has = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has {
        eprintln!("skipped: python3 is not installed");
    }
    has
}

fn published() -> Value {
    let output = clusterseed().args(["schema", "apps"]).output().expect("the program");
    serde_json::from_slice(&output.stdout).expect("a schema")
}

#[test]
fn apps_are_compared_and_submitted() {
    if !has_python() {
        return;
    }
    let marathon = Marathon::start();
    // Nothing is changed by looking.
    let (code, out, err) = marathon.run(&[]);
    assert_eq!(code, 1, "{out}{err}");
    assert_eq!(out, "cluster guide: apps in marathon, as master1 says\n  + hello2    is not there\n  + shop/web  is not there\n");
    assert!(
        err.contains("2 apps of the spec: 2 missing\n`--submit` puts what is missing or different; without it nothing is changed\n"),
        "{err}"
    );
    assert_eq!(marathon.puts(), 0);
    // Both are put; ports that Marathon chooses, and all that it adds, are no differences.
    let (code, out, err) = marathon.run(&["--submit"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("submitted: hello2, shop/web\n"), "{err}");
    assert_eq!((marathon.puts(), &marathon.app("hello2")["mem"]), (2, &json!(16)));
    let (code, out, err) = marathon.run(&["--submit"]);
    assert_eq!((code, marathon.puts()), (0, 2), "{out}{err}");
    assert!(out.contains("  = hello2    as the spec says, 1 of 1 run\n  = shop/web  as the spec says, 2 of 2 run\n"), "{out}");

    // Somebody changed one, and has one of their own.
    let mut web = marathon.app("shop,web");
    (web["instances"], web["cmd"], web["cpus"]) = (json!(5), json!("other \u{1b}[2J"), json!(7));
    marathon.put("apps/shop,web", &web.to_string());
    marathon.put("apps/legacy", &json!({"id": "/legacy", "cmd": "x", "instances": 1}).to_string());
    let (code, out, err) = marathon.run(&[]);
    assert_eq!(code, 1, "{out}{err}");
    let differences =
        "  ~ shop/web  differs, 5 of 5 run\n      - cmd: other ?[2J\n      + cmd: run\n      - instances: 5\n      + instances: 2\n";
    assert!(out.contains(differences), "{out}");
    assert!(out.contains("  ? legacy    not in the spec, 1 of 1 run\n"), "{out}");
    let (code, json, err) = marathon.run(&["--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let wrong = schema::check(&published(), &json);
    assert!(code == 1 && wrong.is_empty() && json["as_planned"] == false, "{wrong:?} {json:#} {err}");
    assert_eq!(json["documents"].as_array().map(Vec::len), Some(3));

    // One by name; what is not in the spec goes only when it is named, what is in it never.
    fs::remove_file(marathon.at("apps/hello2")).expect("an app");
    let (code, out, err) = marathon.run(&["--submit=/shop/web", "--delete", "legacy"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("submitted: shop/web\ndeleted: legacy\n") && err.contains("1 missing"), "{err}");
    assert!(!marathon.at("apps/legacy").exists() && !marathon.at("apps/hello2").exists());
    assert_eq!(marathon.app("shop,web")["instances"], 2);
    for (arguments, words) in [
        (&["--delete", "hello2"][..], "`hello2` is in the spec"),
        (&["--delete", "nothing"], "marathon has no app `nothing`"),
        (&["--submit=hello"], "did you mean `hello2`?"),
        (&["--wait", "1mins"], "--wait goes with --submit"),
        (&["--resolve", "master9=127.0.0.1"], "there is no host `master9`"),
    ] {
        let (code, out, err) = marathon.run(arguments);
        assert!(code == 2 && err.contains(words), "{arguments:?}: {code} {out}{err}");
    }
}

#[test]
fn a_deployment_is_waited_for_and_only_force_overrides_it() {
    if !has_python() {
        return;
    }
    let marathon = Marathon::start();
    marathon.put("busy", "");
    let (code, out, err) = marathon.run(&["--submit=hello2"]);
    assert_eq!((code, marathon.at("apps/hello2").exists()), (1, false), "{out}{err}");
    assert!(err.contains("not taken: hello2: 409, a deployment has locked it"), "{err}");
    let busy = marathon.at("busy");
    let ends = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        fs::remove_file(busy).expect("a deployment");
    });
    let (code, out, err) = marathon.run(&["--submit", "--force", "--wait", "5mins"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("waiting for hello2, shop/web\n") && err.contains("as the spec says\n"), "{err}");
    ends.join().expect("no panic");
    // An app that does not come up is a difference once it had its time.
    marathon.put("busy", "");
    fs::remove_file(marathon.at("apps/hello2")).expect("an app");
    let (code, out, err) = marathon.run(&["--submit", "--force", "--wait", "1secs"]);
    assert!(code == 1 && err.contains("not running as often as planned"), "{code} {out}{err}");
    // What is refused is told, in Marathon's words; a secret in them is not.
    fs::remove_file(marathon.at("busy")).expect("a deployment");
    fs::remove_file(marathon.at("apps/hello2")).expect("an app");
    marathon.put("faults", "PUT /v2/apps/hello2 422\n");
    let (code, out, err) = marathon.run(&["--submit"]);
    assert!(code == 1 && err.contains("not taken: hello2: 422: {\"message\": \"fixture says 422; zk://***@h"), "{code} {out}{err}");
}

#[test]
fn nobody_to_ask_is_no_difference() {
    if !has_python() {
        return;
    }
    let marathon = Marathon::start();
    for (faults, words) in [
        ("GET /v2/apps 503\n".repeat(3), "marathon could not be asked: master1 says 503"),
        ("GET /v2/apps garbage\n".into(), "says no JSON at /v2/apps"),
        ("GET /v2/apps 401\n".into(), "does not take the login of the spec, or asks for one that the spec does not have"),
    ] {
        marathon.put("faults", &faults);
        let (code, out, err) = marathon.run(&[]);
        assert!(code == 2 && err.contains(words), "{code} {out}{err}");
    }
    // The second speaks where the first does not.
    marathon.put("faults", "GET /v2/apps close\n");
    assert!(marathon.run(&[]).1.contains("as master2 says"));
    let without = Path::new("without.yaml");
    fs::write(marathon.at("without.yaml"), SPEC.split("    apps:").next().expect("a spec")).expect("a spec");
    let output = clusterseed().current_dir(marathon.folder.path()).arg("apps").arg(without).output().expect("the program");
    assert!(output.status.success() && texts(&output).1.contains("the spec gives nothing to a running service"), "{output:?}");
}
