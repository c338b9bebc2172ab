//! The page of `status --html`: whole, alone, and deaf to what hostile machines say.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::server::{Rule, Served};
use super::{Case, case, good};
use crate::report::elements;
use crate::support::{scratch, texts};

/// Exit code, stdout, stderr of `status` with these further words, and the folder's page, if there is one.
fn run(case: &Case, folder: &Path, words: &[&str]) -> (Option<i32>, String, String, Option<String>) {
    let served = Served::begin(&case.hosts(folder), case.rules.clone(), case.login.clone());
    let output = case.command(folder, &served).args(words).output().expect("the program");
    let (out, err) = texts(&output);
    (output.status.code(), out, err, fs::read_to_string(folder.join("page.html")).ok())
}

/// What a browser shows of it, without elements.
fn shown(page: &str) -> String {
    let body = page.split_once("<body>").map_or("", |(_, body)| body);
    let text: String = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    ["&lt; <", "&gt; >", "&quot; \"", "&#39; '", "&amp; &"].iter().fold(text, |text, pair| {
        let (code, sign) = pair.split_once(' ').expect("a pair");
        text.replace(code, sign)
    })
}

/// Without the numbers in which hosts differ.
fn numberless(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_digit(), "")
}

/// Three masters and three hundred slaves; of these, some take connections and never answer.
pub fn many(silent: &[&str]) -> Case {
    let rule = |ask: &str, answer: serde_json::Value| Rule { ask: ask.split(' ').map(str::to_string).collect(), answer };
    let mut case = good("guide");
    case.name = "many".into();
    case.spec = case.spec.replace("\"slave[1-3]\"", "\"slave[1-300]\"").replace("subnet: 192.0.2.0/24", "subnet: 192.0.0.0/16");
    let entry = |n: u32| {
        let address = std::net::Ipv4Addr::from(u32::from(std::net::Ipv4Addr::new(192, 0, 2, 50)) + n);
        json!({"hostname": address.to_string(), "pid": format!("slave(1)@{address}:15051"), "active": true})
    };
    let slaves: Vec<serde_json::Value> = (1..=300).map(entry).collect();
    case.rules.push(rule("master1 15050 /master/state.json", json!({"patch": {"slaves": slaves}})));
    case.rules.extend(silent.iter().map(|hosts| rule(&format!("{hosts} 15051"), json!({"act": "silent"}))));
    case.arguments = ["--timeout", "5secs"].map(String::from).to_vec();
    case
}

/// It says what the table and the findings say, whatever is wrong, and the exit code stays that of `status`.
#[test]
fn pages_say_what_the_table_says() {
    for name in ["sound-guide", "wrong-quorum", "garbage", "unreachable", "two-leaders", "no-quorum", "whitelist", "stranger"] {
        let (case, folder) = (case(name), scratch());
        let path = folder.path().join("page.html");
        let (code, out, err, page) = run(&case, folder.path(), &["--html", path.to_str().expect("UTF-8")]);
        let page = page.unwrap_or_else(|| panic!("{name}: {err}"));
        let wanted = fs::read_to_string(crate::support::data("status/cases").join(format!("{name}.txt"))).expect("a case");
        assert!(wanted.starts_with(&format!("exit {}\n--- stdout\n{out}", code.expect("a code"))), "{name}: the table stays: {out}");
        assert!(err.contains("page.html; open it in a browser\n"), "{name}: {err}");
        for landmark in ["header", "nav", "main", "footer", "h1", "time", "svg"] {
            assert!(elements(&page).iter().any(|element| element == landmark), "{name} lacks {landmark}");
        }
        let text = shown(&page);
        for line in wanted.lines() {
            let message = line.split_once("]: ").map_or(String::new(), |(_, message)| message.replace('`', ""));
            assert!(text.contains(&message), "{name} does not say: {message}");
            // What to do on many hosts is told of the first.
            let help = line.strip_prefix("  = help: ").unwrap_or_default().replace('`', "");
            assert!(numberless(&text).contains(&numberless(&help)), "{name} does not say: {help}");
        }
        assert_eq!(text.contains("As the spec says."), code == Some(0), "{name}");
        assert!(!page.contains("hunter2") && !page.contains("aHVudGVyMi"), "{name} tells a secret");
    }
}

