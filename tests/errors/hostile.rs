//! Files that want the program to crash, to hang, or to take all memory. They are made here: a repository of files with broken
//! bytes and of megabytes of brackets would hurt more than it helps.

use std::fmt::Write;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support;

/// Longest that a check may take on a machine that is busy with other tests; alone, a debug build takes three seconds.
const LIMIT: Duration = Duration::from_secs(30);
/// Largest output: a screen or two, whatever comes in.
const MOST_OUTPUT: usize = 64 * 1024;

/// A name, bytes, and what must be found: codes with `LINE:COLUMN`.
struct Hostile {
    name: &'static str,
    bytes: Vec<u8>,
    expected: &'static [(&'static str, &'static str)],
}

/// A spec that is sound; cases spoil it.
const SOUND: &str = "version: 1
cluster: test
profile: mesosphere
platform: ubuntu-14.04
packages: {mirror: \"http://mirror.example.net/mesosphere\"}
network: {subnet: 10.0.0.0/8, nameservers: [10.255.255.253]}
hosts:
  - {name: master1, role: [master, slave], address: 10.0.0.1}
allow: [mesosphere/single-master]
";

fn spoilt(more: &str) -> Vec<u8> {
    format!("{SOUND}{more}").into_bytes()
}

fn specs() -> Vec<Hostile> {
    let hostile = |name, bytes, expected| Hostile { name, bytes, expected };
    let utf16: Vec<u8> = SOUND.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep_blocks: String = (0..100).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}a:", " ".repeat(depth));
        text
    });
    // Nine levels of ten aliases each: ten to the ninth values from half a kilobyte.
    let laughs: String = (1..9).fold("l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".into(), |mut text: String, level| {
        let aliases = vec![format!("*l{}", level - 1); 10].join(", ");
        let _ = writeln!(text, "l{level}: &l{level} [{aliases}]");
        text
    });
    let long_text = "x".repeat(100 * 1024);
    let copies = (0..20_000).map(|_| "  - *big\n").collect::<String>();
    let hosts = (0..20_000).map(|n| format!("  - {{name: slave{n}, role: slav, address: 10.1.{}.{}}}\n", n / 250, n % 250 + 1));
    // Each waits for the one before it; the last has the id of the first, and waits for nobody.
    let apps = (0..1000u32).fold("settings:\n  marathon:\n    apps:\n".to_string(), |mut text, n| {
        let (name, before) = (n % 999, n.saturating_sub(1));
        let on = if n % 999 == 0 { String::new() } else { format!(", dependencies: [/g{}/a{before}]", before / 10) };
        let _ = writeln!(text, "      - {{id: /g{}/a{name}, cmd: x, ports: [{}]{on}}}", name / 10, 10_000 + n);
        text
    });
    let settings = (0..20_000).map(|n| format!("  unknown{n}: {n}\n")).collect::<String>();
    vec![
        hostile("no bytes", Vec::new(), &[("yaml-empty", "1:1")]),
        hostile(
            "not UTF-8",
            [SOUND.as_bytes(), b"files: [{path: /etc/motd, content: \"caf\xe9\"}]\n"].concat(),
            &[("text-not-utf8", "10:40")],
        ),
        hostile("UTF-16", [b"\xff\xfe".to_vec(), utf16].concat(), &[("text-not-utf8", "1:1")]),
        hostile("a byte order mark", [b"\xef\xbb\xbf", SOUND.as_bytes()].concat(), &[("text-bom", "1:1")]),
        hostile("CR LF", SOUND.replace('\n', "\r\n").into_bytes(), &[("text-crlf", "1:11")]),
        hostile("CR alone", SOUND.replace('\n', "\r").into_bytes(), &[]),
        hostile("NUL bytes", vec![0; 1000], &[("yaml-syntax", "1:1")]),
        hostile("a control character", spoilt("\x07"), &[("yaml-syntax", "10:1")]),
        hostile("tabs", SOUND.replace("  - ", "\t- ").into_bytes(), &[("yaml-syntax", "8:1")]),
        hostile("17 MiB of comments", "# 345678901234\n".repeat(17 * 1024 * 1024 / 15).into_bytes(), &[("text-too-large", "1:1")]),
        hostile("4 MiB on one line", vec![b'a'; 4 * 1024 * 1024], &[("wrong-type", "1:1")]),
        hostile("200 KB of brackets", vec![b'['; 200 * 1024], &[("yaml-limit", "1:256")]),
        hostile("200 KB of braces", vec![b'{'; 200 * 1024], &[("yaml-limit", "1:256")]),
        hostile("200 KB of dashes", "- ".repeat(100 * 1024).into_bytes(), &[("yaml-limit", "1:129")]),
        hostile("200 KB of question marks", "? ".repeat(100 * 1024).into_bytes(), &[("yaml-limit", "1:129")]),
        hostile("deep blocks", deep_blocks.into_bytes(), &[("yaml-limit", "65:65")]),
        hostile("200 KB of colons", ":".repeat(200 * 1024).into_bytes(), &[("yaml-syntax", "1:204800")]),
        hostile("200 KB of quotes", "\"".repeat(200 * 1024).into_bytes(), &[("yaml-syntax", "1:3")]),
        hostile("a billion laughs", spoilt(&laughs), &[("yaml-limit", "15:9")]),
        hostile("100 KB, 20,000 times", spoilt(&format!("big: &big {long_text}\nlist:\n{copies}")), &[("yaml-limit", "92:5")]),
        hostile("anchors in anchors", "&a [".repeat(60).into_bytes(), &[("yaml-syntax", "1:240")]),
        hostile(
            "20,000 hosts of no role",
            spoilt("").iter().copied().take(SOUND.find("allow").unwrap()).chain(hosts.collect::<String>().into_bytes()).collect(),
            MANY,
        ),
        hostile("20,000 settings that nobody knows", spoilt(&format!("settings:\n{settings}")), MANY),
        hostile("a host name of a megabyte", SOUND.replace("master1", &"m".repeat(1 << 20)).into_bytes(), &[("invalid-value", "8:12")]),
        hostile("a key of a megabyte", spoilt(&format!("{}: 1\n", "k".repeat(1000))), &[("unknown-field", "10:1")]),
        hostile("a thousand apps", spoilt(&apps), &[("mesosphere/app-id-twice", "1012:14")]),
        hostile("ten thousand documents", "---\na: 1\n".repeat(10_000).into_bytes(), &[("yaml-documents", "3:1")]),
    ]
}

