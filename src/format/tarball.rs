//! Reproducible `.tar.gz`: sorted, no owner, one time, one compression level. Files that lie elsewhere are named, not read, and
//! not compressed: packages are so already.

use std::io::{self, Read};

pub use flate2::Crc;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::pieces::{Piece, Pieces, Sink, Stored};

/// A file of a tarball.
pub struct Member<'a> {
    /// Path inside.
    pub path: &'a str,
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub bytes: &'a [u8],
}

/// A file of a tarball that lies elsewhere.
pub struct Large<'a> {
    /// Path inside.
    pub path: &'a str,
    /// Permission bits.
    pub mode: u32,
    /// Which file.
    pub file: Stored,
    /// Its checksum, of which gzip makes the one of the whole; [`checksum`] takes it.
    pub crc: &'a Crc,
}

/// Largest file of [`Large`] in bytes: its checksum counts in 32 bits.
pub const LARGEST: u64 = u32::MAX as u64;

/// The checksum of what a reader gives.
///
/// # Errors
/// What reading says.
pub fn checksum(reader: &mut impl Read) -> io::Result<Crc> {
    let mut crc = Crc::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(crc),
            Ok(count) => crc.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Level 6: measured as the knee between size and time for folders of small text files.
const LEVEL: u32 = 6;

/// The first members of many tarballs, packed once: two thirds of every seed are the same program.
pub struct Head {
    tar: Tar,
    deflated: Vec<u8>,
    crc: Crc,
}

impl Head {
    /// Packs the members that come first in every tarball of this `epoch`.
    pub fn pack(members: &[Member<'_>], epoch: u64) -> io::Result<Self> {
        let mut tar = Tar::default();
        let bytes = tar.add(members, epoch)?;
        // Flushed in full, so that nothing after it looks back: what follows is a stream of its own.
        Ok(Self { tar, deflated: deflate(&bytes, FlushCompress::Full)?, crc: crc(&bytes) })
    }
}

/// Packs `members`, which are in order and come after those of `head`, and `large` ones after them, with their parent folders;
/// `epoch` is the time of all of them, in seconds since 1970.
///
/// ustar headers throughout: tar 1.27 of Ubuntu 14.04 and busybox read them alike. The frame is RFC 1952; its own time stays 0: it
/// would be a second place for the same fact.
pub fn tar_gz(head: &Head, members: &[Member<'_>], large: &[Large<'_>], epoch: u64) -> io::Result<Pieces> {
    let mut tar = head.tar.clone();
    let mut bytes = tar.add(members, epoch)?;
    let mut sum = Crc::new();
    sum.combine(&head.crc);
    let mut out = Pieces::with_capacity(head.deflated.len() + bytes.len() / 3 + 1024);
    out.put(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
    out.put(&head.deflated)?;
    for file in large {
        if file.file.size > LARGEST {
            return Err(io::Error::other(format!(
                "{} has {} bytes, and gzip counts no more than {LARGEST} here",
                file.path, file.file.size
            )));
        }
        bytes.extend(tar.header(file.path, file.mode, file.file.size, epoch)?);
        sum.combine(&crc(&bytes));
        out.put(&deflate(&bytes, FlushCompress::Full)?)?;
        out.push(Piece::Blocks(file.file));
        sum.combine(file.crc);
        bytes = vec![0; padding(file.file.size)];
    }
    bytes.resize(bytes.len() + 1024, 0);
    sum.combine(&crc(&bytes));
    out.put(&deflate(&bytes, FlushCompress::Finish)?)?;
    out.put(&sum.sum().to_le_bytes())?;
    out.put(&sum.amount().to_le_bytes())?;
    Ok(out)
}

/// Bytes after a file of this size, up to a whole block.
fn padding(size: u64) -> usize {
    // Less than a block.
    #[allow(clippy::cast_possible_truncation)]
    let padding = (size.next_multiple_of(512) - size) as usize;
    padding
}

fn crc(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

/// Raw deflate (RFC 1951) of all bytes.
fn deflate(bytes: &[u8], end: FlushCompress) -> io::Result<Vec<u8>> {
    let mut stream = Compress::new(Compression::new(LEVEL), false);
    let mut out = Vec::with_capacity(bytes.len() / 3 + 128);
    loop {
        let read = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let status = stream.compress_vec(&bytes[read.min(bytes.len())..], &mut out, end)?;
        // A flush is over when it leaves room; an end says so.
        if status == Status::StreamEnd || (end != FlushCompress::Finish && out.len() < out.capacity()) {
            return Ok(out);
        }
        out.reserve(out.capacity().max(128));
    }
}

/// What of a tarball has been made: folders stand in it once.
#[derive(Clone, Default)]
struct Tar {
    folders: Vec<String>,
}

impl Tar {
    /// The entries of `members`, without an end of the archive.
    fn add(&mut self, members: &[Member<'_>], epoch: u64) -> io::Result<Vec<u8>> {
        let size: usize = members.iter().map(|m| m.bytes.len() + 1024).sum();
        let mut bytes = Vec::with_capacity(size + 2048);
        for member in members {
            bytes.extend(self.header(member.path, member.mode, member.bytes.len() as u64, epoch)?);
            bytes.extend_from_slice(member.bytes);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        Ok(bytes)
    }

    /// The header of a file, and before it those of folders that are not there yet.
    fn header(&mut self, path: &str, mode: u32, size: u64, epoch: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for (end, _) in path.match_indices('/') {
            let folder = &path[..=end];
            if !self.folders.iter().any(|known| known == folder) {
                self.folders.push(folder.to_string());
                bytes.extend_from_slice(header(folder, tar::EntryType::Directory, 0o755, 0, epoch)?.as_bytes());
            }
        }
        bytes.extend_from_slice(header(path, tar::EntryType::Regular, mode, size, epoch)?.as_bytes());
        Ok(bytes)
    }
}

fn header(path: &str, kind: tar::EntryType, mode: u32, size: u64, epoch: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path(path)?;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_mtime(epoch);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}
