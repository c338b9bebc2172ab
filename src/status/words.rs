//! The sentences of a report: the fact first, then what to do.

use super::value::clean;
use super::{Code, Compared, Failure, Finding};
use crate::cluster::Host;
use crate::platform::Init;
use crate::profile::status::Question;

/// Whoever speaks of a service on a host needs these.
pub struct Words<'w> {
    /// The host.
    pub host: &'w Host,
    /// The job or unit.
    pub service: &'w str,
    /// Its port.
    pub port: u16,
    /// Who starts it.
    pub init: Init,
    /// The same service leads elsewhere.
    pub others_lead: bool,
    /// The spec has a login for it, which was sent.
    pub login: bool,
}

/// One line, however a profile wraps it.
pub fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A host that gives no sign of life, once for all of its services.
pub fn unreachable<'s>(host: &Host, services: impl Iterator<Item = &'s str>, why: &str) -> Finding {
    let services: Vec<String> = services.map(str::to_string).collect();
    Finding {
        code: Code::Unreachable,
        note: false,
        host: Some(host.name.clone()),
        message: format!("{} ({}) cannot be reached, and with it {}: {why}", host.name, host.address, services.join(", ")),
        services,
        value: None,
        help: "is the machine up, is its address right, and may this machine reach it? its console says how far it booted".into(),
    }
}

/// A host on which several services do not run.
pub fn refused<'s>(host: &Host, services: impl Iterator<Item = &'s str>) -> Finding {
    let services: Vec<String> = services.map(str::to_string).collect();
    Finding {
        code: Code::Refused,
        note: false,
        host: Some(host.name.clone()),
        message: format!("{} ({}) is up, but refuses connections to {}", host.name, host.address, services.join(", ")),
        services,
        value: None,
        help:
            "its first boot may not be over, or have failed: /var/lib/clusterseed/status.json and /var/log/clusterseed.log there say which"
                .into(),
    }
}

