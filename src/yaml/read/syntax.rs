//! What is not YAML, in words of people who do not know the grammar.

use granit_parser::{ErrorKind, ScanError};

use crate::diag::{At, Diagnostic, FileId, codes};

/// What the parser stumbled over, where, and what to do.
pub fn diagnostic(text: &str, file: FileId, error: &ScanError) -> Diagnostic {
    let offset =
        error.marker().byte_offset().unwrap_or_else(|| text.char_indices().nth(error.marker().index()).map_or(text.len(), |(at, _)| at));
    let offset = offset.min(text.len());
    if let Some(tab) = tab(text, offset, error.kind()) {
        let at = At::new(file, tab, tab + 1);
        return Diagnostic::error(codes::YAML_SYNTAX, at, "a tab indents this line").help("YAML indents with spaces only");
    }
    if let Some((start, odd)) = lookalike(text, offset) {
        let (message, help) = match odd {
            '\u{a0}' => ("a non-breaking space (U+00A0) stands here".into(), "write a plain blank: YAML takes this one for text"),
            _ => (format!("`{odd}` is no quote to YAML"), "write plain quotes, as an editor for programs does: `\"` or `'`"),
        };
        return Diagnostic::error(codes::YAML_SYNTAX, At::new(file, start, start + odd.len_utf8()), message).help(help);
    }
    let offset = match error.kind() {
        ErrorKind::InvalidQuotedScalarIndent => opening_quote(text, offset).unwrap_or(offset),
        _ => offset,
    };
    let at = At::new(file, offset, offset + 1);
    let code = if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) { codes::YAML_LIMIT } else { codes::YAML_SYNTAX };
    let (message, help) = in_words(error);
    Diagnostic::error(code, at, message).help(help)
}

/// The tab that the parser stumbled over: in the indentation of its line, or, where it reports the text before, behind that.
fn tab(text: &str, offset: usize, kind: &ErrorKind) -> Option<usize> {
    let line = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let indentation = text[line..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let reported = matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    );
    let here = text[line..line + indentation].find('\t').map(|at| line + at);
    here.or_else(|| Some(offset + text[offset..].find('\t').filter(|_| reported)?))
}

/// The first character of the line, before the place where the parser gave up, that only looks like a blank or a quote: word
/// processors and web pages write them.
fn lookalike(text: &str, offset: usize) -> Option<(usize, char)> {
    let line = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let read = &text[line..offset];
    let begins = |at: usize| read[..at].chars().next_back().is_none_or(|c| matches!(c, ' ' | '[' | '{' | ','));
    let odd = |at: usize, c: char| match c {
        '\u{a0}' => true,
        // Inside a word it is an apostrophe.
        '\u{201c}'..='\u{201e}' | '\u{2018}'..='\u{201a}' => begins(at),
        _ => false,
    };
    let quoted = |at: usize| read[..at].matches('"').count() % 2 == 1;
    let (at, found) = read.char_indices().find(|(at, c)| odd(*at, *c) && !quoted(*at))?;
    Some((line + at, found))
}

/// The quote that was not closed before `offset`: the last one of the lines above that can open a value.
fn opening_quote(text: &str, offset: usize) -> Option<usize> {
    let above = &text[..offset];
    let opens = |at: &usize| above[..*at].chars().next_back().is_none_or(|c| matches!(c, ' ' | '\n' | '[' | '{' | ','));
    above.rmatch_indices(['"', '\'']).map(|(at, _)| at).find(opens)
}

/// What is wrong, and what it nearly always comes from, in words of people who do not know the grammar.
fn in_words(error: &ScanError) -> (String, &'static str) {
    let (message, help) = match error.kind() {
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            let message = format!("a control character (U+{:04X}) cannot stand in YAML", u32::from(*character));
            return (message, "remove it; where there are many, the file is not text in UTF-8");
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return (format!("a value cannot begin with `{}`", character.escape_debug()), "put it between quotes");
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            return (format!("this `{open}` is never closed"), "close it, or quote the value if the bracket belongs to it");
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}` here"), "close brackets and braces in the order in which they were opened");
        }
        ErrorKind::RecursionLimitExceeded => ("nested far too deep", "nothing in a spec needs that; look for a missing closing bracket"),
        ErrorKind::SimpleKeyExpected => ("this line is neither `key: value` nor an item", "write a colon and a blank after the key"),
        ErrorKind::MappingValueNotAllowed => {
            ("a second `: ` in one value", "quote a value that holds a colon; a line of its own is indented like its neighbours")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            ("`,` or `}` was expected here", "between braces, quote what holds brackets: {name: \"slave[1-3]\"}")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            ("`,` or `]` was expected here", "between brackets, quote what holds brackets or braces")
        }
        ErrorKind::InvalidColonPlacement => ("a `:` where none can stand", "close the bracket or brace that was opened before"),
        ErrorKind::UnclosedQuotedScalar => ("this quote is never closed", "close it on the same line"),
        ErrorKind::InvalidQuotedScalarIndent => ("this quote is not closed", "close it on its own line"),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("something follows the closing quote", "put the whole value between the quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            ("an escape that YAML does not know", "between double quotes a backslash begins an escape: double it, or use single quotes")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            ("this line is indented like none before it", "indent it like the lines that it belongs to")
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            ("an item of the list was expected here", "begin it with `- `, indented like the other items")
        }
        ErrorKind::UnknownAnchor => {
            ("nothing before has this anchor", "an alias `*name` needs an anchor `&name` before it; quote a `*` that is meant")
        }
        ErrorKind::MissingAnchorOrAliasName => ("an alias or anchor without a name", "quote the value if the character itself is meant"),
        ErrorKind::CommentNotSeparated => ("a comment needs a blank before its `#`", "quote the value if the `#` belongs to it"),
        _ => {
            let info = error.info().to_lowercase();
            let message = format!("not YAML: {}", info.trim_end_matches('.'));
            return (message, "look at the line before as well: a missing colon, quote or bracket");
        }
    };
    (message.into(), help)
}
