//! Words of a command line for sh, as POSIX has it (XCU 2.2, quoting).

/// A word for sh, with quotes only where it needs them.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.into() } else { always_quoted(text) }
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
            ("$HOME", "'$HOME'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}
