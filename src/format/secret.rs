//! What secrets look like: private keys by the marks that their formats carry, passwords on command lines and under keys that name them.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;

/// Every textual form: PEM of PKCS #1, PKCS #8, SEC 1 and DSA (RFC 7468, RFC 5915), OpenSSH, PGP (RFC 9580, 6.2), SSH2 (RFC 4716
/// has four dashes and a blank). Keys in JSON have `\n` for a line break, which changes nothing here.
static ARMOR: LazyLock<Regex> = LazyLock::new(|| fixed(r"-----? ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----?"));

/// Where a command line holds a password itself, not a variable or the path of a file. Of some, the first group is the value.
static TYPED: LazyLock<[Regex; 6]> = LazyLock::new(|| {
    let value = r#"["']?([^\s"'$`/@<&|;-][^\s"'$`<&|;]*)"#;
    let word = r"[a-z0-9_-]*(?:passw(?:or)?d|secret|token|api[_-]?key|passphrase)";
    [
        fixed(r"[a-z]://[^\s/@:$]+:[^\s/@:$]+@"),
        fixed(&format!(r"(?i)\b{word}={value}")),
        fixed(&format!(r"(?i)\s--{word}\s+{value}")),
        fixed(r#"\bcurl\b.*\s(?:-u|-U|--user|--proxy-user)[ =]?["']?[^\s:"'$]+:[^\s"'$]"#),
        fixed(r"(?i)\bauthorization: *(?:basic|bearer) +[a-z0-9._~+/=-]{8}"),
        fixed(r#"\b(?:echo|printf)\s+["']?[^\s:"'$]+:[^\s"'$]+.*\|.*\bchpasswd\b"#),
    ]
});

/// Values that switch something.
const SWITCHES: &[&str] = &["true", "false", "yes", "no", "on", "off", "none", "auto"];

fn fixed(source: &str) -> Regex {
    Regex::new(source).unwrap_or_else(|error| unreachable!("pattern {source}: {error}"))
}

/// The kind of private key that a file holds, in words, if it holds one in a form of text.
pub fn private_key(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes);
    if let Some(found) = ARMOR.find(&text) {
        let armor = found.as_str();
        return Some(match () {
            () if armor.contains("PGP") => "a private PGP key",
            () if armor.contains("OPENSSH") || armor.contains("SSH2") => "a private SSH key",
            () => "a private key",
        });
    }
    match () {
        () if text.contains("PuTTY-User-Key-File-") && text.contains("Private-Lines:") => Some("a private key of PuTTY"),
        () if text.contains("AGE-SECRET-KEY-1") => Some("a private key of age"),
        () => None,
    }
}

/// What patterns begin with that `sed` looks for, as in `s/^password=.*/password=x/`.
const PATTERNS: &[&str] = &[".*", ".+", ".\\", "[^", "[[:", "\\"];

/// Most patterns of that kind in one line: what follows each is looked through again.
const LOOKED_INTO: usize = 20;

/// True when a line for a shell holds a password or a token in itself. A guess: what is only named so is none.
pub fn typed(line: &str) -> bool {
    let searches = searches(line);
    TYPED.iter().any(|pattern| {
        let (mut at, mut left) = (0, LOOKED_INTO);
        while let Some(found) = pattern.captures_at(line, at) {
            let Some(value) = found.get(1) else { return true };
            let text = value.as_str();
            let looks = PATTERNS.iter().any(|begin| text.starts_with(begin));
            let switch = SWITCHES.contains(&text.trim_end_matches(['/', '#', ',']).to_ascii_lowercase().as_str());
            // A login that is locked.
            let locked = text.chars().all(|c| "!*".contains(c));
            let next = searches.partition_point(|range| range.end <= value.start());
            let searched = searches.get(next).is_some_and(|range| range.contains(&value.start()));
            if !looks && !switch && !locked && !searched {
                return true;
            }
            left -= usize::from(looks);
            if left == 0 {
                return false;
            }
            at = if looks { value.start() } else { value.end() };
        }
        false
    })
}

/// Where commands of a line look for text, in order. What parts commands counts outside of quotes alone.
fn searches(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut command = |start: usize, end: usize| {
        let mut at = start;
        for word in line[start..end].split([' ', '\t']) {
            if ["grep", "egrep", "fgrep", "zgrep"].contains(&word.rsplit('/').next().unwrap_or(word)) {
                return found.push(at..end);
            }
            at += word.len() + 1;
        }
    };
    let (mut quote, mut start) = (None, 0);
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if "\"'".contains(c) => quote = Some(c),
            None if "|;&(`\n".contains(c) => {
                command(start, at);
                start = at + 1;
            }
            _ => {}
        }
    }
    command(start, line.len());
    found
}

