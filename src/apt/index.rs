//! Indexes of repositories: `Packages` files.

use std::fmt::Write;

use super::control::{ControlError, Field, paragraphs};
use super::package::Package;
use crate::format::checksum::Sha256Sum;

/// A package, and where its file is.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'t> {
    /// The package.
    pub package: Package<'t>,
    /// Path of the .deb file below the URL or folder of the source.
    pub filename: &'t str,
    /// Size of the .deb file in bytes.
    pub size: u64,
    /// SHA-256 of the .deb file.
    pub sha256: Sha256Sum,
}

/// Fields of an index that say where a file is and how it is summed; a package that moves loses them.
pub const OF_FILE: &[&str] =
    &["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "MSDOS-Filename", "Description-md5", "Phased-Update-Percentage"];

/// Reads a decompressed `Packages` file.
///
/// Every package needs a path below the source, a size and a SHA-256: without them its file could not be checked.
pub fn read(text: &str) -> Result<Vec<Offer<'_>>, ControlError> {
    let mut offers = Vec::with_capacity(text.len() / 800);
    for paragraph in paragraphs(text) {
        let (mut filename, mut size, mut sha256) = ("", None, None);
        let package = Package::read(paragraph, |field| {
            let wrong = |what: &str| ControlError { line: field.line, what: format!("`{}` {what}", field.name) };
            if field.name.eq_ignore_ascii_case("Filename") {
                filename = field.value;
            } else if field.name.eq_ignore_ascii_case("Size") {
                size = Some(field.value.parse().map_err(|_| wrong("is no number of bytes"))?);
            } else if field.name.eq_ignore_ascii_case("SHA256") {
                sha256 = Some(digest(field).ok_or_else(|| wrong("is no SHA-256"))?);
            }
            Ok(())
        })?;
        let lacks = |what: &str| ControlError { line: paragraph.line, what: format!("`{}` {what}", package.name) };
        if !below(filename) {
            return Err(lacks("has no `Filename` below its source"));
        }
        let size = size.ok_or_else(|| lacks("has no `Size`"))?;
        let sha256 = sha256.ok_or_else(|| lacks("has no `SHA256`, so its file cannot be checked"))?;
        offers.push(Offer { package, filename, size, sha256 });
    }
    Ok(offers)
}

fn digest(field: Field<'_>) -> Option<Sha256Sum> {
    let digits = field.value.as_bytes();
    let mut sum = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(Sha256Sum(sum))
}

/// True for a relative path that stays below.
fn below(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('/') && !path.contains(['\n', '\r', '\0', '\\']) && path.split('/').all(|part| part != "..")
}

/// The paragraph of an index for a .deb file whose control paragraph is `control` (see [`super::deb::control`]).
pub fn entry(control: &str, filename: &str, size: u64, sha256: Sha256Sum) -> String {
    let mut out: String = paragraphs(control).take(1).map(|paragraph| paragraph.without(OF_FILE)).collect();
    let _ = writeln!(out, "Filename: {filename}\nSize: {size}\nSHA256: {}", sha256.hex());
    out
}

#[cfg(test)]
mod tests {
    use super::{entry, read};
    use crate::format::checksum::Sha256Sum;

    #[test]
    fn an_entry_reads_back() {
        let control = "Package: a\nVersion: 1:2-3\nArchitecture: all\nSize: 7\nDescription: x\n y\n";
        let text = entry(control, "./pool/a.deb", 12, Sha256Sum::of(b"a"));
        let offers = read(&text).expect("an index");
        let [offer] = &offers[..] else { panic!("{offers:?}") };
        assert_eq!((offer.package.version, offer.filename, offer.size), ("1:2-3", "./pool/a.deb", 12));
        assert_eq!(offer.sha256, Sha256Sum::of(b"a"));
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        let good = entry("Package: a\nVersion: 1\nArchitecture: all", "a.deb", 12, Sha256Sum::of(b"a"));
        assert!(read(&good).is_ok());
        for (from, to) in [
            ("Size: 12\n", ""),
            ("Size: 12", "Size: -1"),
            ("a.deb", "../a.deb"),
            ("a.deb", "/a.deb"),
            ("SHA256", "SHA1"),
            ("SHA256: c", "SHA256: x"),
            ("Version: 1", "Version: 1/2"),
            ("Version: 1", "Version: 1\nVersion: 2"),
            ("Package: a", "Package: ../a"),
        ] {
            assert!(read(&good.replace(from, to)).is_err(), "{from} {to}");
        }
    }
}
