//! What an image has already: the dpkg status of a file, of a root, or of a tarball of one.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::format::packed::{self, Compression};

/// Where dpkg keeps it, below a root.
pub const STATUS: &str = "var/lib/dpkg/status";
/// Most bytes of a status; that of a full desktop has 5 MB.
pub const MOST: u64 = 256 << 20;

/// The text of a dpkg status, from whatever `path` is.
pub fn status(path: &Path) -> Result<String> {
    let shown = path.display();
    let meta = fs::metadata(path).with_context(|| format!("reading the base `{shown}`"))?;
    let bytes = if meta.is_dir() {
        let inside = path.join(STATUS);
        let file = File::open(&inside)
            .with_context(|| format!("the base `{shown}` is no root of a Debian system: opening `{}`", inside.display()))?;
        limited(file)?
    } else if meta.is_file() {
        file(path)?
    } else {
        bail!("the base `{shown}` is neither a file nor a folder, and it is read more than once: copy it to a file");
    };
    let Ok(text) = String::from_utf8(bytes) else { bail!("the base `{shown}` is not UTF-8: it is no dpkg status") };
    if text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.starts_with("Package:")) {
        return Ok(text);
    }
    if text.trim().is_empty() {
        bail!("the base `{shown}` is empty; leave `base` out if nothing is installed");
    }
    let pair = |line: &str| line.split_whitespace().count() == 2 && !line.contains(": ");
    if text.lines().filter(|line| !line.trim().is_empty()).all(pair) {
        bail!(
            "the base `{shown}` is a list of names and versions, which does not say what packages provide and need; \
             take the image's own /var/lib/dpkg/status (`virt-cat -a IMAGE /var/lib/dpkg/status`)"
        );
    }
    bail!("the base `{shown}` is no dpkg status: it does not begin with `Package:`");
}

/// A file: the status itself, a tarball, or a disk image, which is not read here.
fn file(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let context = || format!("reading the base `{shown}`");
    let mut file = File::open(path).with_context(context)?;
    let mut head = Vec::new();
    (&mut file).take(packed::HEAD as u64).read_to_end(&mut head).with_context(context)?;
    let begins = |magic: &[u8]| head.starts_with(magic);
    // A partition table or a boot sector ends so.
    let disk = begins(b"QFI\xfb") || begins(b"KDMV") || begins(b"conectix") || (head.get(510..512) == Some(&[0x55, 0xaa]));
    if disk {
        bail!("the base `{shown}` is a disk image; take the status out of it: `virt-cat -a {shown} /{STATUS} > status`, and name that");
    }
    let whole = head.as_slice().chain(file);
    if !packed::is_tarball(&head) {
        return limited(whole).with_context(context);
    }
    let reader = BufReader::with_capacity(1 << 20, whole);
    let context = || format!("reading the base `{shown}` as a tarball");
    let opened = Compression::sniff(&head).open(reader).with_context(context)?;
    let found = inside(opened).with_context(context)?;
    found.with_context(|| format!("the base `{shown}` holds no {STATUS}: it is no tarball of a Debian root"))
}

/// The status in a tarball; what comes after it is not read.
fn inside(reader: impl Read) -> Result<Option<Vec<u8>>> {
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        if path.trim_start_matches("./").trim_start_matches('/') == STATUS {
            return Ok(Some(limited(entry)?));
        }
    }
    Ok(None)
}

fn limited(reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        bail!("it has more than {MOST} bytes");
    }
    Ok(bytes)
}
