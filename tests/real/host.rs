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
    let text = fs::read_to_string(lab.on_disk(machine, "/var/lib/cloud/data/result.json")).expect("cloud-init's result");
    let result: Value = serde_json::from_str(&text).expect("JSON in result.json");
    let errors = result["v1"]["errors"].as_array().expect("a list of errors");
    errors.iter().map(|error| error.as_str().unwrap_or_default().to_string()).collect()
}

/// Neither cloud-init nor systemd complains, and the host is in every respect what the plan says.
pub fn as_planned(lab: &Lab, built: &Built, machine: &str) {
    assert_eq!(lab.verdict(machine), "", "{machine}: complaints");
    assert_eq!(cloud_init_errors(lab, machine), Vec::<String>::new(), "{machine}");
    matches_plan(lab, built, machine);
}

/// The host is in every respect what the plan says, whatever happened on the way.
pub fn matches_plan(lab: &Lab, built: &Built, machine: &str) {
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
    let planned = if plan["documents"].is_array() { 10 } else { 9 };
    assert!(phases.len() == planned && phases.iter().all(|phase| phase["result"] == "done"), "{machine}: {status:#}");
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
    let line = |(file, found): (&Value, &str)| {
        // The plan does not tell the digest of a secret: it could be guessed from that.
        let sum = file["sha256"].as_str().unwrap_or_else(|| found.split(' ').next().unwrap_or_default());
        let mode = word(&file["mode"]).trim_start_matches('0');
        format!("{sum} {mode} {} {} {}\n", word(&file["owner"]), word(&file["group"]), word(&file["path"]))
    };
    let wanted: String = planned.iter().zip(answer.out.lines().chain(std::iter::repeat(""))).map(line).collect();
    assert_eq!(answer.out, wanted, "{machine}: files differ\n{}", answer.err);
}

fn packages(lab: &Lab, machine: &str, plan: &Value) {
    let names: Vec<&str> = plan["packages"].as_array().expect("packages").iter().map(|package| word(&package["name"])).collect();
    let states = lab.ask(machine, r#"[ $# -eq 0 ] || dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" | sort"#, &names, b"");
    let installed: String = names.iter().map(|name| format!("{name} installed\n")).collect();
    assert_eq!(states.out, installed, "{machine}: packages\n{}", states.err);
}

/// Own services run, start at boot and listen; all others of the profile cannot start.
fn services(lab: &Lab, machine: &str, plan: &Value) {
    let own = plan["services"].as_array().expect("services");
    let units: Vec<&str> = own.iter().map(|service| word(&service["unit"])).collect();
    let script = "for unit; do echo $unit $(systemctl is-enabled $unit 2>/dev/null) $(systemctl is-active $unit); done; ss -Hltn";
    let said = lab.shell(machine, script, &units);
    for service in own {
        let unit = word(&service["unit"]);
        assert!(said.contains(&format!("{unit} enabled active\n")), "{machine}: {unit}\n{said}");
        for port in service["ports"].as_array().expect("ports") {
            assert!(said.contains(&format!(":{port} ")), "{machine}: nothing on port {port}\n{said}");
        }
    }
    held(lab, machine, plan, &units);
}

/// A start of a service of the profile that is not among `own` has no effect.
pub fn held(lab: &Lab, machine: &str, plan: &Value, own: &[&str]) {
    let holds = plan["holds"].as_array().expect("holds").iter().map(word);
    let foreign: Vec<&str> = holds.filter(|unit| !own.contains(unit)).collect();
    let answer = lab.ask(machine, "for unit; do systemctl start $unit; echo $unit $(systemctl is-active $unit); done", &foreign, b"");
    let inactive: String = foreign.iter().map(|unit| format!("{unit} inactive\n")).collect();
    assert_eq!(answer.out, inactive, "{machine}: held services were started\n{}", answer.err);
}

/// Text of a JSON string.
pub fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}
