//! Paragraphs of `Field: value` lines (deb822(5)), read where they lie.

use std::fmt;

/// What is wrong with a text, and in which line (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlError {
    /// The line.
    pub line: usize,
    /// What is wrong with it, in lower case.
    pub what: String,
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ControlError {}

/// Fields up to an empty line.
#[derive(Clone, Copy, Debug)]
pub struct Paragraph<'t> {
    /// All its lines, the last without its line break.
    pub text: &'t str,
    /// Number of its first line, from 1.
    pub line: usize,
}

/// One field of a paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'t> {
    /// The name as written; names are the same whatever their case.
    pub name: &'t str,
    /// What follows the colon, without blanks around it; further lines with their breaks and indents.
    pub value: &'t str,
    /// Number of the line of the name.
    pub line: usize,
    /// The whole lines, without the last break.
    text: &'t str,
}

/// Paragraphs of a text, in their order. Lines may end in CR LF.
pub fn paragraphs(text: &str) -> Paragraphs<'_> {
    Paragraphs { rest: text, line: 1 }
}

/// See [`paragraphs`].
#[derive(Clone, Debug)]
pub struct Paragraphs<'t> {
    rest: &'t str,
    line: usize,
}

/// The first line without its break, and what follows.
fn cut(text: &str) -> (&str, &str) {
    match text.as_bytes().iter().position(|byte| *byte == b'\n') {
        Some(end) => (text[..end].strip_suffix('\r').unwrap_or(&text[..end]), &text[end + 1..]),
        None => (text.strip_suffix('\r').unwrap_or(text), ""),
    }
}

impl<'t> Iterator for Paragraphs<'t> {
    type Item = Paragraph<'t>;

    fn next(&mut self) -> Option<Paragraph<'t>> {
        let blank = |line: &str| line.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
        let (mut line, mut after) = cut(self.rest);
        while blank(line) {
            if after.is_empty() {
                self.rest = "";
                return None;
            }
            self.rest = after;
            self.line += 1;
            (line, after) = cut(self.rest);
        }
        let (start, first) = (self.rest, self.line);
        let mut end = line.len();
        while !after.is_empty() {
            self.line += 1;
            self.rest = after;
            (line, after) = cut(self.rest);
            if line.is_empty() || blank(line) {
                break;
            }
            end = start.len() - self.rest.len() + line.len();
        }
        if after.is_empty() {
            self.rest = "";
        }
        Some(Paragraph { text: &start[..end], line: first })
    }
}

impl<'t> Paragraph<'t> {
    /// Its fields, in their order; a line that is none is an error, and the last thing that is given.
    pub fn fields(&self) -> Fields<'t> {
        Fields { rest: self.text, line: self.line }
    }

    /// The value of a field, whatever the case of its name; the first, where there are several.
    pub fn field(&self, name: &str) -> Option<&'t str> {
        self.fields().flatten().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// Its lines without some fields, each line with its break.
    pub fn without(&self, names: &[&str]) -> String {
        let mut out = String::with_capacity(self.text.len() + 1);
        for field in self.fields().flatten().filter(|field| !names.iter().any(|name| field.name.eq_ignore_ascii_case(name))) {
            out.push_str(field.text);
            out.push('\n');
        }
        out
    }
}

/// See [`Paragraph::fields`].
#[derive(Clone, Debug)]
pub struct Fields<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Iterator for Fields<'t> {
    type Item = Result<Field<'t>, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (start, line) = (self.rest, self.line);
        let (first, mut after) = cut(start);
        let name = first.split(':').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if name.len() == first.len() || name.is_empty() || !name.bytes().all(plain) || matches!(name.as_bytes()[0], b'#' | b'-') {
            self.rest = "";
            let shown: String = first.chars().take(40).collect();
            return Some(Err(ControlError { line, what: format!("`{shown}` is no field: a name, a colon and a value") }));
        }
        let mut end = first.len();
        self.line += 1;
        while after.starts_with([' ', '\t']) {
            let begin = start.len() - after.len();
            let (more, next) = cut(after);
            end = begin + more.len();
            after = next;
            self.line += 1;
        }
        self.rest = after;
        let blanks = [' ', '\t', '\r', '\n'];
        Some(Ok(Field { name, value: start[name.len() + 1..end].trim_matches(blanks), line, text: &start[..end] }))
    }
}

#[cfg(test)]
mod tests {
    use super::paragraphs;

    #[test]
    fn paragraphs_and_fields() {
        let text = "\n \nPackage: a\nDescription: one\n two\n .\n\tthree\n\n\t\n\nPACKAGE:b\r\nEmpty:\r\n\r\nx: y";
        let found: Vec<_> = paragraphs(text).collect();
        assert_eq!(found.iter().map(|p| p.line).collect::<Vec<_>>(), [3, 11, 14]);
        assert_eq!(found[0].field("description"), Some("one\n two\n .\n\tthree"));
        assert_eq!((found[1].field("Package"), found[1].field("empty"), found[2].field("x")), (Some("b"), Some(""), Some("y")));
        assert_eq!(found[0].without(&["package"]), "Description: one\n two\n .\n\tthree\n");
        assert_eq!(paragraphs("").count() + paragraphs("\n\n").count() + paragraphs("  ").count(), 0);
    }

    #[test]
    fn what_is_no_field() {
        for (text, line) in [("a: b\nc\nd: e", 2), (" a: b", 1), (": b", 1), ("a b: c", 1), ("#a: b", 1)] {
            let found = paragraphs(text).next().expect("a paragraph");
            let problem = found.fields().find_map(Result::err).expect("a problem");
            assert_eq!(problem.line, line, "{text}");
        }
    }
}
