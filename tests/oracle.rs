//! What we write is read back by libraries that we did not write.
//!
//! A corpus of strings that trip YAML readers is written in both styles, each in three places
//! (list item, nested value, map key). It is read by serde_yaml on every run; by PyYAML 3.10 under
//! Python 2.7, which is what Ubuntu 14.04 has, and by a current PyYAML when ignored tests are run.

mod corpus;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clusterseed::yaml::write::{Style, Yaml, write};

use corpus::Corpus;

const STYLES: [(Style, &str); 2] = [(Style::Quoted, "quoted"), (Style::Literal, "literal")];

#[test]
fn serde_yaml_reads_back_what_we_wrote() {
    let corpus = Corpus::new();
    for (style, name) in STYLES {
        let read: serde_yaml::Value = serde_yaml::from_str(&emitted(&corpus, style)).unwrap();
        let (items, nested, keys) = (&read["items"], &read["nested"], &read["keys"]);
        for (n, value) in corpus.values().enumerate() {
            let want = serde_yaml::to_value(json(&value)).unwrap();
            let entry = &nested[format!("n{n}")];
            assert_eq!(items[n], want, "{name}, as an item");
            assert_eq!(entry["value"], want, "{name}, nested");
            assert_eq!(entry["after"].as_bool(), Some(true), "{name}, after {want:?}");
            if n < corpus.strings.len() {
                assert_eq!(keys[want].as_u64(), Some(n as u64), "{name}, as a key: {value:?}");
            }
        }
    }
}

#[test]
#[ignore = "slow: fetches Python 2.7 and two versions of PyYAML on its first run"]
fn pyyaml_reads_back_what_we_wrote() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    run(Command::new("sh").arg(scripts.join("setup.sh")).arg(&cache));

    let corpus = Corpus::new();
    let lines: String = corpus.values().map(|value| format!("{}\n", json(&value))).collect();
    let lines = saved(cache.join("corpus.jsonl"), &lines);
    let documents = STYLES.map(|(style, name)| saved(cache.join(name).with_extension("yaml"), &emitted(&corpus, style)));
    for python in ["python2", "python3"] {
        let mut readback = Command::new(cache.join(python));
        readback.arg(scripts.join("yaml_readback.py")).arg(&lines).args(&documents);
        print!("{}", run(&mut readback));
    }
}

/// Runs to the end and returns stdout; panics with all that was said when it fails.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout
}

fn saved(path: PathBuf, content: &str) -> PathBuf {
    fs::write(&path, content).unwrap();
    path
}

/// The corpus in the three places, as `yaml_readback.py` describes them.
fn emitted(corpus: &Corpus, style: Style) -> String {
    let nested = corpus.values().enumerate().map(|(n, value)| {
        let entry = vec![("value".into(), value), ("after".into(), Yaml::Bool(true))];
        (format!("n{n}").into(), Yaml::Map(entry))
    });
    let keys = corpus.strings.iter().enumerate().map(|(n, key)| (key.into(), Yaml::Int(n as i64)));
    let document = Yaml::Map(vec![
        ("items".into(), Yaml::Seq(corpus.values().collect())),
        ("nested".into(), Yaml::Map(nested.collect())),
        ("keys".into(), Yaml::Map(keys.collect())),
    ]);
    let mut text = String::new();
    write(&document, style, &mut text);
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')), "not printable ASCII");
    text
}

fn json(value: &Yaml) -> serde_json::Value {
    match value {
        Yaml::Str(text) => text.as_ref().into(),
        Yaml::Bool(value) => (*value).into(),
        Yaml::Int(value) => (*value).into(),
        Yaml::Seq(items) => items.iter().map(json).collect(),
        Yaml::Written(_) => unreachable!("the corpus holds nothing that was written before"),
        Yaml::Map(entries) => entries.iter().map(|(key, value)| (key.to_string(), json(value))).collect(),
    }
}
