//! Clouds: what their user-data may hold, and in which form. `profiles/clouds.yaml` holds the figures, each with its source.

use super::{data, words};
use crate::diag::{At, Diagnostics, Sources};
use crate::profile::catalog::Catalog;
use crate::schema::{Field, Type, Value};

/// A cloud.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub summary: String,
    /// What else people call it; no spec may.
    pub aliases: Vec<String>,
    /// Most bytes of user-data.
    pub limit: Option<u64>,
    /// True when the base64 form is counted.
    pub base64: bool,
    /// Forms that user-data may have, in the order in which they are tried.
    pub encodings: Vec<Encoding>,
    /// Where a seed can go, the usual place first, in the words of the data file.
    pub seed: Vec<String>,
    /// A seed volume can be attached.
    pub volume: bool,
    /// The cloud names its instances itself: what our meta-data says of it is not read.
    pub names_instances: bool,
    /// Name of the target whose commands are printed when none is asked for.
    pub target: Option<String>,
}

impl Cloud {
    /// One without limits, for a name that is not known: everything else is still checked.
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.into(),
            summary: name.into(),
            aliases: Vec::new(),
            limit: None,
            base64: false,
            encodings: vec![Encoding::Plain],
            seed: Vec::new(),
            volume: true,
            names_instances: false,
            target: None,
        }
    }

    /// What the cloud counts of so many bytes.
    pub fn counted(&self, bytes: usize) -> u64 {
        let bytes = bytes as u64;
        if self.base64 { bytes.div_ceil(3) * 4 } else { bytes }
    }

    /// True when so many bytes are within the limit.
    pub fn takes(&self, bytes: usize) -> bool {
        self.limit.is_none_or(|limit| self.counted(bytes) <= limit)
    }
}

/// The form of user-data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As people read it.
    Plain,
    /// gzip, as bytes.
    Gzip,
    /// gzip as text: a MIME message of one part in base64.
    GzipBase64,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Gzip, Self::GzipBase64];

    /// The word in data files and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::GzipBase64 => "gzip+base64",
        }
    }
}

/// Places that a seed can go.
const PLACES: &[&str] = &["user-data", "metadata", "volume", "config-drive", "guestinfo", "smbios", "kernel"];

fn shape() -> Type {
    let cloud = vec![
        Field::new("summary", Type::text(), "name for people").required(),
        Field::new("aliases", Type::list(Type::text()), "what else people call it"),
        Field::new("limit", Type::Int { min: 1, max: 1 << 32 }, "most bytes of user-data"),
        Field::new("counted", words(&["raw", "base64"]), "what is counted"),
        Field::new("encodings", Type::list(words(&Encoding::ALL.map(Encoding::word))), "forms of user-data").required(),
        Field::new("seed", Type::list(words(PLACES)), "where a seed can go").required(),
        Field::new("volume", Type::Bool, "a seed volume can be attached").required(),
        Field::new("instance_id", words(&["cloud", "spec"]), "who names the instance").required(),
        Field::new("target", Type::pattern("[a-z][a-z0-9-]*", "a target's name"), "whose commands are printed"),
    ];
    let clouds = Type::Map { keys: None, values: Box::new(Type::Object(cloud)) };
    Type::Object(vec![Field::new("clouds", clouds, "clouds by name").required()])
}

/// All clouds, sorted by name.
pub fn clouds(catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Vec<Cloud> {
    let Some(value) = data("profiles/clouds.yaml", &shape(), catalog, sources, diags) else { return Vec::new() };
    let cloud = |(name, _, v): (&String, &At, &Value)| {
        let encoding = |word: String| Encoding::ALL.into_iter().find(|encoding| encoding.word() == word);
        Some(Cloud {
            name: name.clone(),
            summary: v.string("summary")?,
            aliases: v.texts("aliases").into_iter().map(|alias| alias.value).collect(),
            limit: v.int("limit").and_then(|n| u64::try_from(n).ok()),
            base64: v.string("counted").as_deref() == Some("base64"),
            encodings: v.texts("encodings").into_iter().filter_map(|word| encoding(word.value)).collect(),
            seed: v.texts("seed").into_iter().map(|place| place.value).collect(),
            volume: v.bool("volume")?,
            names_instances: v.string("instance_id")? == "cloud",
            target: v.string("target"),
        })
    };
    value.get("clouds").map(|clouds| clouds.entries().filter_map(cloud).collect()).unwrap_or_default()
}
