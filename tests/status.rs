//! Clusters that answer over TCP, sound and broken: each is data, and `status` has to say what is wrong and what to do.
//!
//! `status/good/*.yaml` are sound clusters: a spec, and what its machines answer. `status/cases/NAME.yaml` names one and changes
//! some answers; `NAME.txt` is what `status` says then, word for word. `UPDATE_EXPECT=1` writes it anew.

pub mod page;
pub mod server;

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use clusterseed::compile;
use clusterseed::diag::{Diagnostics, Sources};
use clusterseed::format::{fourletter, http};
use clusterseed::io::load;
use clusterseed::status::{Answers, ask, judge};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof};
use proptest::test_runner::RngSeed;
use proptest::{prop_assert, proptest};
use serde_json::{Value, json};

use super::cli::schema;
use super::support::{clusterseed, data, expect, root, scratch, texts};
use server::{Rule, Served};

/// A case, or a sound cluster.
pub struct Case {
    name: String,
    /// Its spec.
    pub spec: String,
    /// More words of the command line.
    pub arguments: Vec<String>,
    /// What its machines answer.
    pub rules: Vec<Rule>,
    /// What HTTP asks for.
    pub login: Option<String>,
}

fn read(path: &str) -> Value {
    let text = fs::read_to_string(data("status").join(path)).expect("a file of a case");
    serde_yaml::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn rules(of: &Value) -> Vec<Rule> {
    let answers = of["answers"].as_object().into_iter().flatten();
    answers.map(|(ask, answer)| Rule { ask: ask.split(' ').map(str::to_string).collect(), answer: answer.clone() }).collect()
}

pub fn good(name: &str) -> Case {
    let good = read(&format!("good/{name}.yaml"));
    Case {
        name: name.to_string(),
        spec: good["spec"].as_str().expect("a spec").to_string(),
        arguments: Vec::new(),
        rules: rules(&good),
        login: good["login"].as_str().map(str::to_string),
    }
}

pub fn case(name: &str) -> Case {
    let own = read(&format!("cases/{name}.yaml"));
    let mut case = good(own["good"].as_str().expect("a sound cluster"));
    for (old, new) in own["spec"].as_object().into_iter().flatten() {
        assert!(case.spec.contains(old), "{name}: the spec has no `{old}`");
        case.spec = case.spec.replace(old, new.as_str().expect("text"));
    }
    case.name = name.to_string();
    case.arguments = own["arguments"].as_array().into_iter().flatten().map(|word| word.as_str().expect("a word").to_string()).collect();
    case.rules.extend(rules(&own));
    if let Some(login) = own.get("login") {
        case.login = login.as_str().map(str::to_string);
    }
    case
}

fn names() -> Vec<String> {
    let files = fs::read_dir(data("status/cases")).expect("cases");
    let mut names: Vec<String> = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".yaml"));
    names.iter_mut().for_each(|name| name.truncate(name.len() - 5));
    names.sort();
    names
}

impl Case {
    /// Writes the spec; gives its hosts with the numbers that end their names.
    pub fn hosts(&self, folder: &std::path::Path) -> Vec<(String, u64)> {
        fs::write(folder.join("cluster.yaml"), &self.spec).expect("a spec");
        let spec: Value = serde_yaml::from_str(&self.spec).expect("YAML");
        let mut hosts = Vec::new();
        for entry in spec["hosts"].as_array().expect("hosts") {
            let (name, range) = entry["name"].as_str().and_then(|name| name.split_once('[')).expect("a range");
            let (first, last) = range.trim_end_matches(']').split_once('-').expect("two ends");
            let number = |text: &str| text.parse::<u64>().expect("a number");
            hosts.extend((number(first)..=number(last)).map(|id| (format!("{name}{id}"), id)));
        }
        hosts
    }

    pub fn command(&self, folder: &std::path::Path, served: &Served) -> Command {
        let mut command = clusterseed();
        command.current_dir(root()).args(["status", "--profile-dir", "tests/profiles"]).arg(folder.join("cluster.yaml"));
        for (host, address) in &served.addresses {
            command.arg("--resolve").arg(format!("{host}={address}"));
        }
        // A busy machine may be slow; only what is to be slow has less time.
        if !self.arguments.iter().any(|word| word == "--timeout") {
            command.args(["--timeout", "60secs"]);
        }
        command.args(&self.arguments);
        command
    }

