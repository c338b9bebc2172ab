//! What programs read of `lock`, `fetch` and `store` obeys its published schema, and says what happened.

use std::fs;

use serde_json::{Value, json};

use super::desk::Desk;
use crate::cli::{Done, finish, schema, stdout_of};
use clusterseed::format::checksum::Sha256Sum;

/// A package whose file is in the folder of the repository, too.
fn package(desk: &Desk, name: &str, version: &str, more: &str) -> String {
    let bytes = format!("{name} {version}");
    fs::create_dir_all(desk.path().join("pool")).unwrap();
    fs::write(desk.path().join(format!("pool/{name}_{version}.deb")), &bytes).unwrap();
    let sha256 = Sha256Sum::of(bytes.as_bytes()).hex();
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nFilename: {name}_{version}.deb\nSize: {}\nSHA256: {sha256}\n{more}\n",
        bytes.len()
    )
}

/// The last line, which obeys its schema.
fn last(done: &Done, which: &str) -> Value {
    let value: Value = serde_json::from_str(done.out.lines().last().unwrap_or_else(|| panic!("nothing: {}", done.err))).unwrap();
    let published: Value = serde_json::from_str(&stdout_of(&["schema", which])).unwrap();
    assert_eq!(schema::check(&published, &value), Vec::<String>::new());
    value[which].clone()
}

#[test]
fn of_lock_and_fetch() {
    let desk = Desk::new("app", &[]);
    let old = [package(&desk, "app", "1", "Depends: lib\n"), package(&desk, "lib", "1", "")].concat();
    let source = desk.flat("pool", &old);
    desk.spec("app", std::slice::from_ref(&source), "");
    let json = ["--format", "json"];
    let lock = |more: &[&str]| desk.lock(&[&json[..], more].concat());
    let missing = lock(&["--locked"]);
    assert_eq!((missing.code, &last(&missing, "lock")["state"]), (1, &json!("would-change")));
    let first = last(&lock(&[]), "lock");
    assert_eq!(first["state"], "new");
    assert_eq!(first["changes"], json!([{"name": "app", "old": [], "new": ["1"]}, {"name": "lib", "old": [], "new": ["1"]}]));
    let of = |name: &str| first["packages"].as_array().unwrap().iter().find(|package| package["name"] == name).unwrap().clone();
    assert_eq!((of("app")["for"].clone(), of("lib")["for"].clone()), (json!({"node": []}), json!({"node": ["app"]})));
    assert_eq!((of("lib")["path"].clone(), first["bytes"].clone()), (json!("lib_1.deb"), json!(10)));
    let same = last(&lock(&[]), "lock");
    assert_eq!((&same["state"], &same["changes"], &same["packages"]), (&json!("unchanged"), &json!([]), &first["packages"]));
    assert_eq!(last(&lock(&["--locked"]), "lock")["state"], "unchanged");
    // Something else is asked, the packages are the same.
    desk.spec("app, lib", std::slice::from_ref(&source), "");
    let asked = last(&lock(&[]), "lock");
    assert_eq!((&asked["state"], &asked["changes"], &asked["other_changes"]), (&json!("changed"), &json!([]), &json!(true)));

    let fetch = |more: &[&str]| finish(&mut desk.command(&[&["fetch", "cluster.yaml", "--format", "json"], more].concat()));
    let done = fetch(&[]);
    let result = last(&done, "fetch");
    assert_eq!((done.code, &result["fetched"], &result["packages"][0]["error"]), (0, &json!(2), &Value::Null), "{}", done.err);
    assert_eq!(fs::read(result["packages"][1]["file"].as_str().unwrap()).unwrap(), b"lib 1");
    assert_eq!(last(&fetch(&[]), "fetch")["fetched"], 0);

    // A newer one replaces it, one that is damaged cannot be had, and one that nobody offers is a problem, not a result.
    desk.flat("pool", &[old, package(&desk, "lib", "2", "")].concat());
    let newer = last(&lock(&["--upgrade"]), "lock");
    assert_eq!(newer["changes"], json!([{"name": "lib", "old": ["1"], "new": ["2"]}]));
    fs::write(desk.path().join("pool/lib_2.deb"), "lib X").unwrap();
    let done = fetch(&[]);
    let result = last(&done, "fetch");
    assert!(done.code == 2 && result["packages"][1]["error"].as_str().unwrap().contains("changed or damaged"), "{result}");
    desk.spec("nosuch", std::slice::from_ref(&source), "");
    let refused = lock(&[]);
    assert_eq!(refused.code, 1);
    let line: Value = serde_json::from_str(refused.out.lines().last().unwrap()).unwrap();
    assert_eq!(line["code"], "package-unavailable");
}

#[test]
fn of_store() {
    let desk = Desk::new("app", &[]);
    let index = [package(&desk, "app", "1", "Depends: lib\n"), package(&desk, "lib", "1", "")].concat();
    let source = desk.flat("pool", &index);
    desk.spec("app", std::slice::from_ref(&source), "");
    desk.lock(&[]);
    assert_eq!(finish(&mut desk.command(&["fetch", "cluster.yaml"])).code, 0);
    let store = |arguments: &[&str]| finish(&mut desk.command(&[&["store"], arguments, &["--format", "json"]].concat()));
    let states = |done: &Done| -> Vec<String> {
        let files = last(done, "store")["files"].as_array().unwrap().clone();
        files.iter().map(|file| file["state"].as_str().unwrap().to_string()).collect()
    };
    let listed = store(&["list"]);
    assert_eq!((listed.code, states(&listed)), (0, vec!["stored".to_string(); 2]), "{}", listed.err);
    let file = last(&listed, "store")["files"][0]["file"].as_str().unwrap().to_string();
    assert_eq!(last(&listed, "store")["files"][0]["size"], 5);
    assert_eq!(states(&store(&["check"])), ["sound", "sound"]);

    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(&file, "other").unwrap();
    let damaged = store(&["check"]);
    assert_eq!((damaged.code, states(&damaged)), (1, vec!["damaged".to_string(), "sound".to_string()]));
    assert_eq!(states(&store(&["check", "--remove"])), ["removed", "sound"]);
    assert_eq!(states(&store(&["prune", "cluster.lock"])), Vec::<String>::new());
    assert_eq!(states(&store(&["prune", "--all", "--dry-run"])), ["would-be-removed"]);
    assert_eq!(states(&store(&["prune", "--all"])), ["removed"]);
    assert_eq!(states(&store(&["list"])), Vec::<String>::new());
}
