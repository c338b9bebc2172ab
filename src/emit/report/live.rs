//! What the machines say of themselves, on the page: shapes and words, so that no colour is needed; every word of a machine escaped.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{ROWS, count, escaped, prose};
use crate::format::volume::Moment;
use crate::plan::HostPlan;
use crate::status::{Code, Finding, HostReport, Instance, Report, ServiceReport};

/// Answers, and when they were given.
#[derive(Debug)]
pub struct Live<'c> {
    /// What the cluster says of itself.
    pub report: &'c Report,
    /// Seconds since 1970 when the machines were asked, the last time.
    pub asked: u64,
}

/// How somebody is, as a shape and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// As the spec says.
    Planned,
    /// It answers, and is not as the spec says.
    Differs,
    /// It does not answer.
    Missing,
    /// Nothing of it can be asked.
    Unasked,
}

impl Mark {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "as planned",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Unasked => "not asked",
        }
    }

    /// Its class, and its shape on a square of 12: a disc, a triangle, a cross, a dash.
    pub(super) fn shape(self) -> (&'static str, &'static str) {
        match self {
            Self::Planned => ("ok", "M6 1a5 5 0 1 0 .01 0z"),
            Self::Differs => ("differs", "M6 0l6 11.5H0z"),
            Self::Missing => ("missing", "M2.5.5L6 4 9.5.5l2 2L8 6l3.5 3.5-2 2L6 8l-3.5 3.5-2-2L4 6 .5 2.5z"),
            Self::Unasked => ("unasked", "M1 5h10v2H1z"),
        }
    }

    /// The shape within a line of text.
    fn icon(self) -> String {
        let (class, path) = self.shape();
        format!("<svg class=\"icon {class}\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><path d=\"{path}\"/></svg>")
    }

    /// Shape and word.
    fn said(self) -> String {
        format!("<span class=\"state\">{} {}</span>", self.icon(), self.word())
    }
}

