//! The guide's cluster on Debian 12: cloud-init takes it as it is, and where its packages are not to be had, `apply` says so and
//! leaves nothing half started.

use std::fs;

use super::host::{cloud_init_errors, held, status, word};
use super::lab::Lab;
use crate::support::{clusterseed, texts};

const MACHINES: [&str; 2] = ["master1", "slave1"];

/// What `init` writes, on the platform and interface of the machines here, with a mirror where nobody answers.
fn spec() -> String {
    let (init, _) = texts(&clusterseed().args(["init", "-"]).output().expect("init runs"));
    let spec = init.replace("platform: ubuntu-14.04", "platform: debian-12").replace("interface: eth0", "interface: host0");
    assert!(spec.contains("platform: debian-12") && spec.contains("interface: host0"), "{spec}");
    spec + "
packages:
  source: mirror
  mirror: http://192.0.2.250:8000/mesosphere
  versions: {mesos: 0.20.1-1.0.debian12, marathon: 0.7.5-1.0.debian12, chronos: 2.3.2-0.1.debian12}
"
}

#[test]
#[ignore = "needs root: boots machines with systemd-nspawn; run with --ignored"]
fn guide_without_packages() {
    let Some(lab) = Lab::begin("guide") else { return };
    let built = lab.build("spec", &spec());
    for entry in fs::read_dir(built.hosts()).expect("hosts") {
        lab.schema(&entry.expect("a host").path().join("user-data"));
    }
    lab.say("built; cloud-init's schema finds nothing in six user-data");
    lab.first_boot(&MACHINES.map(|machine| (machine, built.seed(machine))));

    lab.each(&MACHINES, |machine| {
        // cloud-init itself has nothing to say but that the command failed.
        let complaints = lab.verdict(machine);
        let foreign =
            complaints.lines().filter(|line| !["runcmd", "scripts-user", "cloud-final", "Runparts"].iter().any(|w| line.contains(w)));
        assert_eq!(foreign.collect::<Vec<_>>(), Vec::<&str>::new(), "{machine}: {complaints}");
        let errors = cloud_init_errors(&lab, machine);
        assert!(errors.len() == 1 && errors[0].contains("runcmd"), "{machine}: {errors:?}");

        let status = status(&lab, machine);
        assert_eq!(
            (word(&status["result"]), word(&status["phase"]), status["exit"].as_i64()),
            ("failed", "install", Some(5)),
            "{status:#}"
        );
        assert!(word(&status["message"]).starts_with("the package sources do not offer what is needed"), "{status:#}");
        assert!(word(&status["next"]).starts_with("check that this host reaches the package source"), "{status:#}");
        let check = lab.ask(machine, "sh /var/lib/clusterseed/seed/apply --check", &[], b"");
        assert_eq!(check.code, 1, "{machine}: {}{}", check.out, check.err);
        assert!(check.out.contains("differs: mesos=0.20.1-1.0.debian12: is not installed\n"), "{machine}: {}", check.out);

        // All services of the profile, its own too, stay where they are: nothing was released.
        held(&lab, machine, &built.plan(machine), &[]);
        let left = lab.shell(machine, "pgrep -a 'java|mesos' || :; ls /usr/sbin/policy-rc.d 2>/dev/null || :", &[]);
        assert_eq!(left, "", "{machine}");
        let units = lab.shell(machine, "ls -d /etc/systemd/system/*.d", &[]);
        for unit in built.plan(machine)["holds"].as_array().expect("holds") {
            assert!(units.contains(&format!("/{}.service.d\n", word(unit))), "{machine}: {unit} is not held\n{units}");
        }
    });
    lab.say("apply failed in words, and nothing runs");
}
