//! A YAML tree against a [`Type`]: typed values come out, every deviation becomes a diagnostic.

use std::collections::BTreeMap;

use super::{Data, Field, Text, Type, Value, scalar};
use crate::diag::{At, Diagnostic, Diagnostics, codes, did_you_mean, nearest};
use crate::yaml::read::{Kind, Node};

/// Where the check stands and where it reports to.
pub struct Checker<'d> {
    /// What is wrong goes here.
    pub diags: &'d mut Diagnostics,
    /// Code for unknown keys: fields of the spec and settings of a profile have different ones.
    pub unknown: &'static str,
    /// What a key is called in messages, for example `field` or `setting`.
    pub noun: &'static str,
}

impl Checker<'_> {
    /// Checks `node`, which stands under the key `name`. `None` when nothing usable is there; then a diagnostic says why.
    pub fn check(&mut self, name: &str, node: &Node, ty: &Type) -> Option<Value> {
        let what = if name.is_empty() { "the file".to_string() } else { format!("`{name}`") };
        self.node(&what, node, ty, ty)
    }

    /// `what` is how messages call the place; `root` is the type that the check began with.
    fn node(&mut self, what: &str, node: &Node, ty: &Type, root: &Type) -> Option<Value> {
        let at = node.at;
        let value = |data| Some(Value { at, data });
        match ty {
            Type::Raw => value(Data::Raw(node.clone())),
            Type::ShortOr(short, long) => match node.kind {
                Kind::Map(_) => self.node(what, node, long, root),
                _ => self.node(what, node, short, root),
            },
            Type::OrNull(inner) => match &node.kind {
                // What was left empty was forgotten.
                Kind::Scalar { .. } if node.is_null() && at.start < at.end => value(Data::Null),
                _ => self.node(what, node, inner, root),
            },
            Type::Document(inner) => self.node(what, node, inner, root),
            Type::OneOrMany(item) => match &node.kind {
                Kind::Seq(nodes) if nodes.is_empty() => {
                    self.invalid(at, format!("{what} is an empty list"), "write at least one item");
                    None
                }
                Kind::Seq(nodes) => self.list(what, at, nodes, item, root),
                _ => self.node(what, node, item, root),
            },
            Type::List(item) => match &node.kind {
                Kind::Seq(nodes) => self.list(what, at, nodes, item, root),
                _ => self.wrong(what, node, ty),
            },
            Type::Object(fields) => match &node.kind {
                Kind::Map(_) => self.object(what, node, fields, root),
                _ => self.wrong(what, node, ty),
            },
            Type::Map { keys, values } => {
                let Kind::Map(entries) = &node.kind else { return self.wrong(what, node, ty) };
                let mut map = BTreeMap::new();
                for entry in entries {
                    if let Some(pattern) = keys.as_ref().filter(|p| !p.regex.is_match(&entry.key)) {
                        self.invalid(
                            entry.key_at,
                            format!("`{}` cannot be a key of {what}", entry.key),
                            format!("write {}", pattern.words),
                        );
                        if matches!(**values, Type::Secret) {
                            self.diags.hide(entry.value.at);
                        }
                        continue;
                    }
                    if let Some(checked) = self.node(&format!("`{}`", entry.key), &entry.value, values, root) {
                        map.insert(entry.key.clone(), (entry.key_at, checked));
                    }
                }
                value(Data::Map(map))
            }
            Type::Secret => self.secret(what, node),
            _ => self.scalar(what, node, ty),
        }
    }

    fn object(&mut self, what: &str, node: &Node, fields: &[Field], root: &Type) -> Option<Value> {
        let Kind::Map(entries) = &node.kind else { return None };
        let mut map = BTreeMap::new();
        let mut meant = Vec::new();
        for entry in entries {
            let Some(field) = fields.iter().find(|f| f.name == entry.key) else {
                meant.extend(nearest(&entry.key, fields.iter().map(|f| f.name.as_str())));
                self.unknown(what, entry.key_at, &entry.key, fields, root);
                continue;
            };
            if entry.value.is_null() && !matches!(field.ty, Type::Raw) {
                let or = if field.required { "" } else { ", or remove the key" };
                let message = format!("`{}` holds nothing", entry.key);
                let help = format!("write {}{or}", field.ty.noun());
                self.diags.push(Diagnostic::error(codes::WRONG_TYPE, entry.key_at, message).help(help));
                continue;
            }
            if let (Some(key), Kind::Map(_)) = (field.local_file, &entry.value.kind) {
                let message = format!("`{}` must be {}, this is a mapping", entry.key, field.ty.noun());
                let help = format!("what lies in a local file is named by `{key}: PATH`, in the place of `{}`", entry.key);
                self.diags.push(Diagnostic::error(codes::WRONG_TYPE, entry.value.at, message).help(help));
                continue;
            }
            if let Some(checked) = self.node(&format!("`{}`", entry.key), &entry.value, &field.ty, root) {
                map.insert(entry.key.clone(), (entry.key_at, checked));
            }
        }
        // A mistyped name is one mistake, not two.
        for field in fields.iter().filter(|f| f.required && !meant.contains(&f.name.as_str())) {
            if !entries.iter().any(|e| e.key == field.name) {
                let message = format!("{what} lacks `{}`", field.name);
                let help = format!("`{}`: {} ({})", field.name, field.doc, field.ty.noun());
                let at = entries.first().map_or(node.at, |e| At { end: e.key_at.end, ..node.at });
                self.diags.push(Diagnostic::error(codes::MISSING_FIELD, at, message).help(help));
            }
        }
        Some(Value { at: node.at, data: Data::Map(map) })
    }

    fn unknown(&mut self, what: &str, at: At, key: &str, fields: &[Field], root: &Type) {
        let place = if what == "the file" { String::new() } else { format!(" of {what}") };
        let mut elsewhere = Vec::new();
        paths(root, "", key, &mut elsewhere);
        elsewhere.truncate(3);
        let help =
            if elsewhere.is_empty() || nearest(key, fields.iter().map(|f| f.name.as_str())).is_some_and(|n| n.eq_ignore_ascii_case(key)) {
                did_you_mean(key, fields.iter().map(|f| f.name.as_str()))
            } else {
                let (top, below): (Vec<String>, Vec<String>) = elsewhere.into_iter().partition(|path| *path == format!("`{key}`"));
                match (top.is_empty(), below.is_empty()) {
                    (false, true) => format!("`{key}` belongs at the top level of the file, beside {what}"),
                    (false, false) => format!("did you mean {}, or `{key}` at the top level of the file?", below.join(" or ")),
                    _ => format!("did you mean {}?", below.join(" or ")),
                }
            };
        self.diags.push(Diagnostic::error(self.unknown, at, format!("unknown {} `{key}`{place}", self.noun)).help(help));
    }

    fn list(&mut self, what: &str, at: At, nodes: &[Node], item: &Type, root: &Type) -> Option<Value> {
        let what = format!("an entry of {what}");
        let items = nodes.iter().filter_map(|node| self.node(&what, node, item, root)).collect();
        Some(Value { at, data: Data::List(items) })
    }

    fn wrong(&mut self, what: &str, node: &Node, ty: &Type) -> Option<Value> {
        let number = matches!(ty, Type::Int { .. } | Type::Number { .. });
        let found = match &node.kind {
            Kind::Scalar { text, .. } if number && !node.is_null() => format!("`{}`", shorten(text)),
            _ => node.noun().to_string(),
        };
        let message =
            if node.is_null() { format!("{what} holds nothing") } else { format!("{what} must be {}, this is {found}", ty.noun()) };
        let help = match (&node.kind, ty) {
            (Kind::Scalar { text, plain: true }, Type::Text(_)) if !node.is_null() => format!("if the text is meant, quote it: \"{text}\""),
            (Kind::Scalar { text, plain: false }, Type::Int { .. }) if text.parse::<i64>().is_ok() => {
                format!("write it without quotes: {text}")
            }
            (Kind::Scalar { text, plain: false }, Type::Bool) if matches!(text.as_str(), "true" | "false") => {
                format!("write it without quotes: {text}")
            }
            (Kind::Scalar { text, plain: true }, Type::Int { min, max }) if digits(text) => format!("write a number from {min} to {max}"),
            (Kind::Scalar { .. }, Type::Int { .. }) => "write decimal digits only: no unit, no separator, no zero in front".into(),
            (Kind::Scalar { .. }, Type::Number { .. }) => "write decimal digits, with a point where needed: `1.5`".into(),
            (Kind::Scalar { .. }, Type::List(_)) if !node.is_null() => "write `- ` before each item, or `[a, b]`".into(),
            (Kind::Map(_), Type::List(_)) => "write `- ` before each item".into(),
            (_, Type::Object(fields)) if !node.is_null() => {
                let names: Vec<&str> = fields.iter().map(|f| f.name.as_str()).take(12).collect();
                let more = if names.len() < fields.len() { ", …" } else { "" };
                format!("write `key: value` lines below it; the keys are {}{more}", names.join(", "))
            }
            _ if node.is_null() => format!("write {}, or remove the key", ty.noun()),
            (_, Type::Map { .. }) => "write `key: value` lines below it, or `{key: value}`".into(),
            _ => format!("write {}", ty.noun()),
        };
        self.diags.push(Diagnostic::error(codes::WRONG_TYPE, node.at, message).help(help));
        None
    }

    fn invalid(&mut self, at: At, message: String, help: impl Into<String>) {
        self.diags.push(Diagnostic::error(codes::INVALID_VALUE, at, message).help(help));
    }

    fn secret(&mut self, what: &str, node: &Node) -> Option<Value> {
        if let Kind::Map(_) = node.kind {
            let fields = [Field::new("file", Type::text(), "path of the file that holds it, relative to the spec").required()];
            let object = self.object(what, node, &fields, &Type::Raw)?;
            let file = object.spanned("file")?;
            return Some(Value { at: file.at, data: Data::SecretFile(file.value) });
        }
        self.diags.hide(node.at);
        if let Kind::Scalar { text, .. } = &node.kind
            && text.chars().any(|c| !matches!(c, ' '..='~'))
        {
            // Which character it is would tell a part of the secret.
            self.invalid(node.at, format!("{what} holds something else than printable ASCII"), "write it on one line, in printable ASCII");
            return None;
        }
        let value = self.scalar(what, node, &Type::text())?;
        let message = format!("{what} is a secret in plain sight");
        let name = what.trim_matches('`');
        self.diags.push(
            Diagnostic::warning(codes::SECRET_IN_SPEC, node.at, message)
                .help(format!("put it into a file that only you can read and write `{name}: {{file: path}}`")),
        );
        Some(value)
    }

    fn scalar(&mut self, what: &str, node: &Node, ty: &Type) -> Option<Value> {
        let Kind::Scalar { text, plain } = &node.kind else { return self.wrong(what, node, ty) };
        let data = match ty {
            Type::Text(limits) => {
                if *plain && matches!(node.noun(), "a boolean" | "nothing") {
                    return self.wrong(what, node, ty);
                }
                if let Some((message, help)) = text_problem(what, text, limits) {
                    self.invalid(node.at, message, help);
                    return None;
                }
                Data::Text(text.clone())
            }
            Type::Bool => match text.as_str() {
                "true" | "True" if *plain => Data::Bool(true),
                "false" | "False" if *plain => Data::Bool(false),
                "yes" | "on" | "Yes" | "On" | "no" | "off" | "No" | "Off" if *plain => {
                    let meant = matches!(text.to_lowercase().as_str(), "yes" | "on");
                    self.diags.push(
                        Diagnostic::error(codes::WRONG_TYPE, node.at, format!("`{text}` is not a boolean in YAML 1.2"))
                            .help(format!("write `{meant}`")),
                    );
                    return None;
                }
                _ => return self.wrong(what, node, ty),
            },
            Type::Int { min, max } => match text.parse::<i64>() {
                Ok(number) if *plain && canonical(text) => {
                    if min == max && number != *min {
                        self.invalid(node.at, format!("{what} is {number}, only {min} is known"), format!("write {min}"));
                        return None;
                    }
                    if number < *min || number > *max {
                        self.invalid(node.at, format!("{what} is {number}, out of {min} to {max}"), "write a number in that range");
                        return None;
                    }
                    Data::Int(number)
                }
                _ => return self.wrong(what, node, ty),
            },
            Type::Number { min, max } => match text.parse::<f64>() {
                Ok(number) if *plain && number.is_finite() && canonical(text) => {
                    if number < *min || number > *max {
                        self.invalid(node.at, format!("{what} is {text}, out of {min} to {max}"), "write a number in that range");
                        return None;
                    }
                    if number.fract() == 0.0 && !text.contains(['.', 'e', 'E']) { Data::Int(number as i64) } else { Data::Number(number) }
                }
                _ => return self.wrong(what, node, ty),
            },
            Type::Choice(words) => {
                if !words.iter().any(|word| word == text) {
                    let near = nearest(text, words.iter().map(String::as_str));
                    let near = near.map(|word| format!("did you mean `{word}`? ")).unwrap_or_default();
                    let message = format!("{what} cannot be `{}`", shorten(text));
                    self.invalid(node.at, message, format!("{near}write one of {}", words.join(", ")));
                    return None;
                }
                Data::Text(text.clone())
            }
            Type::Scalar(syntax) => {
                if let Err(why) = syntax.check(text) {
                    if node.is_null() {
                        return self.wrong(what, node, ty);
                    }
                    let code = if *syntax == scalar::Syntax::Duration { codes::DURATION } else { codes::INVALID_VALUE };
                    // A URL with a password in it is not repeated.
                    let hidden = *syntax == scalar::Syntax::Url && text.contains('@');
                    let found = if hidden { "this is another".to_string() } else { format!("this is `{}`", shorten(text)) };
                    self.diags.push(Diagnostic::error(code, node.at, format!("{what} must be {}, {found}", syntax.noun())).help(why));
                    return None;
                }
                match syntax {
                    scalar::Syntax::Port => Data::Int(text.parse().unwrap_or(0)),
                    _ => Data::Text(text.clone()),
                }
            }
            Type::AnyScalar if node.is_null() => return self.wrong(what, node, ty),
            Type::AnyScalar => any_scalar(text, *plain),
            _ => return self.wrong(what, node, ty),
        };
        Some(Value { at: node.at, data })
    }
}

