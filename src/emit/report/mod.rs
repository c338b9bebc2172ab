//! A page about the cluster: who there is, who talks to whom, what each host gets; and what its machines say, when they were asked. One
//! file of HTML without scripts and without anything from elsewhere; the same bytes from the same spec and the same answers. It shows
//! no content of any file, so a built one holds no secret; of what machines answer, it shows where that differs from the spec.

pub mod live;
mod plans;
mod svg;

use std::collections::HashMap;
use std::fmt::Write;

use live::Live;

use super::PRODUCT;
use crate::cluster::{Cluster, InstanceId};
use crate::diag::Diagnostics;
use crate::format::checksum::Sha256Sum;
use crate::format::names::count;
use crate::plan::{HostPlan, group, service};

/// What every page of ours begins with.
pub const MARK: &str = "<!DOCTYPE html>\n<!-- A report of clusterseed; it is written anew over this one. -->\n";
const STYLE: &str = include_str!("style.css");
/// More hosts of a group than this stand in columns instead of a table.
const ROWS: usize = 24;

/// A warning of the spec.
#[derive(Debug)]
pub struct Warning {
    /// Its code.
    pub code: String,
    /// What is so.
    pub message: String,
    /// What to do.
    pub help: Vec<String>,
}

/// Everything that the page tells.
#[derive(Debug)]
pub struct Page<'c> {
    /// The cluster.
    pub cluster: &'c Cluster,
    /// Plans of all hosts.
    pub plans: &'c [HostPlan],
    /// What is told of each host.
    pub details: HostDetails<'c>,
    /// Warnings that nobody allowed.
    pub warnings: Vec<Warning>,
    /// Digest of the spec.
    pub spec: Sha256Sum,
}

/// What a page tells of hosts beside their plans.
#[derive(Debug)]
pub enum HostDetails<'c> {
    /// What is built for them: bytes of user-data, seed and volume of each, where they are written.
    Built(&'c [[Option<usize>; 3]]),
    /// What they say of themselves.
    Live(Live<'c>),
}

/// Hosts with the same roles.
pub(super) struct Group<'p> {
    role: String,
    roles: &'p [String],
    hosts: Vec<&'p HostPlan>,
    services: Vec<Served>,
    quorum: Option<String>,
}

/// A service with its ports.
pub(super) struct Served {
    name: String,
    said: String,
}

/// Who connects to whom.
pub(super) struct Connection {
    from: Option<String>,
    to: String,
    ports: Vec<u16>,
    doc: String,
}

