//! Writing YAML that every reader takes the same way.
//!
//! What goes to a target is read by whatever YAML library that target has; the oldest is PyYAML
//! 3.10 under Python 2.7 (Ubuntu 14.04). It types unquoted words by the rules of YAML 1.1 (`no`,
//! `0644`, `1:30`, `2014-04-17`) and refuses a whole document for one raw character above U+FFFF.
//! So every string is written in printable ASCII, double-quoted or as a literal block; unquoted are
//! only booleans, integers, and keys that cannot be taken for anything else.
//!
//! No document markers, tags, anchors, comments or flow collections (but for the empty ones): a
//! caller that needs a first line such as `#cloud-config` puts it into `out` before.
//!
//! `tests/oracle.rs` has thousands of strings read back by the libraries in question.

use std::borrow::Cow;
use std::fmt::Write;

/// Columns from a collection to what is inside it; also the width of `- ` and `? `.
const STEP: usize = 2;

/// The longest text, quotes included, that every reader takes as a key in front of its `:` (YAML 1.1
/// and 1.2 limit such keys to 1024 characters; PyYAML and libyaml refuse longer ones).
const LONGEST_SIMPLE_KEY: usize = 1024;

/// A YAML document, or a part of one: only what configuration for targets needs.
///
/// There is no null and no floating-point number, as nothing that targets read needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yaml<'a> {
    /// Any text; never read back as another type.
    Str(Cow<'a, str>),
    /// `true` or `false`.
    Bool(bool),
    /// Written in decimal.
    Int(i64),
    /// A list.
    Seq(Vec<Yaml<'a>>),
    /// Written in the order given. Keys must differ from each other, which is up to the caller:
    /// readers keep the last of two equal ones, or refuse the document.
    Map(Vec<(Cow<'a, str>, Yaml<'a>)>),
    /// What [`written`] gave, for what is the same in many documents.
    Written(&'a str),
}

/// Anything that is a string already: `"text".into()`, `format!(…).into()`.
impl<'a, T: Into<Cow<'a, str>>> From<T> for Yaml<'a> {
    fn from(text: T) -> Self {
        Yaml::Str(text.into())
    }
}

/// How strings of several lines are written. Both read back the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Double-quoted, with one source line for each line of the text: `first\n\`, then the next
    /// line, indented.
    Quoted,
    /// As a literal block (`|`) where the block gives back exactly the same text, otherwise as
    /// [`Style::Quoted`].
    Literal,
}

/// Appends `doc` to `out` as block-style YAML in pure ASCII, ending with a line break.
///
/// Cannot fail: every `str` has a form that reads back exactly, as a map key too. The same `doc`
/// gives the same bytes. `out` must be empty or end with a line break.
pub fn write(doc: &Yaml, style: Style, out: &mut String) {
    Writer { style, out }.node(doc, 0);
}

/// A collection as it is written where its entries stand at `column`, for [`Yaml::Written`].
pub fn written(doc: &Yaml, style: Style, column: usize) -> String {
    let mut out = String::new();
    Writer { style, out: &mut out }.node(doc, column);
    out
}

struct Writer<'o> {
    style: Style,
    out: &'o mut String,
}