/// Names, versions, parts, addresses and flags that would be elements, attributes or scripts are text, or are not shown.
#[test]
fn hostile_answers_stay_text() {
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;b&gt;`</code><svg onload=x>";
    let rule = |ask: &str, answer: serde_json::Value| Rule { ask: ask.split(' ').map(str::to_string).collect(), answer };
    let mut case = good("guide");
    case.rules.push(rule("master* 12181 srvr", json!(format!("Zookeeper version: {evil}, x\nMode: {evil}\n"))));
    case.rules.push(rule("master* 12181 mntr", json!(format!("zk_version\t{evil}\nzk_server_state\t{evil}\n"))));
    let flags = json!({"quorum": evil, "zk": format!("zk://mesos:hunter2@{evil}/mesos"), "work_dir": evil});
    let stranger = json!({"hostname": evil, "pid": format!("slave(1)@{evil}:1"), "active": true});
    let patch = json!({"version": evil, "hostname": evil, "leader": format!("master@{evil}"), "flags": flags, "slaves": [stranger]});
    case.rules.push(rule("master* 15050 /master/state.json", json!({"patch": patch})));
    case.rules.push(rule("slave* 15051", json!({"patch": {"version": evil, "hostname": evil, "flags": {"work_dir": evil}}})));
    case.rules.push(rule("master* 18080 /v2/info", json!({"patch": {"version": evil, "leader": evil, "name": evil}})));
    let folder = scratch();
    let path = folder.path().join("page.html");
    let (code, _, err, page) = run(&case, folder.path(), &["--html", path.to_str().expect("UTF-8")]);
    let page = page.expect("a page");
    assert_eq!(code, Some(1), "{err}");
    let known = elements(&page);
    for foreign in ["script", "img", "b", "iframe", "object", "link", "form"] {
        assert!(!known.iter().any(|element| element == foreign), "<{foreign}>");
    }
    assert!(!page.contains("hunter2") && shown(&page).matches("<script>alert(1)").count() > 3, "{}", shown(&page));
    let attributes = regex_lite::Regex::new(r"<[^>]*\son[a-z]+\s*=").expect("a pattern");
    assert!(!attributes.is_match(&page));
}

/// Printed, written over an earlier one, never over a foreign file; for nobody, too; and not beside JSON on one stream.
#[test]
fn pages_go_where_they_are_told() {
    let folder = scratch();
    let path = folder.path().join("page.html");
    let file = path.to_str().expect("UTF-8");
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let sound = case("sound-guide");
    let (code, out, err, page) = run(&sound, folder.path(), &["--html", "-"]);
    assert_eq!((code, page), (Some(0), None), "{err}");
    assert!(out.starts_with("<!DOCTYPE html>") && out.ends_with("</html>\n") && err.ends_with("as the spec says\n"), "{out}{err}");
    // The time of the question, not that of a build.
    let time = regex_lite::Regex::new(r#"<time datetime="(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):\d\dZ">"#).expect("a pattern");
    let asked = time.captures(&out).expect("a time");
    let minutes = asked[2].parse::<u64>().expect("hours") * 60 + asked[3].parse::<u64>().expect("minutes");
    let late = (minutes + 1440 - begun / 60 % 1440) % 1440;
    assert!(late < 30, "{} and {begun}", &asked[0]);

    fs::write(&path, "mine").expect("a file");
    let (code, out, err, page) = run(&sound, folder.path(), &["--html", file]);
    assert_eq!((code, out.as_str(), page.as_deref()), (Some(2), "", Some("mine")), "{err}");
    fs::remove_file(&path).expect("it goes");
    let (code, _, err, first) = run(&case("refused-one"), folder.path(), &["--html", file]);
    assert!(code == Some(1) && first.as_ref().is_some_and(|page| page.contains("Not as the spec says: 1 difference.")), "{err}");
    let (code, json, err, second) = run(&sound, folder.path(), &["--html", file, "--format", "json", "--wait", "1mins"]);
    assert!(code == Some(0) && second != first && json.starts_with("{\n"), "{err}");
    let (code, _, err, third) = run(&case("unreachable-all"), folder.path(), &["--html", file]);
    assert!(code == Some(2) && third.is_some_and(|page| page.contains("Not one of the hosts could be reached.")), "{err}");
    let (code, out, err, _) = run(&sound, folder.path(), &["--html", "-", "--format", "json"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    let (code, _, err, _) = run(&sound, folder.path(), &["--html", folder.path().join("no/such.html").to_str().expect("UTF-8")]);
    assert!(code == Some(2) && err.contains("such.html"), "{err}");
}
