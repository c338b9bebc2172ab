//! The picture: a box for each role, a chip for each host, a numbered wire for each connection. It is as wide as a phone, and grows.

use std::fmt::Write;

use super::live::{Live, Mark};
use super::{Connection, Group, escaped};
use crate::format::names;

/// Width of the picture in its own units, which are pixels on a small phone.
const WIDTH: usize = 360;
/// Space for wires at the left.
const RAIL: usize = 14;
/// More hosts of a role than this are one chip.
const CHIPS: usize = 9;

/// A box and where it stands.
struct Placed<'g> {
    group: &'g Group<'g>,
    top: usize,
    height: usize,
}

/// The whole picture, with a title and a description for those who do not see it.
pub fn draw(cluster: &str, groups: &[Group<'_>], connections: &[Connection], live: Option<&Live<'_>>) -> String {
    let wires: Vec<(usize, &Connection)> =
        connections.iter().enumerate().filter(|(_, c)| c.from.as_deref() != Some(c.to.as_str())).collect();
    let outside = wires.iter().any(|(_, wire)| wire.from.is_none());
    let left = 12 + wires.len() * RAIL + 10;
    let mut y = 8;
    if outside {
        y += 44;
    }
    let mut placed: Vec<Placed<'_>> = Vec::new();
    for group in groups {
        let rows = if group.hosts.len() > CHIPS { 1 } else { group.hosts.len() };
        let answers = group.services.iter().filter(|service| live.and_then(|live| live.summary(&service.name)).is_some()).count();
        let words = 1 + usize::from(group.quorum.is_some()) + group.services.len() + answers;
        let height = 12 + words * 17 + rows * 24 + 4;
        placed.push(Placed { group, top: y, height });
        y += height + 22;
    }
    let total = y.saturating_sub(22) + 8;

    let mut out = String::new();
    let described: Vec<String> = groups.iter().map(|group| format!("{} {}", group.hosts.len(), group.role)).collect();
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {total}\" role=\"img\" aria-labelledby=\"picture-title picture-text\">\
         <title id=\"picture-title\">The cluster {}</title><desc id=\"picture-text\">{}; {} kinds of connections, which the table of \
         connections lists.</desc>\n",
        escaped(cluster),
        escaped(&described.join(", ")),
        connections.len()
    );
    if outside {
        let width = WIDTH - left - 6;
        let _ = writeln!(out, "<rect class=\"dash\" x=\"{left}\" y=\"8\" width=\"{width}\" height=\"30\" rx=\"6\"/>");
        let _ = writeln!(out, "<text class=\"s\" x=\"{}\" y=\"27\">people and programs outside</text>", left + 10);
    }
    placed.iter().for_each(|one| role(one, left, live, &mut out));
    let mut signs = String::new();
    for (rail, (number, wire)) in wires.iter().enumerate() {
        let place = |role: &str| placed.iter().find(|one| one.group.roles.iter().any(|own| own == role));
        // Each wire has an end of its own on a box, so that none hides another.
        let middle = |one: &Placed<'_>| one.top + 16 + (rail * 15) % one.height.saturating_sub(24).max(1);
        let Some(to) = place(&wire.to) else { continue };
        let from = match wire.from.as_ref().map(|role| place(role)) {
            None => 23,
            // Within one box there is nothing to draw.
            Some(Some(one)) if one.top != to.top => middle(one),
            Some(_) => continue,
        };
        let (to, x) = (middle(to), 12 + rail * RAIL);
        let _ = writeln!(out, "<path class=\"wire\" d=\"M{left} {from}H{x}V{to}H{}\"/>", left - 6);
        let _ = writeln!(out, "<path class=\"head\" d=\"M{left} {to}l-8 -4v8z\"/>");
        // Neighbours have theirs at different heights; all of them lie over the wires.
        let y = (from.min(to) + from.abs_diff(to) / 2 + rail % 3 * 20).saturating_sub(20);
        let _ = writeln!(
            signs,
            "<circle class=\"head\" cx=\"{x}\" cy=\"{y}\" r=\"8\"/><text class=\"no\" x=\"{x}\" y=\"{}\">{}</text>",
            y + 4,
            number + 1
        );
    }
    out.push_str(&signs);
    out.push_str("</svg>\n");
    out
}

/// A shape and the words behind it.
fn marked(x: usize, y: usize, mark: Mark, out: &mut String) {
    let (class, path) = mark.shape();
    let _ = write!(out, "<path class=\"{class}\" transform=\"translate({x} {}) scale(.8)\" d=\"{path}\"/>", y - 9);
}

fn role(one: &Placed<'_>, left: usize, live: Option<&Live<'_>>, out: &mut String) {
    let (group, width) = (one.group, WIDTH - left - 6);
    let _ = writeln!(out, "<rect class=\"box\" x=\"{left}\" y=\"{}\" width=\"{width}\" height=\"{}\" rx=\"8\"/>", one.top, one.height);
    let mut y = one.top + 20;
    let mut line = |class: &str, text: &str, mark: Option<Mark>, out: &mut String| {
        if let Some(mark) = mark {
            marked(left + 12, y, mark, out);
        }
        let x = left + 12 + if mark.is_some() { 14 } else { 0 };
        let _ = writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(text));
        y += 17;
    };
    line("t b", &format!("{} × {}", group.hosts.len(), group.role), None, out);
    if let Some(quorum) = &group.quorum {
        line("s", quorum, None, out);
    }
    for service in &group.services {
        line("t", &service.said, None, out);
        if let Some((mark, words)) = live.and_then(|live| live.summary(&service.name)) {
            line("s", &words, Some(mark), out);
        }
    }
    let mut chip = |text: &str, more: &str, mark: Option<Mark>, out: &mut String| {
        let _ = writeln!(out, "<rect class=\"chip\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"20\" rx=\"4\"/>", left + 8, y - 10, width - 16);
        if let Some(mark) = mark {
            marked(left + 14, y + 4, mark, out);
        }
        let _ = writeln!(
            out,
            "<text class=\"t\" x=\"{}\" y=\"{}\">{} <tspan class=\"s\">{}</tspan></text>",
            left + 14 + if mark.is_some() { 14 } else { 0 },
            y + 4,
            escaped(text),
            escaped(more)
        );
        y += 24;
    };
    if group.hosts.len() > CHIPS {
        let brief = names::brief(group.hosts.iter().map(|host| host.name.as_str()));
        // What does not fit into the picture stands in full in the list.
        let brief = if brief.chars().count() > 26 { format!("{} and {} more", group.hosts[0].name, group.hosts.len() - 1) } else { brief };
        match live.map(|live| live.counted(&group.hosts)) {
            Some((mark, words)) => chip(&brief, &words, Some(mark), out),
            None => chip(&brief, &format!("from {}", group.hosts[0].address), None, out),
        }
        return;
    }
    for host in &group.hosts {
        match live.map(|live| live.mark(&host.name)) {
            Some(mark) => chip(&host.name, mark.word(), Some(mark), out),
            None => chip(&host.name, &host.address.to_string(), None, out),
        }
    }
}
