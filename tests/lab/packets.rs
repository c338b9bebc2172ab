//! That nothing looks for a way out: every frame that a machine sends is looked at, by `packets.py`.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::real::lab::{Beside, Lab, OUTSIDE};
use crate::support::root;

/// Somebody who watches the bridge until the value ends.
pub struct Packets {
    out: PathBuf,
    looks: Cell<u8>,
    _watch: Beside,
}

impl Packets {
    /// Begins to watch machines with these names and addresses; none of them may have been switched on.
    pub fn watch(lab: &Lab, machines: &[(&str, &str)]) -> Self {
        let out = lab.home.join("packets.json");
        let program = root().join("tests/lab/packets.py");
        let program = ["python3", program.to_str().expect("UTF-8"), out.to_str().expect("UTF-8"), OUTSIDE];
        let machines: Vec<String> = machines.iter().map(|(name, address)| format!("{name}={address}")).collect();
        let watch = lab.outside(&program.into_iter().chain(machines.iter().map(String::as_str)).collect::<Vec<_>>());
        let packets = Self { out, looks: Cell::new(0), _watch: watch };
        packets.until("ready", |lines| lines.iter().any(|line| line["ready"] == true).then_some(()));
        packets
    }

    fn until<T>(&self, what: &str, found: impl Fn(&[Value]) -> Option<T>) -> T {
        for _ in 0..100 {
            let text = fs::read_to_string(&self.out).unwrap_or_default();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
            if let Some(value) = found(&lines) {
                return value;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("packets.py has not seen it: {what}: {}", fs::read_to_string(&self.out).unwrap_or_default());
    }

    /// Since they were switched on the machines sent nothing that was not for one of them. So that this is no lack of eyes, one
    /// machine now sends something to nobody, which has to be seen, and before which nothing may have been overlooked.
    pub fn none_to_elsewhere(&self, lab: &Lab, machine: &str) {
        let look = self.looks.get();
        self.looks.set(look + 1);
        let nobody = |n: u8| format!("192.0.2.{}", 200 + n);
        lab.ask(machine, "exec bash -c 'echo >/dev/udp/$1/9' - $1", &[&nobody(look)], b"");
        let stray = |line: &Value| line["stray"].as_str().unwrap_or_default().to_string();
        let (before, last) = self.until("what was sent on purpose", |lines| {
            let at = lines.iter().position(|line| stray(line).ends_with(&format!(" for {}", nobody(look))))?;
            Some((lines[1..at].iter().map(stray).collect::<Vec<_>>(), lines[at].clone()))
        });
        // Who is asked for and does not answer is asked for again.
        let earlier: Vec<String> = (0..look).map(|n| format!(" for {}", nobody(n))).collect();
        let found: Vec<&String> = before.iter().filter(|what| !earlier.iter().any(|nobody| what.ends_with(nobody))).collect();
        assert!(found.is_empty(), "machines looked for a way out: {found:#?}");
        assert_eq!(last["dropped"], 0, "{last}");
        assert!(last["kinds"]["ipv4"].as_u64() > Some(1000), "the watch saw too little: {last}");
        lab.say(&format!("0 of {} frames were for elsewhere: {}", last["frames"], last["kinds"]));
    }
}
