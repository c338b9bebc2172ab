//! The control paragraph of a .deb file (deb(5)): an ar archive whose second member is a compressed tarball.
//!
//! Whoever made the file may mean harm: sizes are limited before anything is unpacked into memory, and what dpkg would not take,
//! or could take in two ways, is refused.

use std::fmt;
use std::io::{self, Read};

use super::control::paragraphs;
use super::package::Package;

/// Most bytes that the tarball of the control files may unpack to; the largest of Debian have one.
const UNPACKED: u64 = 16 << 20;

/// Most bytes of the control file itself.
const CONTROL: u64 = 1 << 20;

/// Most memory, in KiB, for the dictionary of an xz stream: level 9 takes 65.
const XZ_MEMORY: u32 = 128 << 10;

/// Largest window of a zstd stream in bytes: level 19, which dpkg takes, has 8 MiB.
const ZSTD_WINDOW: u64 = 128 << 20;

/// Most members: dpkg knows three, signatures and notes add a few.
const MEMBERS: usize = 16;

/// Why a file is no package.
#[derive(Debug)]
pub enum DebError {
    /// It could not be read.
    Read(io::Error),
    /// What is wrong with it, in lower case.
    Broken(String),
}

impl fmt::Display for DebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for DebError {}

fn broken<T>(what: impl Into<String>) -> Result<T, DebError> {
    Err(DebError::Broken(what.into()))
}

/// Reads the control paragraph of a .deb file, to the end of the file, so that a digest on the way sees every byte.
///
/// The text is one paragraph that [`Package::read`] takes. Bytes that are not UTF-8 (names of people in old packages) become
/// U+FFFD.
pub fn control(mut deb: impl Read) -> Result<String, DebError> {
    magic(&mut deb)?;
    let (mut control, mut data) = (None, false);
    for number in 0.. {
        let Some((name, size)) = header(&mut deb)? else { break };
        if number == MEMBERS {
            return broken(format!("it has more than {MEMBERS} members"));
        }
        let mut member = (&mut deb).take(size);
        match (number, name.as_str()) {
            (0, "debian-binary") => version(&mut member)?,
            (0, _) => return broken(format!("its first member is `{name}`, not `debian-binary`")),
            (_, "debian-binary") => return broken("it has two members `debian-binary`"),
            // dpkg passes over what begins so.
            (_, name) if name.starts_with('_') => {}
            (_, name) if name.starts_with("control.tar") => {
                if control.is_some() {
                    return broken("it has two control members");
                }
                control = Some(unpack(name, &mut member)?);
            }
            (_, name) if name.starts_with("data.tar") => {
                if control.is_none() || data {
                    return broken(if data { "it has two data members" } else { "its data come before its control files" });
                }
                data = true;
            }
            (_, name) if !data => return broken(format!("its member `{name}` is none that dpkg knows")),
            _ => {}
        }
        // Members begin at even places.
        io::copy(&mut member, &mut io::sink()).map_err(DebError::Read)?;
        if member.limit() > 0 {
            return broken("it ends in the middle of a member");
        }
        if size % 2 == 1 {
            let mut pad = [0; 1];
            // The last byte of a file may be missing.
            let _ = deb.read(&mut pad).map_err(DebError::Read)?;
        }
    }
    match (control, data) {
        (None, _) => broken("it has no control member"),
        (_, false) => broken("it has no data member"),
        (Some(control), true) => Ok(control),
    }
}

/// Gives the data of a .deb file, packed as they are, to `then` with the name of their member, and reads no further.
pub(super) fn data(mut deb: impl Read, then: impl FnOnce(&str, &mut dyn Read)) -> Result<(), DebError> {
    magic(&mut deb)?;
    for _ in 0..MEMBERS {
        let Some((name, size)) = header(&mut deb)? else { break };
        if name.starts_with("data.tar") {
            then(&name, &mut (&mut deb).take(size));
            return Ok(());
        }
        io::copy(&mut (&mut deb).take(size + size % 2), &mut io::sink()).map_err(DebError::Read)?;
    }
    broken("it has no data member")
}

