//! Relations between packages: `a (>= 1) | b:any, c [amd64] <!nocheck>`.

use std::cmp::Ordering;
use std::fmt;

use crate::format::debversion;

/// How versions have to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Operator {
    /// True when `version` stands so to `than`.
    pub fn holds(self, version: &str, than: &str) -> bool {
        let order = debversion::compare(version, than);
        match self {
            Self::Earlier => order == Ordering::Less,
            Self::EarlierOrEqual => order != Ordering::Greater,
            Self::Equal => order == Ordering::Equal,
            Self::LaterOrEqual => order != Ordering::Less,
            Self::Later => order == Ordering::Greater,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }
}

/// One package that is spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation<'t> {
    /// Its name.
    pub name: &'t str,
    /// What follows the colon: `any`, or an architecture.
    pub architecture: Option<&'t str>,
    /// Which versions; none: all, and also those of packages that provide the name without a version.
    pub version: Option<(Operator, &'t str)>,
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(architecture) = self.architecture {
            write!(f, ":{architecture}")?;
        }
        match self.version {
            Some((operator, version)) => write!(f, " ({} {version})", operator.sign()),
            None => Ok(()),
        }
    }
}

impl Relation<'_> {
    /// True when a package of this version is meant, as far as versions go.
    pub fn admits(&self, version: &str) -> bool {
        self.version.is_none_or(|(operator, than)| operator.holds(version, than))
    }

    /// True when what is provided is meant: a provision without version only where none is asked for.
    pub fn admits_provided(&self, version: Option<&str>) -> bool {
        self.version.is_none() || version.is_some_and(|version| self.admits(version))
    }
}

/// Alternatives, in order of preference; one is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'t>(pub Vec<Relation<'t>>);

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, relation) in self.0.iter().enumerate() {
            write!(f, "{}{relation}", if number == 0 { "" } else { " | " })?;
        }
        Ok(())
    }
}

/// A relation that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationError(pub String);

impl fmt::Display for RelationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no relation between packages", self.0.chars().take(80).collect::<String>())
    }
}

impl std::error::Error for RelationError {}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Reads the value of a field such as `Depends`.
///
/// Restrictions to architectures (`[amd64]`) and build profiles do not occur in binary packages and are refused.
pub fn parse(value: &str) -> Result<Vec<Group<'_>>, RelationError> {
    let mut groups = Vec::new();
    for text in value.split(',').map(|text| text.trim_matches(BLANKS)) {
        // A comma at the end is common and harmless.
        if !text.is_empty() {
            groups.push(Group(text.split('|').map(relation).collect::<Result<_, _>>()?));
        }
    }
    Ok(groups)
}

/// Reads a field without alternatives, such as `Provides` or `Conflicts`.
pub fn list(value: &str) -> Result<Vec<Relation<'_>>, RelationError> {
    let texts = value.split(',').filter(|text| !text.trim_matches(BLANKS).is_empty());
    texts.map(relation).collect()
}

fn relation(text: &str) -> Result<Relation<'_>, RelationError> {
    let text = text.trim_matches(BLANKS);
    let wrong = || RelationError(text.to_string());
    let end = text.find([' ', '\t', '\n', '\r', '(']).unwrap_or(text.len());
    let (name, rest) = (&text[..end], text[end..].trim_start_matches(BLANKS));
    let (name, architecture) = match name.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture)),
        None => (name, None),
    };
    if !is_name(name) || !architecture.is_none_or(is_architecture) {
        return Err(wrong());
    }
    if rest.is_empty() {
        return Ok(Relation { name, architecture, version: None });
    }
    let inside = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?.trim_matches(BLANKS);
    let signs = inside.len() - inside.trim_start_matches(['<', '=', '>']).len();
    let operator = match &inside[..signs] {
        "<<" => Operator::Earlier,
        // Of old, one sign meant what two and an equal sign mean; dpkg and apt still read it so.
        "<=" | "<" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" | ">" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        _ => return Err(wrong()),
    };
    let version = inside[signs..].trim_matches(BLANKS);
    if !is_version(version) {
        return Err(wrong());
    }
    Ok(Relation { name, architecture, version: Some((operator, version)) })
}

/// True for what may name a package: letters, digits, `+`, `-`, `.`, `_`, `~`, the first a letter or digit. The policy is stricter;
/// archives of others are not.
pub fn is_name(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~".contains(&byte);
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && text.bytes().all(sign)
}

/// True for what may be a version.
pub fn is_version(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.~:_".contains(&byte);
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && text.bytes().all(sign)
}

/// True for what may name an architecture.
pub fn is_architecture(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && text.bytes().all(sign)
}

#[cfg(test)]
mod tests {
    use super::{list, parse};

    #[test]
    fn relations_print_as_they_read() {
        for text in ["a", "a (>= 1) | b:any (<< 2~rc1-1) | c:arm64", "lib++-1.0 (= 1:2.3+x)"] {
            let groups = parse(text).expect("relations");
            assert_eq!(groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), text);
        }
        let odd = parse(" a(>=1),\n b ( > 2 )|c , ").expect("relations");
        assert_eq!(odd.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a (>= 1)", "b (>= 2) | c"]);
    }

    #[test]
    fn what_is_no_relation() {
        for text in ["a (1)", "a (>= )", "a (>= 1", "a b", "a [amd64]", "|", "a |", "-a", "a:", "a (!= 1)", "é"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(list("a | b").is_err());
    }

    #[test]
    fn versions_of_provisions() {
        let one = |text: &'static str| parse(text).expect("a relation")[0].0[0];
        assert!(one("a").admits_provided(None) && one("a").admits_provided(Some("1")));
        assert!(!one("a (>= 1)").admits_provided(None) && one("a (>= 1)").admits_provided(Some("1")));
        assert!(one("a (<< 1)").admits("1~rc1") && !one("a (<< 1)").admits("1"));
    }
}
