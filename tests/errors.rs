//! Specs and profiles that must fail, each with all that is said about it.
//!
//! `errors/CODE/VARIANT.yaml` is a spec (rules of the profile: `errors/mesosphere/RULE/`; broken profiles: `errors/profile/MISTAKE/`),
//! `VARIANT.stderr` beside it the whole text that `check` prints in that folder. Its first line says what must be found, no more
//! and no less: `# expect: CODE LINE:COLUMN CODE FILE:LINE:COLUMN … args: --strict …`; ` run: lock` before the arguments runs that instead. `UPDATE_EXPECT=1` writes the texts again:
//! read each as somebody would who has to mend it at night. Files of hostile size or bytes are made by `hostile`.

mod hostile;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clusterseed::diag::{Diagnostics, Sources, codes};
use clusterseed::io::load;
use clusterseed::profile;

use super::support;

/// What a diagnostic is known by: code and place; the file is left out when it is the spec.
type Found = (String, String);

struct Case {
    path: PathBuf,
    expected: Vec<Found>,
    arguments: Vec<String>,
    /// What is run: `check`, unless the case says otherwise.
    command: String,
    is_ascii: bool,
}

#[test]
fn every_case_says_what_it_must() {
    let cases = cases();
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    let (mut folders, errors) = (BTreeSet::new(), support::data("errors"));
    let folder = |path: &PathBuf| path.strip_prefix(&errors).unwrap().iter().next().map(|name| name.to_owned());
    let first: BTreeSet<&PathBuf> = cases.iter().map(|case| &case.path).filter(|path| folders.insert(folder(path))).collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = problems(case, first.contains(&case.path) || !case.is_ascii);
                    failures.lock().unwrap().extend(found.into_iter().map(|why| format!("{}: {why}", case.path.display())));
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn every_code_has_a_case() {
    let cases = cases();
    let mut shown: BTreeSet<&str> = cases.iter().flat_map(|case| &case.expected).map(|(code, _)| code.as_str()).collect();
    shown.extend(hostile::CODES);
    let rules = rules();
    let all = codes::ALL.iter().map(|code| code.name).chain(rules.iter().map(String::as_str));
    let missing: Vec<&str> = all.filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    let known = |code: &&&str| codes::find(code).is_some() || rules.iter().any(|rule| rule == **code);
    let unknown: Vec<_> = shown.iter().filter(|code| !known(code)).collect();
    assert!(unknown.is_empty(), "cases expect codes that nobody has: {unknown:?}");
}

#[test]
fn every_text_belongs_to_a_case() {
    let known: BTreeSet<PathBuf> = cases().iter().map(|case| case.path.with_extension("stderr")).collect();
    let texts = support::files(&support::data("errors")).into_iter().map(|(_, path)| path).filter(|path| has_extension(path, "stderr"));
    let stray: Vec<_> = texts.filter(|path| !known.contains(path)).collect();
    assert!(stray.is_empty(), "no case for {stray:?}");
}

/// Rules of the profile that is shipped, as they are printed.
fn rules() -> Vec<String> {
    let catalog = load::catalog(&[]).unwrap();
    let profile = profile::load::load("mesosphere", &catalog, &mut Sources::default(), &mut Diagnostics::new()).unwrap();
    profile.rules.iter().map(|rule| format!("{}/{}", profile.name, rule.code)).collect()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}

/// Every spec below `errors`; what lies in a folder `profiles` belongs to one.
fn cases() -> Vec<Case> {
    let files = support::files(&support::data("errors"));
    let specs = files.into_iter().filter(|(name, path)| has_extension(path, "yaml") && !name.split('/').any(|part| part == "profiles"));
    specs.map(|(_, path)| case(path)).collect()
}

fn case(path: PathBuf) -> Case {
    let text = fs::read_to_string(&path).unwrap();
    let head = text.lines().next().and_then(|line| line.strip_prefix("# expect:"));
    let head = head.unwrap_or_else(|| panic!("{} does not begin with `# expect:`", path.display()));
    let (expected, arguments) = head.split_once(" args: ").unwrap_or((head, ""));
    let (expected, command) = expected.split_once(" run: ").unwrap_or((expected, "check"));
    let words: Vec<&str> = expected.split_whitespace().collect();
    let pair = |pair: &[&str]| (pair[0].to_string(), pair.get(1).expect("a place after the code").to_string());
    let mut expected: Vec<Found> = words.chunks(2).map(pair).collect();
    expected.sort();
    let arguments = arguments.split_whitespace().map(str::to_string).collect();
    Case { path, expected, arguments, command: command.to_string(), is_ascii: text.is_ascii() }
}

/// Runs `check`, or what the case says, for people, and `for_programs` too: both are drawn from the same diagnostics,
/// and one case for each folder below `errors`, and each that writes something else than ASCII, shows that they say the same.
fn problems(case: &Case, for_programs: bool) -> Vec<String> {
    let name = case.path.file_name().unwrap();
    let check = |more: &[&str]| {
        let mut command = support::clusterseed();
        command.env("CLUSTERSEED_STORE", "/nonexistent");
        command.current_dir(case.path.parent().unwrap()).arg(&case.command).arg(name).args(&case.arguments).args(more);
        command.output().unwrap()
    };
    let mut problems = Vec::new();
    let for_people = check(&[]);
    let (data, words) = support::texts(&for_people);
    let mut said = words.clone();
    let mut compare = |said: &str, mut places: Vec<Found>, errors: bool, ended: std::process::ExitStatus| {
        places.sort();
        if places != case.expected {
            problems.push(format!("expected {:?}\n  found {said} {places:?}", case.expected));
        }
        if ended.code() != Some(i32::from(errors)) {
            problems.push(format!("ended {said} with {ended}"));
        }
    };
    compare("for people", drawn(&words, name), words.lines().any(|line| line.starts_with("error[")), for_people.status);
    if for_programs {
        let told = check(&["--format", "json"]);
        let (lines, _) = support::texts(&told);
        said.push_str(&lines);
        let found: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let places = found.iter().map(|found| (found["code"].as_str().unwrap().to_string(), place(&found["at"], name))).collect();
        compare("for programs", places, found.iter().any(|found| found["severity"] == "error"), told.status);
    }
    if !data.is_empty() {
        problems.push(format!("wrote to stdout: {data}"));
    }
    // The password of every case that has one.
    if said.contains("hunter2") {
        problems.push("tells a secret".into());
    }
    problems.extend(support::expect(&case.path.with_extension("stderr"), &words).err());
    problems
}

/// Code and place of all that people see: the place stands under the headline, and names the file unless it is the spec.
fn drawn(words: &str, spec: &std::ffi::OsStr) -> Vec<Found> {
    let lines: Vec<&str> = words.lines().chain([""]).collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let rest = pair[0].strip_prefix("error[").or_else(|| pair[0].strip_prefix("warning["))?;
        let (code, _) = rest.split_once("]: ")?;
        let at = pair[1].trim_start().strip_prefix("--> ").unwrap_or("-");
        let place = at.strip_prefix(&*spec.to_string_lossy()).and_then(|rest| rest.strip_prefix(':')).unwrap_or(at);
        Some((code.to_string(), place.to_string()))
    });
    pairs.collect()
}

/// `LINE:COLUMN`, with the file before it unless it is the spec.
fn place(at: &serde_json::Value, spec: &std::ffi::OsStr) -> String {
    let Some(file) = at["file"].as_str() else { return "-".into() };
    let place = format!("{}:{}", at["line"], at["column"]);
    if spec == file { place } else { format!("{file}:{place}") }
}
