//! A YAML tree against a [`Type`]: typed values come out, every deviation becomes a diagnostic.

use std::collections::BTreeMap;

use super::{Data, Field, Text, Type, Value, scalar};
use crate::diag::{At, Diagnostic, Diagnostics, codes, did_you_mean};
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
    /// Checks `node`, which stands under `name`. `None` when nothing usable is there; then a diagnostic says why.
    pub fn check(&mut self, name: &str, node: &Node, ty: &Type) -> Option<Value> {
        let at = node.at;
        let value = |data| Some(Value { at, data });
        match ty {
            Type::Raw => value(Data::Raw(node.clone())),
            Type::ShortOr(short, long) => match node.kind {
                Kind::Map(_) => self.check(name, node, long),
                _ => self.check(name, node, short),
            },
            Type::OneOrMany(item) => match &node.kind {
                Kind::Seq(nodes) => self.list(name, at, nodes, item),
                _ => self.check(name, node, item),
            },
            Type::List(item) => match &node.kind {
                Kind::Seq(nodes) => self.list(name, at, nodes, item),
                _ => self.wrong(name, node, ty),
            },
            Type::Object(fields) => match &node.kind {
                Kind::Map(_) => self.object(name, node, fields),
                _ => self.wrong(name, node, ty),
            },
            Type::Map { keys, values } => {
                let Kind::Map(entries) = &node.kind else { return self.wrong(name, node, ty) };
                let mut map = BTreeMap::new();
                for entry in entries {
                    if let Some(pattern) = keys.as_ref().filter(|p| !p.regex.is_match(&entry.key)) {
                        let message = format!("`{}` cannot be a key of `{name}`: {}", entry.key, pattern.words);
                        self.invalid(entry.key_at, message, "write another key");
                        continue;
                    }
                    if let Some(checked) = self.check(&entry.key, &entry.value, values) {
                        map.insert(entry.key.clone(), (entry.key_at, checked));
                    }
                }
                value(Data::Map(map))
            }
            Type::Secret => self.secret(name, node),
            _ => self.scalar(name, node, ty),
        }
    }

    fn object(&mut self, name: &str, node: &Node, fields: &[Field]) -> Option<Value> {
        let Kind::Map(entries) = &node.kind else { return None };
        let mut map = BTreeMap::new();
        for entry in entries {
            let Some(field) = fields.iter().find(|f| f.name == entry.key) else {
                let place = if name.is_empty() { String::new() } else { format!(" of `{name}`") };
                let message = format!("unknown {} `{}`{place}", self.noun, entry.key);
                let help = did_you_mean(&entry.key, fields.iter().map(|f| f.name.as_str()));
                self.diags.push(Diagnostic::error(self.unknown, entry.key_at, message).help(help));
                continue;
            };
            if entry.value.is_null() && !matches!(field.ty, Type::Raw) {
                let message = format!("`{}` holds nothing", entry.key);
                let help = format!("write {}, or remove the key", field.ty.noun());
                self.diags.push(Diagnostic::error(codes::WRONG_TYPE, entry.key_at, message).help(help));
                continue;
            }
            if let Some(checked) = self.check(&entry.key, &entry.value, &field.ty) {
                map.insert(entry.key.clone(), (entry.key_at, checked));
            }
        }
        for field in fields.iter().filter(|f| f.required) {
            if !entries.iter().any(|e| e.key == field.name) {
                let place = if name.is_empty() { "the file".to_string() } else { format!("`{name}`") };
                let message = format!("{place} lacks `{}`", field.name);
                let help = format!("`{}`: {} ({})", field.name, field.doc, field.ty.noun());
                let at = entries.first().map_or(node.at, |e| At { end: e.key_at.end, ..node.at });
                self.diags.push(Diagnostic::error(codes::MISSING_FIELD, at, message).help(help));
            }
        }
        Some(Value { at: node.at, data: Data::Map(map) })
    }

    fn list(&mut self, name: &str, at: At, nodes: &[Node], item: &Type) -> Option<Value> {
        let items = nodes.iter().filter_map(|node| self.check(name, node, item)).collect();
        Some(Value { at, data: Data::List(items) })
    }

    fn wrong(&mut self, name: &str, node: &Node, ty: &Type) -> Option<Value> {
        let message = format!("`{name}` must be {}, this is {}", ty.noun(), node.noun());
        let help = match (&node.kind, ty) {
            (Kind::Scalar { text, plain: true }, Type::Text(_)) if !node.is_null() => format!("if the text is meant, quote it: \"{text}\""),
            (Kind::Scalar { .. }, Type::List(_)) => "write `- ` before each item, or `[a, b]`".into(),
            _ => format!("write {}", ty.noun()),
        };
        self.diags.push(Diagnostic::error(codes::WRONG_TYPE, node.at, message).help(help));
        None
    }

    fn invalid(&mut self, at: At, message: String, help: impl Into<String>) {
        self.diags.push(Diagnostic::error(codes::INVALID_VALUE, at, message).help(help));
    }

    fn secret(&mut self, name: &str, node: &Node) -> Option<Value> {
        if let Kind::Map(_) = node.kind {
            let fields = [Field::new("file", Type::text(), "path of the file that holds it, relative to the spec").required()];
            let file = self.object(name, node, &fields)?.string("file")?;
            return Some(Value { at: node.at, data: Data::SecretFile(file) });
        }
        self.diags.hide(node.at);
        let value = self.scalar(name, node, &Type::text())?;
        let message = format!("`{name}` is a secret in plain sight");
        self.diags.push(
            Diagnostic::warning(codes::SECRET_IN_SPEC, node.at, message)
                .help(format!("put it into a file that only you can read and write `{name}: {{file: path}}`")),
        );
        Some(value)
    }

    fn scalar(&mut self, name: &str, node: &Node, ty: &Type) -> Option<Value> {
        let Kind::Scalar { text, plain } = &node.kind else { return self.wrong(name, node, ty) };
        let data = match ty {
            Type::Text(limits) => {
                if *plain && matches!(node.noun(), "a boolean" | "nothing") {
                    return self.wrong(name, node, ty);
                }
                if let Some((message, help)) = text_problem(name, text, limits) {
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
                _ => return self.wrong(name, node, ty),
            },
            Type::Int { min, max } => match text.parse::<i64>() {
                Ok(number) if *plain && canonical(text) => {
                    if number < *min || number > *max {
                        self.invalid(node.at, format!("`{name}` is {number}, out of {min} to {max}"), "write a number in that range");
                        return None;
                    }
                    Data::Int(number)
                }
                _ => return self.wrong(name, node, ty),
            },
            Type::Number { min, max } => match text.parse::<f64>() {
                Ok(number) if *plain && number.is_finite() && canonical(text) => {
                    if number < *min || number > *max {
                        self.invalid(node.at, format!("`{name}` is {text}, out of {min} to {max}"), "write a number in that range");
                        return None;
                    }
                    if number.fract() == 0.0 && !text.contains(['.', 'e', 'E']) { Data::Int(number as i64) } else { Data::Number(number) }
                }
                _ => return self.wrong(name, node, ty),
            },
            Type::Choice(words) => {
                if !words.iter().any(|word| word == text) {
                    let help = did_you_mean(text, words.iter().map(String::as_str));
                    self.invalid(node.at, format!("`{name}` cannot be `{text}`"), format!("{help} ({})", words.join(", ")));
                    return None;
                }
                Data::Text(text.clone())
            }
            Type::Scalar(syntax) => {
                if let Err(why) = syntax.check(text) {
                    let code = if *syntax == scalar::Syntax::Duration { codes::DURATION } else { codes::INVALID_VALUE };
                    let message = format!("`{name}` must be {}, this is `{}`", syntax.noun(), shorten(text));
                    self.diags.push(Diagnostic::error(code, node.at, message).help(why));
                    return None;
                }
                match syntax {
                    scalar::Syntax::Port => Data::Int(text.parse().unwrap_or(0)),
                    _ => Data::Text(text.clone()),
                }
            }
            Type::AnyScalar => any_scalar(text, *plain),
            _ => return self.wrong(name, node, ty),
        };
        Some(Value { at: node.at, data })
    }
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
fn text_problem(name: &str, text: &str, limits: &Text) -> Option<(String, String)> {
    if text.is_empty() && !limits.empty {
        return Some((format!("`{name}` is empty"), "write something, or remove the key".into()));
    }
    if text.chars().count() > limits.max {
        return Some((format!("`{name}` has more than {} characters", limits.max), "write it shorter".into()));
    }
    if text.contains('\0') {
        return Some((format!("`{name}` holds a NUL character"), "remove it; no file of a target can hold it as text".into()));
    }
    if let Some(odd) = text.chars().find(|c| !limits.multiline && !matches!(c, ' '..='~')) {
        let what = if odd.is_ascii() { "a control character" } else { "not ASCII" };
        let help = "write printable ASCII: Python 2 and the shell of the target stumble over anything else";
        return Some((format!("`{name}` holds {odd:?}, which is {what}"), help.into()));
    }
    let pattern = limits.pattern.as_ref().filter(|p| !p.regex.is_match(text))?;
    Some((format!("`{name}` cannot be `{}`", shorten(text)), pattern.words.clone()))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 { text.into() } else { format!("{}…", text.chars().take(57).collect::<String>()) }
}
