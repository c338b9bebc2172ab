//! Which lines of a file change. Nothing of a secret is ever kept, and nothing that would move a terminal's cursor.

use similar::{ChangeTag, TextDiff};

use super::side::File;
use crate::format::secret;

/// Lines around a change: none, so that hosts whose files differ elsewhere have the same change.
const CONTEXT: usize = 0;

/// What can be shown of a change of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lines {
    /// The bytes are the same; owner, mode or the like is not.
    Same,
    /// A secret on one side at least.
    Secret,
    /// No plain text; sizes in bytes.
    Binary(Option<usize>, Option<usize>),
    /// Lines with their mark: `-`, `+`, or `\\` for a note; none where lines that stay are left out.
    Text(Vec<Option<(char, String)>>),
}

/// Compares a file, which may be missing on one side.
pub fn compare(old: Option<&File>, new: Option<&File>) -> Lines {
    if [old, new].into_iter().flatten().any(|file| file.secret) {
        let same = old.map(|f| &f.bytes) == new.map(|f| &f.bytes);
        return if same { Lines::Same } else { Lines::Secret };
    }
    if let (Some(old), Some(new)) = (old, new)
        && old.bytes == new.bytes
    {
        return Lines::Same;
    }
    let text = |file: Option<&File>| file.map_or(Some(String::new()), |file| plain(&file.bytes));
    let (Some(before), Some(after)) = (text(old), text(new)) else {
        return Lines::Binary(old.map(|f| f.bytes.len()), new.map(|f| f.bytes.len()));
    };
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(None);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let mark = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let line = change.value().trim_end_matches(['\n', '\r']);
            // Not all that tells a password is a secret by its file: an app's environment is for whoever asks Marathon.
            lines.push(Some((mark, secret::veiled(line).into_owned())));
            if change.missing_newline() && mark != ' ' {
                lines.push(Some(('\\', "no line break at the end".into())));
            }
        }
    }
    Lines::Text(lines)
}

/// Text that a terminal shows as it is.
fn plain(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    // Marks of direction and of no width would let a line look like another.
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let shown = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || hidden(c));
    text.chars().all(shown).then(|| text.to_string())
}
