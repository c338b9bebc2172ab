//! What secrets look like: private keys by the marks that their formats carry, passwords on command lines and under keys that name them.

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

/// No path, no URL, no variable, no address, no switch.
fn is_value(text: &str) -> bool {
    let switch = SWITCHES.contains(&text.to_ascii_lowercase().as_str());
    let address = text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok();
    // Base64 has slashes, and looks like no path.
    let has = |what: fn(&char) -> bool| text.chars().any(|c| what(&c));
    let random = text.len() >= 20 && has(char::is_ascii_digit) && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    let path = text.starts_with(['/', '$', '.', '~', '{']) || text.contains("://") || (text.contains('/') && !random);
    !text.is_empty() && !path && !address && !switch
}

/// True when a line of a file of settings holds what looks like a password: typed as for a shell, or `key: value`, `key = value`
/// or `"key": "value"` with a key that names a secret.
pub fn told(line: &str) -> bool {
    let bare = |text: &str| text.trim().trim_end_matches([',', ';']).trim_matches(['"', '\'']).to_string();
    typed(line) || line.split_once([':', '=']).is_some_and(|(key, value)| named(&bare(key), &bare(value)))
}

#[cfg(test)]
mod tests {
    use super::{named, private_key, told, typed};

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
        for line in
            ["      \"DB_PASSWORD\": \"hunter2\",", "password = hunter2", "client_secret: abc", "export TOKEN='x1'", "PASSWORD='hunter2'"]
        {
            assert!(told(line), "{line}");
        }
        for line in
            ["\"PORT\": \"80\"", "password_file = /etc/x", "token: true", "tickTime=2000", "# passwords are in a file", "", ":", "secret:"]
        {
            assert!(!told(line), "{line}");
        }
    }
}
