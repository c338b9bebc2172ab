//! The steps of `guide change`, walked on a cluster that runs: a program takes the commands of the very text that is printed, in their
//! order, and carries them out at an operator's desk, with ssh, scp, nc and curl, and machines that it switches on and off where the
//! text says so. Real ZooKeeper of Debian 12, and the lab's fixtures of Mesos, Marathon and Chronos.
//!
//! `cargo test --test main walk:: -- --ignored --nocapture --test-threads=1`. All the time somebody looks at all masters and writes
//! to ZooKeeper; `view::judge` says what must have been so in each look. The machines install from a mirror of their own, signed with
//! a key of this run, where the lab's come with their packages.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use crate::lab::image;
use crate::real::lab::{Built, Lab};
use crate::support::{data, texts};

mod steps; // a runbook, read by a program
mod view; // what was seen meanwhile

use steps::Task;
use view::View;

/// How long, in seconds, there may be no leader: as long as one master takes to be stopped, changed and started on a busy machine, and
/// as servers of ZooKeeper that ask in vain then wait before they ask again (FastLeaderElection.java: a minute at most).
const RESTART: f64 = 120.0;

/// Name and address of all machines that there are at one time or another.
const MACHINES: [(&str, &str); 8] = [
    ("master1", "192.0.2.1"),
    ("master2", "192.0.2.2"),
    ("master3", "192.0.2.3"),
    ("master4", "192.0.2.4"),
    ("master5", "192.0.2.5"),
    ("master6", "192.0.2.6"),
    ("slave1", "192.0.2.51"),
    ("slave2", "192.0.2.52"),
];

/// A cluster at its operator's desk.
struct Walk<'a> {
    lab: &'a Lab,
    bin: PathBuf,
    spec: String,
}

