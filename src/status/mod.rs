//! What a running cluster says of itself, against what its spec says: pure, the asking is done in `io::probe`.
//!
//! ```text
//! Cluster ─ ask::model ─► Model ─► Request… ═ io::probe ═► Answers… ─ judge::judge ─► Report
//! ```
//!
//! What is asked, and what an answer means, is data of the profile (`services.NAME.status`); here are only the comparisons.

pub mod ask;
pub mod documents;
pub mod judge;
mod registered;
pub mod value;
mod whole;
pub mod words;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::Ipv4Addr;

use serde_json::Value;

use crate::profile::status::{Protocol, Question};

/// A service on a host, and what it is asked.
#[derive(Debug)]
pub struct Request {
    /// Where the host is reached.
    pub address: Ipv4Addr,
    /// The service's port.
    pub port: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// What it is asked, in this order.
    pub questions: Vec<Question>,
    /// What it asks for.
    pub login: Option<Login>,
}

/// `user:password`; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Login(pub String);

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// What a service answered.
#[derive(Debug, Default)]
pub struct Answers {
    /// By question.
    pub values: BTreeMap<String, Value>,
    /// Hosts that questions of its own were redirected to, by question.
    pub redirects: BTreeMap<String, String>,
    /// Optional questions that were not answered, and why.
    pub unanswered: Vec<(Question, Failure)>,
    /// Why a question that it must answer was not.
    pub failure: Option<(Question, Failure)>,
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing came back from the address, in the words of the system.
    Unreachable(String),
    /// The machine is there, and nothing listens.
    Refused,
    /// It was connected, and no whole answer came in time; true when a part came.
    Slow(bool),
    /// The connection was closed without a byte.
    Empty,
    /// The connection was closed in the middle.
    Cut,
    /// The port speaks TLS.
    Tls,
    /// This is not what the service speaks, and why.
    Garbage(String),
    /// The answer is larger than anything that such a service says.
    TooLarge,
    /// HTTP says no.
    Status(u16),
    /// Redirects that do not end.
    Loop,
    /// A redirect to what is no host of the cluster.
    Away(String),
    /// The service is there but has no quorum.
    NotServing,
    /// The service does not answer this question by permission.
    Forbidden,
}

/// What is not as planned, as a word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Nothing comes back from the host.
    Unreachable,
    /// Nothing listens on the port.
    Refused,
    /// No whole answer in time.
    Slow,
    /// Closed without a byte.
    EmptyAnswer,
    /// Closed in the middle.
    CutAnswer,
    /// The port speaks TLS.
    Tls,
    /// Another protocol, or another program.
    Garbage,
    /// More than such a service says.
    TooLarge,
    /// A login is asked for.
    Login,
    /// HTTP says no.
    HttpStatus,
    /// Redirects that do not end.
    RedirectLoop,
    /// A redirect to what is no host of the cluster.
    RedirectAway,
    /// It is there but has no quorum.
    NoQuorum,
    /// A question that is not permitted.
    NotAllowed,
    /// Another part than planned, such as `standalone`.
    OtherPart,
    /// Nobody leads, or a host knows of nobody.
    NoLeader,
    /// More than one leads.
    SeveralLeaders,
    /// They do not take the same host for the leader.
    Disagreement,
    /// A value is not the planned one.
    OtherValue,
    /// A version is not the planned one, or not the same everywhere.
    OtherVersion,
    /// It is not registered.
    NotRegistered,
    /// It is registered, and gone.
    NotConnected,
    /// It is registered under another name.
    OtherName,
    /// It is registered from another address.
    OtherAddress,
    /// Somebody is registered whom the spec does not know.
    Stranger,
    /// A service does not have a document that the spec gives it.
    DocumentMissing,
    /// It has another one.
    DocumentDiffers,
    /// Fewer of it run than should.
    DocumentNotRunning,
    /// Which documents a service has it does not say.
    DocumentsUnanswered,
}

impl Code {
    /// All of them, by their words.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Unreachable, "unreachable"),
        (Self::Refused, "refused"),
        (Self::Slow, "slow"),
        (Self::EmptyAnswer, "empty-answer"),
        (Self::CutAnswer, "cut-answer"),
        (Self::Tls, "tls"),
        (Self::Garbage, "garbage"),
        (Self::TooLarge, "too-large"),
        (Self::Login, "login"),
        (Self::HttpStatus, "http-status"),
        (Self::RedirectLoop, "redirect-loop"),
        (Self::RedirectAway, "redirect-away"),
        (Self::NoQuorum, "no-quorum"),
        (Self::NotAllowed, "not-allowed"),
        (Self::OtherPart, "other-part"),
        (Self::NoLeader, "no-leader"),
        (Self::SeveralLeaders, "several-leaders"),
        (Self::Disagreement, "disagreement"),
        (Self::OtherValue, "other-value"),
        (Self::OtherVersion, "other-version"),
        (Self::NotRegistered, "not-registered"),
        (Self::NotConnected, "not-connected"),
        (Self::OtherName, "other-name"),
        (Self::OtherAddress, "other-address"),
        (Self::Stranger, "stranger"),
        (Self::DocumentMissing, "document-missing"),
        (Self::DocumentDiffers, "document-differs"),
        (Self::DocumentNotRunning, "document-not-running"),
        (Self::DocumentsUnanswered, "documents-unanswered"),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(code, _)| *code == self).map_or("unknown", |(_, word)| word)
    }
}

