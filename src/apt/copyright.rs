//! What a package says of its licences: a copyright file in the machine-readable form (DEP-5, copyright-format 1.0).
//!
//! Nothing is guessed. A file in another form says nothing here; a short name becomes an SPDX identifier only where the format
//! itself, or the name, leaves no doubt which licence is meant, and stays the name that it is otherwise. `MIT` is one of the
//! doubtful ones: the format asks for `Expat` where that is meant, because several texts are called MIT.

use super::control::paragraphs;

/// A licence that a package declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Licence {
    /// An identifier of the SPDX list.
    Spdx(String),
    /// What stands in the file: a name that several licences have, one of its own, or an expression.
    Named(String),
}

impl Licence {
    /// As a reader sees it.
    pub fn text(&self) -> &str {
        match self {
            Self::Spdx(text) | Self::Named(text) => text,
        }
    }

    /// What a short name of a copyright file means.
    pub fn read(name: &str) -> Self {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        spdx(&name).map_or(Self::Named(name), Self::Spdx)
    }
}

/// Licences of all files of the source that the package was made of, each once, sorted. `None` where the text is not in the
/// machine-readable form, or only says that it is.
pub fn licences(text: &str) -> Option<Vec<Licence>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    // Lines that begin with `#` are no comments here, but files have them all the same.
    let text: String = text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    for (number, paragraph) in paragraphs(&text).enumerate() {
        let (mut files, mut licence, mut format) = (false, None, None);
        for field in paragraph.fields() {
            let field = field.ok()?;
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            if is("Format") {
                format = Some(field.value);
            } else if is("Files") {
                files = true;
            } else if is("License") {
                licence = Some(field.value.lines().next().unwrap_or_default().trim());
            }
        }
        if number == 0 && !format.is_some_and(is_format) {
            return None;
        }
        // A paragraph with a licence alone is the text of one that others name; in the header it speaks of the whole.
        if let Some(licence) = licence.filter(|licence| !licence.is_empty() && (files || number == 0)) {
            found.push(Licence::read(licence));
        }
    }
    found.sort();
    found.dedup();
    (!found.is_empty()).then_some(found)
}

/// `https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/`; drafts before 1.0 had other fields.
fn is_format(url: &str) -> bool {
    let rest = url.trim().strip_prefix("https://").or_else(|| url.trim().strip_prefix("http://")).unwrap_or_default();
    rest.trim_end_matches('/').eq_ignore_ascii_case("www.debian.org/doc/packaging-manuals/copyright-format/1.0")
}

/// Short names of the format that have versions (copyright-format 1.0, 7.1), the SPDX name before the version, and the versions that
/// SPDX has.
const FAMILIES: &[(&str, &str, &[&str])] = &[
    ("agpl", "AGPL", &["1.0", "3.0"]),
    ("gfdl", "GFDL", &["1.1", "1.2", "1.3"]),
    ("gpl", "GPL", &["1.0", "2.0", "3.0"]),
    ("lgpl", "LGPL", &["2.0", "2.1", "3.0"]),
];

