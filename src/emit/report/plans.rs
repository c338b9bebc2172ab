//! What the hosts of each group get: packages, services, files.

use std::fmt::Write;
use std::sync::Arc;

use super::{Group, anchor, escaped};
use crate::format::names;
use crate::plan::file::PlannedFile;

/// What the hosts of a group get, in the order in which they do it. Where hosts differ, the file says so.
pub(super) fn plan(group: &Group<'_>, out: &mut String) {
    let id = anchor(group);
    let first = group.hosts[0];
    let _ = writeln!(out, "<h3 id=\"plan-{id}\">{}</h3>", escaped(&group.role));
    let brief = names::brief(group.hosts.iter().map(|plan| plan.name.as_str()));
    let _ = writeln!(out, "<p class=\"soft\">{}</p>", escaped(&brief));
    let packages = first.shared.packages.iter().map(|package| match &package.version {
        Some(version) => format!("<code>{}={}</code>", escaped(&package.name), escaped(version)),
        None => format!("<code>{}</code>", escaped(&package.name)),
    });
    let _ = writeln!(out, "<p>Installs {}.</p>", packages.collect::<Vec<_>>().join(", "));
    let services: Vec<String> = group.services.iter().map(|service| escaped(&service.said)).collect();
    let _ = writeln!(out, "<p>Starts {}.</p>", services.join(", then "));
    for to in &first.submissions {
        let own = first.documents.iter().filter(|document| document.of == to.name);
        let keys: Vec<String> = own.map(|document| format!("<code>{}</code>", escaped(&document.key))).collect();
        let _ = writeln!(out, "<p>Submits {} to {}, once.</p>", keys.join(", "), escaped(&to.service));
    }
    let _ = writeln!(
        out,
        "<table aria-labelledby=\"plan-{id}\"><thead><tr><th scope=\"col\">File</th><th scope=\"col\">Mode</th>\
         <th scope=\"col\" class=\"n\">Bytes</th></tr></thead><tbody>"
    );
    for (file, differs) in files(group) {
        let size = if file.secret { "secret".to_string() } else { file.content.bytes.len().to_string() };
        let note = if differs { " <span class=\"soft\">differs by host</span>" } else { "" };
        let _ = writeln!(
            out,
            "<tr><td><code>{}</code>{note}</td><td class=\"nums short\">{:04o}</td><td class=\"n nums\">{size}</td></tr>",
            escaped(&file.path),
            file.mode
        );
    }
    out.push_str("</tbody></table>\n");
}

/// Every file that a host of the group has, and whether it is not the same on all of them.
fn files<'p>(group: &Group<'p>) -> Vec<(&'p Arc<PlannedFile>, bool)> {
    let mut found: Vec<(&Arc<PlannedFile>, bool, usize)> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for file in group.hosts.iter().flat_map(|plan| &plan.files) {
        let place = *places.entry(file.path.as_str()).or_insert_with(|| {
            found.push((file, false, 0));
            found.len() - 1
        });
        let (first, differs, hosts) = &mut found[place];
        *differs |= first.content.sha256 != file.content.sha256 || first.mode != file.mode;
        *hosts += 1;
    }
    let mut files: Vec<_> = found.into_iter().map(|(file, differs, hosts)| (file, differs || hosts < group.hosts.len())).collect();
    files.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    files
}
