//! Secrets that would become readable for others: in files, in commands, in settings and the documents among them.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, OwnFile};
use crate::diag::{At, Diagnostic, Diagnostics, codes};
use crate::format::secret;
use crate::schema::{Data, Value};
use crate::spec::OTHERS_READ;

/// What holds a private key is a secret, and what is a secret is not for everybody on the target.
pub fn files(cluster: &Cluster, diags: &mut Diagnostics) {
    for file in &cluster.files {
        let OwnFile { path, mode, secret, secret_stated, .. } = file;
        let held = if *secret || *secret_stated { None } else { secret::private_key(&file.content.bytes) };
        if let Some(held) = held {
            let message = format!("`{path}` holds {held}, and everybody could read it");
            let help = "write `secret: true` beside it; `secret: false` when everybody may have this key";
            diags.push(Diagnostic::error(codes::FILE_SECRET, file.content_at, message).help(help));
        }
        if *secret && *secret_stated && mode & OTHERS_READ != 0 {
            let message = format!("`{path}` is a secret, and mode {mode:04o} lets everybody on the target read it");
            let help = "write another mode, such as \"0600\" or, with a `group`, \"0640\"; or drop `secret`";
            diags.push(Diagnostic::warning(codes::FILE_SECRET, file.path_at, message).help(help));
        }
    }
}

/// Commands stand in user-data and in the host's plan, which everybody may read.
pub fn commands(cluster: &Cluster, diags: &mut Diagnostics) {
    for command in &cluster.commands {
        let Some(first) = command.typed_at.first() else { continue };
        if let Some(what) = readable(&command.typed().join(" ")) {
            // Which of the words it is would take a shell to tell.
            command.typed_at.iter().for_each(|at| diags.hide(*at));
            let help = "bring it as a file of yours with `secret: true`, and let the command read it there";
            report(*first, "this command", what, help, diags);
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
            let named = secret::named(key.0, text);
            found.extend(readable(text).or(named.then_some(Held::Password)).map(|what| (key, value.at, what)));
        }
        _ => {}
    }
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
