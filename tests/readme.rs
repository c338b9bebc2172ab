//! The README is true: its commands print what it says, its specs pass, its profile loads, its links lead somewhere.
//!
//! By the first word after the fence: `sh` is the opening pair; of `console`, lines with `$ ` are run, in one folder from top to
//! bottom, and the lines below compared; `yaml` is a whole spec for `check`; `json` is a status; `text` is not run, and listed here.
//! A second word is a path: the block is written there, for the commands below it. `UPDATE_EXPECT=1` writes outputs anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{clusterseed, root, scratch, texts};

/// Beginnings of the blocks that nothing runs, in order.
const NOT_RUN: [&str; 3] = ["packages:\n  source: carried\n", "cluster guide (mesosphere", " disk ─ io::load"];

struct Block<'t> {
    kind: &'t str,
    file: Option<&'t str>,
    body: &'t str,
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("the README")
}

/// All fenced blocks, in order; the body is a slice of the text.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (info, after) = after.split_once('\n').expect("a line break after a fence");
        let end = after.find("```\n").expect("a closing fence");
        let mut words = info.split(' ');
        found.push(Block { kind: words.next().unwrap_or_default(), file: words.next(), body: &after[..end] });
        rest = &after[end + 3..];
    }
    found
}

/// A line of sh, with the program under test on the path; both streams as a terminal would show them.
fn shell(line: &str, folder: &Path) -> (bool, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_clusterseed")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("exec 2>&1\n{line}")).current_dir(folder);
    command.env("PATH", path).env("NO_COLOR", "1").env("LC_ALL", "C").env_remove("SOURCE_DATE_EPOCH");
    let output = command.output().expect("sh");
    (output.status.success(), texts(&output).0)
}

/// Runs the commands of a block; gives the block as it ought to be.
fn console(body: &str, folder: &Path) -> String {
    let commands = body.lines().filter_map(|line| line.strip_prefix("$ "));
    commands.map(|command| format!("$ {command}\n{}", shell(command, folder).1)).collect()
}

/// Sizes and digests move with every byte of a profile or of `apply`; that they are right is for other tests to say.
fn without_numbers(text: &str) -> String {
    let digest = regex_lite::Regex::new("[0-9a-f]{12,}").expect("a pattern");
    let size = regex_lite::Regex::new("[0-9]+ bytes").expect("a pattern");
    size.replace_all(&digest.replace_all(text, "DIGEST"), "SIZE bytes").into_owned()
}

#[test]
fn blocks_are_true() {
    let (text, folder) = (readme(), scratch());
    let (mut written, mut wrong, mut not_run) = (text.clone(), Vec::new(), Vec::new());
    // What the spec with every field names.
    fs::write(folder.path().join("shop.key"), "a key\n").expect("a file of the README");
    for block in blocks(&text) {
        if let Some(file) = block.file {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for a file of the README");
            fs::write(path, block.body).expect("a file of the README");
            continue;
        }
        match block.kind {
            "sh" => {}
            "console" => {
                let actual = console(block.body, folder.path());
                if without_numbers(&actual) != without_numbers(block.body) {
                    wrong.push(format!("the README says:\n{}the program says:\n{actual}", block.body));
                }
                written = written.replacen(&format!("```console\n{}```\n", block.body), &format!("```console\n{actual}```\n"), 1);
            }
            "yaml" => {
                fs::write(folder.path().join("block.yaml"), block.body).expect("a spec");
                let (passed, said) = shell("clusterseed check block.yaml", folder.path());
                if !passed || said.contains("warning") {
                    wrong.push(said);
                }
            }
            "json" => wrong.extend(status(block.body)),
            "text" => not_run.push(block.body),
            other => panic!("nothing is known of a block of `{other}`"),
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(root().join("README.md"), written).expect("writing the README");
    } else {
        assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 writes what is printed; read the difference)", wrong.join("\n"));
    }
    let listed = not_run.len() == NOT_RUN.len() && not_run.iter().zip(NOT_RUN).all(|(body, start)| body.starts_with(start));
    assert!(listed, "blocks that nothing runs are listed in NOT_RUN; there are:\n{}", not_run.join("\n"));
}

