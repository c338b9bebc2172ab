//! Every way in which a seed travels: the same files arrive, byte for byte; a seed that was tampered with does not.

use std::fs;

use super::host::{as_planned, cloud_init_errors, matches_plan};
use super::lab::{Built, Lab, OUTSIDE};
use super::strings;

const PORT: &str = "8000";
/// A command's words pass through JSON, awk and printf before a program sees them.
const WORDS: &str = r#" a ' " \ \\ \n \0101 %s $HOME `id` * ; end "#;

fn spec(delivery: &str, files: &str) -> String {
    let words = serde_json::to_string(WORDS).expect("a JSON string, which is YAML too");
    format!(
        r#"version: 1
cluster: strings
profile: zookeeper
platform: debian-12
delivery: {delivery}
network: {{subnet: 192.0.2.0/24, interface: host0}}
hosts:
  - {{name: member1, role: member, address: 192.0.2.1}}      # is not booted
  - {{name: "client[1-4]", role: client, address: 192.0.2.11}}
allow: [zookeeper/single-member]
commands:
  - {{at: before-install, run: [sh, -c, 'printf %s "$1" >/opt/words', sh, {words}]}}
  - run: 'echo "$0" >>/opt/line'
{files}"#
    )
}

#[test]
#[ignore = "needs root: boots machines with systemd-nspawn; run with --ignored"]
fn deliveries() {
    let Some(lab) = Lab::begin("deliveries") else { return };
    let (files, wanted) = strings::files(&lab.home);
    let inline = lab.build("inline", &spec("inline", &files));
    let volume = lab.build("volume", &spec("volume", &files));
    let url = lab.build("url", &spec(&format!("{{method: url, url: 'http://{OUTSIDE}:{PORT}'}}"), &files));
    let machines = [("client1", &inline), ("client2", &volume), ("client3", &url), ("client4", &volume)];
    machines.iter().for_each(|(name, built)| lab.schema(&built.seed(name).join("user-data")));

    lab.preload("client2", "seed.tar.gz", &volume.read("client2", "seed.tar.gz"));
    // Bytes that gzip does not look at: only the digest tells.
    let tampered = [volume.read("client4", "seed.tar.gz"), b"more".to_vec()].concat();
    lab.preload("client4", "seed.tar.gz", &tampered);
    let hosts = url.hosts().to_str().expect("a path in UTF-8").to_string();
    let _server = lab.outside(&["python3", "-m", "http.server", "--bind", OUTSIDE, "--directory", &hosts, PORT]);
    lab.say("built, served");
    lab.first_boot(&machines.map(|(name, built)| (name, built.seed(name))));

    for (machine, built) in &machines[..3] {
        as_planned(&lab, built, machine);
        arrived(&lab, machine, &wanted);
    }
    lab.say("inline, volume and url brought the same bytes");
    refused(&lab, &volume, "client4");
    arrived(&lab, "client4", &wanted);
}

/// The bytes of the spec are on the machine's disk, and the commands ran once, with their words.
fn arrived(lab: &Lab, machine: &str, wanted: &[(String, Vec<u8>)]) {
    for (path, bytes) in wanted {
        let found = fs::read(lab.on_disk(machine, path)).unwrap_or_else(|error| panic!("{machine}: {path}: {error}"));
        assert!(found == *bytes, "{machine}: {path} differs: {:?} and not {:?}", found.escape_ascii(), bytes.escape_ascii());
    }
    let read = |path| fs::read_to_string(lab.on_disk(machine, path)).expect("what a command wrote");
    assert_eq!((read("/opt/words").as_str(), read("/opt/line").as_str()), (WORDS, "sh\n"), "{machine}");
}

/// Nothing of a tampered seed is unpacked, cloud-init reports the failure, and the right seed mends it with the same command.
fn refused(lab: &Lab, built: &Built, machine: &str) {
    let errors = cloud_init_errors(lab, machine);
    assert!(errors.len() == 1 && errors[0].contains("runcmd"), "{machine}: {errors:?}");
    let log = fs::read_to_string(lab.on_disk(machine, "/var/log/cloud-init-output.log")).expect("cloud-init's output");
    assert!(log.contains("clusterseed: seed.tar.gz is not the one that user-data names (SHA-256 "), "{machine}: {log}");
    assert_eq!(lab.ask(machine, "cloud-init status", &[], b"").out, "status: error\n", "{machine}");
    assert_eq!(lab.shell(machine, "cd /var/lib/clusterseed && find . ! -type d | sort", &[]), "./fetch\n./keep\n", "{machine}");
    assert_eq!(lab.ask(machine, "ls /opt", &[], b"").out, "", "{machine}: something of the seed was used");
    lab.say("a tampered seed was refused");

    let carried = lab.ask(machine, "cat >/var/lib/cloud/seed/nocloud/seed.tar.gz", &[], &built.read(machine, "seed.tar.gz"));
    assert_eq!(carried.code, 0, "{}", carried.err);
    let user_data: serde_yaml::Value = serde_yaml::from_slice(&built.read(machine, "user-data")).expect("YAML");
    let command = user_data["runcmd"][0].as_str().expect("a command");
    lab.shell(machine, command, &[]);
    matches_plan(lab, built, machine);
    let again = lab.shell(machine, command, &[]);
    assert!(again.starts_with("clusterseed: the seed is here already\n") && again.contains("(0 changes, "), "{machine}: {again}");
    lab.say("the right seed mended it");
}
