//! What programs read has a published schema, and obeys it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::super::golden::built;
use super::super::support;
use super::{run, schema, stdout_of};

fn published(which: &str) -> Value {
    serde_json::from_str(&stdout_of(&["schema", which])).expect("a schema is JSON")
}

fn obeys(schema: &Value, value: &Value, what: &str) {
    assert_eq!(schema::check(schema, value), Vec::<String>::new(), "{what}");
}

fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).expect("a readable file")).expect("YAML that JSON can hold")
}

#[test]
fn specs_obey_their_schema() {
    let schema = published("spec");
    for golden in built() {
        obeys(&schema, &yaml(&support::data("golden").join(&golden.name).join("cluster.yaml")), &golden.name);
    }
    let mut spec = yaml(&support::data("golden/guide/cluster.yaml"));
    for (pointer, value) in [
        ("/network/addressing", serde_json::json!("statik")),
        ("/hosts/0/role", serde_json::json!(7)),
        ("/cluster", serde_json::json!("Upper Case")),
        ("", serde_json::json!({"version": 1})),
    ] {
        let place = spec.pointer_mut(pointer).expect("a place");
        let good = std::mem::replace(place, value);
        assert!(!schema::check(&schema, &spec).is_empty(), "{pointer} passed");
        *spec.pointer_mut(pointer).expect("a place") = good;
    }
}

#[test]
fn profiles_obey_their_schema() {
    let (first, part) = (published("profile"), published("part"));
    let folder = support::root().join("profiles/mesosphere");
    let mut profile = yaml(&folder.join("profile.yaml"));
    obeys(&first, &profile, "mesosphere");
    let parts = profile.as_object_mut().expect("a mapping").remove("parts").expect("it has some");
    assert!(!schema::check(&first, &profile).is_empty(), "without its parts it is not whole");
    for name in parts.as_array().expect("a list") {
        let name = name.as_str().expect("a path");
        obeys(&part, &yaml(&folder.join(name)), name);
    }
    obeys(&first, &yaml(&support::data("profiles/zookeeper/profile.yaml")), "zookeeper");
    assert!(!schema::check(&part, &yaml(&folder.join("profile.yaml"))).is_empty(), "a part has no parts");
}

#[test]
fn outputs_obey_their_schemas() {
    let (manifest, host) = (published("manifest"), published("host"));
    for golden in built() {
        let written: Value = serde_json::from_str(golden.text("manifest.json")).expect("JSON");
        obeys(&manifest, &written, &format!("manifest of {}", golden.name));
        assert_eq!(written["files"].as_array().map(Vec::len), Some(golden.files.keys().filter(|path| is_output(path)).count() - 2));
        for name in golden.hosts() {
            obeys(&host, &golden.host_json(name), &format!("host.json of {name} of {}", golden.name));
        }
    }
}

/// True for what lies in the output folder itself, not in a tarball there.
fn is_output(path: &str) -> bool {
    !path.contains("/seed/")
}

#[test]
fn plans_obey_their_schema() {
    let schema = published("plan");
    for name in ["guide", "secrets", "debian-12"] {
        let spec = support::data("golden").join(name).join("cluster.yaml");
        let done = run(&["plan", "--format", "json", spec.to_str().expect("UTF-8")]);
        assert_eq!(done.code, 0, "{}", done.err);
        let plan: Value = serde_json::from_str(&done.out).expect("JSON");
        obeys(&schema, &plan, name);
        let of_one = run(&["plan", "--format", "json", spec.to_str().expect("UTF-8"), plan["hosts"][0]["name"].as_str().expect("a name")]);
        let of_one: Value = serde_json::from_str(&of_one.out).expect("JSON");
        obeys(&schema, &of_one, name);
        assert_eq!(of_one["hosts"], serde_json::json!([plan["hosts"][0]]), "the plan of a host does not depend on who asks");
    }
}

/// Every line of `--format json` is one object, for `check` and `build`, with and without mistakes in the spec.
#[test]
fn diagnostics_obey_their_schema() {
    let schema = published("diagnostics");
    let folder = support::scratch();
    let good = fs::read_to_string(support::data("golden/guide/cluster.yaml")).expect("the guide");
    let specs = [
        ("good", good.clone(), 0),
        ("two", good.replace("192.0.2.2}", "192.0.2.1}").replace("role: slave", "role: slaev"), 1),
        ("broken", good.replace("hosts:", "hosts: ["), 1),
        ("empty", String::new(), 1),
        ("astral", format!("{good}bogus: \"\u{1f600}\\n\"\n"), 1),
    ];
    for (name, text, code) in specs {
        let spec = folder.path().join(name);
        fs::write(&spec, text).expect("a spec");
        let path = spec.to_str().expect("UTF-8");
        let out = folder.path().join("out");
        for arguments in
            [vec!["check", path, "--format", "json"], vec!["build", path, "--format", "json", "-o", out.to_str().expect("UTF-8")]]
        {
            let done = run(&arguments);
            assert_eq!(done.code, code, "{name}: {}{}", done.out, done.err);
            assert!(code == 0 || !done.out.is_empty(), "{name}");
            let mut lines: Vec<&str> = done.out.lines().collect();
            if arguments[0] == "build" && code == 0 {
                // What was built is followed by what to do with it.
                let last: Value = serde_json::from_str(lines.pop().expect("a last line")).expect("a line of JSON");
                obeys(&published("next"), &last, name);
            }
            for line in lines {
                let value: Value = serde_json::from_str(line).expect("a line of JSON");
                obeys(&schema, &value, name);
            }
        }
    }
}
