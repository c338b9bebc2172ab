//! What users bring of their own, resolved: accounts, files and commands. Every default is filled in, every byte is there, and a
//! place is kept only where a check points at it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::resolve::unreadable;
use super::{Host, LocalFiles};
use crate::diag::{At, Diagnostic, Diagnostics, Spanned, codes};
use crate::format::checksum::Content;
use crate::spec::{self, Spec};

/// An account of every host.
#[derive(Clone, Debug)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Full name.
    pub gecos: Option<String>,
    /// Further groups.
    pub groups: Vec<String>,
    /// Login shell.
    pub shell: String,
    /// May use sudo without a password.
    pub sudo: bool,
    /// crypt(3) hash; none: no password.
    pub password_hash: Option<Spanned<String>>,
    /// Public keys as authorized_keys has them, one line each.
    pub ssh_keys: Vec<Spanned<String>>,
    /// Where the account as a whole stands.
    pub at: At,
    /// Where its name stands.
    pub name_at: At,
}

/// A file of the user's own.
#[derive(Clone, Debug)]
pub struct OwnFile {
    /// Absolute path on the target.
    pub path: String,
    /// Its bytes, wherever they came from.
    pub content: Arc<Content>,
    /// Permission bits.
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
    /// True when others shall not read it, neither on the target nor in the output.
    pub secret: bool,
    /// True when the spec says whether it is a secret, false when its mode tells.
    pub secret_stated: bool,
    /// Which hosts get it.
    pub audience: Audience,
    /// Where its path stands.
    pub path_at: At,
    /// Where its content stands, or what names that.
    pub content_at: At,
}

/// A command of the user's own.
#[derive(Clone, Debug)]
pub struct OwnCommand {
    /// The program and its arguments; a line for the shell is `sh -c LINE`.
    pub argv: Vec<String>,
    /// When it runs.
    pub moment: Moment,
    /// Which hosts run it.
    pub audience: Audience,
    /// Where those of the words stand that were typed: the last ones.
    pub typed_at: Vec<At>,
}

/// When a command runs, at first boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before any package is installed.
    BeforeInstall,
    /// After the services of the host were started.
    AfterStart,
}

/// Which hosts something of the user's is for.
#[derive(Clone, Debug)]
pub enum Audience {
    /// All of them.
    Everyone,
    /// Hosts that have one of the roles or one of the names.
    Only {
        /// Names of roles.
        roles: Vec<Spanned<String>>,
        /// Names of hosts.
        hosts: Vec<Spanned<String>>,
    },
}

impl OwnCommand {
    /// Its words as they were typed: a line for the shell is one.
    pub fn typed(&self) -> &[String] {
        &self.argv[self.argv.len() - self.typed_at.len()..]
    }
}

impl Moment {
    /// The word in the spec and in `host.json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::BeforeInstall => "before-install",
            Self::AfterStart => "after-start",
        }
    }
}

impl Audience {
    /// True when the host is among them.
    pub fn includes(&self, host: &Host) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only { roles, hosts } => {
                roles.iter().any(|role| host.has_role(&role.value)) || hosts.iter().any(|name| name.value == host.name)
            }
        }
    }
}

/// Resolves `access`.
pub fn accounts(spec: &Spec) -> Vec<Account> {
    let account = |user: &spec::User| Account {
        name: user.name.value.clone(),
        gecos: user.gecos.clone(),
        groups: user.groups.iter().map(|group| group.value.clone()).collect(),
        shell: user.shell.clone().unwrap_or_else(|| "/bin/bash".into()),
        sudo: user.sudo,
        password_hash: user.password_hash.clone(),
        ssh_keys: user.ssh_keys.iter().map(|key| Spanned::new(key.value.trim().to_string(), key.at)).collect(),
        at: user.at,
        name_at: user.name.at,
    };
    spec.users.iter().map(account).collect()
}

/// Resolves `files`. A file whose content is not there is a diagnostic.
pub fn files(spec: &Spec, local: &LocalFiles, diags: &mut Diagnostics) -> Vec<OwnFile> {
    let sound = spec.sound("files", diags);
    spec.files.iter().filter_map(|typed| file(typed, sound, local, diags)).collect()
}

fn file(typed: &spec::File, sound: bool, local: &LocalFiles, diags: &mut Diagnostics) -> Option<OwnFile> {
    let (bytes, content_at) = match (&typed.content, &typed.source) {
        (Some(content), None) => (content.text()?.as_bytes().to_vec(), content.at),
        (None, Some(source)) => match local.get(&source.value)? {
            Ok(bytes) => (bytes.clone(), source.at),
            Err(why) => {
                diags.push(unreadable(&source.value, why, source.at));
                return None;
            }
        },
        _ if !sound => return None,
        (content, _) => {
            let what = if content.is_some() { "has both `content` and" } else { "needs `content` or" };
            diags.push(
                Diagnostic::error(codes::FILE_CONTENT, typed.path.at, format!("`{}` {what} `source`", typed.path.value))
                    .help("`content: |` holds the text, `source:` names a local file; write one of them"),
            );
            return None;
        }
    };
    // Its mode tells where nothing is said: what others cannot read on the target is not for the output's readers either.
    let secret = typed.secret.unwrap_or(typed.mode.is_some_and(|mode| mode & spec::OTHERS_READ == 0));
    Some(OwnFile {
        path: typed.path.value.clone(),
        content: Content::shared(bytes),
        mode: typed.mode.unwrap_or(if secret { 0o600 } else { 0o644 }),
        owner: typed.owner.clone().unwrap_or_else(|| "root".into()),
        group: typed.group.clone().unwrap_or_else(|| "root".into()),
        secret,
        secret_stated: typed.secret.is_some(),
        audience: audience(&typed.audience),
        path_at: typed.path.at,
        content_at,
    })
}

/// Resolves `commands`.
pub fn commands(spec: &Spec) -> Vec<OwnCommand> {
    let command = |typed: &spec::Command| {
        let shell: &[&str] = if typed.shell { &["sh", "-c"] } else { &[] };
        let words = typed.run.iter().map(|word| word.value.as_str());
        OwnCommand {
            argv: shell.iter().copied().chain(words).map(str::to_string).collect(),
            moment: match typed.moment.as_deref() {
                Some("before-install") => Moment::BeforeInstall,
                _ => Moment::AfterStart,
            },
            audience: audience(&typed.audience),
            typed_at: typed.run.iter().map(|word| word.at).collect(),
        }
    };
    spec.commands.iter().map(command).collect()
}

fn audience(typed: &spec::Audience) -> Audience {
    if typed.roles.is_empty() && typed.hosts.is_empty() {
        return Audience::Everyone;
    }
    Audience::Only { roles: typed.roles.clone(), hosts: typed.hosts.clone() }
}
