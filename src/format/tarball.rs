//! Reproducible `.tar.gz`: sorted, no owner, one time, one compression level.

use std::io;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// A file of a tarball.
pub struct Member<'a> {
    /// Path inside.
    pub path: &'a str,
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub bytes: &'a [u8],
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

/// Packs `members`, which are in order and come after those of `head`, with their parent folders; `epoch` is the time of all of
/// them, in seconds since 1970.
///
/// ustar headers throughout: tar 1.27 of Ubuntu 14.04 and busybox read them alike. The frame is RFC 1952; its own time stays 0: it
/// would be a second place for the same fact.
pub fn tar_gz(head: &Head, members: &[Member<'_>], epoch: u64) -> io::Result<Vec<u8>> {
    let mut bytes = head.tar.clone().add(members, epoch)?;
    bytes.resize(bytes.len() + 1024, 0);
    let mut sum = Crc::new();
    sum.combine(&head.crc);
    sum.combine(&crc(&bytes));
    let rest = deflate(&bytes, FlushCompress::Finish)?;
    let mut out = Vec::with_capacity(head.deflated.len() + rest.len() + 18);
    out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    out.extend_from_slice(&head.deflated);
    out.extend_from_slice(&rest);
    out.extend_from_slice(&sum.sum().to_le_bytes());
    out.extend_from_slice(&sum.amount().to_le_bytes());
    Ok(out)
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
            for (end, _) in member.path.match_indices('/') {
                let folder = &member.path[..=end];
                if !self.folders.iter().any(|known| known == folder) {
                    self.folders.push(folder.to_string());
                    entry(&mut bytes, folder, tar::EntryType::Directory, 0o755, &[], epoch)?;
                }
            }
            entry(&mut bytes, member.path, tar::EntryType::Regular, member.mode, member.bytes, epoch)?;
        }
        Ok(bytes)
    }
}

/// A header and its content, filled up to whole blocks.
fn entry(out: &mut Vec<u8>, path: &str, kind: tar::EntryType, mode: u32, bytes: &[u8], epoch: u64) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path(path)?;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_mtime(epoch);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
    Ok(())
}
