//! What must hold on every machine that booted its seed.

use std::fs;

use serde_json::Value;

use super::lab::{Built, Lab};

/// What `apply` left behind.
pub fn status(lab: &Lab, machine: &str) -> Value {
    let text = fs::read_to_string(lab.on_disk(machine, "/var/lib/clusterseed/status.json")).expect("apply's status");
    serde_json::from_str(&text).expect("JSON in status.json")
}

/// Errors that cloud-init reports of the last boot.
pub fn cloud_init_errors(lab: &Lab, machine: &str) -> Vec<String> {
    let text = lab.shell(machine, "cat /run/cloud-init/result.json", &[]);
    let result: Value = serde_json::from_str(&text).expect("JSON in result.json");
    let errors = result["v1"]["errors"].as_array().expect("a list of errors");
    errors.iter().map(|error| error.as_str().unwrap_or_default().to_string()).collect()
}

/// Neither cloud-init nor systemd complains, and the host is in every respect what the plan says.
pub fn as_planned(lab: &Lab, built: &Built, machine: &str) {
    assert_eq!(lab.verdict(machine), "", "{machine}: complaints");
    assert_eq!(cloud_init_errors(lab, machine), Vec::<String>::new(), "{machine}");
    let plan = built.plan(machine);
    done(lab, machine, &plan);
    identity(lab, machine, &plan);
    files(lab, machine, &plan);
    packages(lab, machine, &plan);
    services(lab, machine, &plan);
}

fn done(lab: &Lab, machine: &str, plan: &Value) {
    let status = status(lab, machine);
    assert_eq!((&status["result"], status["exit"].as_i64()), (&"done".into(), Some(0)), "{machine}: {status:#}");
    assert_eq!(status["digest"], plan["digest"], "{machine}: another plan was applied");
    let phases = status["phases"].as_array().expect("phases");
    assert!(phases.len() == 9 && phases.iter().all(|phase| phase["result"] == "done"), "{machine}: {status:#}");
}

fn identity(lab: &Lab, machine: &str, plan: &Value) {
    let names = lab.shell(machine, "hostname && hostname -f", &[]);
    assert_eq!(names, format!("{}\n{}\n", word(&plan["name"]), word(&plan["fqdn"])), "{machine}: names");
    let address = format!(" {}/24 ", word(&plan["address"]));
    let present = lab.shell(machine, "ip -4 -o addr show dev host0", &[]);
    assert!(present.lines().count() == 1 && present.contains(&address), "{machine}: {present}");
}

/// Content, mode and owner of every planned file, through links such as those of update-alternatives.
fn files(lab: &Lab, machine: &str, plan: &Value) {
    let planned = plan["files"].as_array().expect("files");
    let paths: String = planned.iter().map(|file| format!("{}\n", word(&file["path"]))).collect();
    let script = r#"while IFS= read -r path; do
        sum=$(sha256sum <"$path") && echo "${sum%% *} $(stat -L -c '%a %U %G' "$path") $path"
    done"#;
    let answer = lab.ask(machine, script, &[], paths.as_bytes());
    let line = |file: &Value| {
        let mode = word(&file["mode"]).trim_start_matches('0');
        format!("{} {mode} {} {} {}\n", word(&file["sha256"]), word(&file["owner"]), word(&file["group"]), word(&file["path"]))
    };
    assert_eq!(answer.out, planned.iter().map(line).collect::<String>(), "{machine}: files differ\n{}", answer.err);
}

fn packages(lab: &Lab, machine: &str, plan: &Value) {
    for package in plan["packages"].as_array().expect("packages") {
        let name = word(&package["name"]);
        let state = lab.ask(machine, r#"dpkg-query -W -f '${db:Status-Status}' "$1""#, &[name], b"");
        assert_eq!(state.out, "installed", "{machine}: {name}");
    }
}

/// Own services run, start at boot and listen; all others of the profile cannot start.
fn services(lab: &Lab, machine: &str, plan: &Value) {
    let state = |unit: &str| {
        let answer = lab.ask(machine, "systemctl is-enabled $1 2>/dev/null; systemctl is-active $1", &[unit], b"");
        answer.out.split_whitespace().map(str::to_string).collect::<Vec<_>>()
    };
    let own = plan["services"].as_array().expect("services");
    for service in own {
        let unit = word(&service["unit"]);
        assert_eq!(state(unit), ["enabled", "active"], "{machine}: {unit}");
        let listening = lab.shell(machine, "ss -Hltn", &[]);
        for port in service["ports"].as_array().expect("ports") {
            assert!(listening.contains(&format!(":{port} ")), "{machine}: nothing on port {port}\n{listening}");
        }
    }
    for unit in plan["holds"].as_array().expect("holds").iter().map(word) {
        if !own.iter().any(|service| service["unit"] == unit) {
            assert_eq!(state(unit), ["masked", "inactive"], "{machine}: {unit}");
        }
    }
}

/// Text of a JSON string.
pub fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}
