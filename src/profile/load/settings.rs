//! The tree of typed settings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Loader;
use crate::diag::codes;
use crate::profile::{Scope, Setting, shape};
use crate::schema::check::Checker;
use crate::schema::scalar::Syntax;
use crate::schema::{Data, Field, Pattern, Text, Type, Value};
use crate::yaml::read::{Kind, Node};

impl Loader<'_> {
    /// `shape` is that of one setting.
    pub(super) fn settings(&mut self, node: &Node, shape: &Type, prefix: &str, out: &mut BTreeMap<String, Setting>) -> Type {
        let Kind::Map(entries) = &node.kind else {
            self.error(node.at, "a group of settings is a mapping", "write `name: {type: …}` lines");
            return Type::Object(Vec::new());
        };
        let mut fields = Vec::new();
        for entry in entries {
            let path = if prefix.is_empty() { entry.key.clone() } else { format!("{prefix}.{}", entry.key) };
            let leaf = matches!(entry.value.get("type"), Some(Node { kind: Kind::Scalar { .. }, .. }));
            if !leaf {
                let ty = self.settings(&entry.value, shape, &path, out);
                fields.push(Field::new(&entry.key, ty, "group of settings"));
                continue;
            }
            let mut checker = Checker { diags: self.diags, unknown: codes::UNKNOWN_FIELD, noun: "field" };
            let value = checker.check(&entry.key, &entry.value, shape);
            let Some(setting) = value.and_then(|value| self.setting(&entry.key, &value)) else {
                self.broken.insert(path);
                continue;
            };
            let mut field = Field::new(&entry.key, setting.ty.clone(), &setting.doc);
            field.default = setting.default.as_ref().map(plain_json);
            fields.push(field);
            out.insert(path, setting);
        }
        Type::Object(fields)
    }

    fn setting(&mut self, name: &str, value: &Value) -> Option<Setting> {
        let ty = self.setting_type(value)?;
        let default = match value.raw("default").filter(|node| !node.is_null()) {
            Some(node) => {
                // A default secret would be a secret in plain sight; the check's warning about it is not for users.
                let mut checker = Checker { diags: self.diags, unknown: codes::UNKNOWN_FIELD, noun: "field" };
                checker.check(name, node, &ty)
            }
            None => None,
        };
        let scope = match value.string("scope").as_deref() {
            Some("host") => Scope::Host,
            Some("role") => Scope::Role,
            _ => Scope::Cluster,
        };
        Some(Setting {
            ty,
            type_name: value.string("type")?,
            default,
            required: value.bool("required").unwrap_or(false),
            scope,
            doc: value.string("description")?.trim().to_string(),
            table: value.string("table"),
            at: value.get("table").map_or(value.at, |table| table.at),
        })
    }

    fn setting_type(&mut self, value: &Value) -> Option<Type> {
        let number = |key: &str| match value.get(key).map(|v| &v.data) {
            Some(Data::Int(n)) => Some(*n as f64),
            Some(Data::Number(n)) => Some(*n),
            _ => None,
        };
        let (min, max) = (number("min"), number("max"));
        Some(match value.string("type")?.as_str() {
            "string" => Type::Text(Text {
                pattern: self.pattern(value, "pattern"),
                max: value.int("max_length").and_then(|n| usize::try_from(n).ok()).unwrap_or(4096),
                multiline: value.bool("multiline").unwrap_or(false),
                empty: value.bool("empty").unwrap_or(false),
            }),
            "int" => Type::Int { min: min.unwrap_or(-1e15) as i64, max: max.unwrap_or(1e15) as i64 },
            "number" => Type::Number { min: min.unwrap_or(f64::MIN), max: max.unwrap_or(f64::MAX) },
            "bool" => Type::Bool,
            "choice" if value.texts("choices").is_empty() => {
                self.error(value.at, "`choices` is missing", "write `choices: [a, b]`");
                return None;
            }
            "choice" => Type::Choice(value.texts("choices").into_iter().map(|c| c.value).collect()),
            "secret" => Type::Secret,
            "object" => {
                let object = Type::Object(self.fields(value)?);
                if value.bool("file").unwrap_or(false) { Type::Document(Box::new(object)) } else { object }
            }
            "list" => Type::list(self.inner_type(value, "items")?),
            "map" => Type::Map { keys: self.pattern(value, "keys"), values: Box::new(self.inner_type(value, "values")?) },
            "flags" => Type::Map {
                keys: Some(Pattern::fixed(
                    "[a-zA-Z][a-zA-Z0-9_]*",
                    "the flag as the daemon names it, without dashes: `max_slave_ping_timeouts`",
                )),
                values: Box::new(Type::AnyScalar),
            },
            "port" => Type::Scalar(Syntax::Port),
            "port_range" => Type::Scalar(Syntax::PortRange),
            "path" => Type::Scalar(Syntax::Path),
            "duration" => Type::Scalar(Syntax::Duration),
            "memory" => Type::Scalar(Syntax::Memory),
            "version" => Type::Scalar(Syntax::Version),
            "address" => Type::Scalar(Syntax::Address),
            "url" => Type::Scalar(Syntax::Url),
            _ => return None,
        })
    }

    /// The fields of an `object`, each a type with `required` and `description`.
    fn fields(&mut self, value: &Value) -> Option<Vec<Field>> {
        let Some(Node { kind: Kind::Map(entries), .. }) = value.raw("fields") else {
            self.error(value.at, "`fields` is missing", "write `fields: {name: {type: …}}`");
            return None;
        };
        let mut fields = Vec::new();
        for entry in entries {
            let inner = self.inner(&entry.key, &entry.value)?;
            let mut field = Field::new(&entry.key, self.setting_type(&inner)?, &inner.string("description").unwrap_or_default());
            field.required = inner.bool("required").unwrap_or(false);
            fields.push(field);
        }
        Some(fields)
    }

    fn inner_type(&mut self, value: &Value, key: &str) -> Option<Type> {
        let Some(node) = value.raw(key) else {
            self.error(value.at, format!("`{key}` is missing"), format!("write `{key}: {{type: …}}`"));
            return None;
        };
        let inner = self.inner(key, node)?;
        self.setting_type(&inner)
    }

    /// A setting's shape without the need of a description.
    fn inner(&mut self, key: &str, node: &Node) -> Option<Value> {
        // Its patterns are compiled once, not for each of a profile's many types.
        static INNER: LazyLock<Type> = LazyLock::new(|| {
            let mut fields = shape::setting();
            fields.iter_mut().filter(|f| f.name == "description").for_each(|f| f.required = false);
            Type::Object(fields)
        });
        let mut checker = Checker { diags: self.diags, unknown: codes::UNKNOWN_FIELD, noun: "field" };
        checker.check(key, node, &INNER)
    }

    fn pattern(&mut self, value: &Value, key: &str) -> Option<Pattern> {
        let source = value.spanned(key)?;
        match Pattern::new(&source.value, &format!("text that matches `{}` as a whole", source.value)) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                self.error(source.at, format!("not a regular expression: {why}"), "write it without anchors");
                None
            }
        }
    }
}

