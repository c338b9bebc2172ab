//! What a whole cluster must agree on, as a slave sees it over the network.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::real::lab::Lab;

/// A session of a daemon that vanished lasts 10 s, a master that cannot read its registry ends after 60 s and starts again.
const SECONDS: usize = 150;

/// Waits until the masters with these addresses have formed one cluster with all three slaves; gives the leading Mesos master.
pub fn formed(lab: &Lab, masters: &[&str]) -> String {
    let mut why = String::new();
    for _ in 0..SECONDS {
        let answer = lab.ask("slave1", "exec python3 - $*", masters, include_bytes!("observe.py"));
        let view: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("no view of the cluster: {}", answer.err));
        match agree(&view, masters) {
            Ok(leader) => return leader,
            Err(difference) => why = format!("{difference}\n{view:#}"),
        }
        sleep(Duration::from_secs(1));
    }
    panic!("no cluster after {SECONDS} looks: {why}");
}

/// What was seen of the servers of ZooKeeper until it was `over`.
#[derive(Debug)]
pub struct Watch {
    /// The smallest number that took connections at any look.
    pub least_up: usize,
    /// The longest that fewer than two served: when a leader goes, the others elect a new one first.
    pub unserved: Duration,
}

/// Looks all the time.
pub fn watch(lab: &Lab, masters: &[&str], over: &AtomicBool) -> Watch {
    // One process that looks ten times: starting one inside a machine takes longer than a look. A port that nobody listens on
    // refuses at once; a busy machine may take its time to answer.
    let script = r#"n=0; while [ $n -lt 10 ]; do
        up=0 serving=0
        for a; do
            said=$(timeout 5 bash -c 'exec 3<>/dev/tcp/$1/2181 || exit 1; echo srvr >&3; cat <&3' - $a 2>/dev/null) && up=$((up + 1))
            case $said in *"Mode: leader"*|*"Mode: follower"*) serving=$((serving + 1)) ;; esac
        done
        echo "$(date +%s%3N) $up $serving"; n=$((n + 1)); sleep 0.1; done"#;
    let mut seen = Watch { least_up: masters.len(), unserved: Duration::ZERO };
    let mut since = None;
    while !over.load(Ordering::Relaxed) {
        for line in lab.shell("slave1", script, masters).lines() {
            let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
            let [at, up, serving] = numbers[..] else { panic!("{line}") };
            seen.least_up = seen.least_up.min(usize::try_from(up).expect("few"));
            since = (serving < 2).then(|| since.unwrap_or(at));
            seen.unserved = since.map_or(seen.unserved, |since| seen.unserved.max(Duration::from_millis(at - since)));
        }
    }
    seen
}

/// The leading Mesos master, if ZooKeeper, Mesos, Marathon and Chronos all are as they should.
fn agree(view: &Value, masters: &[&str]) -> Result<String, String> {
    let of = |what: &str| masters.iter().map(|address| &view[*address][what]).collect::<Vec<_>>();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();

    let servers = of("zookeeper");
    let leads = servers.iter().filter(|s| s["zk_server_state"] == "leader").collect::<Vec<_>>();
    let followers = servers.iter().filter(|s| s["zk_server_state"] == "follower").count();
    if leads.len() != 1 || followers != masters.len() - 1 || leads[0]["zk_synced_followers"].as_str() != Some(&*followers.to_string()) {
        return Err("ZooKeeper has not one leader with all others in step".into());
    }
    for (address, server) in masters.iter().zip(&servers) {
        if address.rsplit('.').next() != server["serverId"].as_str() {
            return Err(format!("ZooKeeper on {address} has the id {}", server["serverId"]));
        }
    }

    let elected: Vec<_> = masters.iter().filter(|address| view[**address]["metrics"]["master/elected"] == 1.0).collect();
    let [leader] = elected[..] else { return Err(format!("{} leading Mesos masters", elected.len())) };
    let states = of("mesos");
    if states.iter().any(|state| state["leader"] != format!("master@{leader}:5050") || state["flags"]["quorum"] != "2") {
        return Err("the Mesos masters do not agree on their leader".into());
    }
    if of("redirect").iter().any(|place| *place != &format!("//{leader}:5050")) {
        return Err("a Mesos master does not lead browsers to its leader".into());
    }
    let state = &view[*leader]["mesos"];
    let entries = |kind: &str| state[kind].as_array().cloned().unwrap_or_default();
    let mut slaves: Vec<_> = entries("slaves").iter().map(|slave| (text(&slave["pid"]), text(&slave["hostname"]))).collect();
    slaves.sort();
    if slaves != [51, 52, 53].map(|n| (format!("slave(1)@192.0.2.{n}:5051"), format!("192.0.2.{n}"))) {
        return Err(format!("registered slaves: {slaves:?}"));
    }

    // One of each leads; the master must see it at its host's real address.
    let mut frameworks: Vec<String> = Vec::new();
    for framework in entries("frameworks") {
        let (name, host) = (text(&framework["name"]), text(&framework["hostname"]));
        if !masters.contains(&host.as_str()) || !text(&framework["pid"]).contains(&format!("@{host}:")) {
            return Err(format!("a framework is registered from elsewhere: {framework}"));
        }
        let port = if name == "marathon" { 8080 } else { 4400 };
        if of(&name).iter().any(|info| info["leader"] != format!("{host}:{port}")) {
            return Err(format!("{name} is registered from {host}, but not all see it lead there"));
        }
        if view[&host][&name]["frameworkId"] != framework["id"] {
            return Err(format!("{name} on {host} does not know that it is registered"));
        }
        frameworks.push(name);
    }
    frameworks.sort();
    if frameworks != ["chronos", "marathon"] {
        return Err(format!("registered frameworks: {frameworks:?}"));
    }
    Ok((*leader).to_string())
}