/// Last words of keys that tell something about a secret, and hold none.
const ABOUT: &[&str] = &["file", "path", "dir", "name", "url", "uri", "ttl", "type", "policy"];

/// True when a key says that its value is a secret (`DB_PASSWORD`, `client-secret`), and the value may be one.
pub fn named(key: &str, value: &str) -> bool {
    let words = words(key);
    let Some(last) = words.last() else { return false };
    let password = |word: &String| ["passw", "pasw", "passphrase"].iter().any(|stem| word.contains(stem));
    let secret = |word: &String| ["secret", "credential", "token"].iter().any(|end| word.trim_end_matches('s').ends_with(end));
    let key = words.windows(2).any(|pair| pair[0] == "private" && pair[1].starts_with("key")) || last.starts_with("privatekey");
    let key = key || words.windows(2).any(|pair| pair == ["api", "key"]) || words.iter().any(|word| word == "apikey");
    let told = key || words.iter().any(|word| password(word) || secret(word));
    told && !ABOUT.contains(&last.as_str()) && is_value(value) && (password(last) || value.parse::<f64>().is_err())
}

/// Words of a key in lower case, without numbers at their ends: `DB_PASSWORD2` and `dbPassword` have two.
fn words(key: &str) -> Vec<String> {
    let chars: Vec<char> = key.chars().collect();
    let mut words = vec![String::new()];
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let lower = |c: Option<&char>| c.is_some_and(|c| c.is_lowercase());
        let begins = c.is_uppercase() && before.is_some_and(|b| !b.is_uppercase() || lower(chars.get(at + 1)));
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.into_iter().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_string()).filter(|word| !word.is_empty()).collect()
}

/// No path, no URL, no variable, no address, no switch; a hash is as good as a password.
fn is_value(text: &str) -> bool {
    let switch = SWITCHES.contains(&text.to_ascii_lowercase().as_str());
    let address = text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok();
    // Base64 has slashes, and looks like no path.
    let has = |what: fn(&char) -> bool| text.chars().any(|c| what(&c));
    let random = text.len() >= 20 && has(char::is_ascii_digit) && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    // As /etc/shadow has it: `$6$salt$hash`.
    let hash = text.strip_prefix('$').and_then(|rest| rest.split_once('$')).is_some_and(|(id, rest)| {
        (1..=8).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && rest.contains('$')
    });
    if hash {
        return true;
    }
    let path = text.starts_with(['/', '$', '.', '~', '{']) || text.contains("://") || (text.contains('/') && !random);
    !text.is_empty() && !path && !address && !switch
}

/// What stands for a password that is not shown. No pattern of this module takes it for one.
const HIDDEN: &str = "<hidden>";

