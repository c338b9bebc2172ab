//! How the running services of a profile are asked what they are, and what their answers mean.

use super::{Formula, PortRef, Snippet};
use crate::diag::Spanned;

/// How a service is asked, and what is read from its answers.
#[derive(Clone, Debug)]
pub struct Status {
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it answers.
    pub port: PortRef,
    /// What it is asked.
    pub ask: Vec<Question>,
    /// `user:password` that it asks for, or none; an expression.
    pub login: Option<Snippet>,
    /// Its part in the whole, such as `leader` or `follower`; an expression.
    pub part: Option<Snippet>,
    /// The parts that are as planned, a list; any, when there is none.
    pub parts: Option<Snippet>,
    /// Exactly one of all hosts must have the part `leader`.
    pub leads: bool,
    /// Whom it takes for the leader: a host's name or address, with or without a port; an expression.
    pub follows: Option<Snippet>,
    /// Its version, an expression, and the key of `versions` that it must agree with.
    pub version: Option<(Snippet, Option<Spanned<String>>)>,
    /// What it must say of itself.
    pub expect: Vec<Expectation>,
    /// What registers with it.
    pub registered: Vec<Registration>,
    /// What it has to hand out, by name.
    pub pool: Vec<Pool>,
}

/// What a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// ZooKeeper's four-letter words: a line in, lines of `key: value`, `key=value` or key, tab, value out.
    Zookeeper,
    /// HTTP/1.1, GET; the answer is JSON.
    HttpJson,
}

impl Protocol {
    /// All of them, by the word in `profile.yaml`.
    pub const ALL: &[(&str, Self)] = &[("zookeeper", Self::Zookeeper), ("http-json", Self::HttpJson)];
}

/// A question; expressions see its answer as `answers.NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// Words or paths, of which the first is taken that the service knows.
    pub ways: Vec<String>,
    /// An answer that comes from another host says nothing of this one: a redirect is not followed, but kept as `redirects.NAME`.
    pub own: bool,
    /// The service may leave it unanswered.
    pub optional: bool,
    /// The answer is text.
    pub text: bool,
}

/// A value that a service must say of itself.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What it is called, for people.
    pub name: String,
    /// As the service says.
    pub found: Formula,
    /// As it is planned.
    pub wanted: Formula,
    /// Only when this holds.
    pub when: Option<Snippet>,
    /// What to do where both differ; a template.
    pub help: Snippet,
}

/// Services that register with the one that is asked, and how it lists them.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whose hosts must be registered.
    pub service: Spanned<String>,
    /// One of them at a time is, not each.
    pub one: bool,
    /// The list; an expression.
    pub items: Snippet,
    /// The name that `item` goes by.
    pub name: Snippet,
    /// The address that `item` is reached at.
    pub address: Snippet,
    /// Whether `item` is connected; all are, when there is none.
    pub active: Option<Snippet>,
    /// The name that a host of the service should go by, an expression that sees that host.
    pub wanted: Snippet,
    /// Only when this holds.
    pub when: Option<Snippet>,
}

/// Something that a cluster has in common, such as memory.
#[derive(Clone, Debug)]
pub struct Pool {
    /// What.
    pub name: String,
    /// How much, a number.
    pub total: Snippet,
    /// How much of it is taken.
    pub used: Option<Snippet>,
    /// Unit of both, such as MB.
    pub unit: Option<String>,
}

impl Status {
    /// All expressions, but for those of `expect.found` and `expect.wanted`, which may be templates.
    pub fn expressions(&self) -> impl Iterator<Item = &Snippet> {
        let own = [&self.login, &self.part, &self.parts, &self.follows].into_iter().flatten();
        own.chain(self.version.iter().map(|(found, _)| found))
            .chain(self.expect.iter().filter_map(|e| e.when.as_ref()))
            .chain(
                self.registered.iter().flat_map(|r| [&r.items, &r.name, &r.address, &r.wanted].into_iter().chain(&r.active).chain(&r.when)),
            )
            .chain(self.pool.iter().flat_map(|p| std::iter::once(&p.total).chain(&p.used)))
    }
}