/// Too many to list: the first sixty are drawn.
const MANY: &[(&str, &str)] = &[("many", "")];

/// Codes that the cases above show.
pub const CODES: &[&str] = &["text-bom", "text-crlf", "text-not-utf8", "text-too-large", "yaml-limit"];

#[test]
fn hostile_files_are_refused_quickly() {
    let folder = support::scratch();
    let mut failures = Vec::new();
    for case in specs() {
        let path = folder.path().join("spec.yaml");
        fs::write(&path, &case.bytes).unwrap();
        let begin = Instant::now();
        let mut command = support::clusterseed();
        let output = command.current_dir(folder.path()).args(["check", "spec.yaml"]).stdin(Stdio::null()).output().unwrap();
        let took = begin.elapsed();
        let (data, words) = support::texts(&output);
        let found: Vec<(&str, String)> = drawn(&words);
        let many = case.expected == MANY && found.len() == 60;
        let expected: Vec<(&str, String)> = case.expected.iter().map(|(code, place)| (*code, (*place).to_string())).collect();
        if !many && found != expected {
            failures.push(format!("{}: expected {expected:?}, found {:?}", case.name, &found[..found.len().min(5)]));
        }
        if took > LIMIT {
            failures.push(format!("{}: took {took:?}", case.name));
        }
        if words.len() > MOST_OUTPUT || !data.is_empty() {
            failures.push(format!("{}: {} bytes of words, {} of data", case.name, words.len(), data.len()));
        }
        let errors = words.contains("error[");
        if output.status.code() != Some(i32::from(errors)) {
            failures.push(format!("{}: {}\n{words}", case.name, output.status));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Code and place of everything that was drawn.
fn drawn(words: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut lines = words.lines();
    while let Some(line) = lines.next() {
        let code = line.strip_prefix("error[").or_else(|| line.strip_prefix("warning[")).and_then(|rest| rest.split_once(']'));
        if let Some((code, _)) = code {
            let place = lines.next().and_then(|line| line.split_once("spec.yaml:")).map_or(String::new(), |(_, place)| place.to_string());
            found.push((code, place));
        }
    }
    found
}