/// A status holds what `apply` writes, key by key.
fn status(body: &str) -> Vec<String> {
    let Ok(serde_json::Value::Object(status)) = serde_json::from_str(body) else { return vec![format!("no object:\n{body}")] };
    let apply = clusterseed::emit::seed::PROGRAM;
    let code = apply.split_once("\nwrite_status()").and_then(|(_, rest)| rest.split_once("\n}\n")).expect("write_status").0;
    let missing = status.keys().filter(|key| !code.split(|c: char| !c.is_alphabetic()).any(|word| word == *key));
    missing.map(|key| format!("apply writes no `{key}`")).collect()
}

/// The two commands at the top: the first runs, the second is what continuous integration runs.
#[test]
fn opening_commands() {
    let text = readme();
    let opening = &blocks(&text)[0];
    let commands: Vec<&str> = opening.body.lines().collect();
    assert!(opening.kind == "sh" && commands.len() == 2, "the README opens with two commands");
    let folder = scratch();
    let (passed, said) = shell(&commands[0].replace("cargo run --release --", "clusterseed"), folder.path());
    assert!(passed && folder.path().join("out/hosts/slave3/user-data").is_file(), "{said}");
    // A packaged crate holds no `.ci`.
    if root().join(".ci").is_dir() {
        let script = fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
        let runs = script.lines().any(|line| line.trim() == commands[1] || line.trim().ends_with(&format!(" {}", commands[1])));
        assert!(runs, ".ci/run does not run `{}`", commands[1]);
    }
}

#[test]
fn every_exit_code_of_apply_is_told() {
    let text = readme();
    let told = text.split_once("\n`apply`: ").and_then(|(_, rest)| rest.split_once("\n\n")).expect("the exit codes of apply").0;
    let apply = clusterseed::emit::seed::PROGRAM;
    let codes = apply.lines().filter_map(|line| line.strip_prefix("E_")?.split_once('=')?.1.split_whitespace().next());
    let told: Vec<&str> = told.split(';').filter_map(|part| part.split_whitespace().next()).collect();
    assert_eq!(told, std::iter::once("0").chain(codes).collect::<Vec<&str>>());
}

#[test]
fn every_field_of_a_spec_is_shown() {
    let text = readme();
    let specs: Vec<&str> =
        blocks(&text).into_iter().filter(|block| block.kind == "yaml" && block.file.is_none()).map(|block| block.body).collect();
    let shown = specs.first().expect("the annotated spec");
    let (schema, _) = texts(&clusterseed().arg("schema").output().expect("schema"));
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("a schema");
    let has = |name: &str| shown.lines().any(|line| line.starts_with(&format!("{name}:")));
    // Some of the network exclude each other.
    let anywhere = |name: &str| specs.iter().any(|spec| spec.contains(&format!(" {name}: ")) || spec.contains(&format!(" {name}:\n")));
    for (name, field) in schema["properties"].as_object().expect("fields") {
        assert!(has(name), "the README's spec lacks `{name}`");
        if name == "files" {
            for inner in field["items"]["properties"].as_object().expect("fields").keys() {
                assert!(anywhere(inner), "the README's spec lacks `{inner}` of `files`");
            }
        }
        if name == "network" {
            for inner in field["properties"].as_object().expect("fields").keys() {
                assert!(anywhere(inner), "the README's specs lack `{name}.{inner}`");
            }
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let text = readme();
    let link = regex_lite::Regex::new(r"\]\(([^)]+)\)").expect("a pattern");
    let heading = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-").replace(',', "");
    let headings: Vec<String> = text.lines().filter(|line| line.starts_with('#')).map(heading).collect();
    for target in link.captures_iter(&text).filter_map(|found| found.get(1)).map(|found| found.as_str()) {
        let there = match target.strip_prefix('#') {
            Some(name) => headings.iter().any(|heading| heading == name),
            None => root().join(target).is_file(),
        };
        assert!(there, "`{target}` leads nowhere");
    }
}