/// Licences without a part that says whether later versions are meant, too: short name, version, identifier.
const PLAIN: &[(&str, &str, &str)] = &[
    ("afl", "1.1", "AFL-1.1"),
    ("afl", "1.2", "AFL-1.2"),
    ("afl", "2", "AFL-2.0"),
    ("afl", "2.1", "AFL-2.1"),
    ("afl", "3", "AFL-3.0"),
    ("apache", "1", "Apache-1.0"),
    ("apache", "1.1", "Apache-1.1"),
    ("apache", "2", "Apache-2.0"),
    ("artistic", "2", "Artistic-2.0"),
    ("cddl", "1", "CDDL-1.0"),
    ("cddl", "1.1", "CDDL-1.1"),
    ("cpl", "1", "CPL-1.0"),
    ("efl", "1", "EFL-1.0"),
    ("efl", "2", "EFL-2.0"),
    ("epl", "1", "EPL-1.0"),
    ("epl", "2", "EPL-2.0"),
    ("lppl", "1", "LPPL-1.0"),
    ("lppl", "1.1", "LPPL-1.1"),
    ("lppl", "1.2", "LPPL-1.2"),
    ("lppl", "1.3a", "LPPL-1.3a"),
    ("lppl", "1.3c", "LPPL-1.3c"),
    ("mpl", "1", "MPL-1.0"),
    ("mpl", "1.1", "MPL-1.1"),
    ("mpl", "2", "MPL-2.0"),
    ("ofl", "1.1", "OFL-1.1"),
    ("qpl", "1", "QPL-1.0"),
    ("zope", "1.1", "ZPL-1.1"),
    ("zope", "2", "ZPL-2.0"),
    ("zope", "2.1", "ZPL-2.1"),
    ("bsl", "1", "BSL-1.0"),
    ("cc0", "1", "CC0-1.0"),
    ("cc-by", "1", "CC-BY-1.0"),
    ("cc-by", "2", "CC-BY-2.0"),
    ("cc-by", "2.5", "CC-BY-2.5"),
    ("cc-by", "3", "CC-BY-3.0"),
    ("cc-by", "4", "CC-BY-4.0"),
    ("cc-by-sa", "1", "CC-BY-SA-1.0"),
    ("cc-by-sa", "2", "CC-BY-SA-2.0"),
    ("cc-by-sa", "2.5", "CC-BY-SA-2.5"),
    ("cc-by-sa", "3", "CC-BY-SA-3.0"),
    ("cc-by-sa", "4", "CC-BY-SA-4.0"),
];

/// Names that need no version.
const NAMES: &[(&str, &str)] = &[
    ("bsd-2-clause", "BSD-2-Clause"),
    ("bsd-3-clause", "BSD-3-Clause"),
    ("bsd-4-clause", "BSD-4-Clause"),
    ("expat", "MIT"),
    ("isc", "ISC"),
    ("zlib", "Zlib"),
];

/// All short names that have an identifier, each in one spelling.
pub fn known() -> Vec<String> {
    let families = FAMILIES.iter().flat_map(|(short, _, versions)| {
        let forms = versions.iter().flat_map(move |version| [format!("{short}-{version}"), format!("{short}-{version}+")]);
        let niv =
            versions.iter().filter(move |_| *short == "gfdl").flat_map(move |v| [format!("{short}-niv-{v}"), format!("{short}-niv-{v}+")]);
        forms.chain(niv)
    });
    let plain = PLAIN.iter().map(|(short, version, _)| format!("{short}-{version}"));
    families.chain(plain).chain(NAMES.iter().map(|(short, _)| (*short).to_string())).collect()
}

/// The identifier of a short name; names are the same whatever their case.
fn spdx(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    if let Some((_, id)) = NAMES.iter().find(|(short, _)| *short == name) {
        return Some((*id).to_string());
    }
    let (short, version) = name.rsplit_once('-')?;
    // SPDX's own words for what `+` says.
    if let Some(rest) = name.strip_suffix("-only").or_else(|| name.strip_suffix("-or-later")) {
        let (short, version) = rest.rsplit_once('-')?;
        let family = FAMILIES.iter().find(|(known, ..)| *known == short)?;
        let later = if name.ends_with("-only") { "only" } else { "or-later" };
        return family.2.contains(&version).then(|| format!("{}-{version}-{later}", family.1));
    }
    let (version, later) = version.strip_suffix('+').map_or((version, "only"), |version| (version, "or-later"));
    let (short, invariants) = short.strip_suffix("-niv").map_or((short, ""), |short| (short, "no-invariants-"));
    if let Some((family, id, versions)) = FAMILIES.iter().find(|(known, ..)| *known == short) {
        let sound = invariants.is_empty() || *family == "gfdl";
        let version = versions.iter().find(|known| same(known, version)).filter(|_| sound)?;
        return Some(format!("{id}-{version}-{invariants}{later}"));
    }
    // Of others, SPDX has no way to say `or later` by an identifier alone.
    if later != "only" || !invariants.is_empty() {
        return None;
    }
    let plain = PLAIN.iter().find(|(known, number, _)| *known == short && same(number, version));
    plain.map(|(.., id)| (*id).to_string())
}

