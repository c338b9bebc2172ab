//! The services of a profile: what they listen on, when they start, and what they refuse to change.

use super::status::Status;
use super::{Optional, Snippet};
use crate::diag::Spanned;

/// A port, as a setting's path or a number.
#[derive(Clone, Debug)]
pub enum PortRef {
    /// Dotted path below `settings.`.
    Setting(Spanned<String>),
    /// A fixed number.
    Fixed(u16),
}

/// A service that the packages bring.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its key.
    pub name: String,
    /// Name of the job or unit.
    pub unit: String,
    /// Ports that it listens on.
    pub ports: Vec<PortRef>,
    /// Settings with ranges of ports that it hands out.
    pub port_ranges: Vec<Spanned<String>>,
    /// Ports that must listen before the next service starts.
    pub wait_ports: Vec<PortRef>,
    /// How long to wait for them.
    pub wait_seconds: i64,
    /// Variables given through the init system: name, template, condition.
    pub environment: Vec<(String, Snippet, Option<Snippet>)>,
    /// Starts only once these foreign units run, each when its condition holds.
    pub after: Vec<Optional>,
    /// The same service elsewhere, all of which the cluster needs to form.
    pub peers: Option<Peers>,
    /// What the service refuses to change once it has run.
    pub identity: Option<Identity>,
    /// How it is asked what it is.
    pub status: Option<Status>,
    /// Its variables may differ between hosts that share their settings.
    pub looks_at_host: bool,
}

/// Hosts on which a service has its equals.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Their role.
    pub role: Spanned<String>,
    /// Ports by which one is seen to be there.
    pub ports: Vec<PortRef>,
    /// What one that only listens does not say yet.
    pub ask: Option<Question>,
    /// How long `apply` waits for all of them, the first time.
    pub seconds: i64,
}

/// A question over TCP, to the first port of the peers: a daemon may listen long before it serves.
#[derive(Clone, Debug)]
pub struct Question {
    /// A line, sent without its line end.
    pub line: String,
    /// Extended regular expression (grep -E) that a line of the answer of a serving daemon matches.
    pub answer: String,
}

/// Files that say who a service is. It may refuse to start with others than it had when it left the guard behind.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Their paths, templates; one that ends in `/` stands for everything below.
    pub paths: Vec<Snippet>,
    /// What a service that has run leaves behind and a new one has not, a template.
    pub guard: Snippet,
    /// When this holds, the guard may be removed.
    pub allowed: Snippet,
    /// Why not, otherwise; a template.
    pub why: Snippet,
}

/// Who connects to whom, for people who draw plans and open firewalls.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Role of those who connect; none: people and programs outside.
    pub from: Option<Spanned<String>>,
    /// Role of those who listen.
    pub to: Spanned<String>,
    /// TCP ports on which they do.
    pub ports: Vec<PortRef>,
    /// What for, in a few words.
    pub doc: String,
    /// Only when this holds, over the cluster as a whole.
    pub when: Option<Snippet>,
}
