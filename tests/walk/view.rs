//! What somebody saw who looked at the masters all the time, and what must have been so in every look.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::real::lab::{Beside, Lab};
use crate::support::{root, texts};

/// Somebody who looks, and writes to ZooKeeper, until the value ends.
pub struct View {
    out: PathBuf,
    _watch: Beside,
}

/// What there was.
#[derive(Debug)]
pub struct Seen {
    /// The longest, in seconds, that no server of ZooKeeper led.
    pub leaderless: f64,
    /// The longest between two writes that were acknowledged.
    pub unwritten: f64,
    /// The names of all nodes that ZooKeeper has acknowledged.
    pub wrote: BTreeSet<String>,
    /// Id by address of slave, id by name of framework.
    pub ids: BTreeMap<String, String>,
    looks: usize,
}

fn jute() -> String {
    root().join("tests/lab/fixtures/lib").to_str().expect("UTF-8").to_string()
}

fn program() -> String {
    root().join("tests/walk/watch.py").to_str().expect("UTF-8").to_string()
}

impl View {
    /// Begins to look at masters with these addresses, whether they are there yet or not.
    pub fn begin(lab: &Lab, addresses: &[&str]) -> Self {
        let out = lab.home.join("view.json");
        let arguments = ["python3", &program(), out.to_str().expect("UTF-8"), &jute()];
        let watch = lab.outside(&[&arguments[..], addresses].concat());
        Self { out, _watch: watch }
    }

    /// Judges all that was seen so far; see `judge`.
    pub fn so_far(&self) -> Seen {
        let text = fs::read_to_string(&self.out).expect("what was seen");
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let seen = judge(whole.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")));
        assert!(seen.looks > 10 && seen.wrote.len() > 10, "nobody looked: {seen:?}");
        seen
    }
}

/// Nobody who runs with a quorum is among so many running masters that two such quorums need not meet; in no two looks one after
/// another are there two leaders; nobody becomes somebody else.
fn judge(lines: impl Iterator<Item = Value>) -> Seen {
    let mut seen = Seen { leaderless: 0.0, unwritten: 0.0, wrote: BTreeSet::new(), ids: BTreeMap::new(), looks: 0 };
    let (mut led, mut wrote, mut twice): (Option<f64>, Option<f64>, _) = (None, None, [false; 2]);
    let mut acknowledged = false;
    for line in lines {
        if let Some(name) = line["wrote"].as_str() {
            seen.wrote.insert(name.to_string());
            acknowledged = true;
            continue;
        }
        seen.looks += 1;
        let at = line["at"].as_f64().expect("a time");
        let of = |what: &str| line[what].as_object().expect("by address").values().cloned().collect::<Vec<Value>>();
        let leaders = of("zookeeper").iter().filter(|mode| **mode == "leader").count();
        let masters: Vec<Value> = of("mesos").into_iter().filter(|master| !master.is_null()).collect();
        let elected = masters.iter().filter(|master| master["elected"] == true).count();
        // Servers are asked one after another, so that an election may come in between.
        for (before, now, who) in [(0, leaders, "servers of ZooKeeper"), (1, elected, "Mesos masters")] {
            assert!(!(twice[before] && now > 1), "{now} {who} lead: {line}");
            twice[before] = now > 1;
        }
        for master in &masters {
            let quorum = master["quorum"].as_u64().expect("a quorum");
            let (most, running) = (2 * quorum - 1, masters.len() as u64);
            assert!(running <= most, "{running} masters run, and one of them with quorum {quorum}: {line}");
            for kind in ["slaves", "frameworks"] {
                for (name, id) in master[kind].as_object().expect("by name") {
                    let id = id.as_str().unwrap_or_default().to_string();
                    let known = seen.ids.entry(name.clone()).or_insert_with(|| id.clone());
                    assert_eq!(*known, id, "{name} became somebody else");
                }
            }
        }
        let since = |last: &mut Option<f64>, now: bool, most: &mut f64| {
            *most = last.map_or(*most, |last| most.max(at - last));
            if now || last.is_none() {
                *last = now.then_some(at).or(*last);
            }
        };
        since(&mut led, leaders > 0, &mut seen.leaderless);
        since(&mut wrote, std::mem::take(&mut acknowledged), &mut seen.unwritten);
    }
    seen
}

/// The names of the nodes that one server has.
pub fn kept(lab: &Lab, server: &str) -> BTreeSet<String> {
    let script = format!("python3 {} kept {} {server}", program(), jute());
    let (out, err) = texts(&lab.beside(&script, Path::new("/usr/bin")));
    let names: Vec<String> = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{server}: {err}"));
    names.into_iter().collect()
}

/// Makes the operator's commands and says where they lie.
pub fn desk(lab: &Lab, private_key: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let desk = lab.home.join("desk");
    fs::create_dir_all(&desk).expect("a desk");
    fs::write(desk.join("key"), private_key).expect("a key");
    fs::set_permissions(desk.join("key"), fs::Permissions::from_mode(0o600)).expect("its mode");
    let script = root().join("tests/walk/desk.sh");
    let made = Command::new("sh").arg(script).arg(&desk).arg(lab.tree()).arg(env!("CARGO_BIN_EXE_clusterseed")).status();
    assert!(made.expect("sh runs").success(), "desk.sh");
    desk.join("bin")
}

#[test]
fn a_view_is_judged() {
    let look = |at: f64, modes: &[&str], masters: Value| {
        let servers: BTreeMap<String, &str> = modes.iter().enumerate().map(|(n, mode)| (n.to_string(), *mode)).collect();
        serde_json::json!({"at": at, "zookeeper": servers, "mesos": masters})
    };
    let masters = |quorums: &[u64], slave: &str| -> Value {
        let master = |(n, quorum): (usize, &u64)| {
            let slaves = if n == 0 { serde_json::json!({"s": slave}) } else { serde_json::json!({}) };
            (n.to_string(), serde_json::json!({"elected": n == 0, "quorum": quorum, "slaves": slaves, "frameworks": {}}))
        };
        quorums.iter().enumerate().map(master).collect::<serde_json::Map<_, _>>().into()
    };
    let good = |at| look(at, &["leader", "follower"], masters(&[2, 2, 2], "a"));
    let seen = judge([good(0.0), look(1.0, &["follower"], masters(&[3, 2, 2], "a")), good(4.0)].into_iter());
    assert!(seen.leaderless == 4.0 && seen.looks == 3 && seen.ids.len() == 1, "{seen:?}");
    let bad = [
        [good(0.0), look(1.0, &["leader"], masters(&[3, 3, 3, 2], "a"))],
        [look(0.0, &["leader", "leader"], masters(&[], "a")), look(1.0, &["leader", "leader"], masters(&[], "a"))],
        [good(0.0), look(1.0, &["leader"], masters(&[2, 2, 2], "b"))],
    ];
    for lines in bad {
        assert!(std::panic::catch_unwind(|| judge(lines.clone().into_iter())).is_err(), "{lines:?}");
    }
}