/// Something that is not as planned, or a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// Said, but no difference from the plan.
    pub note: bool,
    /// The host; none: the cluster as a whole.
    pub host: Option<String>,
    /// The services.
    pub services: Vec<String>,
    /// What was compared, where it was a value.
    pub value: Option<Compared>,
    /// For people.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// What it is in two words, such as `other quorum` or `not registered`.
    pub fn word(&self) -> String {
        match (&self.value, self.code) {
            (Some(value), Code::OtherValue) => format!("other {}", value.name),
            _ => self.code.word().replace('-', " "),
        }
    }
}

/// A value that differs from the planned one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// What it is called.
    pub name: String,
    /// As the machine says; none: it does not.
    pub found: Option<String>,
    /// As it is planned.
    pub planned: String,
}

/// What a cluster says of itself.
#[derive(Debug)]
pub struct Report {
    /// All hosts, in spec order.
    pub hosts: Vec<HostReport>,
    /// All services that are asked, in the profile's order.
    pub services: Vec<ServiceReport>,
    /// What the cluster has in common.
    pub pool: Vec<PoolReport>,
    /// What services have of the documents that the spec gives them, and others.
    pub documents: Vec<documents::DocumentReport>,
    /// The whole first, then by host.
    pub findings: Vec<Finding>,
    /// True when no host gave any sign of life.
    pub silent: bool,
    /// Where in the others a host stands, by its name.
    index: HashMap<String, IndexEntry>,
}

/// What a report holds of a host.
#[derive(Debug, Default)]
struct IndexEntry {
    /// Its place among the hosts.
    at: usize,
    /// Places of the findings that name it.
    findings: Vec<usize>,
}

/// What a host says.
#[derive(Debug)]
pub struct HostReport {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its roles.
    pub roles: Vec<String>,
    /// Its services that are asked.
    pub services: Vec<Instance>,
}

/// A service on a host.
#[derive(Debug)]
pub struct Instance {
    /// The service.
    pub service: String,
    /// Its port.
    pub port: u16,
    /// It answered what it must.
    pub answered: bool,
    /// Its part in the whole.
    pub part: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Whether it is registered where it should be; none: nobody keeps a list, or nobody could be asked.
    pub registered: Option<bool>,
}

/// A service of the cluster.
#[derive(Debug)]
pub struct ServiceReport {
    /// Its name.
    pub service: String,
    /// On how many hosts it is planned.
    pub planned: usize,
    /// How many answered.
    pub answered: usize,
    /// The host that leads.
    pub leader: Option<String>,
    /// How many are registered; none where nobody keeps a list.
    pub registered: Option<usize>,
}

/// Something that the cluster has in common.
#[derive(Debug)]
pub struct PoolReport {
    /// What.
    pub name: String,
    /// How much.
    pub total: f64,
    /// How much of it is taken.
    pub used: Option<f64>,
    /// Unit of both.
    pub unit: Option<String>,
}

impl Report {
    /// True when nothing differs from the plan.
    pub fn as_planned(&self) -> bool {
        self.differences().next().is_none()
    }

    /// Everything that is not as planned.
    pub fn differences(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.note)
    }

    /// With what is needed to find hosts in it: it is asked about each of them.
    pub(crate) fn indexed(mut self) -> Self {
        self.index = self.hosts.iter().enumerate().map(|(at, host)| (host.name.clone(), IndexEntry { at, findings: Vec::new() })).collect();
        for (at, finding) in self.findings.iter().enumerate() {
            if let Some(place) = finding.host.as_ref().and_then(|host| self.index.get_mut(host)) {
                place.findings.push(at);
            }
        }
        self
    }

    /// What a host says.
    pub fn host(&self, name: &str) -> Option<&HostReport> {
        self.index.get(name).map(|place| &self.hosts[place.at])
    }

    /// Differences that name this host.
    fn of<'r>(&'r self, host: &str) -> impl Iterator<Item = &'r Finding> + use<'r> {
        let places = self.index.get(host).map_or(&[][..], |place| &place.findings);
        places.iter().map(|at| &self.findings[*at]).filter(|finding| !finding.note)
    }

    /// True when no difference names this host.
    pub fn host_as_planned(&self, host: &str) -> bool {
        self.of(host).next().is_none()
    }

    /// What differs of a service on a host.
    pub fn about<'r>(&'r self, host: &str, service: &'r str) -> impl Iterator<Item = &'r Finding> + use<'r> {
        self.of(host).filter(move |finding| finding.services.iter().any(|own| own == service))
    }
}
