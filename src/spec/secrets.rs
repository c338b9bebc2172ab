//! What looks like a secret in a text that people typed. Lines of it are shown in messages, and messages end up in logs: it is hidden
//! before anything is said, and by its looks, for what a mistyped field holds is of no type.

use super::OTHERS_READ;
use crate::diag::{At, Diagnostics, FileId, Sources};
use crate::format::secret;
use crate::schema::scalar;
use crate::yaml::read::{self, Kind, Node};

/// Words in a key that announce a secret.
pub const WORDS: &[&str] = &["passw", "pasw", "secret", "credential", "token", "private"];

/// Beside a word that makes a file secret: keys that are not its content, however that is spelled.
const ABOUT: &[&str] = &["path", "source", "mode", "owner", "group", "hosts", "roles"];

/// Reads a text, and hides its secrets in `sources`, whether it can be read or not.
pub fn read(text: &str, file: FileId, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Node> {
    let node = read::parse(text, file, diags);
    match &node {
        Some(node) => hide_in_tree(node, false, sources),
        None => hide_in_lines(text, file, sources),
    }
    node
}

fn hide_in_tree(node: &Node, named: bool, sources: &mut Sources) {
    match &node.kind {
        Kind::Map(entries) => {
            // A file of the user's own is secret by a word beside its content, however wrongly that is spelled, or by its mode.
            let no = |node: &Node| matches!(&node.kind, Kind::Scalar { text, plain: true } if text.eq_ignore_ascii_case("false"));
            let closed = |node: &Node| match &node.kind {
                Kind::Scalar { text, .. } => scalar::mode(text).is_ok_and(|mode| mode & OTHERS_READ == 0),
                _ => false,
            };
            let is_secret = node.get("secret").is_some_and(|word| !no(word)) || node.get("mode").is_some_and(closed);
            for entry in entries {
                let key = entry.key.to_lowercase();
                let telling = WORDS.iter().any(|word| key.contains(word)) || (is_secret && !ABOUT.contains(&&*key));
                // `{file: path}` names the place of a secret, which is worth seeing.
                hide_in_tree(&entry.value, (named || telling) && key != "file", sources);
            }
        }
        Kind::Seq(items) => items.iter().for_each(|item| hide_in_tree(item, named, sources)),
        Kind::Scalar { text, plain } => {
            let switch = *plain && ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
            let telling = !switch && !text.is_empty();
            let login = text.contains("://") && text.contains('@');
            if telling && (named || login || text.contains("PRIVATE KEY") || secret::typed(text)) {
                sources.hide(node.at);
            }
        }
    }
}

/// The same where there is no tree, for which more is hidden than need be: what follows a telling key on its line and on the deeper
/// ones below, logins in URLs, keys in PEM, lines for a shell that hold a password; and what follows `content` where some file is said to be secret or has a mode.
pub fn hide_in_lines(text: &str, file: FileId, sources: &mut Sources) {
    let marks = text.to_ascii_lowercase();
    let content: &[&str] = if marks.contains("secret") || marks.contains("mode") { &["cont"] } else { &[] };
    let mut hide = |start: usize, end: usize| sources.hide(At::new(file, start, end));
    // Below a telling key: the column in which it stands.
    let mut below: Option<usize> = None;
    let mut in_key = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (lower, end) = (line.to_ascii_lowercase(), start + line.trim_end().len());
        let indent = line.len() - line.trim_start().len();
        let told = WORDS.iter().chain(content).filter_map(|word| lower.find(word)).min();
        let colon = told.and_then(|told| Some((told, told + lower[told..].find(':')?)));
        in_key |= line.contains("PRIVATE KEY") && line.contains("BEGIN");
        if below.is_some_and(|column| indent > column || line.trim().is_empty()) || in_key || secret::typed(line) {
            hide(start + indent, end.max(start + indent));
        } else if let Some((told, colon)) = colon {
            let key = told - lower[..told].chars().rev().take_while(|c| c.is_alphanumeric() || "_-".contains(*c)).count();
            below = Some(key);
            hide(start + colon + 1, end.max(start + colon + 1));
        } else {
            below = None;
        }
        if let Some(login) = lower.find("://").filter(|scheme| lower[*scheme..].contains('@')) {
            hide(start + login + 3, end);
        }
        in_key &= !(line.contains("PRIVATE KEY") && line.contains("END"));
        start += line.len();
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::diag::{Diagnostics, Sources};

    /// What is left of a text to be shown.
    fn shown(text: &str) -> String {
        let mut sources = Sources::default();
        let file = sources.add("cluster.yaml", text);
        read(text, file, &mut sources, &mut Diagnostics::new());
        sources.masked(&[]).get(file).text.clone()
    }

    #[test]
    fn hidden_in_a_tree() {
        for text in [
            "password: hunter2",
            "a: {db-Passwd: [hunter2]}",
            "mirror: \"http://user:hunter2@host/x\"",
            "{secret: True, content: hunter2}",
            "{content: hunter2, secret: yes}",
            "{content: hunter2, mode: \"0640\"}",
            "{path: /etc/x, contents: hunter2, mode: \"0600\"}",
            "runn: curl -u admin:hunter2 http://x",
            "key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  hunter2\n",
        ] {
            assert!(!shown(text).contains("hunter2"), "{text}");
        }
        for text in ["password: {file: hunter2}", "{secret: false, content: hunter2}", "mirror: http://hunter2/x", "secret: true"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn hidden_where_there_is_no_tree() {
        for text in [
            "password: hunter2: x",
            "mirror: \"http://user:hunter2@host/x\" oops",
            "- token: |\n    a\n\n    hunter2\n b: [",
            "- {content: hunter2, secret: true} oops",
            "- run: curl -H \"Authorization: Bearer hunter2hunter2\" http://x",
            "  mode: \"0600\"\n  content: |\n    hunter2\n  x: [",
            "k: |\n -----BEGIN OPENSSH PRIVATE KEY-----\n hunter2\n -----END OPENSSH PRIVATE KEY-----\nx: [",
        ] {
            assert!(!shown(text).contains("hunter2"), "{}", shown(text));
        }
        let text = "password: x\nname: hunter2\nx: [";
        assert!(shown(text).contains("name: hunter2"), "{}", shown(text));
    }
}