/// A key and what parts it from its value, in YAML, JSON, TOML, properties and assignments of a shell.
static KEY: LazyLock<Regex> = LazyLock::new(|| fixed(r#"("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z_][A-Za-z0-9_.-]*)\s*[:=]\s*"#));

/// The last word of a line of a `.netrc` and its like.
static PASSWORD: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?i)\bpassword\s+(\S+)\s*$"));

/// Longest value without quotes, in bytes.
const LONGEST: usize = 4096;

/// Where /etc/nsswitch.conf looks for `passwd`.
const NAME_SERVICES: &[&str] = &["files", "systemd", "compat", "cache", "db", "ldap", "nis", "nisplus", "sss", "winbind", "extrausers"];

/// A line of a file of settings without what looks like a password: the value of each key that names a secret, or the whole line where
/// it holds one as a shell would read it. A guess: what nothing names stays.
pub fn veiled(line: &str) -> Cow<'_, str> {
    let mut hidden = Vec::new();
    let mut at = 0;
    while let Some(found) = KEY.captures_at(line, at) {
        let (Some(whole), Some(key)) = (found.get(0), found.get(1)) else { break };
        let value = value_at(line, whole.end());
        at = whole.end();
        if named(key.as_str().trim_matches(['"', '\'']), &line[value.clone()]) && !is_lookup(&line[value.clone()]) {
            at = value.end.max(at);
            hidden.push(value);
        }
    }
    let comment = line.trim_start().starts_with(['#', '/', ';']);
    let last =
        PASSWORD.captures(line).and_then(|found| found.get(1)).filter(|last| !comment && !hidden.iter().any(|h| h.end > last.start()));
    hidden.extend(last.map(|last| last.range()));
    let mut shown = Cow::Borrowed(line);
    for range in hidden.into_iter().rev() {
        shown.to_mut().replace_range(range, HIDDEN);
    }
    if typed(&shown) { Cow::Borrowed(HIDDEN) } else { shown }
}

/// Where the value lies that begins at a place: what is within its quotes, or up to what ends it.
fn value_at(line: &str, start: usize) -> Range<usize> {
    let rest = &line[start..];
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = *c == '\\' && quote == '"' && !escaped;
            ends
        });
        return start + 1..start + end.map_or(rest.len(), |(end, _)| end);
    }
    let most = rest.char_indices().map(|(at, _)| at).find(|at| *at >= LONGEST).unwrap_or(rest.len());
    let end = rest[..most].find([',', ';', '}', ']']).unwrap_or(most);
    start..start + rest[..end].trim_end().len()
}

