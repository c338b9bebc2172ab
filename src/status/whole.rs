//! What the hosts of a service must agree on: one leader, one version, the same view.

use std::collections::BTreeMap;

use super::ask::Model;
use super::judge::Seen;
use super::value::{self, clean};
use super::{Code, Finding, PoolReport, ServiceReport, registered};

/// Everything that no host can know alone.
pub fn judge(model: &Model<'_>, seen: &mut [Seen<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in &model.cluster.profile.services {
        let own: Vec<&Seen<'_>> = seen.iter().filter(|seen| seen.target.service.name == service.name).collect();
        if own.is_empty() {
            continue;
        }
        let whole = Whole { model, service: &service.name, own: &own };
        whole.leader(&mut findings);
        whole.versions(&mut findings);
    }
    findings.extend(registered::judge(model, seen));
    findings
}

struct Whole<'w> {
    model: &'w Model<'w>,
    service: &'w str,
    own: &'w [&'w Seen<'w>],
}

impl Whole<'_> {
    fn finding(&self, code: Code, message: String, help: impl Into<String>) -> Finding {
        Finding { code, note: false, host: None, services: vec![self.service.to_string()], value: None, message, help: help.into() }
    }

    fn names<'s>(&self, of: impl IntoIterator<Item = &'s &'s Seen<'s>>) -> String {
        let names: Vec<&str> = of.into_iter().map(|seen| self.model.host(&seen.target).name.as_str()).collect();
        list(&names)
    }

    fn leader(&self, findings: &mut Vec<Finding>) {
        let service = self.service;
        let leaders: Vec<&&Seen<'_>> = self.own.iter().filter(|seen| seen.leads()).collect();
        let answer = self.own.iter().filter(|seen| seen.failure.is_none()).count();
        if self.own.iter().any(|seen| seen.target.status.leads) {
            let (all, majority) = (self.own.len(), self.own.len() / 2 + 1);
            match leaders.len() {
                1 => {}
                0 => findings.push(self.finding(
                    Code::NoLeader,
                    format!("{service}: no leader is seen, and {answer} of {all} answer"),
                    match answer < majority {
                        true => format!("begin with the hosts named below: it takes a majority to elect a leader, here {majority}"),
                        false => "an election takes seconds, ask again with `--wait`; if it lasts, compare their configuration and logs".into(),
                    },
                )),
                _ => findings.push(self.finding(
                    Code::SeveralLeaders,
                    format!("{service}: {} hosts lead: {}", leaders.len(), self.names(leaders.iter().copied())),
                    "they do not belong together or cannot reach each other: look at the network between them and compare their lists of servers",
                )),
            }
        }
        self.agreement(&leaders, findings);
    }

    /// All take the same host for the leader, and it does so too.
    fn agreement(&self, leaders: &[&&Seen<'_>], findings: &mut Vec<Finding>) {
        let service = self.service;
        let mut views: BTreeMap<String, Vec<&&Seen<'_>>> = BTreeMap::new();
        let mut lost = Vec::new();
        for seen in self.own.iter().filter(|seen| seen.failure.is_none() && seen.target.status.follows.is_some()) {
            match &seen.follows {
                Some(follows) => {
                    let name = self.model.find(follows).map(|index| self.model.cluster.hosts[index].name.clone());
                    let name = name.unwrap_or_else(|| format!("{} (no host of the cluster)", clean(value::place(follows))));
                    views.entry(name).or_default().push(seen);
                }
                None if seen.target.status.leads => lost.push(seen),
                None => {}
            }
        }
        if !lost.is_empty() {
            let names = self.names(lost.iter().copied());
            let help = "ZooKeeper, or what else they meet by, must serve first; if it does, compare where they look for it";
            findings.push(self.finding(Code::NoLeader, format!("{service}: no leader is known to {names}"), help));
        }
        let sides: Vec<String> = views
            .iter()
            .map(|(leader, hosts)| format!("{} follow{} {leader}", self.names(hosts.iter().copied()), plural(hosts.len())))
            .collect();
        let help = "part of them cannot reach the others, or looks in another place: compare the network between them, and where they meet";
        if views.len() > 1 {
            findings.push(self.finding(
                Code::Disagreement,
                format!("{service}: the hosts do not agree on a leader: {}", sides.join("; ")),
                help,
            ));
        } else if let ([leader], Some((followed, hosts))) = (leaders, views.iter().next())
            && self.model.host(&leader.target).name != *followed
        {
            let leader = &self.model.host(&leader.target).name;
            let message = format!(
                "{service}: {leader} says that it leads, but {} follow{} {followed}",
                self.names(hosts.iter().copied()),
                plural(hosts.len())
            );
            findings.push(self.finding(Code::Disagreement, message, help));
        }
    }

    /// Where no version is pinned, all must still run the same.
    fn versions(&self, findings: &mut Vec<Finding>) {
        let pinned = |seen: &Seen<'_>| {
            let package = seen.target.status.version.as_ref().and_then(|(_, package)| package.as_ref());
            package.is_some_and(|package| self.model.cluster.packages.versions.get(&package.value).is_some_and(|pin| pin.version.is_some()))
        };
        let mut versions: BTreeMap<&str, Vec<&&Seen<'_>>> = BTreeMap::new();
        for seen in self.own.iter().filter(|seen| !pinned(seen)) {
            if let Some(version) = &seen.version {
                versions.entry(value::release(version)).or_default().push(seen);
            }
        }
        if versions.len() > 1 {
            let sides: Vec<String> =
                versions.iter().map(|(version, hosts)| format!("{} on {}", clean(version), self.names(hosts.iter().copied()))).collect();
            let message = format!("{}: not the same version everywhere: {}", self.service, sides.join("; "));
            findings.push(self.finding(Code::OtherVersion, message, "install the same version on all of them, one host at a time"));
        }
    }
}

