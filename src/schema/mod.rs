//! Shapes of what people type: one description serves the check, "did you mean", and the JSON Schema.
//!
//! The spec, `profile.yaml`, platforms and the typed settings of a profile are all described by [`Type`]; [`check`]
//! turns a YAML tree into typed [`Value`]s and reports every deviation, [`json`] prints the same shape as JSON Schema.

pub mod check;
pub mod json;
pub mod scalar;

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::diag::{At, Spanned};

/// What a value may be.
#[derive(Clone, Debug)]
pub enum Type {
    /// Text; printable ASCII on one line unless `multiline`.
    Text(Text),
    /// A whole number.
    Int {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A number.
    Number {
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// `true` or `false`.
    Bool,
    /// One of a few words.
    Choice(Vec<String>),
    /// A scalar with a syntax of its own.
    Scalar(scalar::Syntax),
    /// A secret: `{file: path}`, or text with a warning.
    Secret,
    /// A list.
    List(Box<Type>),
    /// One value, or a list of them.
    OneOrMany(Box<Type>),
    /// A mapping with free keys.
    Map {
        /// Keys must match as a whole.
        keys: Option<Pattern>,
        /// What every key holds.
        values: Box<Type>,
    },
    /// A mapping with known keys.
    Object(Vec<Field>),
    /// A mapping that may also lie in a local file, as JSON or YAML: `{file: path}`. Whoever reads files puts it in before the check.
    Document(Box<Type>),
    /// Either a short form or a mapping: the first type for scalars, the second for mappings.
    ShortOr(Box<Type>, Box<Type>),
    /// A value of a mapping, or `null`, written out: it takes away what a wider layer has under the key.
    OrNull(Box<Type>),
    /// Any scalar, kept with its type; for values of daemon flags.
    AnyScalar,
    /// Anything; checked later, by what is known then.
    Raw,
}

/// Limits of text.
#[derive(Clone, Debug)]
pub struct Text {
    /// The whole text must match.
    pub pattern: Option<Pattern>,
    /// Most characters.
    pub max: usize,
    /// Line breaks, tabs and any Unicode are allowed.
    pub multiline: bool,
    /// May be empty.
    pub empty: bool,
}

impl Default for Text {
    fn default() -> Self {
        Self { pattern: None, max: 4096, multiline: false, empty: false }
    }
}

/// A regular expression that must match a whole text, and words for people.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The expression, without anchors.
    pub source: String,
    /// The same, anchored and compiled.
    pub regex: Regex,
    /// What it means, for example `lower-case letters, digits and dashes`.
    pub words: String,
}

impl Pattern {
    /// Compiles; the error is the engine's own words.
    pub fn new(source: &str, words: &str) -> Result<Self, String> {
        let regex = Regex::new(&format!("^(?:{source})$")).map_err(|error| error.to_string())?;
        Ok(Self { source: source.into(), regex, words: words.into() })
    }

    /// For expressions written in this program.
    pub(crate) fn fixed(source: &str, words: &str) -> Self {
        Self::new(source, words).unwrap_or_else(|error| unreachable!("pattern {source}: {error}"))
    }
}

/// One key of an [`Type::Object`].
#[derive(Clone, Debug)]
pub struct Field {
    /// The key.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// Must be there.
    pub required: bool,
    /// One line for people.
    pub doc: String,
    /// The value when it is not there, for people and editors.
    pub default: Option<serde_json::Value>,
    /// The key beside it that names a local file in its place.
    pub local_file: Option<&'static str>,
}

impl Field {
    /// An optional key.
    pub fn new(name: &str, ty: Type, doc: &str) -> Self {
        Self { name: name.into(), ty, required: false, doc: doc.into(), default: None, local_file: None }
    }

    /// Makes it required.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Says which key beside it names a local file in its place.
    pub fn or_local_file(mut self, key: &'static str) -> Self {
        self.local_file = Some(key);
        self
    }