    /// What is wrong with what the program says; none when all is as expected.
    fn run(&self) -> Result<(), String> {
        let folder = scratch();
        let served = Served::begin(&self.hosts(folder.path()), self.rules.clone(), self.login.clone());
        let output = self.command(folder.path(), &served).output().expect("the program");
        let (out, err) = texts(&output);
        let code = output.status.code();
        let said = format!("exit {}\n--- stdout\n{out}--- stderr\n{err}", code.map_or("none".into(), |code| code.to_string()));
        let said = said.replace(&folder.path().display().to_string(), "FOLDER");
        for secret in ["hunter2", "aHVudGVyMi", "YWRtaW46"] {
            assert!(!said.contains(secret), "{}: a secret is said:\n{said}", self.name);
        }
        expect(&data("status/cases").join(format!("{}.txt", self.name)), &said)?;
        // Where nobody can be reached, there is nothing more to tell; what is slow is so in every form.
        if code == Some(2) || !self.arguments.is_empty() {
            return Ok(());
        }
        let output = self.command(folder.path(), &served).args(["--format", "json"]).output().expect("the program");
        let (json, err) = texts(&output);
        let json: Value = serde_json::from_str(&json).map_err(|why| format!("{}: {why}: {err}", self.name))?;
        let wrong = schema::check(published(), &json);
        let codes = json["findings"].as_array().expect("findings").iter().map(|finding| finding["code"].as_str().expect("a code"));
        let unsaid: Vec<&str> = codes.filter(|code| !said.contains(&format!("[{code}]: "))).collect();
        match wrong.is_empty() && unsaid.is_empty() && output.status.code() == code && json["as_planned"] == json!(code == Some(0)) {
            true => Ok(()),
            false => Err(format!("{}: JSON differs from the text, or from its schema: {wrong:?} {unsaid:?} {json:#}", self.name)),
        }
    }
}

fn published() -> &'static Value {
    static PUBLISHED: LazyLock<Value> = LazyLock::new(|| {
        let output = clusterseed().args(["schema", "status"]).output().expect("the program");
        serde_json::from_slice(&output.stdout).expect("a schema")
    });
    &PUBLISHED
}