impl Writer<'_> {
    /// Writes `node` and the line break after it. A collection begins at the cursor, which stands at
    /// `column`; a scalar too, but its further lines are at `column`.
    fn node(&mut self, node: &Yaml, column: usize) {
        match node {
            Yaml::Str(text) => self.string(text, column),
            Yaml::Bool(value) => self.word(if *value { "true" } else { "false" }),
            Yaml::Int(value) => self.formatted(format_args!("{value}\n")),
            Yaml::Written(text) => self.out.push_str(text),
            Yaml::Seq(items) if items.is_empty() => self.word("[]"),
            Yaml::Map(entries) if entries.is_empty() => self.word("{}"),
            Yaml::Seq(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.entry_start(at, column);
                    self.out.push_str("- ");
                    self.node(item, column + STEP);
                }
            }
            Yaml::Map(entries) => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    self.entry_start(at, column);
                    self.key(key, column);
                    self.value(value, column + STEP);
                }
            }
        }
    }

    /// The first entry stands where the collection begins: a map's first key follows its `- `.
    fn entry_start(&mut self, at: usize, column: usize) {
        if at > 0 {
            self.indent(column);
        }
    }

    fn key(&mut self, key: &str, column: usize) {
        let start = self.out.len();
        if is_plain_key(key) {
            self.out.push_str(key);
        } else {
            self.quoted(key, None);
        }
        if self.out.len() - start > LONGEST_SIMPLE_KEY {
            self.out.insert_str(start, "? ");
            self.out.push('\n');
            self.indent(column);
        }
        self.out.push(':');
    }

    fn value(&mut self, value: &Yaml, column: usize) {
        let is_block = match value {
            Yaml::Seq(items) => !items.is_empty(),
            Yaml::Map(entries) => !entries.is_empty(),
            _ => false,
        };
        if is_block {
            self.out.push('\n');
            self.indent(column);
        } else {
            self.out.push(' ');
        }
        self.node(value, column);
    }

    fn string(&mut self, text: &str, column: usize) {
        // Further lines at column 0, where only a document that is one string would have them,
        // could be taken for document markers.
        let column = column.max(STEP);
        let header = if self.style == Style::Literal { chomping(text) } else { None };
        match header {
            Some(header) => self.literal(text, header, column),
            None => {
                self.quoted(text, Some(column));
                self.out.push('\n');
            }
        }
    }

    /// Writes a literal block; `text` must have passed [`chomping`].
    fn literal(&mut self, text: &str, header: &str, column: usize) {
        self.word(header);
        for line in text.split_terminator('\n') {
            if !line.is_empty() {
                self.indent(column);
            }
            self.word(line);
        }
    }

    /// Writes `text` double-quoted: on one line (what a key needs), or broken after each inner line
    /// break, with the further lines at column `wrap`.
    fn quoted(&mut self, text: &str, wrap: Option<usize>) {
        self.out.reserve(text.len() + 2);
        self.out.push('"');
        let mut rest = text;
        // A byte that stops is the first of its character, because all bytes beyond ASCII stop.
        while let Some(at) = rest.bytes().position(|b| STOPS[usize::from(b)]) {
            let (bare, special) = rest.split_at(at);
            self.out.push_str(bare);
            let mut chars = special.chars();
            let Some(c) = chars.next() else { break };
            self.escape(c);
            rest = chars.as_str();
            if let Some(column) = wrap.filter(|_| c == '\n' && !rest.is_empty()) {
                self.out.push_str("\\\n");
                self.indent(column);
                // Readers skip blanks here: a space of the text needs a backslash (a tab has one).
                if rest.starts_with(' ') {
                    self.out.push('\\');
                }
            }
        }
        self.out.push_str(rest);
        self.out.push('"');
    }

    fn escape(&mut self, c: char) {
        match c {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            '\0'..='\u{FF}' => self.formatted(format_args!("\\x{:02X}", u32::from(c))),
            '\u{100}'..='\u{FFFF}' => self.formatted(format_args!("\\u{:04X}", u32::from(c))),
            // Not as JSON's two surrogates: YAML readers take those for two characters or refuse.
            '\u{10000}'.. => self.formatted(format_args!("\\U{:08X}", u32::from(c))),
        }
    }

    fn word(&mut self, word: &str) {
        self.out.push_str(word);
        self.out.push('\n');
    }

    fn formatted(&mut self, text: std::fmt::Arguments) {
        // Writing into a String never fails.
        let _ = self.out.write_fmt(text);
    }

    fn indent(&mut self, column: usize) {
        self.out.extend(std::iter::repeat_n(' ', column));
    }
}

