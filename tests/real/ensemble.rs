//! Three ZooKeeper members and a client, from the test profile: first boot, reboot, damage, and a changed spec. They install from
//! where the image's own sources point.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::host::{as_planned, status, word};
use super::lab::{Built, Lab};
use crate::support::root;

const MACHINES: [&str; 4] = ["member1", "member2", "member3", "client1"];
const SEED: &str = "/var/lib/clusterseed/seed";
/// Of "correct horse", as `mkpasswd -m sha-512` prints it.
const HASH: &str = "$6$clusterseed$YfKhF7.s7a8f8ujxP2rc9bKzJhzoymdmUWMQTdkcDbIFbi89iH4nra8Cr4NHLLDBePghjJRP86LLMvZZ0W/6o.";

fn spec(public_key: &str) -> String {
    format!(
        r#"version: 1
cluster: ensemble
profile: zookeeper
platform: debian-12
network:
  subnet: 192.0.2.0/24
  gateway: 192.0.2.250
  nameservers: [192.0.2.253]
  search: [example.net]
  interface: host0
hosts:
  - {{name: "member[1-3]", role: member, address: 192.0.2.1}}
  - {{name: client1, role: client, address: 192.0.2.9, settings: {{log_level: WARN}}}}
packages:
  extra: [zookeeperd]       # on the client too: there its service must never run
access:
  users:
    - {{name: ops, gecos: On call, groups: [adm], sudo: true, ssh_keys: ["{public_key}"], password_hash: "{HASH}"}}
"#
    )
}

#[test]
#[ignore = "needs root: boots machines with systemd-nspawn; run with --ignored"]
fn ensemble() {
    let Some(lab) = Lab::begin("ensemble") else { return };
    let (private_key, public_key) = lab.key_pair();
    let text = spec(&public_key);
    let built = lab.build("spec", &text);
    let seeds = MACHINES.map(|name| (name, built.seed(name)));
    seeds.iter().for_each(|(_, seed)| lab.schema(&seed.join("user-data")));
    lab.say("built; cloud-init's schema finds nothing in user-data");
    java(&lab);
    lab.first_boot(&seeds);
    let holds = |when: &str| {
        lab.each(&MACHINES, |machine| {
            as_planned(&lab, &built, machine);
            network(&lab, machine);
            users(&lab, machine, &public_key);
        });
        elected(&lab);
        let asked = lab.status(&built, &[]);
        assert!(asked.code == 0 && asked.out.contains("  zookeeper  3 of 3 answer, member"), "{}{}", asked.out, asked.err);
        // Debian's ZooKeeper answers the words of the whitelist alone, and `conf` is not among those of the profile.
        assert_eq!(asked.err.matches("does not answer conf by permission").count(), 3, "{}", asked.err);
        lab.say(&format!("{when}: all machines are as planned, one member leads, and `status` says so"));
    };
    holds("first boot");
    logs_in(&lab, &private_key);
    let node = "/usr/share/zookeeper/bin/zkCli.sh -server 192.0.2.1:2181";
    lab.shell("member1", &format!("{node} create /kept 'over the reboot'"), &[]);
    lab.say("logged in over SSH; wrote a node");

    lab.reboot(&MACHINES);
    holds("after the reboot");
    let kept = lab.shell("member3", &format!("{} get /kept", node.replace(".1:", ".3:")), &[]);
    assert!(kept.contains("over the reboot"), "{kept}");
    lab.say("another member has the node");

    again(&lab);
    dead(&lab, &built);
    elected(&lab);
    changed(&lab, &text);
    elected(&lab);
}

/// Machines with Java in their image are installed in a fraction of the time.
fn java(lab: &Lab) {
    let cache = lab.tree().parent().expect("a folder for all trees");
    let made = Command::new("sh").arg(root().join("tests/lab/java.sh")).arg(cache).status().expect("sh runs");
    assert!(made.success(), "java.sh: {made}");
    let layers = [&cache.join("java"), lab.tree()].map(|layer: &Path| layer.to_string_lossy().into_owned());
    fs::write(lab.home.join("work/root"), layers.join(":")).expect("layers for boot.sh");
}

fn network(lab: &Lab, machine: &str) {
    let said = lab.shell(machine, "ip -4 route show default; resolvectl dns host0; resolvectl domain host0; cat /etc/hosts", &[]);
    assert!(said.starts_with("default via 192.0.2.250 dev host0"), "{machine}: {said}");
    assert!(said.contains("(host0): 192.0.2.253\n") && said.contains("(host0): example.net\n"), "{machine}: {said}");
    for n in 1..=3 {
        assert!(said.contains(&format!("192.0.2.{n} member{n}.example.net member{n}\n")), "{machine}: {said}");
    }
}