/// `a, b and 3 more`.
pub fn list(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0..=SHOWN => names.join(", "),
        more => format!("{} and {} more", names[..SHOWN].join(", "), more - SHOWN),
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "s" } else { "" }
}

/// One line for each service that is asked.
pub fn services(model: &Model<'_>, seen: &[Seen<'_>]) -> Vec<ServiceReport> {
    let report = |service: &crate::profile::Service| {
        let own: Vec<&Seen<'_>> = seen.iter().filter(|seen| seen.target.service.name == service.name).collect();
        let leaders: Vec<&&Seen<'_>> = own.iter().filter(|seen| seen.leads()).collect();
        let one = model.targets.iter().flat_map(|target| &target.status.registered).any(|r| r.one && r.service.value == service.name);
        // Of a service of which one is registered at a time, that one leads, whether it says so or not.
        let leader = match leaders[..] {
            [leader] => Some(leader.target.host),
            [] if one => own.iter().find(|seen| seen.registered == Some(true)).map(|seen| seen.target.host),
            _ => None,
        };
        (!own.is_empty()).then(|| ServiceReport {
            service: service.name.clone(),
            planned: own.len(),
            answered: own.iter().filter(|seen| seen.failure.is_none()).count(),
            leader: leader.map(|host| model.cluster.hosts[host].name.clone()),
            registered: own.iter().any(|seen| seen.registered.is_some()).then(|| own.iter().filter(|s| s.registered == Some(true)).count()),
        })
    };
    model.cluster.profile.services.iter().filter_map(report).collect()
}

/// What the leaders have to hand out.
pub fn pool(model: &Model<'_>, seen: &[Seen<'_>]) -> Vec<PoolReport> {
    let engine = &model.cluster.profile.engine;
    let number = |source: &crate::profile::Snippet, seen: &Seen<'_>| {
        value::text(engine, source, &seen.scope)?.parse::<f64>().ok().filter(|number| number.is_finite())
    };
    let speakers = seen.iter().filter(|seen| seen.failure.is_none() && (seen.leads() || !seen.target.status.leads));
    let mut found = Vec::new();
    for seen in speakers {
        for pool in &seen.target.status.pool {
            if let Some(total) = number(&pool.total, seen) {
                found.push(PoolReport {
                    name: pool.name.clone(),
                    total,
                    used: pool.used.as_ref().and_then(|used| number(used, seen)),
                    unit: pool.unit.clone(),
                });
            }
        }
    }
    found
}
