//! House rules: who imports whom, documents, sizes, help, codes, data, scripts, words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clusterseed::diag::{Diagnostics, Sources, codes};
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::platform;
use clusterseed::profile::catalog::Catalog;
use clusterseed::profile::load;
use regex_lite::Regex;

use crate::support::{clusterseed, files, root, scratch, texts};

/// A longer file is two files.
const LINES: usize = 400;

/// Longer ones, and why.
const LONG: &[(&str, &str)] = &[
    ("src/profile/mod.rs", "the parts of a profile, each a few lines; those with a behaviour of their own have rooms"),
    ("src/profile/load/mod.rs", "one reader for one format; its larger fields have rooms of their own below it"),
    ("src/yaml/write.rs", "a third of it is tests of what it writes"),
];

/// Every file of the repository by relative path; what is built or fetched is left out.
fn repository() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root()).expect("the repository") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if matches!(name.as_str(), "target" | "out" | ".git") {
            continue;
        }
        match path.is_dir() {
            true => found.extend(files(&path).into_iter().map(|(below, path)| (format!("{name}/{below}"), path))),
            false => found.push((name, path)),
        }
    }
    // `tests/fuzz/run.sh` copies the lock file of the program beside the fuzz targets.
    found.retain(|(name, _)| name != "tests/fuzz/Cargo.lock");
    found.sort();
    found
}

fn rust(below: &str) -> Vec<(String, String)> {
    let found = repository().into_iter().filter(|(name, _)| name.starts_with(below) && name.ends_with(".rs"));
    found.map(|(name, path)| (name, fs::read_to_string(path).expect("UTF-8"))).collect()
}

/// Fails with all that was found at once.
fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// A row of the table in `src/lib.rs`: the modules of which it speaks, and what they may use (none: everything).
type Row = (Vec<String>, Option<Vec<String>>);

fn table() -> Vec<Row> {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `")).map(|line| {
        let (modules, uses) = line.split_once('|').expect("two cells");
        let uses = uses.split(';').next().unwrap_or_default();
        (names(&format!("`{modules}")), (!uses.contains("everything")).then(|| names(uses)))
    });
    rows.collect()
}

/// `src/plan/group.rs` is `plan::group`.
fn module(file: &str) -> String {
    file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::")
}