fn users(lab: &Lab, machine: &str, public_key: &str) {
    let script = "getent passwd ops | cut -d: -f5-; getent shadow ops | cut -d: -f2; id -nG ops; \
        cd /home/ops/.ssh; stat -c '%a %U' authorized_keys; cat authorized_keys";
    let said = lab.shell(machine, script, &[]);
    assert_eq!(said, format!("On call:/home/ops:/bin/bash\n{HASH}\nops adm\n600 ops\n{public_key}\n"), "{machine}");
}

/// With the key of the spec, by a name that only /etc/hosts knows, and on to root.
fn logs_in(lab: &Lab, private_key: &str) {
    let script = "umask 077; cat >/root/key; ssh -n -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no ops@member1 sudo -n id -un";
    let answer = lab.ask("client1", script, &[], private_key.as_bytes());
    assert_eq!(answer.out, "root\n", "{}", answer.err);
}

/// One leader, two followers; the members need a moment to find each other.
fn elected(lab: &Lab) {
    let script = "for n in 1 2 3; do echo srvr | nc -w 5 192.0.2.$n 2181 | sed -n 's/^Mode: //p'; done | sort | tr '\\n' ' '";
    let mut said = String::new();
    for _ in 0..60 {
        said = lab.shell("client1", script, &[]);
        if said == "follower follower leader " {
            return;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    panic!("no ensemble: {said}");
}

/// Where nothing differs, `--check` says so and a second run touches nothing.
fn again(lab: &Lab) {
    lab.each(&MACHINES, |machine| {
        let same = lab.ask(machine, "sh $1/apply --check", &[SEED], b"");
        assert_eq!((same.code, same.out.as_str()), (0, "this host is what its seed says\n"), "{machine}: {}", same.err);
        let script = "pgrep java >/root/before; touch /root/mark; sleep 0.1; sh $1/apply >/dev/null && pgrep java | cmp - /root/before && \
            find /etc /usr /home /var/lib/dpkg /var/lib/cloud -newer /root/mark";
        assert_eq!(lab.shell(machine, script, &[SEED]), "", "{machine}: a second run touched something");
        assert_eq!(status(lab, machine)["changes"], 0, "{machine}");
    });
    lab.say("`apply --check` is content and a second run changes nothing");
}

/// systemd takes a SysV service for active when its daemon is dead; only the port tells.
fn dead(lab: &Lab, built: &Built) {
    lab.shell("member3", "pkill -9 java", &[]);
    let asked = lab.status(built, &[]);
    assert!(
        asked.code == 1 && asked.err.contains("difference[refused]: zookeeper on member3 (192.0.2.3:2181) "),
        "{}{}",
        asked.out,
        asked.err
    );
    let check = lab.ask("member3", "sh $1/apply --check", &[SEED], b"");
    assert_eq!(check.code, 1, "{}", check.out);
    assert!(check.out.contains("differs: zookeeper: nothing listens on port 2181\n"), "{}", check.out);
    lab.shell("member3", "sh $1/apply", &[SEED]);
    assert_eq!(status(lab, "member3")["changes"], 1);
    let asked = lab.status(built, &["--wait", "1mins"]);
    assert_eq!(asked.code, 0, "{}{}", asked.out, asked.err);
    lab.say("a dead daemon was seen and started again");
}

/// Holds dpkg's lock for some seconds, as an update in the background does (fcntl(2), as apt and dpkg lock).
const HOLD_LOCK: &str = "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(9)";

/// A changed spec, carried in by hand: new content restarts what reads it, what is no longer planned goes away, and what holds
/// the package lock is waited for.
fn changed(lab: &Lab, text: &str) {
    let text = text.replace("extra: [zookeeperd]", "extra: [zookeeperd, cron]");
    let built: Built = lab.build("changed", &format!("{text}settings: {{sync_limit: 7, ipv4_only: false}}\n"));
    let drop_in = "/etc/systemd/system/zookeeper.service.d/clusterseed.conf";
    assert!(lab.on_disk("member1", drop_in).exists());
    let before = lab.shell("member1", "pgrep java", &[]);
    let run = "cd /root && tar xz && seed/apply --dry-run && systemd-run --quiet python3 -c \"$1\" && sleep 1 && \
        seed/apply && seed/apply --check";
    let answer = lab.ask("member1", run, &[HOLD_LOCK], &built.read("member1", "seed.tar.gz"));
    let said = answer.out;
    assert_eq!(answer.code, 0, "{said}{}", answer.err);
    assert!(said.contains("another program holds the package lock: waiting"), "{said}");
    assert!(said.contains("restart zookeeper (its configuration changed)\n"), "{said}");
    assert_ne!(lab.shell("member1", "pgrep java", &[]), before, "zookeeper was not restarted");
    assert_eq!(lab.ask("member1", "test -e $1", &[drop_in], b"").code, 1, "{drop_in} is left");
    assert_eq!(word(&status(lab, "member1")["digest"]), word(&built.plan("member1")["digest"]));
    as_planned(lab, &built, "member1");
    lab.say("a changed seed was carried in and applied");
}
