//! What users typed wrong: collected as data, shown at the end, all in one run.
//!
//! A [`Diagnostic`] carries a code from [`codes`], a severity, a place in one of the [`Sources`], a message and help.
//! Words for people are drawn by [`render`]; nothing here prints.

pub mod codes;
pub mod render;

use std::borrow::Cow;
use std::sync::OnceLock;

/// Index of a file in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place: byte offsets `start..end` in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl At {
    /// A place in `file` from byte `start` to byte `end`; offsets beyond 4 GiB are cut (files are limited to 16 MiB).
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: cut(start), end: cut(end.max(start)) }
    }
}

/// A value together with the place where it was typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was typed.
    pub at: At,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, at: At) -> Self {
        Self { value, at }
    }
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is built.
    Error,
    /// Built all the same, unless `--strict`.
    Warning,
}

impl Severity {
    /// The word that is printed and that JSON carries.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong, with where, why and what to do.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Code for `explain` and `allow`; rules of profiles are `PROFILE/CODE`.
    pub code: Cow<'static, str>,
    /// Error or warning.
    pub severity: Severity,
    /// Where; `None` only when the file as a whole is meant.
    pub at: Option<At>,
    /// The fact, lower case, no full stop.
    pub message: String,
    /// What to do, one line each.
    pub help: Vec<String>,
    /// Other places that belong to it, with a few words each.
    pub related: Vec<(At, String)>,
    /// What tells it from others of the same code at the same place, for example a host of a range; such are shown as one.
    pub subject: Option<String>,
}

impl Diagnostic {
    /// A new error at `at`.
    pub fn error(code: impl Into<Cow<'static, str>>, at: impl Into<Option<At>>, message: impl Into<String>) -> Self {
        let (help, related) = (Vec::new(), Vec::new());
        Self { code: code.into(), severity: Severity::Error, at: at.into(), message: message.into(), help, related, subject: None }
    }

    /// A new warning at `at`.
    pub fn warning(code: impl Into<Cow<'static, str>>, at: impl Into<Option<At>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, at, message) }
    }

    /// Adds a line that says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds another place that belongs to the problem.
    pub fn related(mut self, at: At, text: impl Into<String>) -> Self {
        self.related.push((at, text.into()));
        self
    }

    /// Says that the same mistake may be found for others too: one line of a spec stands for many hosts.
    pub fn subject(mut self, name: impl Into<String>) -> Self {
        self.subject = Some(name.into());
        self
    }
}

/// Collector that every pass writes to.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    hidden: Vec<At>,
}

impl Diagnostics {
    /// An empty collector.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds all of another collector.
    pub fn append(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
        self.hidden.extend(other.hidden);
    }

    /// Says that a secret stands at `at`, as its type tells: lines that are shown have stars there.
    pub fn hide(&mut self, at: At) {
        self.hidden.push(at);
    }

    /// Places of such secrets. Whoever goes on with other diagnostics of the same texts tells [`Sources::hide`] of them.
    pub fn hidden(&self) -> &[At] {
        &self.hidden
    }

    /// Drops what only follows from other mistakes.
    pub fn forget(&mut self, codes: &[&str]) {
        self.list.retain(|d| !codes.contains(&&*d.code));
    }

    /// How many errors leave a value without a sound replacement. An unknown name is not among them: what it stands for keeps its
    /// default, and everything else can still be judged.
    pub fn blocking_errors(&self) -> usize {
        let blocking = |d: &&Diagnostic| d.severity == Severity::Error && !(d.code.starts_with("unknown-") || d.code.starts_with("host-"));
        self.list.iter().filter(blocking).count()
    }

    /// True when at least one is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// True when an error lies inside a place: what was found there is not all that was typed.
    pub fn has_error_in(&self, at: At) -> bool {
        let inside = |d: &Diagnostic| d.at.is_some_and(|a| a.file == at.file && a.start >= at.start && a.end <= at.end);
        self.list.iter().any(|d| d.severity == Severity::Error && inside(d))
    }

    /// Sorts by place, joins what differs in its subject only, drops warnings whose code is in `allowed` and tells errors of such
    /// a code that they stay, and with `strict` makes the remaining warnings errors.
    pub fn finish(&mut self, allowed: &[String], strict: bool) {
        let is_allowed = |d: &Diagnostic| allowed.iter().any(|a| *a == d.code);
        self.list.retain(|d| d.severity == Severity::Error || !is_allowed(d));
        for error in self.list.iter_mut().filter(|d| is_allowed(d)) {
            error.help.push("this is an error: `allow` only silences warnings".into());
        }
        if strict {
            self.list.iter_mut().for_each(|d| d.severity = Severity::Error);
        }
        // Subjects keep the order of the spec, in which slave10 comes after slave2.
        fn key(d: &Diagnostic) -> (Option<At>, &str, &str) {
            (d.at, &d.code, if d.subject.is_some() { "" } else { &d.message })
        }
        self.list.sort_by(|a, b| key(a).cmp(&key(b)));
        self.list.dedup_by(|a, b| a.at == b.at && a.code == b.code && a.message == b.message);
        let mut more: Vec<String> = Vec::new();
        for next in std::mem::take(&mut self.list) {
            match (self.list.last(), &next.subject) {
                (Some(first), Some(name)) if first.subject.is_some() && (first.at, &first.code) == (next.at, &next.code) => {
                    more.push(format!("`{name}`"));
                }
                _ => {
                    self.tell_more(&mut more);
                    self.list.push(next);
                }
            }
        }
        self.tell_more(&mut more);
    }