/// A checked value as JSON, the keys of its objects in the order of their type.
pub fn json_of(ty: &Type, value: &Value) -> serde_json::Value {
    match (&value.data, ty) {
        (Data::List(items), Type::List(item)) => items.iter().map(|v| json_of(item, v)).collect(),
        (Data::Map(map), Type::Map { values, .. }) => {
            map.iter().map(|(key, (_, v))| (key.clone(), json_of(values, v))).collect::<serde_json::Map<_, _>>().into()
        }
        (Data::Map(map), Type::Object(fields)) => {
            let fields = fields.iter().filter_map(|f| Some((f.name.clone(), json_of(&f.ty, &map.get(&f.name)?.1))));
            fields.collect::<serde_json::Map<_, _>>().into()
        }
        (_, Type::Document(inner)) => json_of(inner, value),
        _ => plain_json(value),
    }
}

/// A default as JSON, for schemas and `profile show`.
pub fn plain_json(value: &Value) -> serde_json::Value {
    match &value.data {
        Data::Null | Data::Raw(_) | Data::SecretFile(_) => serde_json::Value::Null,
        Data::Bool(flag) => (*flag).into(),
        Data::Int(number) => (*number).into(),
        Data::Number(number) => (*number).into(),
        Data::Text(text) => text.clone().into(),
        Data::List(items) => items.iter().map(plain_json).collect(),
        Data::Map(map) => map.iter().map(|(k, (_, v))| (k.clone(), plain_json(v))).collect::<serde_json::Map<_, _>>().into(),
    }
}
