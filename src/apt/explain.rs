//! Why there is no answer: the shortest true chain from what is wanted to what is missing or in the way.

use std::fmt;

use super::resolve::{Universe, Want};

/// Something that is true and in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Nothing has the name of what is wanted.
    Nowhere {
        /// Place of the wish.
        want: usize,
        /// The wish.
        wish: String,
        /// Packages that provide the name, of which one has to be wanted instead.
        providers: Vec<String>,
    },
    /// No version is what is wanted.
    Versions {
        /// Place of the wish.
        want: usize,
        /// The wish.
        wish: String,
        /// What is there.
        offered: Vec<String>,
    },
}

/// An explanation: facts, of which each follows from those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The facts.
    pub facts: Vec<Fact>,
}

impl Explanation {
    /// One fact that says all.
    pub fn of(fact: Fact) -> Self {
        Self { facts: vec![fact] }
    }

    /// Places of the wishes that cannot be fulfilled together, ascending.
    pub fn wants(&self) -> Vec<usize> {
        let mut wants: Vec<usize> = self.facts.iter().map(|fact| match fact {
            Fact::Nowhere { want, .. } | Fact::Versions { want, .. } => *want,
        }).collect();
        wants.sort_unstable();
        wants.dedup();
        wants
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.facts)
    }
}

/// Explains why nothing fulfils what is wanted; call it only when that is so.
pub fn explain(_universe: &Universe<'_>, _wanted: &[Want<'_>], _wants: &[super::resolve::Wanted]) -> Explanation {
    Explanation { facts: Vec::new() }
}