    /// Says on the last diagnostic for which others it stands.
    fn tell_more(&mut self, more: &mut Vec<String>) {
        let Some(last) = self.list.last_mut().filter(|_| !more.is_empty()) else { return };
        let rest = if more.len() > 3 { format!(" and {} more", more.len() - 2) } else { String::new() };
        more.truncate(if rest.is_empty() { 3 } else { 2 });
        last.help.push(format!("the same holds for {}{rest}", more.join(", ")));
        more.clear();
    }

    /// All, in the order in which they were added (or sorted, after [`Self::finish`]).
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|d| d.severity == severity).count()
    }

    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// A text that diagnostics point into.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Name as the user knows it, for example `cluster.yaml` or `profiles/mesosphere/rules/names.yaml`.
    pub name: String,
    /// The whole text, without a byte order mark.
    pub text: String,
    /// Most texts are never pointed into: counted when that happens first.
    counted: OnceLock<Counted>,
}

/// Where lines begin in a text, and how many characters come before a place.
#[derive(Clone, Debug)]
struct Counted {
    line_starts: Vec<u32>,
    /// Characters before every [`STRIDE`]th byte: a program may have written a whole spec on one line.
    characters: Vec<usize>,
}

/// Bytes between two counts of characters.
const STRIDE: usize = 1024;

impl Counted {
    fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))).collect();
        let counted = text.as_bytes().chunks(STRIDE).scan(0, |sum, bytes| {
            *sum += characters(bytes);
            Some(*sum)
        });
        Self { line_starts, characters: std::iter::once(0).chain(counted).collect() }
    }
}

impl SourceFile {
    fn new(name: String, text: String) -> Self {
        Self { name, text, counted: OnceLock::new() }
    }

    fn counted(&self) -> &Counted {
        self.counted.get_or_init(|| Counted::new(&self.text))
    }

    /// Characters that begin before a byte offset.
    fn characters_before(&self, offset: usize) -> usize {
        let mark = offset / STRIDE;
        self.counted().characters[mark] + characters(&self.text.as_bytes()[mark * STRIDE..offset])
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn line_column(&self, offset: u32) -> (usize, usize) {
        let offset = offset.min(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        let line_starts = &self.counted().line_starts;
        let line = line_starts.partition_point(|&start| start <= offset).max(1);
        let start = line_starts[line - 1] as usize;
        let mut end = offset as usize;
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        (line, self.characters_before(end) - self.characters_before(start) + 1)
    }
}

/// How many characters begin in a part of a UTF-8 text.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// All texts of a run, and where secrets stand in them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    hidden: Vec<At>,
}

impl Sources {
    /// Adds a text and gives the id to point into it.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(SourceFile::new(name.into(), text.into()));
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// The text behind an id; to be read, not to be shown.
    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Says that a secret stands at `at`, whoever points there.
    pub fn hide(&mut self, at: At) {
        self.hidden.push(at);
    }

    /// The texts as they may be shown: with stars at the places of secrets and at `more`, as wide as they are, so that carets fit.
    pub fn masked(&self, more: &[At]) -> Self {
        let mut texts: Vec<String> = self.files.iter().map(|source| source.text.clone()).collect();
        for at in self.hidden.iter().chain(more) {
            let Some(text) = texts.get_mut(at.file.0 as usize) else { continue };
            let (start, end) = (at.start as usize, (at.end as usize).min(text.len()));
            if let Some(secret) = text.get(start..end) {
                let stars: String = secret.chars().flat_map(|c| if c == '\n' { vec![c] } else { vec!['*'; c.len_utf8()] }).collect();
                text.replace_range(start..end, &stars);
            }
        }
        let files = self.files.iter().zip(texts).map(|(source, text)| SourceFile::new(source.name.clone(), text));
        Self { files: files.collect(), hidden: Vec::new() }
    }
}

/// Most names that are compared with a mistyped one; each takes a fraction of a microsecond, and there may be many of both.
const COMPARED: usize = 5000;

/// The closest of `known` to `typed`, when it is close enough to be what was meant.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .take(COMPARED)
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

/// As [`did_you_mean`], with what else people call what is known, as pairs of such a word and the name. Case, dots and dashes of
/// that word do not count: `ubuntu1404` is `ubuntu-14.04`.
pub fn did_you_mean_or<'a>(typed: &str, known: impl IntoIterator<Item = &'a str> + Clone, other: &[(&str, &str)]) -> String {
    let bare = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let meant = known.clone().into_iter().find(|name| bare(name) == bare(typed));
    match meant.or_else(|| other.iter().find(|(word, _)| bare(word) == bare(typed)).map(|(_, name)| *name)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => did_you_mean(typed, known),
    }
}

/// A help line for an unknown name: the nearest one, or all of them.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(typed, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let total = known.clone().into_iter().count();
            let mut names: Vec<_> = known.into_iter().take(COMPARED).collect();
            names.sort_unstable();
            names.truncate(20);
            let more = total - names.len();
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            if names.is_empty() { "nothing is known here".into() } else { format!("known: {}{tail}", names.join(", ")) }
        }
    }
}
