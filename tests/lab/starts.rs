//! With what the daemons were started: each fixture writes down its arguments and environment at every start.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::real::lab::Lab;

/// The daemons that write.
const DAEMONS: [&str; 4] = ["mesos-master", "mesos-slave", "marathon", "chronos"];

/// All starts of a daemon on a machine since it was made, in order; none when it never started.
pub fn of(lab: &Lab, machine: &str, daemon: &str) -> Vec<Value> {
    let text = fs::read_to_string(lab.on_disk(machine, &format!("/var/log/fixture-{daemon}.json"))).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Number of starts by daemon.
pub fn counts(lab: &Lab, machine: &str) -> [usize; 4] {
    DAEMONS.map(|daemon| of(lab, machine, daemon).len())
}

/// No daemon of another role ever ran here, and none ever ran with what a package or a leftover says.
pub fn never_with_defaults(lab: &Lab, machine: &str, address: &str) {
    let master = machine.starts_with("master");
    for daemon in DAEMONS {
        let starts = of(lab, machine, daemon);
        assert_eq!(starts.is_empty(), (daemon == "mesos-slave") == master, "{machine}: {} starts of {daemon}", starts.len());
        for start in starts {
            let argv = start["argv"].to_string();
            for bad in ["localhost", "127.", "198.51.100.9", "dpkg-dist", "x.bak", "--quorum=1", "4401"] {
                assert!(!argv.contains(bad), "{machine}: {daemon} was started with {bad}: {argv}");
            }
            assert!(daemon != "mesos-master" || argv.contains("\"--quorum=2\""), "{machine}: {argv}");
            let announced = start["env"]["LIBPROCESS_IP"].as_str();
            let wanted = ["marathon", "chronos"].contains(&daemon).then_some(address);
            assert_eq!(announced, wanted, "{machine}: LIBPROCESS_IP of {daemon}");
        }
    }
}

/// The last start of each daemon had exactly the flags that the files of the seed spell, and no other.
pub fn as_planned(lab: &Lab, machine: &str, seed: &Path) {
    let etc = seed.join("root/etc");
    let zk = read(&etc.join("mesos/zk"));
    let hosts = zk.trim_start_matches("zk://").trim_end_matches("/mesos").to_string();
    let log_dir = ("log_dir".to_string(), "/var/log/mesos".to_string());
    let check = |daemon: &str, wanted: BTreeMap<String, String>| {
        let last = of(lab, machine, daemon).pop().unwrap_or_else(|| panic!("{machine}: {daemon} never started"));
        assert_eq!(flags(&last), wanted, "{machine}: flags of {daemon}");
    };
    if machine.starts_with("master") {
        let mut wanted = files(&etc.join("mesos-master"));
        wanted.extend([("zk".to_string(), zk.clone()), ("port".to_string(), "5050".to_string()), log_dir]);
        check("mesos-master", wanted);
        check("marathon", files(&etc.join("marathon/conf")));
        let mut wanted = files(&etc.join("chronos/conf"));
        wanted.extend([("zk_hosts".to_string(), hosts), ("master".to_string(), zk)]);
        check("chronos", wanted);
    } else {
        let mut wanted = files(&etc.join("mesos-slave"));
        wanted.extend([("master".to_string(), zk), log_dir]);
        for folder in ["attributes", "resources"] {
            let pairs: Vec<String> = files(&etc.join("mesos-slave").join(folder)).iter().map(|(k, v)| format!("{k}:{v}")).collect();
            if !pairs.is_empty() {
                wanted.insert(folder.to_string(), pairs.join(";"));
            }
        }
        check("mesos-slave", wanted);
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim_end_matches('\n').to_string()
}

/// Name and content of the files of a folder; `?name` is a flag without a value.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let named = paths.map(|path| (path.file_name().expect("a name").to_string_lossy().trim_start_matches('?').to_string(), read(&path)));
    named.collect()
}

/// `--name=value` and `--name value`; no flag may come twice.
fn flags(start: &Value) -> BTreeMap<String, String> {
    let words: Vec<&str> = start["argv"].as_array().expect("arguments").iter().map(|word| word.as_str().expect("text")).collect();
    let mut found = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let following = words.get(at + 1).filter(|next| !next.starts_with("--")).copied().unwrap_or_default();
        let (name, value) = flag.split_once('=').unwrap_or((flag, following));
        assert!(found.insert(name.to_string(), value.to_string()).is_none(), "{name} twice: {words:?}");
    }
    found
}