/// The hosts of a spec: name, and the ZooKeeper id where it is not the number of the name.
type Hosts<'a> = &'a [(&'a str, Option<u8>)];

const THREE: [(&str, Option<u8>); 4] = [("master1", None), ("master2", None), ("master3", None), ("slave1", None)];
const SLAVES: Hosts = &[("master1", None), ("master2", None), ("master3", None), ("slave1", None), ("slave2", None)];
const FIVE: Hosts =
    &[("master1", None), ("master2", None), ("master3", None), ("master4", None), ("master5", None), ("slave1", None), ("slave2", None)];
const REPLACED: Hosts = &[("master1", None), ("master3", None), ("master6", Some(2)), ("slave1", None), ("slave2", None)];

#[test]
#[ignore = "boots eight machines: needs root, 2 GB and some minutes"]
fn changes() {
    let Some(lab) = Lab::begin("walk") else { return };
    image(&lab, "mirror");
    let (private_key, public_key) = lab.key_pair();
    let read = |name: &str| fs::read_to_string(lab.home.join(name)).expect("what image.sh wrote");
    let spec = include_str!("walk/cluster.yaml").replace("FINGERPRINT", read("fingerprint").trim()).replace("SSH-KEY", &public_key);
    let walk = Walk { bin: view::desk(&lab, &private_key), lab: &lab, spec };

    walk.write("three", &THREE);
    walk.write("slaves", SLAVES);
    walk.write("five", FIVE);
    walk.write("fewer", SLAVES);
    walk.write("replaced", REPLACED);
    walk.desk("clusterseed build three.yaml -o out");
    for (name, _) in THREE {
        walk.boot(name);
    }
    lab.each(&THREE.map(|(name, _)| name), |name| drop(lab.boot(&["wait", &lab.work(), name])));
    walk.well("three");
    lab.say("three masters and a slave are one cluster");
    let masters: Vec<&str> = MACHINES.iter().filter(|(name, _)| name.starts_with("master")).map(|(_, address)| *address).collect();
    let view = View::begin(&lab, &masters);

    walk.change(&view, "three", "slaves");
    walk.change(&view, "slaves", "five");
    walk.change(&view, "five", "fewer");
    lab.boot(&["cut", &lab.work(), "master2"]);
    lab.say("master2 died");
    walk.change(&view, "fewer", "replaced");

    // Whoever is a master by now has everything that was acknowledged.
    let seen = view.so_far();
    drop(view);
    for address in ["192.0.2.1:2181", "192.0.2.3:2181", "192.0.2.6:2181"] {
        let kept = view::kept(&lab, address);
        let lost: Vec<&String> = seen.wrote.difference(&kept).collect();
        assert!(lost.is_empty(), "{address} has lost {} of {}: {lost:?}", lost.len(), seen.wrote.len());
    }
    assert!(seen.ids.len() == 4, "two slaves and two frameworks: {:?}", seen.ids);
    lab.say(&format!("all {} nodes that were acknowledged are on every server", seen.wrote.len()));
    forged(&lab);
}

/// What the guides print can be read by a program, also where no machine is booted for it.
#[test]
fn every_guide_can_be_carried_out() {
    let mut read = 0;
    for entry in fs::read_dir(data("diff")).expect("cases") {
        let path = entry.expect("an entry").path().join("guide.txt");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if text.contains("no safe way") || text.contains("nothing to do") {
            continue;
        }
        println!("{}", path.display());
        // Which folders the data move between is told in words yet.
        let text = text.replace("OLD-FOLDER NEW-FOLDER", "/old /new");
        let tasks = steps::read(&text);
        let shell = |task: &Task| matches!(task, Task::Shell(_));
        assert!(tasks.iter().filter(|task| shell(task)).count() > 1, "{tasks:?}");
        read += 1;
    }
    assert!(read > 15, "{read}");
}

impl Walk<'_> {
    /// Writes a spec beside the others.
    fn write(&self, name: &str, hosts: Hosts) {
        let line = |(name, id): &(&str, Option<u8>)| {
            let address = MACHINES.iter().find(|(other, _)| other == name).expect("a machine").1;
            let id = id.map_or(String::new(), |id| format!(", id: {id}"));
            format!("  - {{name: {name}, role: {}, address: {address}{id}}}\n", name.trim_end_matches(|c: char| c.is_ascii_digit()))
        };
        let lines: String = hosts.iter().map(line).collect();
        let text = self.spec.replace("HOSTS", lines.trim_end());
        fs::write(self.lab.home.join(format!("{name}.yaml")), text).expect("writing the spec");
    }

    /// Runs lines of a shell at the desk, which must succeed; gives what they printed.
    fn desk(&self, script: &str) -> String {
        let output = self.lab.beside(script, &self.bin);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{script}{}\n{out}{err}", output.status);
        out
    }

    /// Switches a machine on for the first time. A machine of the lab has no drives: it gets what lies beside the volume.
    fn boot(&self, name: &str) {
        let seed = self.lab.home.join("out/hosts").join(name);
        self.lab.boot(&["up", &self.lab.work(), name, &seed.to_string_lossy()]);
    }

    fn built(&self, name: &str) -> Built {
        self.lab.built(name, "out")
    }

    /// `status` has nothing to say against a cluster that should be as this spec says.
    fn well(&self, spec: &str) {
        let seen = self.lab.status(&self.built(spec), &["--wait", "4mins"]);
        assert_eq!((seen.code, seen.err.ends_with("as the spec says\n")), (0, true), "{spec}: {}{}", seen.out, seen.err);
    }

    /// Follows the guide from one spec to the next.
    fn change(&self, view: &View, old: &str, new: &str) {
        let runbook = self.desk(&format!("clusterseed guide change {old}.yaml {new}.yaml"));
        let tasks = steps::read(&runbook);
        assert!(tasks.len() > 3, "{runbook}");
        for task in tasks {
            match task {
                Task::Shell(script) => self.shell(&script),
                Task::Boot { name, volume } => {
                    assert!(self.lab.home.join(&volume).is_file() && volume.contains(&format!("/{name}/")), "{volume}");
                    self.boot(&name);
                }
                Task::Likewise => panic!("more hosts than a list shows: {runbook}"),
                Task::Off { name } => drop(self.lab.boot(&["cut", &self.lab.work(), &name])),
            }
        }
        self.well(new);
        self.ids(new);
        let seen = view.so_far();
        assert!(seen.leaderless < RESTART && seen.unwritten < RESTART, "{new}: {seen:?}");
        self.lab.say(&format!(
            "{old} -> {new}, as the guide says; at most {:.1} s without a leader and {:.1} s without a write so far",
            seen.leaderless, seen.unwritten
        ));
    }

    /// One block of commands. Where the guide shows who leads, its reader looks until all is well.
    fn shell(&self, script: &str) {
        if !script.contains("elected") {
            self.desk(script);
            return;
        }
        let mut seen = String::new();
        for _ in 0..60 {
            // A server that takes part in an election says no mode, and grep finds none.
            seen = texts(&self.lab.beside(script, &self.bin)).0;
            if steps::is_well(&seen) {
                return;
            }
            sleep(Duration::from_secs(1));
        }
        panic!("{script}\nit never is well: {seen}");
    }

    /// Every master has the id of its place.
    fn ids(&self, spec: &str) {
        let text = fs::read_to_string(self.lab.home.join(format!("{spec}.yaml"))).expect("a spec");
        for (name, address) in MACHINES.iter().filter(|(name, _)| name.starts_with("master") && text.contains(&format!("name: {name},"))) {
            let id = if *name == "master6" { "2" } else { name.trim_start_matches("master") };
            let said = self.desk(&format!("ssh {address} cat /etc/zookeeper/conf/myid"));
            assert_eq!(said.trim_end(), id, "{name}");
        }
    }
}

/// The mirror is trusted by its signature alone.
fn forged(lab: &Lab) {
    let script = "sed -i s/lab/l4b/ /srv/mesosphere/dists/bookworm/InRelease; apt-get -o APT::Update::Error-Mode=any update 2>&1";
    let answer = lab.ask("slave2", script, &[], b"");
    assert!(answer.code != 0 && answer.out.contains("BADSIG"), "a forged index was taken: {}", answer.out);
    lab.say("a forged index of packages is refused");
}
