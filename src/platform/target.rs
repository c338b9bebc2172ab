//! Targets: commands that bring up what was built, word by word. Data in `profiles/targets.yaml`; nothing here runs them.

use super::data;
use crate::diag::{At, Diagnostic, Diagnostics, Sources, codes};
use crate::profile::catalog::Catalog;
use crate::schema::{Field, Type, Value};

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// Clouds that it is for.
    pub clouds: Vec<String>,
    /// Shell variables that the operator fills in, with a few words each.
    pub needs: Vec<(String, String)>,
    /// Commands for each host.
    pub hosts: Vec<Vec<Word>>,
    /// Commands for all hosts together.
    pub once: Vec<Vec<Word>>,
    /// Words of a command that make one network card.
    pub card: Vec<Word>,
    /// What the commands cannot do.
    pub note: Option<String>,
}

impl Target {
    /// True when a command attaches `seed.iso`.
    pub fn attaches_seed(&self) -> bool {
        self.has(Placeholder::Seed) || self.has(Placeholder::SeedInOptions)
    }

    /// True when a command speaks of something of the build.
    pub fn has(&self, place: Placeholder) -> bool {
        self.hosts.iter().chain(&self.once).flatten().flatten().any(|piece| *piece == Piece::Placeholder(place))
    }
}

/// A word of a command.
pub type Word = Vec<Piece>;

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// Something of the build.
    Placeholder(Placeholder),
    /// A variable of the operator's.
    Variable(String),
    /// A variable that holds a number, plus the index of the host.
    Numbered(String),
}

/// What a build fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// Name of the host.
    Name,
    /// Name of the cluster.
    Cluster,
    /// Address of the host.
    Address,
    /// MAC address of a network card; outside of `card`, of the first one.
    Mac,
    /// Number of a network card, from 0 on.
    Card,
    /// The words of `card`, once for each network card.
    Cards,
    /// The operating system, as libosinfo knows it.
    Os,
    /// The file `user-data`.
    UserData,
    /// Its bytes in base64.
    UserDataBase64,
    /// The same as gzip in base64; what is packed already is not packed twice.
    UserDataGzip,
    /// `meta-data` with `network-config` in it, in base64: the metadata of guestinfo.
    GuestMetadata,
    /// The file `seed.iso`.
    Seed,
    /// The same where commas part options: they are doubled.
    SeedInOptions,
    /// The script `run.sh`.
    Run,
}

const PLACEHOLDERS: [(&str, Placeholder); 14] = [
    ("{name}", Placeholder::Name),
    ("{cluster}", Placeholder::Cluster),
    ("{address}", Placeholder::Address),
    ("{mac}", Placeholder::Mac),
    ("{card}", Placeholder::Card),
    ("{cards}", Placeholder::Cards),
    ("{os}", Placeholder::Os),
    ("{user-data}", Placeholder::UserData),
    ("{user-data:base64}", Placeholder::UserDataBase64),
    ("{user-data:gzip+base64}", Placeholder::UserDataGzip),
    ("{guest-metadata:base64}", Placeholder::GuestMetadata),
    ("{seed}", Placeholder::Seed),
    ("{seed,,}", Placeholder::SeedInOptions),
    ("{run}", Placeholder::Run),
];

fn shape() -> Type {
    let commands = || Type::list(Type::list(Type::text()));
    let variable = crate::schema::Pattern::fixed("[A-Z][A-Z0-9_]*", "a shell variable in capitals");
    let target = vec![
        Field::new("summary", Type::text(), "one line").required(),
        Field::new("clouds", Type::list(Type::text()), "clouds that it is for").required(),
        Field::new("needs", Type::Map { keys: Some(variable), values: Box::new(Type::text()) }, "what the operator fills in"),
        Field::new("hosts", commands(), "commands for each host"),
        Field::new("once", commands(), "commands for all hosts together"),
        Field::new("card", Type::list(Type::text()), "words that make one network card"),
        Field::new("note", Type::text(), "what the commands cannot do"),
    ];
    let targets = Type::Map { keys: None, values: Box::new(Type::Object(target)) };
    Type::Object(vec![Field::new("targets", targets, "targets by name").required()])
}

/// All targets, sorted by name.
pub fn targets(catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Vec<Target> {
    let Some(value) = data("profiles/targets.yaml", &shape(), catalog, sources, diags) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, _, body) in value.get("targets").into_iter().flat_map(Value::entries) {
        let needs = body.get("needs").into_iter().flat_map(Value::entries);
        let needs: Vec<(String, String)> = needs.filter_map(|(name, _, words)| Some((name.clone(), words.text()?.to_string()))).collect();
        let mut commands = |key: &str| {
            let commands = body.get(key).map(Value::items).unwrap_or_default().iter();
            let commands = commands.map(|command| command.items().iter().filter_map(|w| word(w.text()?, w.at, &needs, diags)).collect());
            commands.collect::<Vec<Vec<Word>>>()
        };
        let (hosts, once) = (commands("hosts"), commands("once"));
        let card = body.get("card").map(Value::items).unwrap_or_default().iter();
        let card = card.filter_map(|w| word(w.text()?, w.at, &needs, diags)).collect();
        let clouds = body.texts("clouds").into_iter().map(|cloud| cloud.value).collect();
        let summary = body.string("summary").unwrap_or_default();
        found.push(Target { name: name.clone(), summary, clouds, needs, hosts, once, card, note: body.string("note") });
    }
    found
}

/// Takes a word apart; a variable that nobody is asked for is a mistake.
fn word(text: &str, at: At, needs: &[(String, String)], diags: &mut Diagnostics) -> Option<Word> {
    let mut pieces: Word = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let place = PLACEHOLDERS.iter().find(|(name, _)| rest.starts_with(name));
        let (piece, length) = if let Some((name, place)) = place {
            (Piece::Placeholder(*place), name.len())
        } else if first == '$' {
            let numbered = rest.starts_with("$(");
            let name: String = rest
                .chars()
                .skip(1 + usize::from(numbered))
                .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
                .collect();
            let length = name.len() + if numbered { 3 } else { 1 };
            if !needs.iter().any(|(known, _)| *known == name) || (numbered && rest.as_bytes().get(length - 1) != Some(&b')')) {
                let message = format!("`{text}` names a variable that is not among `needs`");
                diags.push(
                    Diagnostic::error(codes::PROFILE, at, message).help("write `$NAME` or `$(NAME)`, and say under `needs` what it is"),
                );
                return None;
            }
            (if numbered { Piece::Numbered(name) } else { Piece::Variable(name) }, length)
        } else {
            let end = rest[first.len_utf8()..].find(['{', '$']).map_or(rest.len(), |at| at + first.len_utf8());
            (Piece::Text(rest[..end].to_string()), end)
        };
        pieces.push(piece);
        rest = &rest[length..];
    }
    Some(pieces)
}
