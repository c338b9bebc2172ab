//! Scalars with a syntax of their own: ports, addresses, paths, durations and the like.

use std::net::Ipv4Addr;

/// Which syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// TCP or UDP port, 1–65535.
    Port,
    /// `31000-32000`.
    PortRange,
    /// IPv4 address.
    Address,
    /// IPv4 network such as `192.0.2.0/24`.
    Subnet,
    /// Absolute path on a target.
    Path,
    /// Number and unit as Mesos' stout reads them.
    Duration,
    /// JVM size: `512m`, `2g`.
    Memory,
    /// Version of a Debian package, may end in `*`.
    Version,
    /// `http://`, `https://` or `file:///`.
    Url,
    /// File mode in octal, quoted: `"0644"`.
    Mode,
    /// Hardware address of one interface: `52:54:00:12:34:56`.
    Mac,
    /// IPv4 network or host that a route leads to; never the default route.
    Destination,
}

impl Syntax {
    /// What a value is called in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Port => "a port (1–65535)",
            Self::PortRange => "a range of ports such as `31000-32000`",
            Self::Address => "an IPv4 address such as `192.0.2.1`",
            Self::Subnet => "an IPv4 network such as `192.0.2.0/24`",
            Self::Path => "a path on the target such as `/var/lib/mesos`",
            Self::Duration => "a duration with a unit such as `5mins`",
            Self::Memory => "a JVM size such as `512m` or `2g`",
            Self::Version => "a package version such as `0.20.1-1.0.ubuntu1404`",
            Self::Url => "a URL that begins with `http://`, `https://` or `file:///`",
            Self::Mode => "a file mode such as \"0644\"",
            Self::Mac => "a hardware address such as `52:54:00:12:34:56`",
            Self::Destination => "a network such as `10.0.0.0/8`",
        }
    }

    /// The same as a regular expression for JSON Schema and editors.
    pub fn pattern(self) -> &'static str {
        match self {
            Self::Port => "",
            Self::PortRange => "^[0-9]{1,5}-[0-9]{1,5}$",
            Self::Address => r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$",
            Self::Subnet => r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$",
            Self::Path => "^/.*",
            Self::Duration => r"^[0-9]+(\.[0-9]+)?(ns|us|ms|secs|mins|hrs|days|weeks)$",
            Self::Memory => "^[1-9][0-9]*[kKmMgG]$",
            Self::Version => r"^[0-9A-Za-z.+~:-]*\*?$",
            Self::Url => "^(https?://|file:///).+",
            Self::Mode => "^0?[0-7]{3}$",
            Self::Mac => "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$",
            Self::Destination => r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$",
        }
    }

    /// Checks a text; the error says what is wrong and what to write.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Port => port(text).map(drop),
            Self::PortRange => port_range(text).map(drop),
            Self::Address => address(text).map(drop),
            Self::Subnet => subnet(text).map(drop),
            Self::Path => path(text),
            Self::Duration => duration(text).map(drop),
            Self::Memory => memory(text),
            Self::Version => version(text),
            Self::Url => url(text),
            Self::Mode => mode(text).map(drop),
            Self::Mac => mac(text).map(drop),
            Self::Destination => destination(text).map(drop),
        }
    }
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 && !text.starts_with(['0', '+']) => Ok(port),
        _ => Err("ports go from 1 to 65535".into()),
    }
}

/// Both ends of `31000-32000`.
pub fn port_range(text: &str) -> Result<(u16, u16), String> {
    let (from, to) = text.split_once('-').ok_or("write both ends: `31000-32000`")?;
    let (from, to) = (port(from.trim())?, port(to.trim())?);
    if from > to {
        return Err(format!("{from} is greater than {to}"));
    }
    Ok((from, to))
}

/// An IPv4 address in the one spelling that every reader takes: four decimal numbers without leading zeros.
pub fn address(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| "write four numbers from 0 to 255 without leading zeros: `192.0.2.1`".to_string())
}

/// Network address and prefix length; host bits must be zero.
pub fn subnet(text: &str) -> Result<(Ipv4Addr, u8), String> {
    let (base, prefix) = network(text, 8, 30)?;
    // RFC 6890; a network of 8 bits and more lies in one of these as a whole, or not at all.
    let what = match base.octets()[0] {
        0 => "stand for \"this network\"",
        127 => "never leave a host",
        224..=239 => "are for groups",
        240..=255 => "are reserved",
        _ => return Ok((base, prefix)),
    };
    Err(format!("hosts cannot have its addresses, which {what}; write one such as `192.168.1.0/24`"))
}

/// The same for what a route leads to, which may be a single host.
pub fn destination(text: &str) -> Result<(Ipv4Addr, u8), String> {
    if matches!(text, "default" | "0.0.0.0/0") {
        return Err("the default route is `gateway`".into());
    }
    network(text, 1, 32)
}

fn network(text: &str, shortest: u8, longest: u8) -> Result<(Ipv4Addr, u8), String> {
    let (base, prefix) = text.split_once('/').ok_or("the prefix length is missing: `192.0.2.0/24`")?;
    let base = address(base)?;
    let fits = |p: &u8| (shortest..=longest).contains(p);
    let prefix: u8 = prefix.parse().ok().filter(fits).ok_or(format!("the prefix length goes from {shortest} to {longest}"))?;
    let mask = u32::MAX << (32 - u32::from(prefix));
    let network = Ipv4Addr::from(u32::from(base) & mask);
    if network != base {
        return Err(format!("{base} is a host in it; the network is `{network}/{prefix}`"));
    }
    Ok((base, prefix))
}