fn magic(deb: &mut impl Read) -> Result<(), DebError> {
    let mut magic = [0; 8];
    fill(deb, &mut magic)?;
    if &magic == b"!<arch>\n" { Ok(()) } else { broken("it is no ar archive, as every .deb file is") }
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<(), DebError> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DebError::Broken("it is cut off".into()),
        _ => DebError::Read(error),
    })
}

/// Name and size of the next member; none at the end of the file.
fn header(reader: &mut impl Read) -> Result<Option<(String, u64)>, DebError> {
    let mut bytes = Vec::with_capacity(60);
    reader.take(60).read_to_end(&mut bytes).map_err(DebError::Read)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() < 60 || !bytes.ends_with(b"`\n") {
        return broken("the header of a member is broken");
    }
    let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches(' ').to_string();
    let (name, size) = (word(&bytes[..16]), word(&bytes[48..58]));
    match size.bytes().all(|byte| byte.is_ascii_digit()).then(|| size.parse()) {
        // GNU ar ends names with a slash.
        Some(Ok(size)) => Ok(Some((name.trim_end_matches('/').to_string(), size))),
        _ => broken(format!("its member `{name}` has no size")),
    }
}

fn version(member: &mut impl Read) -> Result<(), DebError> {
    let mut text = String::new();
    member.take(64).read_to_string(&mut text).map_err(DebError::Read)?;
    match text.starts_with("2.") {
        true => Ok(()),
        false => broken(format!("its format is `{}`, not 2", text.lines().next().unwrap_or_default())),
    }
}

/// The control file out of a compressed tarball.
fn unpack(name: &str, member: &mut impl Read) -> Result<String, DebError> {
    find(unpacked(name, member)?)
}

/// The tarball in a member, by the ending of its name.
pub(super) fn unpacked<'r>(name: &str, member: &'r mut (impl Read + ?Sized)) -> Result<Box<dyn Read + 'r>, DebError> {
    Ok(match name.split_once(".tar").map(|(_, form)| form) {
        Some("") => Box::new(member),
        Some(".gz") => Box::new(flate2::read::MultiGzDecoder::new(member)),
        Some(".xz") => Box::new(lzma_rust2::XzReader::new_mem_limit(member, true, XZ_MEMORY)),
        Some(".zst") => {
            let stream = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(member, ZSTD_WINDOW);
            Box::new(stream.map_err(|error| DebError::Broken(format!("`{name}` cannot be unpacked: {error}")))?)
        }
        _ => return broken(format!("`{name}` is compressed in a way that is not known here: gz, xz and zst are")),
    })
}

fn find(stream: impl Read) -> Result<String, DebError> {
    let mut limited = stream.take(UNPACKED + 1);
    let found = scan(&mut limited);
    if limited.limit() == 0 {
        return broken(format!("its control files unpack to more than {UNPACKED} bytes"));
    }
    let Some(text) = found? else { return broken("it has no control file") };
    let mut all = paragraphs(&text);
    let (Some(paragraph), None) = (all.next(), all.next()) else { return broken("its control file is not one paragraph") };
    match Package::read(paragraph, |_| Ok(())) {
        Ok(_) => Ok(paragraph.without(&[])),
        Err(problem) => broken(format!("its control file, {problem}")),
    }
}

/// The control file of a tarball, which is read to its end.
fn scan(tarball: &mut impl Read) -> Result<Option<String>, DebError> {
    let unpacking = |error: io::Error| DebError::Broken(format!("its control member cannot be unpacked: {error}"));
    let mut found = None;
    for entry in tar::Archive::new(&mut *tarball).entries().map_err(unpacking)? {
        let entry = entry.map_err(unpacking)?;
        let path = entry.path_bytes();
        if path.strip_prefix(b"./").unwrap_or(&path) != b"control" {
            continue;
        }
        if found.is_some() {
            return broken("it has two control files");
        }
        if !entry.header().entry_type().is_file() {
            return broken("its control file is no plain file");
        }
        let mut bytes = Vec::new();
        entry.take(CONTROL + 1).read_to_end(&mut bytes).map_err(unpacking)?;
        if bytes.len() as u64 > CONTROL {
            return broken(format!("its control file has more than {CONTROL} bytes"));
        }
        found = Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    io::copy(tarball, &mut io::sink()).map_err(unpacking)?;
    Ok(found)
}
