//! Secrets that would become readable for others: in files, in commands, in settings and the documents among them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::cluster::Cluster;
use crate::diag::{At, Diagnostic, Diagnostics, codes};
use crate::format::secret;
use crate::schema::{Data, Value};
use crate::spec::OTHERS_READ;

/// What holds a private key is a secret, and what is a secret is not for everybody on the target.
pub fn files(cluster: &Cluster, diags: &mut Diagnostics) {
    for file in &cluster.files {
        let spec = &file.spec;
        let held = if spec.is_secret() || spec.secret.is_some() { None } else { secret::private_key(&file.bytes) };
        if let Some(held) = held {
            let at = spec.source.as_ref().map(|source| source.at).or(spec.content.as_ref().map(|content| content.at));
            let message = format!("`{}` holds {held}, and everybody could read it", spec.path.value);
            let help = "write `secret: true` beside it; `secret: false` when everybody may have this key";
            diags.push(Diagnostic::error(codes::FILE_SECRET, at.unwrap_or(spec.path.at), message).help(help));
        }
        if spec.secret == Some(true) && spec.permissions() & OTHERS_READ != 0 {
            let message =
                format!("`{}` is a secret, and mode {:04o} lets everybody on the target read it", spec.path.value, spec.permissions());
            let help = "write another mode, such as \"0600\" or, with a `group`, \"0640\"; or drop `secret`";
            diags.push(Diagnostic::warning(codes::FILE_SECRET, spec.path.at, message).help(help));
        }
    }
}

/// Commands stand in user-data and in the host's plan, which everybody may read.
pub fn commands(cluster: &Cluster, diags: &mut Diagnostics) {
    for command in &cluster.commands {
        let line = command.run.iter().map(|word| word.value.as_str()).collect::<Vec<_>>().join(" ");
        let Some(first) = command.run.first() else { continue };
        if let Some(what) = readable(&line) {
            // Which of the words it is would take a shell to tell.
            command.run.iter().for_each(|word| diags.hide(word.at));
            let help = "bring it as a file of yours with `secret: true`, and let the command read it there";
            report(first.at, "this command", what, help, diags);
        }
    }
}

/// Settings that are no secrets by their type go into files that everybody may read, and apps to whoever asks for them.
pub fn settings(cluster: &Cluster, diags: &mut Diagnostics) {
    let known: BTreeSet<At> = diags.iter().filter_map(|d| d.at).collect();
    let mut found = Vec::new();
    for (path, value) in cluster.settings.all_typed() {
        walk((path.rsplit('.').next().unwrap_or(path), value.at), value, &mut found);
    }
    for ((key, _), at, what) in found.into_iter().filter(|((_, key_at), at, _)| !known.contains(at) && !known.contains(key_at)) {
        diags.hide(at);
        let help = "bring it as a file of yours with `secret: true`, and name that; `allow` this when it is no secret";
        report(at, &format!("`{key}`"), what, help, diags);
    }
}

/// A key and its place, the place of a text below it, and what that holds.
type Found<'v> = ((&'v str, At), At, Held);

/// Texts below a key that tell a secret.
fn walk<'v>(key: (&'v str, At), value: &'v Value, found: &mut Vec<Found<'v>>) {
    match &value.data {
        Data::List(items) => items.iter().for_each(|item| walk(key, item, found)),
        Data::Map(map) => map.iter().for_each(|(key, (at, value))| walk((key, *at), value, found)),
        Data::Text(text) => {
            let named = is_named(key.0, text);
            found.extend(readable(text).or(named.then_some(Held::Password)).map(|what| (key, value.at, what)));
        }
        _ => {}
    }
}

/// Last words of keys that tell something about a secret, and hold none.
const ABOUT: &[&str] = &["file", "path", "dir", "name", "url", "uri", "ttl", "type", "policy"];

/// True when a key says that its value is a secret, and the value may be one.
fn is_named(key: &str, value: &str) -> bool {
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
    let switch = secret::SWITCHES.contains(&text.to_ascii_lowercase().as_str());
    let address = text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok();
    // Base64 has slashes, and looks like no path.
    let has = |what: fn(&char) -> bool| text.chars().any(|c| what(&c));
    let random = text.len() >= 20 && has(char::is_ascii_digit) && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    let path = text.starts_with(['/', '$', '.', '~', '{']) || text.contains("://") || (text.contains('/') && !random);
    !text.is_empty() && !path && !address && !switch
}

#[derive(Clone, Copy)]
enum Held {
    Key(&'static str),
    Password,
}

fn readable(text: &str) -> Option<Held> {
    secret::private_key(text.as_bytes()).map(Held::Key).or(secret::typed(text).then_some(Held::Password))
}

fn report(at: At, holder: &str, held: Held, help: &str, diags: &mut Diagnostics) {
    let diagnostic = match held {
        Held::Key(key) => Diagnostic::error(codes::SECRET_IN_SPEC, at, format!("{holder} holds {key}, which everybody could read")),
        Held::Password => {
            Diagnostic::warning(codes::SECRET_IN_SPEC, at, format!("{holder} holds what looks like a password, which everybody could read"))
        }
    };
    diags.push(diagnostic.help(help));
}

#[cfg(test)]
mod tests {
    use super::is_named;

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
            assert!(is_named(key, value), "{key}: {value}");
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
            assert!(!is_named(key, value), "{key}: {value}");
        }
    }
}