/// Versions with more or fewer `.0` at their end are the same (copyright-format 1.0, 7.1).
fn same(a: &str, b: &str) -> bool {
    let bare = |version: &str| {
        let mut version = version.to_string();
        while let Some(shorter) = version.strip_suffix(".0") {
            version = shorter.to_string();
        }
        version
    };
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::{Licence, licences};

    const HEAD: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";

    fn texts(text: &str) -> Option<Vec<String>> {
        Some(licences(text)?.iter().map(|licence| licence.text().to_string()).collect())
    }

    #[test]
    fn only_what_is_said() {
        let text = format!(
            "{HEAD}Upstream-Name: x\n\nFiles: *\nCopyright: 2020 A\nLicense: GPL-2+\n text\n .\n more\n\nFiles: b\nCopyright: B\nLicense: Expat\n\n\
             Files: c\nCopyright: C\nLicense: GPL-2+ or\tArtistic\n\nLicense: BSD-3-clause\n whole text\n\n# a comment\nFiles: d\nLicense: gpl-2.0+\n"
        );
        assert_eq!(texts(&text).expect("a copyright file"), ["GPL-2.0-or-later", "MIT", "GPL-2+ or Artistic"]);
        assert_eq!(texts(&format!("{HEAD}License: ISC\n\nFiles: *\nCopyright: x\n")).expect("the header speaks"), ["ISC"]);
        for silent in [
            "",
            "This package was debianized by somebody.\n\nLicense: GPL\n",
            HEAD,
            "Format-Specification: http://svn.debian.org/wsvn/dep/web/deps/dep5.mdwn?op=file\n\nFiles: *\nLicense: GPL-2\n",
            "Format: http://dep.debian.net/deps/dep5\n\nFiles: *\nLicense: GPL-2\n",
            &format!("{HEAD}\nnonsense\n\nFiles: *\nLicense: GPL-2\n"),
            &format!("{HEAD}\nLicense: GPL-2\n text alone\n"),
        ] {
            assert_eq!(texts(silent), None, "{silent}");
        }
        let old = HEAD.replace("https", "http").trim_end_matches("/\n").to_string() + "\n\nFiles: *\nLicense: Zlib\n";
        assert_eq!(texts(&old).expect("without the slash"), ["Zlib"]);
    }

    #[test]
    fn identifiers_where_they_are_certain() {
        for (name, id) in [
            ("GPL-2", "GPL-2.0-only"),
            ("gpl-2.0.0+", "GPL-2.0-or-later"),
            ("GPL-3.0-or-later", "GPL-3.0-or-later"),
            ("LGPL-2.1+", "LGPL-2.1-or-later"),
            ("LGPL-2", "LGPL-2.0-only"),
            ("AGPL-3", "AGPL-3.0-only"),
            ("GFDL-1.3", "GFDL-1.3-only"),
            ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
            ("Apache-2.0", "Apache-2.0"),
            ("apache-2", "Apache-2.0"),
            ("Artistic-2.0", "Artistic-2.0"),
            ("CC-BY-SA-3.0", "CC-BY-SA-3.0"),
            ("CC0-1.0", "CC0-1.0"),
            ("EXPAT", "MIT"),
            ("BSD-3-clause", "BSD-3-Clause"),
        ] {
            assert_eq!(Licence::read(name), Licence::Spdx(id.into()), "{name}");
        }
        let open = [
            "MIT",
            "BSD",
            "Artistic",
            "Perl",
            "public-domain",
            "GPL",
            "GPL-4",
            "GPL-2 or Expat",
            "GPL-2+ with OpenSSL exception",
            "LGPL-2.2",
            "GPL-NIV-2",
            "Apache-2.0+",
            "W3C",
            "Python-2",
            "permissive",
            "-",
            "+",
            "-only",
            "GPL-only",
            "GPL-2-only",
        ];
        for name in open {
            assert_eq!(Licence::read(name), Licence::Named(name.into()), "{name}");
        }
    }
}