    /// Says what holds when it is not there.
    pub fn default(mut self, value: impl Into<serde_json::Value>) -> Self {
        self.default = Some(value.into());
        self
    }
}

impl Type {
    /// Text with default limits.
    pub fn text() -> Self {
        Self::Text(Text::default())
    }

    /// Text that must match `pattern` as a whole; `words` say what that means.
    pub fn pattern(pattern: &str, words: &str) -> Self {
        Self::Text(Text { pattern: Some(Pattern::fixed(pattern, words)), ..Text::default() })
    }

    /// A list of `ty`.
    pub fn list(ty: Self) -> Self {
        Self::List(Box::new(ty))
    }

    /// What a value of this type is called in messages.
    pub fn noun(&self) -> String {
        match self {
            Self::Text(_) => "text".into(),
            Self::Int { .. } => "a whole number".into(),
            Self::Number { .. } => "a number".into(),
            Self::Bool => "`true` or `false`".into(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Scalar(syntax) => syntax.noun().into(),
            Self::Secret => "a secret, as `{file: path}`".into(),
            Self::List(item) => format!("a list (each item {})", item.noun()),
            Self::OneOrMany(item) => format!("{}, or a list of such", item.noun()),
            Self::Map { .. } | Self::Object(_) => "a mapping".into(),
            Self::Document(inner) => format!("{}, or a file with one, as `{{file: path}}`", inner.noun()),
            Self::ShortOr(short, _) => format!("{}, or a mapping", short.noun()),
            Self::OrNull(inner) => inner.noun(),
            Self::AnyScalar => "a single value".into(),
            Self::Raw => "anything".into(),
        }
    }
}

/// A checked value and where it was typed.
#[derive(Clone, Debug)]
pub struct Value {
    /// The place.
    pub at: At,
    /// The value.
    pub data: Data,
}

/// A checked value.
#[derive(Clone, Debug)]
pub enum Data {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A secret that lies in a file, by the path that was typed.
    SecretFile(String),
    /// A list.
    List(Vec<Value>),
    /// A mapping, sorted by key; each key with its place.
    Map(BTreeMap<String, (At, Value)>),
    /// The YAML node itself, for [`Type::Raw`].
    Raw(crate::yaml::read::Node),
}

impl Value {
    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match &self.data {
            Data::Map(map) => map.get(key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Where a key stands.
    pub fn key_at(&self, key: &str) -> Option<At> {
        match &self.data {
            Data::Map(map) => map.get(key).map(|(at, _)| *at),
            _ => None,
        }
    }

    /// Entries of a mapping, sorted by key.
    pub fn entries(&self) -> impl Iterator<Item = (&String, &At, &Value)> {
        let map = match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        };
        map.into_iter().flat_map(|map| map.iter().map(|(key, (at, value))| (key, at, value)))
    }

    /// Items of a list; a single value counts as a list of one, nothing as none.
    pub fn items(&self) -> &[Value] {
        match &self.data {
            Data::List(items) => items,
            Data::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a key with its place.
    pub fn spanned(&self, key: &str) -> Option<Spanned<String>> {
        let value = self.get(key)?;
        Some(Spanned::new(value.text()?.to_string(), value.at))
    }

    /// The text of a key.
    pub fn string(&self, key: &str) -> Option<String> {
        self.get(key)?.text().map(str::to_string)
    }

    /// The whole number of a key.
    pub fn int(&self, key: &str) -> Option<i64> {
        match self.get(key)?.data {
            Data::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The boolean of a key.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)?.data {
            Data::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// The texts of a key that holds a list or one text, with their places.
    pub fn texts(&self, key: &str) -> Vec<Spanned<String>> {
        let items = self.get(key).map(Value::items).unwrap_or_default();
        items.iter().filter_map(|item| Some(Spanned::new(item.text()?.to_string(), item.at))).collect()
    }

    /// The node of a key of type [`Type::Raw`].
    pub fn raw(&self, key: &str) -> Option<&crate::yaml::read::Node> {
        match &self.get(key)?.data {
            Data::Raw(node) => Some(node),
            _ => None,
        }
    }
}
