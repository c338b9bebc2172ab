//! A second opinion: is a base together with a closure whole? Knows nothing of how the closure was chosen.

use super::resolve::{Closure, Request};

/// Something that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The package, `name version`.
    pub package: String,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.package, self.what)
    }
}

/// Everything that is wrong with what is there in the end.
pub fn verify(_request: &Request<'_>, _closure: &Closure<'_>) -> Vec<Violation> {
    Vec::new()
}