impl Page<'_> {
    /// The whole page.
    pub fn html(&self) -> String {
        let (cluster, groups, connections) = (self.cluster, self.groups(), self.connections());
        let (name, live) = (escaped(&cluster.name), self.live());
        let mut out = String::from(MARK);
        let _ = write!(
            out,
            "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{name}{}: {} of {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{name}</h1>\n",
            live.map(|live| format!(" {}", live.title())).unwrap_or_default(),
            count(self.plans.len(), "host"),
            escaped(&cluster.profile.name)
        );
        let roles: Vec<String> = groups.iter().map(|group| format!("{} {}", group.hosts.len(), escaped(&group.role))).collect();
        let _ = writeln!(
            out,
            "<p>{}: {} of {} on {}.</p>\n<p class=\"soft\">{}</p>",
            count(self.plans.len(), "host"),
            roles.join(", "),
            escaped(&cluster.profile.name),
            escaped(&cluster.platform.name),
            escaped(&cluster.profile.summary)
        );
        if let Some(live) = live {
            live.verdict(&mut out);
        }
        self.sections(&mut out);
        out.push_str("</header>\n<main>\n<section id=\"picture\" aria-label=\"Picture\">\n<figure>\n");
        out.push_str(&svg::draw(&cluster.name, &groups, &connections, live));
        out.push_str("</figure>\n</section>\n");
        if let Some(live) = live {
            live.services(&mut out);
            live.findings(&mut out);
        }
        table_of_connections(&connections, &mut out);
        self.warnings(&mut out);
        out.push_str("<section id=\"hosts\">\n<h2>Hosts</h2>\n");
        groups.iter().for_each(|group| self.hosts(group, &mut out));
        out.push_str("</section>\n<section id=\"plans\">\n<h2>Plans</h2>\n");
        groups.iter().for_each(|group| plans::plan(group, &mut out));
        out.push_str("</section>\n");
        self.boot(&mut out);
        let _ = write!(
            out,
            "</main>\n<footer>\n<p class=\"soft\">Made by {} from the spec with SHA-256 <code>{}</code>.</p>\n</footer>\n</body>\n</html>\n",
            escaped(PRODUCT),
            self.spec.hex()
        );
        out
    }

    fn live(&self) -> Option<&Live<'_>> {
        match &self.details {
            HostDetails::Built(_) => None,
            HostDetails::Live(live) => Some(live),
        }
    }

    /// Links to what the page has.
    fn sections(&self, out: &mut String) {
        let live = self.live();
        let found = |note: bool| live.is_some_and(|live| live.report.findings.iter().any(|finding| finding.note == note));
        let sections = [
            ("picture", "Picture", true),
            ("services", "Services", live.is_some()),
            ("differences", "Differences", found(false)),
            ("notes", "Notes", found(true)),
            ("connections", "Connections", true),
            ("warnings", "Warnings", !self.warnings.is_empty()),
            ("hosts", "Hosts", true),
            ("plans", "Plans", true),
            ("boot", "First boot", true),
        ];
        out.push_str("<nav aria-label=\"Sections\"><ul>");
        for (id, title, _) in sections.iter().filter(|(_, _, there)| *there) {
            let _ = write!(out, "<li><a href=\"#{id}\">{title}</a></li>");
        }
        out.push_str("</ul></nav>\n");
    }

    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for plan in self.plans {
            match groups.iter_mut().find(|group| group.roles == plan.roles) {
                Some(group) => group.hosts.push(plan),
                None => {
                    let services = plan.shared.services.iter().map(|service| {
                        let ports: Vec<String> = service.ports.iter().map(u16::to_string).collect();
                        let said = format!("{} {}", service.unit, ports.join(" ")).trim_end().to_string();
                        let known = self.cluster.profile.services.iter().find(|known| known.unit == service.unit);
                        Served { name: known.map_or_else(|| service.unit.clone(), |known| known.name.clone()), said }
                    });
                    groups.push(Group {
                        role: plan.roles.join("+"),
                        roles: &plan.roles,
                        hosts: vec![plan],
                        services: services.collect(),
                        quorum: None,
                    });
                }
            }
        }
        let place = |group: &Group<'_>| self.cluster.profile.roles.iter().position(|role| Some(&role.name) == group.roles.first());
        groups.sort_by_key(place);
        for group in &mut groups {
            // Peers are what decides by majority, and there are as many as hosts of their role.
            let peers =
                group.hosts[0].peers.first().map(|first| group.hosts[0].peers.iter().filter(|peer| peer.service == first.service).count());
            group.quorum = peers.map(|peers| {
                let all = peers + 1;
                format!("{} of {all} decide; {} may fail", all / 2 + 1, (all - 1) / 2)
            });
        }
        groups
    }

    fn connections(&self) -> Vec<Connection> {
        let (cluster, mut diags) = (self.cluster, Diagnostics::new());
        let scope = cluster.scope();
        let mut found = Vec::new();
        for traffic in &cluster.profile.traffic {
            let from = traffic.from.as_ref().map(|role| role.value.clone());
            let there = |role: &str| cluster.with_role(role).next().is_some();
            if !from.as_deref().is_none_or(there) || !group::holds(cluster, traffic.when.as_ref(), &scope, &mut diags) {
                continue;
            }
            let mut ports: Vec<u16> =
                cluster.with_role(&traffic.to.value).flat_map(|host| service::numbers(cluster, host, &traffic.ports)).collect();
            ports.sort_unstable();
            ports.dedup();
            if !ports.is_empty() {
                found.push(Connection { from, to: traffic.to.value.clone(), ports, doc: traffic.doc.clone() });
            }
        }
        found
    }

    fn warnings(&self, out: &mut String) {
        if self.warnings.is_empty() {
            return;
        }
        out.push_str("<section id=\"warnings\">\n<h2>Warnings</h2>\n");
        for warning in &self.warnings {
            let _ = writeln!(out, "<div class=\"warn\"><p><strong>{}</strong><br>{}</p>", escaped(&warning.code), prose(&warning.message));
            for help in &warning.help {
                let _ = writeln!(out, "<p class=\"soft\">{}</p>", prose(help));
            }
            out.push_str("</div>\n");
        }
        out.push_str("</section>\n");
    }

    fn hosts(&self, group: &Group<'_>, out: &mut String) {
        let id = anchor(group);
        let _ = writeln!(out, "<h3 id=\"hosts-{id}\">{} <span class=\"soft\">({})</span></h3>", escaped(&group.role), group.hosts.len());
        let sizes = match &self.details {
            HostDetails::Live(live) => return live.hosts(&format!("hosts-{id}"), &group.hosts, out),
            HostDetails::Built(sizes) => sizes,
        };
        let by_name: HashMap<&str, [Option<usize>; 3]> =
            self.plans.iter().map(|plan| plan.name.as_str()).zip(sizes.iter().copied()).collect();
        let sizes = |plan: &HostPlan| by_name.get(plan.name.as_str()).copied().unwrap_or_default();
        if group.hosts.len() > ROWS {
            let all: Vec<[Option<usize>; 3]> = group.hosts.iter().map(|plan| sizes(plan)).collect();
            let span = |at: usize| {
                let known = all.iter().filter_map(|size| size[at]);
                let (least, most) = (known.clone().min().unwrap_or(0), known.max().unwrap_or(0));
                let (least, most) = (bytes(least), bytes(most));
                if least == most { least } else { format!("{least} to {most}") }
            };
            let _ = writeln!(out, "<p class=\"soft\">user-data {}, seed {} each</p>\n<ul class=\"hosts nums\">", span(0), span(1));
            for plan in &group.hosts {
                let _ = writeln!(out, "<li>{} <span class=\"soft\">{}</span></li>", escaped(&plan.name), plan.address);
            }
            out.push_str("</ul>\n");
            return;
        }
        let _ = writeln!(
            out,
            "<table aria-labelledby=\"hosts-{id}\"><thead><tr><th scope=\"col\">Host</th><th scope=\"col\">Address</th>\
             <th scope=\"col\" class=\"n\">user-data</th><th scope=\"col\" class=\"n\">Seed</th><th scope=\"col\">Plan</th></tr></thead><tbody>"
        );
        for plan in &group.hosts {
            let [user_data, seed, _] = sizes(plan).map(|size| size.map_or_else(|| "none".to_string(), bytes));
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"nums\">{}</td><td class=\"n nums\">{user_data}</td><td class=\"n nums\">{seed}</td>\
                 <td class=\"short\"><code>{}</code></td></tr>",
                escaped(&plan.name),
                plan.address,
                &plan.digest[..8]
            );
        }
        out.push_str("</tbody></table>\n");
    }

    fn boot(&self, out: &mut String) {
        let cluster = self.cluster;
        out.push_str("<section id=\"boot\">\n<h2>First boot</h2>\n");
        let delivery = cluster.delivery.method.word();
        let _ = writeln!(out, "<p>Each host gets its seed by <code>{delivery}</code>.</p>");
        let again = match cluster.instance_id {
            _ if cluster.cloud.names_instances => "The cloud names instances: first boot runs once on each machine.",
            InstanceId::Stable => "First boot runs once: a changed spec does not run it again.",
            InstanceId::Content => "First boot runs again on each host whose plan changed, with new SSH host keys.",
        };
        let _ = writeln!(out, "<p>{again}</p>");
        out.push_str("<p>On a host, <code>/var/lib/clusterseed/status.json</code> says how far it is.</p>\n</section>\n");
    }
}

