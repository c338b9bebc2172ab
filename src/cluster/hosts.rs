//! Entries of `hosts` to hosts: ranges are expanded, names and roles checked, ids found.

use std::net::Ipv4Addr;

use super::{Host, Network, network as net};
use crate::diag::{At, Diagnostic, Diagnostics, Spanned, codes, did_you_mean};
use crate::profile::Profile;
use crate::schema::scalar;
use crate::spec::HostEntry;

/// Most hosts of a cluster.
pub const MAX_HOSTS: usize = 100_000;

/// A host together with the index of its entry in the spec.
pub struct Expanded {
    /// The host; `variant` is set later.
    pub host: Host,
    /// Index in `spec.hosts`.
    pub entry: usize,
}

/// Expands all entries.
pub fn expand(entries: &[HostEntry], network: &Network, profile: &Profile, diags: &mut Diagnostics) -> Vec<Expanded> {
    let mut expanded: Vec<Expanded> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let Some(names) = names(&entry.name, diags) else { continue };
        if expanded.len() + names.len() > MAX_HOSTS {
            diags.push(
                Diagnostic::error(codes::HOST_RANGE, entry.name.at, format!("more than {MAX_HOSTS} hosts"))
                    .help("describe larger sites as several clusters"),
            );
            break;
        }
        let Ok(first) = scalar::address(&entry.address.value) else { continue };
        let roles = roles(entry, profile, diags);
        if roles.is_empty() {
            continue;
        }
        let own = net::overrides(&entry.interfaces, network, diags);
        let role_at = entry.roles.first().map_or(entry.name.at, |r| r.at);
        for (offset, name) in (0u32..).zip(names) {
            let Some(address) = u32::from(first).checked_add(offset).map(Ipv4Addr::from) else {
                diags.push(
                    Diagnostic::error(codes::HOST_RANGE, entry.address.at, "the range runs past 255.255.255.255")
                        .help("begin at a lower address"),
                );
                break;
            };
            let id = match &entry.id {
                Some(id) => u32::try_from(id.value).ok().map(|id| id.saturating_add(offset)),
                None => trailing_number(&name),
            };
            let fqdn = network.search.first().map_or_else(|| name.clone(), |domain| format!("{name}.{domain}"));
            let host = Host {
                fqdn,
                name,
                address,
                id,
                roles: roles.clone(),
                variant: 0,
                links: net::links(&own, offset, address, entry.address.at, network),
                name_at: entry.name.at,
                address_at: entry.address.at,
                id_at: entry.id.as_ref().map(|id| id.at),
                role_at,
            };
            expanded.push(Expanded { host, entry: index });
        }
    }
    expanded
}

/// Roles of an entry in the profile's order, each once.
fn roles(entry: &HostEntry, profile: &Profile, diags: &mut Diagnostics) -> Vec<String> {
    for role in &entry.roles {
        if profile.role(&role.value).is_none() {
            let known = profile.roles.iter().map(|r| r.name.as_str());
            diags.push(
                Diagnostic::error(codes::UNKNOWN_ROLE, role.at, format!("the profile `{}` has no role `{}`", profile.name, role.value))
                    .help(did_you_mean(&role.value, known)),
            );
        }
    }
    let own = profile.roles.iter().filter(|role| entry.roles.iter().any(|r| r.value == role.name));
    own.map(|role| role.name.clone()).collect()
}

/// `slave[1-3]` to `slave1 slave2 slave3`; leading zeros of the first number give the width.
fn names(name: &Spanned<String>, diags: &mut Diagnostics) -> Option<Vec<String>> {
    let Some((stem, range)) = name.value.split_once('[') else {
        check_name(&name.value, name.at, diags)?;
        return Some(vec![name.value.clone()]);
    };
    let (from, to) = range.strip_suffix(']').and_then(|range| range.split_once('-'))?;
    let bad = |diags: &mut Diagnostics, why: &str| {
        diags.push(
            Diagnostic::error(codes::HOST_RANGE, name.at, format!("`{}` is not a range: {why}", name.value))
                .help("write `slave[1-300]`: the first and the last number"),
        );
        None
    };
    let (Ok(first), Ok(last)) = (from.parse::<u32>(), to.parse::<u32>()) else { return bad(diags, "the numbers are too large") };
    if first > last {
        return bad(diags, &format!("{first} is greater than {last}"));
    }
    if (last - first) as usize >= MAX_HOSTS {
        return bad(diags, &format!("it has more than {MAX_HOSTS} hosts"));
    }
    let width = if from.starts_with('0') { from.len() } else { 0 };
    check_name(&format!("{stem}{last:0width$}"), name.at, diags)?;
    Some((first..=last).map(|number| format!("{stem}{number:0width$}")).collect())
}

/// Host names as RFC 1123 and `hostname(7)` have them, in lower case because tools compare them byte by byte.
fn check_name(name: &str, at: At, diags: &mut Diagnostics) -> Option<()> {
    let odd = name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'));
    let why = match odd {
        Some('.') => Some("a host name holds no dot; the domain comes from `network.search`".to_string()),
        Some('_') => Some("`_` is refused by the `hostname` command".to_string()),
        Some(c) if c.is_ascii_uppercase() => Some("write it in lower case".to_string()),
        Some(c) => Some(format!("{c:?} cannot stand in a host name")),
        None if name.len() > 63 => Some("a host name has at most 63 characters".to_string()),
        None if name.starts_with('-') || name.ends_with('-') => Some("a host name begins and ends with a letter or digit".to_string()),
        None if name.bytes().all(|b| b.is_ascii_digit()) => Some("a name of digits alone reads like an address".to_string()),
        None if name == "localhost" => Some("`localhost` is every host's own name".to_string()),
        None => None,
    };
    let Some(why) = why else { return Some(()) };
    diags.push(Diagnostic::error(codes::HOST_NAME, at, format!("`{name}` cannot be a host's name")).help(why));
    None
}

/// `master3` gives 3: a number that does not move when hosts are added or removed.
fn trailing_number(name: &str) -> Option<u32> {
    let digits = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    name[digits..].parse().ok()
}
