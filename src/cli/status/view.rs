//! A report as a table for people, and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde_json::json;

use super::super::report;
use crate::cluster::Cluster;
use crate::emit;
use crate::profile::Submission;
use crate::status::documents::{DocumentReport, State};
use crate::status::{HostReport, Instance, Report};

/// Version of `status --format json`.
const FORMAT: u32 = 1;
/// Of a role with more hosts, only those are shown that differ or lead.
const SHOWN: usize = 20;
/// Most findings that are told to people.
const TOLD: usize = 40;

/// Services, the pool, hosts.
pub fn table(cluster: &Cluster, report: &Report) -> String {
    let mut out = format!("cluster {} ({} on {})\n", cluster.name, cluster.profile.name, cluster.platform.name);
    let width = report.services.iter().map(|service| service.service.len()).max().unwrap_or(0);
    for service in &report.services {
        let mut said = vec![format!("{} of {} answer", service.answered, service.planned)];
        said.extend(service.registered.filter(|n| *n > 1 || service.leader.is_none()).map(|n| format!("{n} registered")));
        said.extend(service.leader.as_ref().map(|leader| format!("{leader} leads")));
        let _ = writeln!(out, "  {:width$}  {}", service.service, said.join(", "));
    }
    let amount = |n: f64| if n.fract() == 0.0 { format!("{n:.0}") } else { format!("{n:.1}") };
    let pool: Vec<String> = report
        .pool
        .iter()
        .map(|p| {
            let used = p.used.map(|used| format!(" ({} used)", amount(used))).unwrap_or_default();
            let unit = p.unit.as_ref().map(|unit| format!("{unit} ")).unwrap_or_default();
            format!("{} {unit}{}{used}", amount(p.total), p.name)
        })
        .collect();
    if !pool.is_empty() {
        let _ = writeln!(out, "  {:width$}  {}", "together", pool.join(", "));
    }
    for (kind, said) in documents(cluster, report) {
        let _ = writeln!(out, "  {kind:width$}  {said}");
    }
    out.push('\n');
    let name = report.hosts.iter().map(|host| host.name.len()).max().unwrap_or(0);
    let mut alike: BTreeMap<&[String], usize> = BTreeMap::new();
    report.hosts.iter().for_each(|host| *alike.entry(&host.roles).or_default() += 1);
    let mut hidden = 0;
    for host in &report.hosts {
        let many = alike.get(&host.roles[..]).is_some_and(|hosts| *hosts > SHOWN);
        let leads = host.services.iter().any(|service| service.part.as_deref() == Some("leader"));
        if many && !leads && report.host_as_planned(&host.name) {
            hidden += 1;
            continue;
        }
        let _ = writeln!(out, "{:name$}  {:15}  {}", host.name, host.address, services(host, report));
    }
    if hidden > 0 {
        let _ = writeln!(out, "{}, all as planned", report::count(hidden, "more host"));
    }
    out
}

/// What services were given, kind by kind, in one line each.
fn documents(cluster: &Cluster, report: &Report) -> Vec<(String, String)> {
    let one = |document: &DocumentReport| {
        let mut words = vec![document.key.clone()];
        words.extend(document.running.map(|(running, wanted)| format!("{running} of {wanted}")));
        match document.state {
            State::Missing => words.push("MISSING".into()),
            State::Different => words.push("DIFFERENT".into()),
            State::Extra => words.push("not in the spec".into()),
            State::Same => {}
        }
        if document.lacks() && document.state != State::Extra {
            words.push("NOT RUNNING".into());
        }
        words.join(" ")
    };
    let of = |submission: &Submission| {
        let own: Vec<String> = report.documents.iter().filter(|document| document.of == submission.name).map(one).collect();
        (!own.is_empty()).then(|| (submission.nouns.1.clone(), own.join(", ")))
    };
    cluster.profile.submissions.iter().filter_map(of).collect()
}

fn services(host: &HostReport, report: &Report) -> String {
    let one = |service: &Instance| {
        let mut words = Vec::new();
        words.extend(service.version.clone().filter(|_| service.answered));
        words.extend(service.part.clone());
        words.extend(report.about(&host.name, &service.service).map(|finding| finding.word().to_uppercase()));
        if words.is_empty() {
            words.push("answers".into());
        }
        format!("{} {}", service.service, words.join(" "))
    };
    match &host.services[..] {
        [] => "nothing to ask".into(),
        services => services.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// Every finding with what to do, and how many there are.
pub fn findings(report: &Report) -> String {
    let bold = |color: AnsiColor| Style::new().bold().fg_color(Some(color.into()));
    let mut out = String::new();
    for finding in report.findings.iter().take(TOLD) {
        let (style, word) = if finding.note { (bold(AnsiColor::Cyan), "note") } else { (bold(AnsiColor::Red), "difference") };
        let _ = writeln!(out, "{style}{word}[{}]{style:#}: {}\n  = help: {}", finding.code.word(), finding.message, finding.help);
    }
    if report.findings.len() > TOLD {
        let _ = writeln!(out, "and {} more; `--format json` has them all", report.findings.len() - TOLD);
    }
    let differences = report.differences().count();
    match differences {
        0 => out.push_str("as the spec says\n"),
        n => {
            let _ = writeln!(out, "not as the spec says: {}", report::count(n, "difference"));
        }
    }
    out
}

/// For programs; `clusterseed schema status`.
pub fn json(cluster: &Cluster, report: &Report) -> serde_json::Value {
    let service = |service: &Instance| {
        json!({
            "service": service.service, "port": service.port, "answered": service.answered, "part": service.part,
            "version": service.version, "registered": service.registered,
        })
    };
    let mut whole = json!({
        "format": FORMAT,
        "product": emit::PRODUCT,
        "cluster": cluster.name,
        "profile": cluster.profile.name,
        "as_planned": report.as_planned(),
        "hosts": report.hosts.iter().map(|host| json!({
            "name": host.name, "address": host.address.to_string(), "roles": host.roles, "as_planned": report.host_as_planned(&host.name),
            "services": host.services.iter().map(service).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "services": report.services.iter().map(|s| json!({
            "service": s.service, "planned": s.planned, "answered": s.answered, "leader": s.leader, "registered": s.registered,
        })).collect::<Vec<_>>(),
        "pool": report.pool.iter().map(|p| json!({"name": p.name, "total": p.total, "used": p.used, "unit": p.unit})).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(|f| json!({
            "code": f.code.word(), "kind": if f.note { "note" } else { "difference" }, "host": f.host, "services": f.services,
            "value": f.value.as_ref().map(|v| json!({"name": v.name, "found": v.found, "planned": v.planned})),
            "message": f.message, "help": f.help,
        })).collect::<Vec<_>>(),
    });
    // A cluster that gives nothing to its services says nothing about it.
    if !report.documents.is_empty() {
        whole["documents"] = report.documents.iter().map(document).collect();
    }
    whole
}

/// A document for programs.
pub fn document(document: &DocumentReport) -> serde_json::Value {
    let differences = document.differences.iter().map(|d| json!({"name": d.name, "found": d.found, "planned": d.planned}));
    json!({
        "of": document.of, "name": document.key, "state": document.state.word(),
        "running": document.running.map(|(running, _)| running), "wanted": document.running.map(|(_, wanted)| wanted),
        "differences": differences.collect::<Vec<_>>(),
    })
}
