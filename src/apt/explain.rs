//! Why there is no answer: a short chain of true sentences from what is wanted to what is missing or in the way.
//!
//! What must be there follows from what is wanted wherever only one package serves a need; the chains are the shortest of those.
//! Where a need could be served in several ways, each of them is shown to fail, indented below it.

mod proof;

use std::fmt;

pub use proof::explain;

/// A sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How far it is indented: it holds in the case that the last line with less begins.
    pub depth: usize,
    /// The sentence, in lower case and without a full stop.
    pub text: String,
}

/// An explanation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Places of the wishes that cannot be fulfilled together, ascending.
    pub wants: Vec<usize>,
    /// Sentences, of which each follows from those before it.
    pub lines: Vec<Line>,
}

impl Explanation {
    /// One sentence about one wish that says all.
    pub fn of(want: usize, text: String) -> Self {
        Self { wants: vec![want], lines: vec![Line { depth: 0, text }] }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Line { depth, text }) in self.lines.iter().enumerate() {
            write!(f, "{}{:indent$}{text}", if number == 0 { "" } else { "\n" }, "", indent = depth * 2)?;
        }
        Ok(())
    }
}

/// Texts joined as in a sentence: `a, b and c`; of many only the first.
pub fn joined(texts: &[String]) -> String {
    const MOST: usize = 5;
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if texts.len() <= MOST => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", texts[..MOST].join(", "), texts.len() - MOST),
    }
}
