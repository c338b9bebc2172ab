//! Reproducible `.tar.gz`: sorted, no owner, one time, one compression level. Files that lie elsewhere are named, not read, and
//! not compressed: packages are so already.

use std::io;

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
    /// Its checksum, of which gzip makes the one of the whole.
    pub crc: &'a Crc,
}

/// Largest file of [`Large`] in bytes: its checksum counts in 32 bits.
pub const LARGEST: u64 = u32::MAX as u64;

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
/// ustar headers: tar 1.27 of Ubuntu 14.04 and busybox read them alike. A path for which they have no room, such as one whose last part
/// has more than 100 bytes, stands before its header in an entry of its own, as GNU tar writes it: busybox passes over those of pax, and
/// would give the file another name. The frame is RFC 1952; its own time stays 0: it
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
                bytes.extend(header(folder, tar::EntryType::Directory, 0o755, 0, epoch)?);
            }
        }
        bytes.extend(header(path, tar::EntryType::Regular, mode, size, epoch)?);
        Ok(bytes)
    }
}

/// Where GNU tar puts a path that is too long: the name of the entry, and the kind `L` (tar manual, "Basic Tar Format").
const LONG: &str = "././@LongLink";

/// The header of an entry, and before it what its path needs.
fn header(path: &str, kind: tar::EntryType, mode: u32, size: u64, epoch: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    let mut bytes = Vec::new();
    if header.set_path(path).is_err() {
        let mut long = tar::Header::new_gnu();
        long.set_path(LONG)?;
        long.set_entry_type(tar::EntryType::GNULongName);
        long.set_mode(0o644);
        long.set_uid(0);
        long.set_gid(0);
        long.set_mtime(0);
        // With the NUL behind it.
        long.set_size(path.len() as u64 + 1);
        long.set_cksum();
        bytes.extend_from_slice(long.as_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.resize((bytes.len() + 1).next_multiple_of(512), 0);
        let name = &mut header.as_old_mut().name;
        let length = name.len();
        name.copy_from_slice(&path.as_bytes()[..length]);
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_mtime(epoch);
    header.set_size(size);
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::{Head, Member, tar_gz};

    /// As readers that we did not write have them, and ours.
    #[test]
    fn long_paths_are_read_by_every_tar() {
        let deep = "d/".repeat(60) + &"n".repeat(90);
        let paths = ["top/short".into(), format!("top/{}", "x".repeat(101)), format!("top/{}/{}", "y".repeat(180), "z".repeat(255)), deep];
        let members: Vec<Member<'_>> = paths.iter().map(|path| Member { path, mode: 0o644, bytes: path.as_bytes() }).collect();
        let head = Head::pack(&members[..1], 7).expect("a head");
        let tarball = tar_gz(&head, &members[1..], &[], 7).expect("a tarball");
        let tarball = tarball.bytes().expect("bytes").to_vec();
        let read: Vec<String> = tar::Archive::new(flate2::read::GzDecoder::new(&tarball[..]))
            .entries()
            .expect("entries")
            .map(|entry| entry.expect("an entry").path().expect("a path").to_string_lossy().into_owned())
            .filter(|path| !path.ends_with('/'))
            .collect();
        assert_eq!(read, paths);
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("t.tar.gz"), &tarball).expect("a file");
        for tar in [&["tar"][..], &["busybox", "tar"], &["bsdtar"]] {
            let into = folder.path().join(tar[0]);
            fs::create_dir(&into).expect("a folder");
            let mut command = Command::new(tar[0]);
            command.args(&tar[1..]).arg("-xzf").arg(folder.path().join("t.tar.gz")).arg("-C").arg(&into);
            let Ok(output) = command.output() else { continue };
            assert!(output.status.success() && output.stderr.is_empty(), "{tar:?}: {output:?}");
            for path in &paths {
                assert_eq!(fs::read_to_string(into.join(path)).ok().as_deref(), Some(&path[..]), "{tar:?}");
            }
        }
    }
}
