//! A runbook as `guide change` prints it, read by a program: what stands in its columns of commands is done in order, and nothing else
//! is needed.

/// One thing to do.
#[derive(Debug, PartialEq)]
pub enum Task {
    /// Lines for a shell at the operator's desk, that belong together.
    Shell(String),
    /// To switch a machine on for the first time, with this volume.
    Boot {
        /// The host.
        name: String,
        /// Its seed volume.
        volume: String,
    },
    /// The same for further hosts; longer lists are cut.
    Likewise,
    /// To switch a machine off for good.
    Off {
        /// The host.
        name: String,
    },
}

/// Commands of the profile's guides stand seven blanks in, those that are no step of a cluster four.
const COLUMNS: [&str; 2] = ["       ", "    "];

/// All tasks of a runbook, in order. A comment that no hand can follow, or a word in the place of a value, ends the test.
pub fn read(runbook: &str) -> Vec<Task> {
    let (mut tasks, mut block) = (Vec::new(), String::new());
    for line in runbook.lines().chain([""]) {
        let command = COLUMNS.iter().find_map(|column| line.strip_prefix(column));
        let by_hand = command.and_then(|command| command.strip_prefix("# "));
        if (command.is_none() || by_hand.is_some()) && !block.is_empty() {
            tasks.push(Task::Shell(std::mem::take(&mut block)));
        }
        if let Some(words) = by_hand {
            tasks.push(hand(words).unwrap_or_else(|| panic!("nobody knows how to do this: {line}")));
        } else if let Some(command) = command {
            let placeholder = command
                .split(|c: char| !c.is_ascii_alphanumeric())
                .find(|word| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase()));
            assert_eq!(placeholder, None, "a word in the place of a value: {line}");
            block.push_str(command);
            block.push('\n');
        }
    }
    tasks
}

fn hand(words: &str) -> Option<Task> {
    match words.split(' ').collect::<Vec<_>>()[..] {
        // What is to be done with what hosts are given by hand, and with no volume, stands after a comma.
        ["boot", name, "with", volume, ..] => Some(Task::Boot { name: name.into(), volume: volume.trim_end_matches(',').into() }),
        ["switch", "off", name, ..] => Some(Task::Off { name: name.into() }),
        ["…", "and", "likewise", _, ..] => Some(Task::Likewise),
        _ => None,
    }
}

/// What the guide asks to be seen where it shows who leads: one leader of ZooKeeper, all others followers, one elected master.
pub fn is_well(seen: &str) -> bool {
    let modes: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("Mode: ")).collect();
    let elected: Vec<&str> = seen.lines().filter_map(|line| line.rsplit_once("elected\":").map(|(_, value)| value.trim())).collect();
    let count = |all: &[&str], wanted: &str| all.iter().filter(|is| **is == wanted).count();
    let leads = if modes.len() == 1 { count(&modes, "standalone") } else { count(&modes, "leader") };
    leads == 1
        && count(&modes, "follower") + 1 == modes.len()
        && elected.len() == modes.len()
        && elected.iter().filter(|value| value.parse() == Ok(1.0)).count() == 1
}

#[test]
fn a_runbook_is_read_as_it_stands() {
    let text = "shop: a -> b\n\nBuild:\n\n    clusterseed build b -o out\n\n1. Look.\n\n       for h in 1 2; do\n         echo $h\n       done\n\n\
                2. Boot.\n\n       # boot m4 with out/hosts/m4/seed.iso\n       true\n       # switch off m2 (192.0.2.2), if it still runs\n";
    let shell = |text: &str| Task::Shell(text.into());
    let wanted = vec![
        shell("clusterseed build b -o out\n"),
        shell("for h in 1 2; do\n  echo $h\ndone\n"),
        Task::Boot { name: "m4".into(), volume: "out/hosts/m4/seed.iso".into() },
        shell("true\n"),
        Task::Off { name: "m2".into() },
    ];
    assert_eq!(read(text), wanted);
}

#[test]
fn well_is_one_leader_and_one_elected() {
    let seen = |modes: &[(&str, f64)]| -> String {
        modes.iter().map(|(mode, elected)| format!("Mode: {mode}\n\"master/elected\":{elected:?}\n")).collect()
    };
    assert!(is_well(&seen(&[("follower", 1.0), ("leader", 0.0), ("follower", 0.0)])) && is_well(&seen(&[("standalone", 1.0)])));
    for bad in [
        seen(&[("follower", 1.0), ("follower", 0.0), ("follower", 0.0)]),
        seen(&[("leader", 1.0), ("leader", 0.0), ("follower", 0.0)]),
        seen(&[("leader", 1.0), ("follower", 1.0)]),
        seen(&[("leader", 0.0), ("follower", 0.0)]),
        "Mode: leader\n\"master/elected\":1.0\nMode: follower\n".into(),
        String::new(),
    ] {
        assert!(!is_well(&bad), "{bad}");
    }
}
