//! The dpkg status of a system: what is installed there.

use super::control::{ControlError, paragraphs};
use super::package::Package;

/// A package that is installed.
#[derive(Clone, Copy, Debug)]
pub struct Installed<'t> {
    /// The package.
    pub package: Package<'t>,
    /// It is to stay as it is (`hold`): only an explicit wish changes it.
    pub held: bool,
}

/// What a dpkg status holds.
#[derive(Clone, Debug, Default)]
pub struct Status<'t> {
    /// Installed packages, in the order of the file. Of removed packages nothing counts.
    pub installed: Vec<Installed<'t>>,
    /// Packages that dpkg was interrupted at, with their state: the base should be mended before it is built upon.
    pub broken: Vec<(Package<'t>, &'t str)>,
}

/// Reads `/var/lib/dpkg/status`.
///
/// Packages of which dpkg waits for triggers count as installed, as they do for apt.
pub fn read(text: &str) -> Result<Status<'_>, ControlError> {
    let mut status = Status::default();
    for paragraph in paragraphs(text) {
        let words = paragraph.field("Status").unwrap_or("install ok installed");
        let mut words = words.split_ascii_whitespace();
        let (selection, _error, state) = (words.next().unwrap_or_default(), words.next(), words.next().unwrap_or_default());
        // Of a removed package only a name and a version may be left.
        if matches!(state, "not-installed" | "config-files") {
            continue;
        }
        let package = Package::read(paragraph, |_| Ok(()))?;
        match state {
            "installed" | "triggers-pending" | "triggers-awaited" => {
                status.installed.push(Installed { package, held: selection == "hold" });
            }
            "half-installed" | "unpacked" | "half-configured" => status.broken.push((package, state)),
            _ => {
                let what = format!("`{}` has no `Status` that dpkg knows", package.name);
                return Err(ControlError { line: paragraph.line, what });
            }
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn only_what_is_installed_counts() {
        let text = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n\
                    Package: b\nStatus: deinstall ok config-files\n\n\
                    Package: c\nStatus: hold ok triggers-pending\nVersion: 2\nArchitecture: amd64\n\n\
                    Package: d\nStatus: install ok half-configured\nVersion: 3\nArchitecture: amd64\n";
        let status = read(text).expect("a status");
        assert_eq!(status.installed.iter().map(|i| (i.package.name, i.held)).collect::<Vec<_>>(), [("a", false), ("c", true)]);
        assert_eq!(status.broken.iter().map(|(p, state)| (p.name, *state)).collect::<Vec<_>>(), [("d", "half-configured")]);
        assert!(read("Package: a\nStatus: install ok odd\nVersion: 1\nArchitecture: all\n").is_err());
    }
}