#[test]
fn broken_clusters_are_named() {
    let mut cases: Vec<Case> = names().iter().map(|name| case(name)).collect();
    assert!(cases.len() > 25, "{}", cases.len());
    // The slow ones first.
    cases.sort_by_key(|case| case.arguments.is_empty());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = case.run() {
                        let _ = writeln!(wrong.lock().expect("no panic"), "{why}\n");
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{wrong}");
}

/// Every code is provoked by a case, and each case says what to do.
#[test]
fn every_finding_has_a_case() {
    let said: Vec<String> =
        names().iter().map(|name| fs::read_to_string(data("status/cases").join(format!("{name}.txt"))).unwrap_or_default()).collect();
    let codes = published()["properties"]["findings"]["items"]["properties"]["code"]["enum"].as_array().expect("codes").clone();
    let known: Vec<&str> = clusterseed::status::Code::ALL.iter().map(|(_, word)| *word).collect();
    assert_eq!(codes.iter().map(|code| code.as_str().expect("a word")).collect::<Vec<_>>(), known, "the schema names other codes");
    let missing: Vec<&&str> = known.iter().filter(|code| !said.iter().any(|said| said.contains(&format!("[{code}]: ")))).collect();
    assert!(missing.is_empty(), "no case provokes {missing:?}");
    for said in said {
        let count = |what: &str| said.lines().filter(|line| line.starts_with(what)).count();
        assert_eq!(count("difference[") + count("note["), count("  = help: "), "{said}");
    }
}

/// The example in the README is a case.
#[test]
fn the_readme_shows_what_is_said() {
    let said = fs::read_to_string(data("status/cases/readme.txt")).expect("a case");
    let (out, err) = said.split_once("--- stdout\n").and_then(|(_, rest)| rest.split_once("--- stderr\n")).expect("both streams");
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(readme.contains(&format!("```text\n{out}{err}```\n")), "the README should show:\n{out}{err}");
}

/// Three masters and three hundred slaves, of which some take connections and never answer.
#[test]
fn three_hundred_hosts_take_seconds() {
    let mut case = page::many(&["slave10*"]);
    case.arguments = ["--timeout", "5secs", "--format", "json"].map(String::from).to_vec();
    let folder = scratch();
    let served = Served::begin(&case.hosts(folder.path()), case.rules.clone(), None);
    let begun = Instant::now();
    let output = case.command(folder.path(), &served).output().expect("the program");
    let took = begun.elapsed();
    let (out, err) = texts(&output);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{err}"));
    let service = &report["services"][2];
    assert_eq!((output.status.code(), &service["planned"]), (Some(1), &json!(300)), "{service}");
    // slave10 and slave100 to slave109.
    assert_eq!((&service["answered"], &service["registered"]), (&json!(289), &json!(300)), "{service}");
    assert!(report["findings"].as_array().expect("findings").iter().all(|finding| finding["code"] == "slow"), "{:#}", report["findings"]);
    assert!(took < Duration::from_secs(30), "{took:?}");
    case.rules.pop();
    case.arguments.clear();
    let served = Served::begin(&case.hosts(folder.path()), case.rules.clone(), None);
    let output = case.command(folder.path(), &served).output().expect("the program");
    let (out, err) = texts(&output);
    assert!(output.status.success() && out.ends_with("300 more hosts, all as planned\n") && out.lines().count() < 20, "{out}{err}");
    println!("303 hosts, 11 of them silent for 5 s: {took:?}");
}

/// Whatever stands in the place of a value: there is a report, and it is not content. Most mistakes of daemons are of this kind.
#[test]
fn odd_values_end_nothing() {
    let odd = [json!(null), json!({}), json!("x"), json!(-1e300), json!([[{"pid": ["@"]}, null, 7]])];
    for name in ["guide", "later", "etcd"] {
        let case = good(name);
        let folder = scratch();
        case.hosts(folder.path());
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let options = load::Options { profile_dirs: vec![data("profiles")], cloud: None, lock: load::Lock::BesideSpec };
        let inputs = load::inputs(&folder.path().join("cluster.yaml"), &options, &mut sources, &mut diags).expect("a spec");
        let cluster = compile::check(&inputs, &mut sources, &mut diags).expect("a sound spec");
        let model = ask::model(&cluster, &mut diags);
        let sound: Vec<Answers> = model.targets.iter().map(|target| server::answers(&case.rules, target, &cluster)).collect();
        let report = judge::judge(&model, &sound);
        assert!(report.as_planned(), "{name}: {:#?}", report.findings);
        // The masters differ in what they lead; of the others, one is like the next.
        let copy = |a: &Answers| Answers { values: a.values.clone(), redirects: a.redirects.clone(), ..Answers::default() };
        let mut answers: Vec<Answers> = sound.iter().map(copy).collect();
        for at in (0..sound.len()).filter(|at| model.targets[*at].host < 4) {
            for (question, value) in &sound[at].values {
                for place in places(value) {
                    for odd in &odd {
                        *answers[at].values.get_mut(question).and_then(|value| value.pointer_mut(&place)).expect("a place") = odd.clone();
                        let report = judge::judge(&model, &answers);
                        assert!(report.findings.iter().all(|finding| !finding.message.contains("hunter2") && finding.message.is_ascii()));
                        answers[at].values.insert(question.clone(), value.clone());
                    }
                }
            }
        }
    }
}

/// Pointers to a value and everything in it.
fn places(value: &Value) -> Vec<String> {
    let below = |key: String, inner: &Value| places(inner).into_iter().map(move |place| format!("/{key}{place}")).collect::<Vec<_>>();
    let mut found = vec![String::new()];
    match value {
        Value::Object(map) => found.extend(map.iter().flat_map(|(key, inner)| below(key.replace('~', "~0").replace('/', "~1"), inner))),
        Value::Array(items) => found.extend(items.iter().enumerate().flat_map(|(at, inner)| below(at.to_string(), inner))),
        _ => {}
    }
    found
}

/// What is missing comes while `status` waits.
#[test]
fn waiting_ends_when_all_is_there() {
    let mut case = good("guide");
    let rule = |ask: &str, answer: Value| Rule { ask: ask.split(' ').map(str::to_string).collect(), answer };
    // Once not serving, then all is well.
    case.rules.push(rule("master3 12181", json!({"act": "electing", "times": 1})));
    case.arguments = ["--wait", "5mins"].map(String::from).to_vec();
    let folder = scratch();
    let served = Served::begin(&case.hosts(folder.path()), case.rules.clone(), None);
    let output = case.command(folder.path(), &served).output().expect("the program");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(
        err.contains(" s, waiting for ")
            && err.contains("  zookeeper on master3 (192.0.2.3:12181) is up but does not serve, though others do"),
        "{err}"
    );
    assert!(err.ends_with("as the spec says\n"), "{err}");

    let mut case = good("guide");
    case.rules.push(rule("slave2 15051", json!({"act": "refuse"})));
    case.arguments = ["--wait", "2secs"].map(String::from).to_vec();
    let served = Served::begin(&case.hosts(folder.path()), case.rules.clone(), None);
    let output = case.command(folder.path(), &served).output().expect("the program");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert_eq!(
        err.matches(" s, waiting for 1 difference:\n  mesos-slave on slave2 ").count(),
        1,
        "what does not change is said once: {err}"
    );
    assert!(err.ends_with("not as the spec says: 1 difference\n"), "{err}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever bytes come, in whatever pieces: an answer within its limit, or a reason.
    #[test]
    fn any_bytes_are_read_or_refused(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(&["HTTP/1.1 200 OK\r\n", "HTTP/1.0 307 x\n", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n", "\r\n", "7\r\n{\"a\":1}\r\n", "0\r\n\r\n", "fffffffffffffff\r\n", "Mode: leader\n", "a.b=c\n", "\t"][..]).prop_map(|text| text.as_bytes().to_vec()),
                proptest::collection::vec(any::<u8>(), 0..12),
            ],
            0..9,
        ),
        piece in 1usize..9,
    ) {
        let bytes = parts.concat();
        let mut reader = std::io::BufReader::with_capacity(piece, &bytes[..]);
        if let Ok(response) = http::read(&mut reader, 16) {
            prop_assert!(response.body.len() <= 16 && (200..600).contains(&response.status));
        }
        if let fourletter::Answer::Values(values) = fourletter::parse(&bytes) {
            prop_assert!(values.as_object().is_some_and(|values| !values.is_empty()));
        }
    }
}
