//! A package as its control paragraph describes it.

use std::fmt;

use super::control::{ControlError, Field, Paragraph};
use super::relation::{self, Group, Relation, RelationError, is_architecture, is_name, is_version};

/// What a package says of other architectures (`Multi-Arch`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MultiArch {
    /// Serves packages of its own architecture.
    #[default]
    No,
    /// Serves its own architecture, and stands beside itself of another.
    Same,
    /// Serves packages of every architecture.
    Foreign,
    /// Serves every architecture where it is asked for as `name:any`.
    Allowed,
}

/// How much a system needs a package (`Priority`), the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The package does not say; apt takes that for more than `required`.
    #[default]
    Unsaid,
    /// `required`
    Required,
    /// `important`
    Important,
    /// `standard`
    Standard,
    /// `optional`
    Optional,
    /// `extra`, or a word that nobody knows.
    Extra,
}

/// A package of an index, of a dpkg status or of a .deb file. Relations are read when they are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Package<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its version.
    pub version: &'t str,
    /// Its architecture, or `all`.
    pub architecture: &'t str,
    /// What it says of other architectures.
    pub multi_arch: MultiArch,
    /// dpkg refuses to remove it.
    pub essential: bool,
    /// apt refuses to remove it (`Protected` or `Important: yes`).
    pub protected: bool,
    /// How much a system needs it.
    pub priority: Priority,
    /// `Source`: the name of its source, with a version where that is another.
    pub source: Option<&'t str>,
    /// `Pre-Depends`, as text.
    pub pre_depends: &'t str,
    /// `Depends`, as text.
    pub depends: &'t str,
    /// `Recommends`, as text.
    pub recommends: &'t str,
    /// `Suggests`, as text.
    pub suggests: &'t str,
    /// `Conflicts`, as text.
    pub conflicts: &'t str,
    /// `Breaks`, as text.
    pub breaks: &'t str,
    /// `Replaces`, as text.
    pub replaces: &'t str,
    /// `Enhances`, as text.
    pub enhances: &'t str,
    /// `Provides`, as text.
    pub provides: &'t str,
    /// The whole paragraph.
    pub paragraph: Option<Paragraph<'t>>,
}

impl fmt::Display for Package<'_> {
    /// `name version`, as messages call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl<'t> Package<'t> {
    /// Reads a paragraph; `other` is given the fields that are not a package's own.
    pub fn read(paragraph: Paragraph<'t>, mut other: impl FnMut(Field<'t>) -> Result<(), ControlError>) -> Result<Self, ControlError> {
        let mut package = Self { paragraph: Some(paragraph), ..Self::default() };
        for field in paragraph.fields() {
            let field = field?;
            match package.slot(field.name) {
                Some(text) if text.is_empty() => *text = field.value,
                Some(_) => return Err(wrong(field, "stands there twice")),
                None => package.word(field, &mut other)?,
            }
        }
        let line = |what: &str| ControlError { line: paragraph.line, what: what.into() };
        if package.name.is_empty() {
            return Err(line("a paragraph without `Package`"));
        }
        if !is_name(package.name) {
            return Err(line("`Package` is no name of a package"));
        }
        if !is_version(package.version) {
            return Err(line(&format!("`{}` has no `Version`, or one that is none", package.name)));
        }
        if !is_architecture(package.architecture) {
            return Err(line(&format!("`{}` has no `Architecture`, or one that is none", package.name)));
        }
        Ok(package)
    }

    fn slot(&mut self, name: &str) -> Option<&mut &'t str> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // By length: of 63,000 packages a million names are looked at.
        Some(match name.len() {
            6 if is("Breaks") => &mut self.breaks,
            7 if is("Package") => &mut self.name,
            7 if is("Version") => &mut self.version,
            7 if is("Depends") => &mut self.depends,
            8 if is("Provides") => &mut self.provides,
            8 if is("Suggests") => &mut self.suggests,
            8 if is("Replaces") => &mut self.replaces,
            8 if is("Enhances") => &mut self.enhances,
            9 if is("Conflicts") => &mut self.conflicts,
            10 if is("Recommends") => &mut self.recommends,
            11 if is("Pre-Depends") => &mut self.pre_depends,
            12 if is("Architecture") => &mut self.architecture,
            _ => return None,
        })
    }

    fn word(&mut self, field: Field<'t>, other: &mut impl FnMut(Field<'t>) -> Result<(), ControlError>) -> Result<(), ControlError> {
        let is = |name: &str| field.name.len() == name.len() && field.name.eq_ignore_ascii_case(name);
        let yes = field.value.eq_ignore_ascii_case("yes");
        if is("Multi-Arch") {
            self.multi_arch = match field.value.to_ascii_lowercase().as_str() {
                "same" => MultiArch::Same,
                "foreign" => MultiArch::Foreign,
                "allowed" => MultiArch::Allowed,
                "no" => MultiArch::No,
                _ => return Err(wrong(field, "is none of same, foreign, allowed, no")),
            };
        } else if is("Priority") {
            self.priority = match field.value.to_ascii_lowercase().as_str() {
                "required" => Priority::Required,
                "important" => Priority::Important,
                "standard" => Priority::Standard,
                "optional" => Priority::Optional,
                _ => Priority::Extra,
            };
        } else if is("Essential") {
            self.essential = yes;
        } else if is("Protected") || is("Important") {
            self.protected |= yes;
        } else if is("Source") {
            self.source = Some(field.value);
        } else {
            other(field)?;
        }
        Ok(())
    }

    /// `Pre-Depends` and `Depends`, in this order.
    pub fn needs(&self) -> Result<Vec<Group<'t>>, RelationError> {
        let mut groups = relation::parse(self.pre_depends)?;
        groups.extend(relation::parse(self.depends)?);
        Ok(groups)
    }

    /// `Conflicts` and `Breaks`, in this order: what may not be there beside it.
    pub fn excludes(&self) -> Result<Vec<Relation<'t>>, RelationError> {
        let mut relations = relation::list(self.conflicts)?;
        relations.extend(relation::list(self.breaks)?);
        Ok(relations)
    }

    /// `Recommends` and `Suggests`, in this order.
    pub fn wishes(&self) -> Result<Vec<Group<'t>>, RelationError> {
        let mut groups = relation::parse(self.recommends)?;
        groups.extend(relation::parse(self.suggests)?);
        Ok(groups)
    }

    /// `Provides`: names, and the versions in which they are provided.
    pub fn provisions(&self) -> Result<Vec<(&'t str, Option<&'t str>)>, RelationError> {
        let wrong = |relation: &Relation<'_>| RelationError(format!("Provides: {relation}"));
        let provided = relation::list(self.provides)?.into_iter().map(|relation| match relation.version {
            None => Ok((relation.name, None)),
            Some((relation::Operator::Equal, version)) => Ok((relation.name, Some(version))),
            Some(_) => Err(wrong(&relation)),
        });
        provided.collect()
    }
}

fn wrong(field: Field<'_>, what: &str) -> ControlError {
    ControlError { line: field.line, what: format!("`{}` {what}", field.name) }
}