impl Words<'_> {
    fn on(&self) -> String {
        format!("{} on {}", self.service, self.host.name)
    }

    fn at(&self) -> String {
        format!("{} on {} ({}:{})", self.service, self.host.name, self.host.address, self.port)
    }

    /// How to see what the init system knows of it.
    fn look(&self) -> String {
        match self.init {
            Init::Upstart => format!("`initctl status {}`", self.service),
            Init::Systemd => format!("`systemctl status {}`", self.service),
        }
    }

    /// Why a question was not answered.
    pub fn failure(&self, question: &Question, failure: &Failure) -> (Code, String, String) {
        let (at, on, look, host) = (self.at(), self.on(), self.look(), &self.host.name);
        let asked = question.ways.first().map_or("", String::as_str);
        let other = format!("see which program has port {} on {host}: `ss -lntp`", self.port);
        match failure {
            Failure::Unreachable(why) => (
                Code::Unreachable,
                format!("{at} cannot be reached: {why}"),
                format!("other ports of {host} answer: does a firewall keep this one?"),
            ),
            Failure::Refused => (
                Code::Refused,
                format!("{at} refuses connections: the machine is up, and nothing listens there"),
                format!(
                    "on {host}, {look} says whether it runs, and `apply --check` in /var/lib/clusterseed/seed what differs from the plan"
                ),
            ),
            Failure::Slow(begun) => (
                Code::Slow,
                match begun {
                    true => format!("{at} began to answer `{asked}` and did not come to an end in time"),
                    false => format!("{at} takes connections and did not answer `{asked}` in time"),
                },
                format!("look at load, memory and disk of {host}, and at the log of {}; `--timeout` gives it more time", self.service),
            ),
            Failure::Empty => (
                Code::EmptyAnswer,
                format!("{at} closed the connection without an answer to `{asked}`"),
                format!("it may just be starting or ending, or have no connection left to give: {look} on {host}, and its log, say more"),
            ),
            Failure::Cut => (
                Code::CutAnswer,
                format!("{at} closed the connection in the middle of its answer to `{asked}`"),
                format!("it may have died just then: {look} on {host}, and its log, say more"),
            ),
            Failure::Tls => {
                (Code::Tls, format!("{at} speaks TLS, where plain text is planned"), format!("take TLS off this port on {host}; {other}"))
            }
            Failure::Garbage(why) => (Code::Garbage, format!("what answers at {at} is not {}: {}", self.service, clean(why)), other),
            Failure::TooLarge => (Code::TooLarge, format!("what answers at {at} sends more than {} ever says", self.service), other),
            Failure::Status(401 | 403) if self.login => (
                Code::Login,
                format!("{at} does not take the login that the spec has (`{asked}`)"),
                format!("it may run with an older one: run apply again on {host}, or take the change of the spec back"),
            ),
            Failure::Status(401 | 403) => (
                Code::Login,
                format!("{at} asks for a login that the spec does not have (`{asked}`)"),
                format!("name it in the spec, or look who configured {on} by hand"),
            ),
            Failure::Status(404) => (
                Code::HttpStatus,
                format!("{at} knows none of what it is asked: {} (HTTP 404)", question.ways.join(", ")),
                format!("it is another program or a very different version: {other}"),
            ),
            Failure::Status(status @ 500..) => (
                Code::HttpStatus,
                format!("{at} answers `{asked}` with HTTP {status}"),
                format!("it runs but cannot do its work, as without a leader: mend what it depends on first, then read its log on {host}"),
            ),
            Failure::Status(status) => (Code::HttpStatus, format!("{at} answers `{asked}` with HTTP {status}"), other),
            Failure::Loop => (
                Code::RedirectLoop,
                format!("{at} leads to other hosts for `{asked}`, and those lead on without an end"),
                format!("the hosts do not agree on who leads: if it lasts, restart {}, one host at a time", self.service),
            ),
            Failure::Away(place) => (
                Code::RedirectAway,
                format!("{at} leads to {} for `{asked}`, which is no plain HTTP on a host of the cluster", clean(place)),
                format!(
                    "it announces a name or address that is not its own, or belongs to another cluster: compare its configuration on {host} with the plan"
                ),
            ),
            Failure::NotServing if self.others_lead => (
                Code::NoQuorum,
                format!("{at} is up but does not serve, though others do: it is not part of their quorum"),
                format!(
                    "compare its id and its list of servers with theirs, and try the ports between them: `apply --check` on {host} says what differs"
                ),
            ),
            Failure::NotServing => (
                Code::NoQuorum,
                format!("{at} is up but does not serve: it has no quorum"),
                "a majority must be up and reach each other; an election takes seconds, ask again with `--wait`".into(),
            ),
            Failure::Forbidden => {
                let (message, help) = self.forbidden(&question.ways);
                (Code::NotAllowed, message, help)
            }
        }
    }

    /// Words that are not in the whitelist.
    pub fn forbidden(&self, words: &[String]) -> (String, String) {
        let words = words.join(", ");
        (
            format!("{} does not answer {words} by permission", self.at()),
            format!("add {words} to `4lw.commands.whitelist` (ZooKeeper 3.5 and later): what they would tell is not compared"),
        )
    }

    /// Another part than one of the planned.
    pub fn part(&self, part: &str, parts: &[String]) -> (String, String) {
        (
            format!("{} is {part}, planned is {}", self.at(), parts.join(" or ")),
            format!("it runs with another configuration than the planned one: run apply again on {}", self.host.name),
        )
    }

    /// Another value, or none.
    pub fn value(&self, compared: &Compared) -> String {
        let Compared { name, found, planned } = compared;
        match found {
            Some(found) => format!("{name} of {} is {found}, planned is {planned}", self.on()),
            None => format!("{} does not say its {name}, planned is {planned}", self.on()),
        }
    }

    /// Another version than the pinned one.
    pub fn version(&self, found: &str, package: &str, pin: &str) -> (String, String) {
        (
            format!("{} is version {found}, planned is {pin}", self.on()),
            format!("run apply on {}, or set `packages.versions.{package}` to what runs", self.host.name),
        )
    }
}
