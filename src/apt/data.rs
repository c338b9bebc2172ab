//! The copyright file of a package, out of the data of its .deb file.

use std::io::{self, Read};

use super::deb::{self, DebError};

/// Most bytes of a copyright file; the largest of Debian have one and a half million.
const COPYRIGHT: u64 = 8 << 20;

/// Most bytes that are unpacked in search of it: whoever packs more than that has other plans than to be read.
const UNPACKED: u64 = 64 << 30;

/// Where packages have it.
const DOC: &str = "usr/share/doc/";

/// What a package has for a copyright file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copyright {
    /// None.
    Nothing,
    /// This text; bytes that are not UTF-8 are U+FFFD.
    Text(String),
    /// That of another package, whose name this is.
    Of(String),
    /// It was not found out, and why.
    Unread(String),
}

/// Looks for the copyright file of the package `name` in its .deb file, and no further than to it. What cannot be unpacked here is
/// no error: dpkg may know forms that are not known here.
///
/// # Errors
/// When the file cannot be read, or is no package.
pub fn copyright(deb: impl Read, name: &str) -> Result<Copyright, DebError> {
    let mut found = Copyright::Nothing;
    deb::data(deb, |member, data| {
        found = match deb::unpacked(member, data) {
            Ok(tarball) => {
                let mut tarball = tarball.take(UNPACKED);
                match scan(&mut tarball, name) {
                    _ if tarball.limit() == 0 => Copyright::Unread(format!("not within {UNPACKED} bytes")),
                    Ok(found) => found,
                    Err(error) => Copyright::Unread(format!("`{member}` cannot be unpacked: {error}")),
                }
            }
            Err(why) => Copyright::Unread(why.to_string()),
        };
    })?;
    Ok(found)
}

fn scan(tarball: &mut impl Read, name: &str) -> io::Result<Copyright> {
    let (folder, file) = (format!("{DOC}{name}"), format!("{DOC}{name}/copyright"));
    // Long names are read whole, however long, unless they are left as members of their own; no path looked for here is that long.
    for entry in tar::Archive::new(tarball).entries()?.raw(true) {
        let entry = entry?;
        let path = entry.path_bytes();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let kind = entry.header().entry_type();
        if path == file.as_bytes() && kind.is_file() {
            let mut bytes = Vec::new();
            entry.take(COPYRIGHT + 1).read_to_end(&mut bytes)?;
            return Ok(match bytes.len() as u64 > COPYRIGHT {
                true => Copyright::Unread(format!("it has more than {COPYRIGHT} bytes")),
                false => Copyright::Text(String::from_utf8_lossy(&bytes).into_owned()),
            });
        }
        if (path == file.as_bytes() || path == folder.as_bytes()) && (kind.is_symlink() || kind.is_hard_link()) {
            let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned()).unwrap_or_default();
            // A hard link is named from the top of the tarball, a symlink from the folder that it is in.
            let above = if path == file.as_bytes() { folder.as_str() } else { DOC };
            let whole = if kind.is_hard_link() || target.starts_with('/') { target } else { format!("{above}/{target}") };
            return Ok(other(&whole).map_or(Copyright::Nothing, Copyright::Of));
        }
    }
    Ok(Copyright::Nothing)
}

/// The package in whose folder a path is.
fn other(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    match parts[..] {
        ["usr", "share", "doc", name] | ["usr", "share", "doc", name, "copyright"] => Some(name.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::other;

    #[test]
    fn links() {
        for (path, name) in [
            ("usr/share/doc//libx1", Some("libx1")),
            ("usr/share/doc/a/../libx1/copyright", Some("libx1")),
            ("/usr/share/doc/libx1", Some("libx1")),
            ("./usr/share/doc/libx1/copyright", Some("libx1")),
            ("usr/share/doc/a/../../common-licenses/GPL-2", None),
            ("../../../..", None),
            ("", None),
        ] {
            assert_eq!(other(path).as_deref(), name, "{path}");
        }
    }
}