/// Six octets of the hardware address of one interface (IEEE 802): neither a group's address nor all zero.
pub fn mac(text: &str) -> Result<[u8; 6], String> {
    let octet = |part: &str| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2 && !part.starts_with('+'));
    let octets: Option<Vec<u8>> = text.split(':').map(octet).collect();
    let octets: [u8; 6] =
        octets.and_then(|octets| octets.try_into().ok()).ok_or("write six pairs of hexadecimal digits: `52:54:00:12:34:56`")?;
    if octets[0] & 1 == 1 || octets == [0; 6] {
        return Err("no interface has this address: it is a group's, or all zero".into());
    }
    Ok(octets)
}

/// Longest path on a target in bytes: PATH_MAX is 4096 with the NUL (Linux, limits.h), and a seed has it below a folder of its own.
const LONGEST_PATH: usize = 3968;
/// Longest part of one: NAME_MAX is 255 (Linux, limits.h), and a file gets its name with `.new` or the like behind it first.
const LONGEST_NAME: usize = 240;

fn path(text: &str) -> Result<(), String> {
    if text.len() > LONGEST_PATH {
        return Err(format!("it has {} bytes; a path on the target has at most {LONGEST_PATH}", text.len()));
    }
    if let Some(part) = text.split('/').find(|part| part.len() > LONGEST_NAME) {
        let start: String = part.chars().take(20).collect();
        return Err(format!(
            "the part that begins with `{start}` has {} bytes; a name on the target has at most {LONGEST_NAME}",
            part.len()
        ));
    }
    if !text.starts_with('/') {
        return Err("a path on the target begins with `/`".into());
    }
    if text.split('/').any(|part| part == ".." || part == ".") {
        return Err("write the path without `.` and `..`".into());
    }
    if text.contains("//") || (text.len() > 1 && text.ends_with('/')) {
        return Err("write the path without `//` and without a `/` at the end".into());
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic() || "\"'\\$`*?<>|;&!".contains(*c)) {
        return Err(format!("{odd:?} is not allowed in a path: shells on the target would read it otherwise"));
    }
    Ok(())
}

/// Seconds of a duration; units as stout's `Duration::parse` has them (mesos, 3rdparty/stout/duration.hpp).
pub fn duration(text: &str) -> Result<f64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| "write a number and a unit: `5mins`".to_string())?;
    let factor = match unit {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "secs" => 1.0,
        "mins" => 60.0,
        "hrs" => 3600.0,
        "days" => 86400.0,
        "weeks" => 604_800.0,
        "" => return Err("the unit is missing: ns, us, ms, secs, mins, hrs, days or weeks".into()),
        other => {
            let near = match other {
                "s" | "sec" | "second" | "seconds" => "secs",
                "m" | "min" | "minute" | "minutes" => "mins",
                "h" | "hr" | "hour" | "hours" => "hrs",
                "d" | "day" => "days",
                "w" | "week" => "weeks",
                _ => return Err(format!("`{other}` is no unit: ns, us, ms, secs, mins, hrs, days or weeks")),
            };
            return Err(format!("`{other}` is no unit here, write `{near}`"));
        }
    };
    Ok(number * factor)
}

fn memory(text: &str) -> Result<(), String> {
    let number = text.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G']).ok_or("write a number and k, m or g: `512m`")?;
    match number.parse::<u64>() {
        Ok(n) if n > 0 && n < 1 << 32 && !number.starts_with(['0', '+']) => Ok(()),
        _ => Err("write a number and k, m or g: `512m`".into()),
    }
}

/// Characters as Debian Policy 5.6.12 allows them, and `*` at the end for "any that begins so", as apt matches.
fn version(text: &str) -> Result<(), String> {
    let core = text.strip_suffix('*').unwrap_or(text);
    if !core.is_empty() && !core.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a package version begins with a digit".into());
    }
    if core.is_empty() && text != "*" {
        return Err("the version is empty".into());
    }
    match core.chars().find(|c| !(c.is_ascii_alphanumeric() || ".+~:-".contains(*c))) {
        Some(odd) => Err(format!("{odd:?} cannot stand in a package version")),
        None => Ok(()),
    }
}

fn url(text: &str) -> Result<(), String> {
    let rest = ["http://", "https://", "file:///"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        None => Err("begin with `http://`, `https://` or `file:///`".into()),
        Some("") => Err("the host is missing".into()),
        Some(rest) if rest.contains('@') && rest.find('@') < rest.find('/').or(Some(usize::MAX)) => {
            Err("a user or password in a URL would be readable on every host; use a mirror that needs none".into())
        }
        Some(_) => match text.chars().find(|c| !c.is_ascii_graphic() || "\"'\\`$<>|;".contains(*c)) {
            Some(odd) => Err(format!("{odd:?} cannot stand in a URL here")),
            None => Ok(()),
        },
    }
}

/// Permission bits; set-uid and the like are refused because cloud-init 0.7.5 loses them.
pub fn mode(text: &str) -> Result<u32, String> {
    if text.len() == 4 && matches!(text.as_bytes()[0], b'1'..=b'7') {
        return Err("set-uid, set-gid and sticky bits do not survive the way to the target: write three octal digits".into());
    }
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
    if digits.len() != 3 {
        return Err("write three or four octal digits, quoted: \"0644\"".into());
    }
    let mode = u32::from_str_radix(digits, 8).map_err(|_| "write octal digits, quoted: \"0644\"".to_string())?;
    if mode & 0o400 == 0 {
        return Err("the owner could not read it".into());
    }
    Ok(mode)
}