fn is_lookup(value: &str) -> bool {
    value.split_whitespace().all(|word| NAME_SERVICES.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{named, private_key, typed, veiled};

    #[test]
    fn private_keys_of_every_kind() {
        for kind in ["", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH ", "ANY "] {
            assert!(private_key(format!("x\n-----BEGIN {kind}PRIVATE KEY-----\nMII").as_bytes()).is_some(), "{kind}");
        }
        for text in [
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n",
            "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMII\"}",
            "PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 2\nPrivate-Lines: 1\n",
            "AGE-SECRET-KEY-1QQ",
        ] {
            assert!(private_key(text.as_bytes()).is_some(), "{text}");
        }
        assert!(private_key(b"\xff\xfe-----BEGIN RSA PRIVATE KEY-----").is_some());
        for text in [
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----",
            "-----BEGIN CERTIFICATE-----",
            "a private key: PRIVATE KEY",
            "ssh-rsa AAAA",
            "",
        ] {
            assert!(private_key(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn passwords_on_command_lines() {
        for line in [
            "curl -u admin:hunter2 http://x/",
            "curl -sf --user=admin:hunter2 http://x/",
            "wget http://admin:hunter2@x/y",
            "git clone https://me:ghp_x@example.net/r.git",
            "DB_PASSWORD=hunter2 /srv/setup",
            "mysql --password=hunter2",
            "consul-join --token abcdef",
            "vault login token='s.x1'",
            "curl -H 'Authorization: Bearer eyJhbGciOi' http://x/",
            "echo root:hunter2 | chpasswd",
            "sed -i 's/^password=.*/password=hunter2/' /etc/x",
            "sed -i 's|^password=.*|password=hunter2|' /etc/x",
            "DB_PASSWORD=hunter2 grep x /etc/y",
            "grep -q x /etc/y && join --token=abc",
        ] {
            assert!(typed(line), "{line}");
        }
        for line in [
            "sysctl -w vm.swappiness=1",
            "curl -sf http://x/",
            "curl -u \"$(cat /etc/login)\" http://x/",
            "docker run -u 1000:1000 x",
            "DB_PASSWORD=\"$(cat /etc/p)\" /srv/setup",
            "DB_PASSWORD=$P /srv/setup",
            "ssh -o PasswordAuthentication=no x",
            "mysql --password-file /etc/p",
            "join --token /etc/token",
            "join --token $(cat /etc/token)",
            "join --token=false x",
            "passwd -l root",
            "usermod --password='!' x",
            "usermod --password '*' x",
            "sed -i 's/^password=.*/password=/' /etc/x",
            "sed -n 's/password=[^ ]*//p' /etc/x",
            "grep token=abc /etc/x",
            "grep x /etc/y; sed -i 's/^token=.*/token=\"$T\"/; s/^x=true/secret=off/' /etc/x",
            "cat /etc/x | sudo /bin/grep -E 'user=x|token=abc'",
            "chpasswd -e < /etc/hashes",
            "rsync user@host:/x /y",
            "echo a@b:c",
        ] {
            assert!(!typed(line), "{line}");
        }
    }

    #[test]
    fn keys_that_name_secrets() {
        for (key, value) in [
            ("DB_PASSWORD", "hunter2"),
            ("PGPASSWORD", "123456"),
            ("dbPassword", "x y"),
            ("DBPasswd2", "hunter2"),
            ("app.client-secret", "hunter2"),
            ("clientsecrets", "hunter2"),
            ("TOKEN", "abc"),
            ("PRIVATE_KEY", "MIIabc"),
            ("privateKey", "MIIabc"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ] {
            assert!(named(key, value), "{key}: {value}");
        }
        for (key, value) in [
            ("private", "true"),
            ("private", "yard"),
            ("PRIVATE_IP", "10.0.0.1"),
            ("TOKEN_TTL", "3600"),
            ("TOKEN_TTL", "1h"),
            ("USE_TOKEN", "False"),
            ("MAX_TOKENS", "4096"),
            ("TOKENIZER", "simple"),
            ("SECRETARY", "anna"),
            ("SECRET_PATH", "secret/data/x"),
            ("SECRET", "kv/data/x"),
            ("TOKEN_SERVER", "10.0.0.1:8200"),
            ("DB_PASSWORD_FILE", "/etc/db"),
            ("DB_PASSWORD", "$P"),
            ("DB_PASSWORD", ""),
            ("", "x"),
        ] {
            assert!(!named(key, value), "{key}: {value}");
        }
    }

    #[test]
    fn lines_that_tell() {
        for (line, shown) in [
            (r#"      "DB_PASSWORD": "hunter2","#, r#"      "DB_PASSWORD": "<hidden>","#),
            (r#"  "app:password": "hunter2""#, r#"  "app:password": "<hidden>""#),
            (r#"{"user": "u", "password": "hun\"ter2", "x": 1}"#, r#"{"user": "u", "password": "<hidden>", "x": 1}"#),
            (r#"{"auth": {"password": "x"}}"#, r#"{"auth": {"password": "<hidden>"}}"#),
            (r#""API_KEY": "x""#, r#""API_KEY": "<hidden>""#),
            ("{ user: u, password: x }", "{ user: u, password: <hidden> }"),
            ("url: \"jdbc:x\" ; password = x", "url: \"jdbc:x\" ; password = <hidden>"),
            ("password_hash: \"$6$abc$def\"", "password_hash: \"<hidden>\""),
            ("machine h login u password x", "machine h login u password <hidden>"),
            ("password = correct horse", "password = <hidden>"),
            ("client_secret: abc", "client_secret: <hidden>"),
            ("export TOKEN='x1'", "export TOKEN='<hidden>'"),
            ("curl -u admin:hunter2 http://x/", "<hidden>"),
        ] {
            assert_eq!(veiled(line), shown, "{line}");
        }
        for line in [
            "\"PORT\": \"80\"",
            "password_file = /etc/x",
            "password = $P",
            "token: true",
            "tickTime=2000",
            "# the password is in a file",
            "passwd:         files systemd",
            "secret:",
            ":",
            "",
        ] {
            assert_eq!(veiled(line), line);
        }
        let long = "password:/".repeat(20_000);
        assert_eq!(veiled(&long), long);
    }
}