/// Dotted paths below `ty` that end in `key`, in backquotes: where a field that stands in the wrong place may belong.
fn paths(ty: &Type, prefix: &str, key: &str, found: &mut Vec<String>) {
    let Type::Object(fields) = ty else { return };
    for field in fields {
        if field.name == key {
            found.push(format!("`{prefix}{key}`"));
        }
        paths(&field.ty, &format!("{prefix}{}.", field.name), key, found);
    }
}

/// A whole number in the one spelling, however large.
fn digits(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && canonical(text)
}

/// Numbers in the one spelling that YAML 1.1 and 1.2 readers agree on.
fn canonical(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let octal = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    !octal && !text.starts_with('+')
}

fn any_scalar(text: &str, plain: bool) -> Data {
    match text {
        "true" | "True" if plain => Data::Bool(true),
        "false" | "False" if plain => Data::Bool(false),
        _ => match text.parse::<i64>() {
            Ok(number) if plain && canonical(text) => Data::Int(number),
            _ => Data::Text(text.to_string()),
        },
    }
}

/// What is wrong with a text and what to do, if anything.
fn text_problem(what: &str, text: &str, limits: &Text) -> Option<(String, String)> {
    if text.is_empty() && !limits.empty {
        return Some((format!("{what} is empty"), "write something, or remove the key".into()));
    }
    // No text has more characters than bytes: few are counted.
    if text.len() > limits.max && text.chars().count() > limits.max {
        return Some((format!("{what} has more than {} characters", limits.max), "write it shorter".into()));
    }
    if text.as_bytes().contains(&0) {
        return Some((format!("{what} holds a NUL character"), "remove it; no file of a target can hold it as text".into()));
    }
    let odd = |text: &str| text.chars().find(|c| !matches!(c, ' '..='~'));
    let printable = limits.multiline || text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match (!printable).then(|| odd(text)).flatten() {
        Some('\n') => return Some((format!("{what} holds a line break"), "write it on one line".into())),
        Some(odd) => {
            let kind = if odd.is_ascii() { "a control character" } else { "not ASCII" };
            let help = "write printable ASCII: Python 2 and the shell of the target stumble over anything else";
            return Some((format!("{what} holds {odd:?}, which is {kind}"), help.into()));
        }
        None => {}
    }
    let pattern = limits.pattern.as_ref().filter(|p| !p.regex.is_match(text))?;
    Some((format!("{what} cannot be `{}`", shorten(text)), format!("write {}", pattern.words)))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 { text.into() } else { format!("{}…", text.chars().take(57).collect::<String>()) }
}
