//! `diff`: what lies between two states of a cluster.

use anyhow::Result;

use super::args::{Diff, Format, Global};
use super::{Verdict, report, sides};
use crate::change::{json, text};

/// Compares; `Wrong` means that the two differ.
pub fn run(options: &Diff, global: &Global) -> Result<Verdict> {
    let change = sides::compared(&options.sides, global)?.change;
    match options.format {
        Format::Text => report::styled(&text::print(&change))?,
        Format::Json => report::data(&format!("{:#}\n", json::print(&change)))?,
    }
    Ok(if change.is_none() { Verdict::Done } else { Verdict::Wrong })
}
