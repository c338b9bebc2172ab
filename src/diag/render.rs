//! Diagnostics as text in rustc's manner, and as JSON Lines.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::json;

use super::{At, Diagnostic, FileId, Severity, Sources};

/// At most this many diagnostics are drawn for people; more would scroll the first ones away.
const SHOWN: usize = 60;

/// Draws one diagnostic: severity, code, message, file:line:col, the line, a caret, help.
pub fn text<'d>(diagnostic: &'d Diagnostic, sources: &'d Sources, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&*diagnostic.message).id(&*diagnostic.code));
    if let Some(at) = diagnostic.at {
        let snippet = |file: FileId| Snippet::source(&*sources.get(file).text).path(&*sources.get(file).name);
        let (beside, elsewhere): (Vec<_>, Vec<_>) = diagnostic.related.iter().partition(|(other, _)| other.file == at.file);
        let context = |(other, label): &'d (At, String)| AnnotationKind::Context.span(span(*other, sources)).label(&**label);
        let own = snippet(at.file).annotation(AnnotationKind::Primary.span(span(at, sources)));
        group = group.element(own.annotations(beside.into_iter().map(context)));
        for other in elsewhere {
            group = group.element(snippet(other.0.file).annotation(context(other)));
        }
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(&**help));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut drawn = renderer.render(&[group]).to_string();
    drawn.push('\n');
    drawn
}

/// Draws all for people, with a closing count; empty when there is nothing to say.
pub fn all(diagnostics: &super::Diagnostics, sources: &Sources, colour: bool) -> String {
    let mut out = String::new();
    let total = diagnostics.iter().count();
    let shown = if total == 0 { Sources::default() } else { sources.masked(diagnostics.hidden()) };
    for diagnostic in diagnostics.iter().take(SHOWN) {
        out.push_str(&text(diagnostic, &shown, colour));
        out.push('\n');
    }
    if total > SHOWN {
        out.push_str(&format!("… and {} more; `--format json` gives all\n", total - SHOWN));
    }
    if total > 0 {
        let errors = diagnostics.count(Severity::Error);
        let warnings = diagnostics.count(Severity::Warning);
        let say = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        // What stops the build comes before what does not.
        let first = diagnostics.iter().find(|d| d.severity == Severity::Error).or_else(|| diagnostics.iter().next());
        out.push_str(&format!("{}, {}", say(errors, "error"), say(warnings, "warning")));
        out.push_str(&format!("; `clusterseed explain {}` says more\n", first.map_or("CODE", |d| &*d.code)));
    }
    out
}

/// One JSON object without line breaks; the format is published by `clusterseed schema diagnostics`.
pub fn json_line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let place = |at: At| {
        let source = sources.get(at.file);
        let (line, column) = source.line_column(at.start);
        let (end_line, end_column) = source.line_column(at.end);
        json!({"file": source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column})
    };
    let related: Vec<_> = diagnostic.related.iter().map(|(at, text)| json!({"at": place(*at), "message": text})).collect();
    json!({
        "format": 1,
        "severity": diagnostic.severity.word(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "at": diagnostic.at.map(place),
        "help": diagnostic.help,
        "related": related,
    })
    .to_string()
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// What is marked of a place.
fn span(at: At, sources: &Sources) -> std::ops::Range<usize> {
    let text = &sources.get(at.file).text;
    let (start, end) = (floor_boundary(text, at.start as usize), floor_boundary(text, at.end as usize));
    start..first_line_end(text, start, end)
}

/// Carets stay on the first line of what they mark: a mapping of forty lines is named by its beginning.
fn first_line_end(text: &str, start: usize, end: usize) -> usize {
    let line_end = text[start..end.max(start)].find(['\n', '\r']).map_or(end, |at| start + at);
    let next = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    if line_end > start { line_end } else { next }
}
