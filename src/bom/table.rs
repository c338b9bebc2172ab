//! A bill for people: one line for each package.

use super::{Bom, Licences, Part};
use crate::apt::copyright::Licence;

/// Names of the columns.
const HEAD: [&str; 6] = ["package", "version", "arch", "bytes", "for", "licences"];

/// The table; columns are as wide as they need to be.
pub fn print(bom: &Bom) -> String {
    let rows: Vec<[String; 6]> = std::iter::once(HEAD.map(String::from)).chain(bom.parts.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            3 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// How many packages do not say their licences in a form for programs.
pub fn unsaid(bom: &Bom) -> usize {
    bom.parts.iter().filter(|part| !matches!(part.licences, Licences::Said(_))).count()
}

fn row(part: &Part) -> [String; 6] {
    let licences = match &part.licences {
        Licences::Said(licences) => licences.iter().map(Licence::text).collect::<Vec<_>>().join(", "),
        other => format!("({})", other.words()),
    };
    let sets: Vec<&str> = part.sets.keys().map(String::as_str).collect();
    // What comes from elsewhere may hold anything; a terminal should not get it.
    let shown = |text: String| text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
    [part.name.clone(), part.version.clone(), part.architecture.clone(), part.size.to_string(), sets.join(" "), shown(licences)]
}