impl Live<'_> {
    fn mark_of(&self, host: &HostReport) -> Mark {
        match &host.services[..] {
            [] => Mark::Unasked,
            services if services.iter().all(|service| !service.answered) => Mark::Missing,
            _ if self.report.host_as_planned(&host.name) => Mark::Planned,
            _ => Mark::Differs,
        }
    }

    /// How a host is.
    pub fn mark(&self, host: &str) -> Mark {
        self.report.host(host).map_or(Mark::Unasked, |host| self.mark_of(host))
    }

    /// How a service of the cluster is.
    fn service_mark(&self, service: &ServiceReport) -> Mark {
        let found = self.report.differences().any(|finding| finding.services.contains(&service.service));
        match (service.answered, found) {
            (0, _) => Mark::Missing,
            (_, true) => Mark::Differs,
            (_, false) => Mark::Planned,
        }
    }

    /// One line below a service of the picture; none where it is not asked.
    pub fn summary(&self, service: &str) -> Option<(Mark, String)> {
        let service = self.report.services.iter().find(|known| known.service == service)?;
        let leader = service.leader.as_ref().map(|leader| format!(", {leader} leads")).unwrap_or_default();
        Some((self.service_mark(service), format!("{} of {} answer{leader}", service.answered, service.planned)))
    }

    /// How many of these are as the spec says.
    pub fn counted(&self, hosts: &[&HostPlan]) -> (Mark, String) {
        let planned = hosts.iter().filter(|host| self.mark(&host.name) == Mark::Planned).count();
        let mark = if planned == hosts.len() { Mark::Planned } else { Mark::Differs };
        (mark, format!("{planned} as planned"))
    }

    /// What the title of the window begins with.
    pub(super) fn title(&self) -> &'static str {
        if self.report.as_planned() { "as planned" } else { "not as planned" }
    }

    /// The answer in one line, and when it was given.
    pub(super) fn verdict(&self, out: &mut String) {
        let Moment { year, month, day, hour, minute, second } = Moment::of(self.asked);
        let n = self.report.differences().count();
        let (mark, words) = match n {
            0 => (Mark::Planned, "As the spec says.".to_string()),
            _ if self.report.silent => (Mark::Missing, "Not one of the hosts could be reached.".to_string()),
            n => (Mark::Differs, format!("Not as the spec says: {}.", count(n, "difference"))),
        };
        let _ = writeln!(
            out,
            "<p class=\"verdict\">{} <strong>{words}</strong> Asked at <time datetime=\"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:\
             {second:02}Z\">{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC</time>.</p>",
            mark.icon()
        );
    }

    /// Services as wholes, and what the cluster has in common.
    pub(super) fn services(&self, out: &mut String) {
        out.push_str(
            "<section id=\"services\">\n<h2>Services</h2>\n<table><thead><tr><th scope=\"col\">Service</th><th scope=\"col\">State</th>\
             <th scope=\"col\">Answer</th><th scope=\"col\">Leader</th></tr></thead><tbody>\n",
        );
        for service in &self.report.services {
            let registered = service.registered.filter(|n| *n > 1 || service.leader.is_none());
            let registered = registered.map(|n| format!("<br><span class=\"soft\">{n} registered</span>")).unwrap_or_default();
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"nums\">{} of {}{registered}</td><td>{}</td></tr>",
                escaped(&service.service),
                self.service_mark(service).said(),
                service.answered,
                service.planned,
                service.leader.as_deref().map_or_else(|| "<span class=\"soft\">none</span>".to_string(), escaped)
            );
        }
        out.push_str("</tbody></table>\n");
        if !self.report.pool.is_empty() {
            out.push_str(
                "<table class=\"pool\"><thead><tr><th scope=\"col\">Together</th><th scope=\"col\" class=\"n\">There is</th>\
                 <th scope=\"col\" class=\"n\">Used</th></tr></thead><tbody>\n",
            );
            let amount = |n: f64| if n.fract() == 0.0 { format!("{n:.0}") } else { format!("{n:.1}") };
            for pool in &self.report.pool {
                let unit = pool.unit.as_ref().map(|unit| format!(" {}", escaped(unit))).unwrap_or_default();
                let used = pool.used.map_or_else(|| "unknown".to_string(), |used| format!("{}{unit}", amount(used)));
                let _ = writeln!(
                    out,
                    "<tr><th scope=\"row\">{}</th><td class=\"n nums\">{}{unit}</td><td class=\"n nums\">{used}</td></tr>",
                    escaped(&pool.name),
                    amount(pool.total)
                );
            }
            out.push_str("</tbody></table>\n");
        }
        out.push_str("</section>\n");
    }

    /// What differs and what to do; then what is only said.
    pub(super) fn findings(&self, out: &mut String) {
        let (notes, differences): (Vec<&Finding>, Vec<&Finding>) = self.report.findings.iter().partition(|finding| finding.note);
        for (id, title, class, findings) in [("differences", "Differences", "warn", differences), ("notes", "Notes", "note", notes)] {
            if findings.is_empty() {
                continue;
            }
            let _ = writeln!(out, "<section id=\"{id}\">\n<h2>{title}</h2>");
            // What is so on many hosts, and mended in the same way, is told once.
            let nameless =
                |finding: &Finding| finding.host.as_ref().map_or_else(|| finding.help.clone(), |host| finding.help.replace(host, ""));
            let mut alike: BTreeMap<(Code, String), Vec<&Finding>> = BTreeMap::new();
            findings.iter().for_each(|finding| alike.entry((finding.code, nameless(finding))).or_default().push(finding));
            for finding in &findings {
                // Each group where its first stood.
                let group = &alike[&(finding.code, nameless(finding))];
                if !std::ptr::eq(group[0], *finding) {
                    continue;
                }
                let code = escaped(finding.code.word());
                match group[..] {
                    [_] => {
                        let _ = writeln!(out, "<div class=\"{class}\"><p><strong>{code}</strong><br>{}</p>", prose(&finding.message));
                    }
                    _ => {
                        let lines: String = group.iter().map(|finding| format!("<li>{}</li>\n", prose(&finding.message))).collect();
                        let _ = writeln!(
                            out,
                            "<div class=\"{class}\"><p><strong>{code}</strong>, {} times</p>\n<ul>\n{lines}</ul>",
                            group.len()
                        );
                    }
                }
                let one = if group.iter().all(|other| other.help == finding.help) { "" } else { "of the first: " };
                let _ = writeln!(out, "<p class=\"soft\">{one}{}</p></div>", prose(&finding.help));
            }
            out.push_str("</section>\n");
        }
    }

    /// The hosts of a group; of many, those that are as planned stand in columns. `id` is that of their heading.
    pub(super) fn hosts(&self, id: &str, plans: &[&HostPlan], out: &mut String) {
        let known: BTreeMap<&str, &HostReport> = self.report.hosts.iter().map(|host| (host.name.as_str(), host)).collect();
        let hosts: Vec<(&HostReport, Mark)> =
            plans.iter().filter_map(|plan| known.get(plan.name.as_str())).map(|host| (*host, self.mark_of(host))).collect();
        let leads = |host: &HostReport| host.services.iter().any(|service| service.part.as_deref() == Some("leader"));
        let brief = |(host, mark): &&(&HostReport, Mark)| hosts.len() > ROWS && *mark == Mark::Planned && !leads(host);
        let (columns, rows): (Vec<_>, Vec<_>) = hosts.iter().partition(|host| brief(host));
        if !rows.is_empty() {
            let _ = writeln!(
                out,
                "<table aria-labelledby=\"{id}\"><thead><tr><th scope=\"col\">Host</th><th scope=\"col\">State</th>\
                 <th scope=\"col\">Services</th></tr></thead><tbody>"
            );
            for (host, mark) in rows {
                let services: String = host.services.iter().map(|service| self.instance(host, service)).collect();
                let _ = writeln!(
                    out,
                    "<tr><th scope=\"row\">{}<br><span class=\"address nums\">{}</span></th><td>{}</td><td><ul class=\"plain\">{}</ul></td></tr>",
                    escaped(&host.name),
                    host.address,
                    mark.said(),
                    if services.is_empty() { "<li>nothing to ask</li>".to_string() } else { services }
                );
            }
            out.push_str("</tbody></table>\n");
        }
        if !columns.is_empty() {
            let _ = writeln!(
                out,
                "<p>{} {}, all as planned:</p>\n<ul class=\"hosts nums\">",
                Mark::Planned.icon(),
                count(columns.len(), "host")
            );
            for (host, _) in columns {
                let _ = writeln!(out, "<li>{} <span class=\"soft\">{}</span></li>", escaped(&host.name), host.address);
            }
            out.push_str("</ul>\n");
        }
    }

    /// A service on a host: what it says of itself, and what is wrong with it.
    fn instance(&self, host: &HostReport, service: &Instance) -> String {
        let wrong: Vec<String> = self.report.about(&host.name, &service.service).map(|finding| escaped(&finding.word())).collect();
        let version = service.version.as_deref().filter(|_| service.answered);
        let says: Vec<String> = version.into_iter().chain(service.part.as_deref()).map(escaped).collect();
        let mark = match (service.answered, wrong.is_empty()) {
            (false, _) => Mark::Missing,
            (true, false) => Mark::Differs,
            (true, true) => Mark::Planned,
        };
        let mut line = format!("{} {} {}", mark.icon(), escaped(&service.service), says.join(" "));
        if !wrong.is_empty() {
            let _ = write!(line, " <strong>{}</strong>", wrong.join(", "));
        }
        format!("<li>{}</li>", line.trim_end())
    }
}
