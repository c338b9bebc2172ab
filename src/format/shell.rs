//! Words of a command line for sh, as POSIX has it (XCU 2.2, quoting).

/// A word for sh, with quotes only where it needs them.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    // As in `HEAD~1:cluster.yaml`. A home is only looked for at the beginning, and by some shells behind `=` and `:`.
    let revision = |at: usize| text[..at].ends_with(|before: char| before.is_ascii_alphanumeric());
    let bare = text.char_indices().all(|(at, c)| plain(c) || (c == '~' && revision(at)));
    if !text.is_empty() && bare { text.into() } else { always_quoted(text) }
}

/// A word for sh, in quotes whatever it is.
pub fn always_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_of_sh() {
        for (text, word) in [
            ("out/hosts/m1/user-data", "out/hosts/m1/user-data"),
            ("", "''"),
            ("a b", "'a b'"),
            ("ds=nocloud-net;s=http://x/", "'ds=nocloud-net;s=http://x/'"),
            ("it's", r"'it'\''s'"),
            ("~/out", "'~/out'"),
            ("HEAD~1:a.yaml", "HEAD~1:a.yaml"),
            ("out=~/x", "'out=~/x'"),
            ("$HOME", "'$HOME'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}
