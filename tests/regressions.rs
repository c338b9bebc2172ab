//! What the fuzz targets found once, and what blew up beside them: kept small, run at every test.

use std::fs;

use clusterseed::diag::{Diagnostics, Sources, codes};
use clusterseed::profile::engine::Engine;
use clusterseed::yaml::read;

use crate::support::{data, files};

#[path = "regressions/inputs.rs"]
mod inputs;

#[test]
fn inputs_that_once_failed() {
    for (name, path) in files(&data("regressions")) {
        let bytes = fs::read(path).expect("an input");
        match name.split_once('/') {
            None => assert_eq!(name, "inputs.rs"),
            Some(("spec", _)) => inputs::spec(&bytes),
            Some(("profile", _)) => inputs::profile(&bytes),
            Some(("template", _)) => inputs::template(&String::from_utf8(bytes).expect("UTF-8")),
            Some(("packages", _)) => inputs::packages(&bytes),
            Some(("yaml", _)) => inputs::yaml(&bytes),
            other => panic!("no target for {other:?}"),
        }
    }
}

fn parsed(text: &str) -> (bool, Diagnostics) {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let node = read::parse(text, sources.add("text", text), &mut diags);
    (node.is_some(), diags)
}

/// Sixty levels by sixty levels: the whole tree was walked by functions that call themselves.
#[test]
fn aliases_do_not_add_depth() {
    let text = fs::read_to_string(data("regressions/spec/depth-by-aliases.yaml")).expect("an input");
    let (read, diags) = parsed(&text);
    assert!(!read && diags.iter().all(|d| d.code == codes::YAML_LIMIT), "{diags:?}");
    assert!(parsed("a: &a [[b]]\nc: [[*a]]\n").0);
}

/// Each merged key was looked for among all others: a minute for what takes a moment.
#[test]
fn merging_takes_no_longer_than_reading() {
    let keys: String = (0..100_000).map(|n| format!("k{n}: 1, ")).collect();
    assert!(parsed(&format!("a: &a {{{keys}}}\nb: {{<<: *a}}\n")).0);
}

/// Columns of a spec that a program wrote on one line; characters are counted, not bytes.
#[test]
fn columns_of_long_lines() {
    let text = format!("a: \"{}\"\nb: \"{}\"", "\u{e9}\u{1f600}".repeat(3000), "\u{2028}x".repeat(2000));
    let mut sources = Sources::default();
    let file = sources.add("text", text.as_str());
    let source = sources.get(file);
    for (offset, _) in text.char_indices().step_by(37).chain([(text.len(), ' ')]) {
        let before = &text[..offset];
        let expected = (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
        assert_eq!(source.line_column(u32::try_from(offset).expect("small")), expected);
    }
}

/// Fuel counts steps: a step may print a lot.
#[test]
fn templates_print_a_bounded_text() {
    let engine = Engine::default();
    let print = |times: usize| {
        let text = format!("{{% for i in range({times}) %}}{{{{ 'x' * 10000 }}}}{{% endfor %}}");
        engine.render_text(&text, &minijinja::Value::UNDEFINED)
    };
    assert_eq!(print(1000).expect("ten million bytes").len(), 10_000_000);
    assert!(print(2000).expect_err("twenty million bytes").message.contains("prints more than"));
}

#[test]
fn expressions_end_where_they_end() {
    let engine = Engine::default();
    for bad in ["a }} b", "a -}}", "a) }} b(", "'a' }}{{ 'b'"] {
        assert!(engine.expression(bad).is_err(), "{bad}");
    }
    for good in ["'}}'", "{'a': {'b': 1}}", "\"\\\"}}\"", "[{'}': '{'}]"] {
        assert!(engine.expression(good).is_ok(), "{good}");
    }
}