fn within(module: &str, of: &str) -> bool {
    module.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Modules of ours that a file uses, with the line; without comments and tests.
fn imports(text: &str, module: &str) -> Vec<(usize, String)> {
    let path = Regex::new(r"\bcrate::((?:[a-z_0-9]+::)*[a-z_0-9]+|\{)").expect("a pattern");
    let above = Regex::new(r"^(?:pub )?use ((?:super::)+)([a-z_0-9]+|\{)").expect("a pattern");
    let own: Vec<&str> = module.split("::").collect();
    let mut found = Vec::new();
    let code = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    for (number, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
        found.extend(path.captures_iter(line).map(|c| (number + 1, c[1].to_string())));
        if let Some(c) = above.captures(line) {
            let kept = own.len().saturating_sub(c[1].matches("super").count());
            let names = own[..kept].iter().copied().chain((kept == 0 || &c[2] != "{").then_some(&c[2]));
            found.push((number + 1, names.collect::<Vec<_>>().join("::")));
        }
    }
    found
}

#[test]
fn imports_keep_to_the_table() {
    let table = table();
    let mut broken = Vec::new();
    let mut spoken: BTreeSet<&str> = BTreeSet::new();
    for (file, text) in
        rust("src/").iter().filter(|(file, _)| !file.contains("/tests/") && !matches!(file.as_str(), "src/lib.rs" | "src/main.rs"))
    {
        let own = module(file);
        let row = table.iter().flat_map(|(modules, uses)| modules.iter().map(move |m| (m, uses))).find(|(m, _)| within(&own, m));
        let Some((name, uses)) = row else {
            // `yaml/mod.rs` only names what has a row of its own.
            let parent = table.iter().any(|(modules, _)| modules.iter().any(|m| within(m, &own)));
            broken.extend((!parent).then(|| format!("`{own}` has no row in the table of src/lib.rs ({file})")));
            continue;
        };
        spoken.insert(name);
        let Some(uses) = uses else { continue };
        for (line, used) in imports(text, &own) {
            if used.contains('{') {
                broken.push(format!("write one `use` for each module ({file}:{line})"));
            } else if !within(&used, name) && !uses.iter().any(|allowed| within(&used, allowed)) {
                let used = used.split("::").next().unwrap_or_default();
                broken.push(format!("`{name}` may not use `{used}` ({file}:{line})"));
            }
        }
    }
    for name in table.iter().flat_map(|(modules, _)| modules).filter(|name| !spoken.contains(name.as_str())) {
        broken.push(format!("the table of src/lib.rs speaks of `{name}`, which is no module"));
    }
    none(broken);
}

#[test]
fn the_scan_of_imports_sees_every_form() {
    let text = "//! crate::a\nuse crate::b::c::D;\npub use super::super::cli;\nuse super::e;\nuse super::{e, f};\nfn f() { crate::g::h(); }\n#[cfg(test)]\nuse crate::i;\n";
    let found = imports(text, "plan::group").into_iter().map(|(_, module)| module).collect::<Vec<_>>();
    assert_eq!(found, ["b::c", "cli", "plan::e", "plan", "g::h"]);
    assert!(within("plan::group", "plan") && !within("planner", "plan"));
}

#[test]
fn every_module_says_what_it_is() {
    let all = rust("src/").into_iter().chain(rust("tests/")).chain(rust("benches/"));
    none(all.filter(|(_, text)| !text.starts_with("//! ")).map(|(file, _)| format!("{file} does not begin with `//! `")).collect());
}

#[test]
fn every_test_file_is_a_module_of_the_one_binary() {
    let main = fs::read_to_string(root().join("tests/main.rs")).expect("tests/main.rs");
    let names =
        fs::read_dir(root().join("tests")).expect("tests").map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let modules = names.filter_map(|name| name.strip_suffix(".rs").filter(|name| *name != "main").map(str::to_string));
    none(modules.filter(|name| !main.contains(&format!("mod {name};"))).map(|name| format!("tests/main.rs lacks `mod {name};`")).collect());
}

#[test]
fn no_file_is_too_long() {
    let data = |name: &str| name.starts_with("profiles/") && name.ends_with(".yaml");
    let code = |name: &str| [".rs", ".sh", ".py"].iter().any(|end| name.ends_with(end)) || name.starts_with("src/seed/") || data(name);
    let lines = |path: &Path| fs::read_to_string(path).expect("UTF-8").lines().count();
    let long: BTreeMap<String, usize> = repository()
        .into_iter()
        .filter(|(name, _)| code(name))
        .map(|(name, path)| (name, lines(&path)))
        .filter(|(_, n)| *n > LINES)
        .collect();
    let known = |name: &str| LONG.iter().any(|(listed, _)| *listed == name);
    let mut found: Vec<String> = long.iter().filter(|(name, _)| !known(name)).map(|(name, n)| format!("{name} has {n} lines")).collect();
    found.extend(
        LONG.iter().filter(|(name, _)| !long.contains_key(*name)).map(|(name, _)| format!("{name} is not long any more: unlist it")),
    );
    none(found);
}

#[test]
fn no_unfinished_code() {
    let marks = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!"));
    let all = rust("src/").into_iter().chain(rust("tests/")).chain(rust("benches/"));
    let hits = all.flat_map(|(file, text)| {
        marks.iter().filter(|mark| text.contains(mark.as_str())).map(|m| format!("{file}: {m}")).collect::<Vec<_>>()
    });
    none(hits.collect());
}

/// Help of a command and of all below it.
fn help(words: &[&str], wide: &mut Vec<String>) {
    let mut command = clusterseed();
    let output = command.args(words).arg("--help").env_remove("COLUMNS").output().expect("the program");
    assert!(output.status.success(), "{words:?}");
    let text = texts(&output).0;
    let over = text.lines().filter(|line| line.chars().count() > 80);
    wide.extend(over.map(|line| format!("{} --help: {line}", words.join(" "))));
    let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let names: Vec<&str> = commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()).collect();
    names.into_iter().for_each(|name| help(&[words, &[name]].concat(), wide));
}

#[test]
fn help_fits_eighty_columns() {
    let mut wide = Vec::new();
    help(&[], &mut wide);
    none(wide);
}