fn table_of_connections(connections: &[Connection], out: &mut String) {
    out.push_str("<section id=\"connections\">\n<h2>Who talks to whom</h2>\n");
    if connections.is_empty() {
        out.push_str("<p>The profile does not say.</p>\n</section>\n");
        return;
    }
    out.push_str(
        "<table><thead><tr><th scope=\"col\">No.</th><th scope=\"col\">From → to</th><th scope=\"col\">TCP port</th>\
         <th scope=\"col\">What for</th></tr></thead><tbody>\n",
    );
    for (number, one) in connections.iter().enumerate() {
        let ports: Vec<String> = one.ports.iter().map(u16::to_string).collect();
        let _ = writeln!(
            out,
            "<tr><td class=\"nums\">{}</td><td class=\"way\">{} → {}</td><td class=\"nums\">{}</td><td>{}</td></tr>",
            number + 1,
            escaped(one.from.as_deref().unwrap_or("outside")),
            escaped(&one.to),
            ports.join(" "),
            escaped(&one.doc)
        );
    }
    out.push_str("</tbody></table>\n</section>\n");
}

/// A fragment of an address.
fn anchor(group: &Group<'_>) -> String {
    group.roles.join("-")
}

/// A size for people.
fn bytes(n: usize) -> String {
    if n < 10_000 { format!("{n} B") } else { format!("{} kB", n.div_ceil(1000)) }
}

/// A message, whose code stands between backticks.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{}</code>", escaped(part)) } else { escaped(part) }).collect()
}

/// Text as HTML shows it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
