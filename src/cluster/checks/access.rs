//! Accounts: hashed passwords, public keys, nothing that locks anybody out or leaks.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::diag::{At, Diagnostic, Diagnostics, Spanned, codes};
use crate::format::base64;
use crate::platform::Platform;

/// Key types of OpenSSH (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
const KEY_TYPES: &[&str] = &[
    "ssh-rsa",
    "ssh-ed25519",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Names unique and free, passwords hashed, keys public.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, At> = BTreeMap::new();
    for account in &cluster.accounts {
        let (name, at) = (&account.name, account.name_at);
        if let Some(first) = seen.insert(name, at) {
            diags.push(
                Diagnostic::error(codes::USER_DUPLICATE, at, format!("the user `{name}` is described twice"))
                    .related(first, "first here")
                    .help("keep one"),
            );
        }
        // Images of a distribution call their default user after it.
        if matches!(name.as_str(), "root" | "default") || *name == cluster.platform.distribution {
            diags.push(
                Diagnostic::error(codes::USER_RESERVED, at, format!("`{name}` cannot be an account of yours"))
                    .help("describe a user of your own with `sudo: true`; root and the image's default user stay as they are"),
            );
        }
        if let Some(hash) = &account.password_hash {
            password(hash, &cluster.platform, diags);
        }
        account.ssh_keys.iter().for_each(|key| ssh_key(key, diags));
        // A key or hash in a form or under a name that cannot be read has been reported.
        if account.ssh_keys.is_empty() && account.password_hash.is_none() && !diags.has_error_in(account.at) {
            diags.push(
                Diagnostic::warning(codes::USER_NO_LOGIN, at, format!("nobody can log in as `{name}`"))
                    .help("add `ssh_keys`, or `password_hash`"),
            );
        }
    }
}

/// crypt(5): `$id$salt$hash`. DES and plain text have no `$`.
fn password(hash: &Spanned<String>, platform: &Platform, diags: &mut Diagnostics) {
    let mut parts = hash.value.split('$');
    let (first, id) = (parts.next(), parts.next());
    let rest: Vec<&str> = parts.collect();
    let known = matches!(id, Some("1" | "5" | "6" | "y" | "gy" | "7" | "2a" | "2b" | "2y"));
    if first != Some("") || !known || rest.len() < 2 || rest.last().is_some_and(|hash| hash.len() < 16) {
        // The value is not repeated: it may be the password itself.
        diags.push(
            Diagnostic::error(codes::PASSWORD_PLAIN, hash.at, "this is not a password hash")
                .help("`mkpasswd -m sha-512` prints one; a password in plain sight would be on every host and in every backup"),
        );
    } else if !platform.takes_hash(id.unwrap_or_default()) {
        diags.push(
            Diagnostic::error(codes::PASSWORD_FOREIGN, hash.at, format!("{} does not know hashes of this kind", platform.name))
                .help("`mkpasswd -m sha-512` prints one that it knows"),
        );
    } else if matches!(id, Some("1")) {
        diags.push(
            Diagnostic::warning(codes::PASSWORD_WEAK, hash.at, "MD5 hashes are guessed in minutes")
                .help("`mkpasswd -m sha-512` prints a better one"),
        );
    }
}

fn ssh_key(key: &Spanned<String>, diags: &mut Diagnostics) {
    let text = key.value.as_str();
    if text.contains("PRIVATE KEY") {
        diags.push(
            Diagnostic::error(codes::SSH_KEY_PRIVATE, key.at, "this is a private key")
                .help("use the line in the `.pub` file; treat the private one as known to others from now on if this spec was shared"),
        );
        return;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| KEY_TYPES.contains(word));
    let pair = at.and_then(|at| Some((words[at], *words.get(at + 1)?)));
    let message = match (text.chars().find(|c| !matches!(c, ' '..='~')), pair) {
        (Some('\n' | '\r'), Some(_)) => "this public SSH key is broken over several lines".to_string(),
        (Some(odd), Some(_)) => format!("this public SSH key holds {odd:?}"),
        (None, Some((kind, body))) if whole(kind, body) => return,
        (None, Some(_)) => "this public SSH key is cut off or damaged".to_string(),
        (_, None) => "this is not a public SSH key".to_string(),
    };
    diags.push(
        Diagnostic::error(codes::SSH_KEY, key.at, message)
            .help("paste the whole line of the `.pub` file: type, key, and, in plain ASCII, a comment"),
    );
}

/// The body of a key is a row of strings, each behind its length in four bytes; the first is the type (RFC 4253, 6.6).
fn whole(kind: &str, body: &str) -> bool {
    let Some(bytes) = base64::decode(body) else { return false };
    let (mut rest, mut parts) = (bytes.as_slice(), 0);
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((part, more)) = more.split_at_checked(length) else { return false };
        if parts == 0 && part != kind.as_bytes() {
            return false;
        }
        (rest, parts) = (more, parts + 1);
    }
    rest.is_empty() && parts > 1
}