/// Bytes that cannot stand for themselves between double quotes, or are part of a character that cannot.
const STOPS: [bool; 256] = {
    let mut stops = [true; 256];
    let mut bare = b' ';
    while bare <= b'~' {
        stops[bare as usize] = matches!(bare, b'"' | b'\\');
        bare += 1;
    }
    stops
};

/// Whether `key` may stand unquoted: letters, digits, `_` and `-`, not led by a digit or `-`, and no
/// word that YAML 1.1 reads as another type.
fn is_plain_key(key: &str) -> bool {
    // https://yaml.org/type/bool.html and null.html. Refused in any case: readers differ in which
    // ones they know.
    const TYPED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let mut bytes = key.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !TYPED.iter().any(|word| key.eq_ignore_ascii_case(word))
}

/// The header of the literal block that gives back exactly `text`, or `None` where quoting is the
/// better form.
///
/// A block cannot escape, finds its indentation from its first line, and loses blanks at line ends to
/// any editor. A text of a single line gains nothing from it.
fn chomping(text: &str) -> Option<&'static str> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let fits = body.contains('\n')
        && !text.starts_with([' ', '\n'])
        && text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n'))
        && text.split('\n').all(|line| !line.ends_with(' '));
    fits.then_some(match (body.ends_with('\n'), text.ends_with('\n')) {
        (true, _) => "|+",
        (false, true) => "|",
        (false, false) => "|-",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(doc: impl Into<Yaml<'static>>, style: Style) -> String {
        let mut out = String::new();
        write(&doc.into(), style, &mut out);
        out
    }

    fn seq<const N: usize>(items: [Yaml<'static>; N]) -> Yaml<'static> {
        Yaml::Seq(items.into())
    }

    fn map(key: &str, value: impl Into<Yaml<'static>>) -> Yaml<'static> {
        Yaml::Map(vec![(key.to_string().into(), value.into())])
    }

    #[test]
    fn collections_are_blocks_and_only_empty_ones_are_flow() {
        let file = Yaml::Map(vec![("path".into(), "/x".into()), ("mode".into(), "0644".into())]);
        let doc = Yaml::Map(vec![
            ("list".into(), seq(["a".into(), Yaml::Int(-5)])),
            ("files".into(), seq([file])),
            ("nested".into(), seq([seq(["b".into(), seq([])])])),
            ("none".into(), Yaml::Map(vec![])),
            ("deep".into(), map("er", map("off", seq([Yaml::Bool(true)])))),
        ]);
        let expected = r#"list:
  - "a"
  - -5
files:
  - path: "/x"
    mode: "0644"
nested:
  - - "b"
    - []
none: {}
deep:
  er:
    "off":
      - true
"#;
        assert_eq!(written(doc.clone(), Style::Quoted), expected);
        assert_eq!(written(doc, Style::Literal), expected);
    }

    #[test]
    fn any_value_can_be_the_document() {
        for (doc, expected) in [
            (seq([]), "[]"),
            (Yaml::Map(vec![]), "{}"),
            (Yaml::Int(i64::MIN), "-9223372036854775808"),
            (Yaml::Bool(false), "false"),
            ("a\n---\n".into(), "|\n  a\n  ---"),
            ("a\n---".into(), "|-\n  a\n  ---"),
            ("a\n...\t".into(), "\"a\\n\\\n  ...\\t\""),
        ] {
            assert_eq!(written(doc, Style::Literal), format!("{expected}\n"));
        }
    }

    #[test]
    fn appends() {
        let mut out = "#cloud-config\n".to_string();
        write(&map("a", "b"), Style::Quoted, &mut out);
        assert_eq!(out, "#cloud-config\na: \"b\"\n");
    }

    #[test]
    fn quoted_strings_are_printable_ascii() {
        for (text, expected) in [
            ("", r#""""#),
            ("yes", r#""yes""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            (" a\tb ", r#"" a\tb ""#),
            ("\0\u{1b}~\u{7f}", r#""\x00\x1B~\x7F""#),
            ("\u{80}\u{85}é\u{ff}", r#""\x80\x85\xE9\xFF""#),
            ("ā\u{2028}\u{feff}\u{ffff}", r#""\u0101\u2028\uFEFF\uFFFF""#),
            ("\u{10000}😀", r#""\U00010000\U0001F600""#),
        ] {
            for style in [Style::Quoted, Style::Literal] {
                assert_eq!(written(text, style), format!("{expected}\n"));
            }
        }
    }

    #[test]
    fn quoted_strings_break_after_inner_line_breaks() {
        for (text, expected) in [
            ("a\n", "\"a\\n\""),
            ("a\nb", "\"a\\n\\\n    b\""),
            ("a\n\nb\n", "\"a\\n\\\n    \\n\\\n    b\\n\""),
            ("a\n  b\n\tc", "\"a\\n\\\n    \\  b\\n\\\n    \\tc\""),
            ("a\r\nb \n \n", "\"a\\r\\n\\\n    b \\n\\\n    \\ \\n\""),
            ("\n\"", "\"\\n\\\n    \\\"\""),
        ] {
            let doc = seq([map("k", text)]);
            assert_eq!(written(doc, Style::Quoted), format!("- k: {expected}\n"));
        }
    }

    #[test]
    fn literal_blocks_where_they_are_exact() {
        for (text, block) in
            [("a\nb", "|-\n    a\n    b\n"), ("a\nb\n", "|\n    a\n    b\n"), ("a\n\n  b: #\n\n\n", "|+\n    a\n\n      b: #\n\n\n")]
        {
            let doc = seq([map("k", text), "z".into()]);
            let expected = format!("- k: {block}- \"z\"\n");
            assert_eq!(written(doc, Style::Literal), expected);
        }
        let one_line_or_blank_first = ["a\n", " a\nb", "\na\nb", "\n\n"];
        let blank_last = ["a\nb ", "a \nb", "a\n \nb"];
        let not_printable_ascii = ["a\tb\nc", "a\r\nb\n", "é\nb", "a\nb\u{7f}"];
        for text in [&one_line_or_blank_first[..], &blank_last, &not_printable_ascii].concat() {
            let quoted = written(text, Style::Quoted);
            assert_eq!(written(text, Style::Literal), quoted);
        }
    }

    #[test]
    fn keys_are_plain_only_when_nothing_reads_them_otherwise() {
        for key in "a _ apt_sources X-y_9 yesno nil e1".split(' ') {
            let expected = format!("{key}: \"v\"\n");
            assert_eq!(written(map(key, "v"), Style::Quoted), expected);
        }
        let typed = "y N Yes nO on OFF True false NULL ~ 0x1f 1 -a = << a: a.b";
        for key in typed.split(' ').chain(["", " ", "a b"]) {
            let expected = format!("\"{key}\": \"v\"\n");
            assert_eq!(written(map(key, "v"), Style::Quoted), expected);
        }
        let two_lines = written(map("a\n b", "v"), Style::Literal);
        assert_eq!(two_lines, "\"a\\n b\": \"v\"\n");
    }

    #[test]
    fn long_keys_take_the_explicit_form() {
        let plain = "k".repeat(LONGEST_SIMPLE_KEY);
        let expected = format!("{plain}: \"v\"\n");
        assert_eq!(written(map(&plain, "v"), Style::Quoted), expected);

        let quoted = "+".repeat(LONGEST_SIMPLE_KEY - 1);
        let doc = seq([map(&quoted, "v"), map(&quoted, seq(["v".into()]))]);
        let key = format!("- ? \"{quoted}\"\n  :");
        let expected = format!("{key} \"v\"\n{key}\n    - \"v\"\n");
        assert_eq!(written(doc, Style::Quoted), expected);
    }
}