/// That they are sorted, and that each has a failing case, is tested where they stand and in `errors`.
#[test]
fn every_code_is_used() {
    let declared = Regex::new(r#"(?m)^    ([A-Z_0-9]+) "([a-z0-9-]+)" ""#).expect("a pattern");
    let source = fs::read_to_string(root().join("src/diag/codes.rs")).expect("src/diag/codes.rs");
    let declared: BTreeMap<String, String> = declared.captures_iter(&source).map(|c| (c[1].to_string(), c[2].to_string())).collect();
    let known: Vec<&str> = codes::ALL.iter().map(|code| code.name).collect();
    // By name: among constants, PACKAGES comes before PACKAGE_.
    let names: BTreeSet<&str> = declared.values().map(String::as_str).collect();
    assert_eq!(known, names.into_iter().collect::<Vec<_>>(), "the pattern above no longer finds the codes");
    let use_ = Regex::new(r"\bcodes::([A-Z_0-9]+)\b").expect("a pattern");
    let used: BTreeSet<String> =
        rust("src/").iter().flat_map(|(_, text)| use_.captures_iter(text).map(|c| c[1].to_string()).collect::<Vec<_>>()).collect();
    none(declared.keys().filter(|code| !used.contains(*code)).map(|code| format!("nothing reports {code}")).collect());
    let spelled = |code: &String| !declared.contains_key(code) && code != "ALL";
    none(used.iter().filter(|code| spelled(code)).map(|code| format!("{code} is not declared")).collect());
}

#[test]
fn shipped_data_is_sound() {
    let catalog = Catalog::embedded();
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    for name in catalog.profiles() {
        let profile = load::load(name, &catalog, &mut sources, &mut diags);
        let profile = profile.unwrap_or_else(|| panic!("{name}: {diags:?}"));
        // Of each platform it is said that the profile is sound there, or why not.
        let mut spoken: Vec<&str> = profile.platforms.iter().chain(profile.elsewhere.keys()).map(String::as_str).collect();
        spoken.sort_unstable();
        assert_eq!(spoken, catalog.platforms(), "{name}");
    }
    for name in catalog.platforms() {
        let platform = platform::load(name, &catalog, &mut sources, &mut diags).unwrap_or_else(|| panic!("{name}: {diags:?}"));
        assert_eq!(platform.name, name);
    }
    assert!(!platform::clouds(&catalog, &mut sources, &mut diags).is_empty());
    assert!(diags.is_empty(), "{diags:?}");
}

#[test]
fn scripts_pass_shellcheck() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        eprintln!("skipped: shellcheck is not installed");
        return;
    }
    // The rooms of `apply` are one program, and are looked at as one.
    let program = scratch();
    let whole = [clusterseed::emit::seed::PROGRAM, clusterseed::emit::seed::SUBMIT].concat();
    fs::write(program.path().join("apply"), whole).expect("a file");
    let ours = |name: &str| {
        matches!(name, "src/seed/accept" | "src/seed/bake" | "src/seed/fetch" | "src/seed/keep" | "src/seed/seal" | "src/seed/start")
            || name.ends_with(".sh") && !name.starts_with("src/seed/apply/")
    };
    let files = repository().into_iter().filter(|(name, _)| ours(name));
    let apply = program.path().join("apply");
    let running = files.chain([(apply.display().to_string(), apply)]).map(|(name, path)| {
        std::thread::spawn(move || {
            let output = Command::new("shellcheck").args(["-x", "-f", "gcc"]).arg(&name).current_dir(root()).output().expect("shellcheck");
            (!output.status.success()).then(|| format!("{} ({})", texts(&output).0, path.display()))
        })
    });
    let running: Vec<_> = running.collect();
    none(running.into_iter().filter_map(|thread| thread.join().expect("a thread")).collect());
}

/// The program that travels is all rooms of its folder, in their order.
#[test]
fn apply_is_whole() {
    let rooms = files(&root().join("src/seed/apply"));
    let text: String = rooms.into_iter().map(|(_, path)| fs::read_to_string(path).expect("UTF-8")).collect();
    assert!(text == clusterseed::emit::seed::PROGRAM, "src/emit/seed.rs and src/seed/apply differ");
}

/// `vendor/INDEX`: path, SHA-256, version and origin of everything that we did not write, separated by tabs.
#[test]
fn vendored_files_are_listed() {
    let index = fs::read_to_string(root().join("vendor/INDEX")).expect("vendor/INDEX");
    let rows: Vec<Vec<&str>> = index.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 4 && row.iter().all(|cell| !cell.trim().is_empty())), "four cells in each line");
    let listed: Vec<(String, String)> = rows.iter().map(|row| (row[0].to_string(), row[1].to_string())).collect();
    let there = files(&root().join("vendor")).into_iter().filter(|(name, _)| name != "INDEX");
    let there: Vec<(String, String)> = there.map(|(name, path)| (name, Sha256Sum::of(&fs::read(path).expect("a file")).hex())).collect();
    assert_eq!(listed, there, "vendor/INDEX and vendor/ differ");
}

#[test]
fn the_changelog_has_a_place_for_what_comes() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).expect("CHANGELOG.md");
    let first = text.lines().find(|line| line.starts_with("## "));
    assert_eq!(
        first.map(|line| line.trim_matches(['#', ' ', '[', ']'])),
        Some("Unreleased"),
        "the first section is for what is not released yet"
    );
}

/// Files travel: paths of the machine that they were written on, and words about who wrote them, mean nothing to a reader.
#[test]
fn nothing_speaks_of_where_it_was_written() {
    // In two halves each, or this file would name them.
    let words = [
        ["(?:^|[^A-Za-z0-9_.~$}*/-])/wo", "rk/"],
        ["/tmp/no", "tes"],
        ["/tmp/tar", "get-"],
        ["/root/[.]car", "go"],
        ["(?i)anth", "ropic"],
        ["(?i)\\bclau", "de\\b"],
    ];
    let pattern = Regex::new(&words.map(|halves| halves.concat()).join("|")).expect("a pattern");
    let mut found = Vec::new();
    for (name, path) in repository() {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let lines = text.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
        found.extend(lines.map(|(at, line)| format!("{name}:{}: {}", at + 1, line.trim())));
    }
    none(found);
}
