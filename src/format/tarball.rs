//! Reproducible `.tar.gz`: sorted, no owner, one time, one compression level.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};

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

/// Packs `members`, which are in order, with their parent folders; `epoch` is the time of all of them, in seconds since 1970.
///
/// ustar headers throughout: tar 1.27 of Ubuntu 14.04 and busybox read them alike.
pub fn tar_gz(members: &[Member<'_>], epoch: u64) -> io::Result<Vec<u8>> {
    let size: usize = members.iter().map(|m| m.bytes.len() + 1024).sum();
    // The gzip header's own time stays 0: it would be a second place for the same fact.
    let gz = GzBuilder::new().write(Vec::with_capacity(size / 3), Compression::new(LEVEL));
    let mut tar = tar::Builder::new(gz);
    tar.mode(tar::HeaderMode::Deterministic);
    let mut folders: Vec<&str> = Vec::new();
    for member in members {
        for (end, _) in member.path.match_indices('/') {
            let folder = &member.path[..end];
            if !folders.contains(&folder) {
                folders.push(folder);
                entry(&mut tar, &format!("{folder}/"), tar::EntryType::Directory, 0o755, &[], epoch)?;
            }
        }
        entry(&mut tar, member.path, tar::EntryType::Regular, member.mode, member.bytes, epoch)?;
    }
    tar.into_inner()?.finish()
}

fn entry<W: Write>(tar: &mut tar::Builder<W>, path: &str, kind: tar::EntryType, mode: u32, bytes: &[u8], epoch: u64) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_mtime(epoch);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes)
}
