//! Writes the content of a file piece by piece: bytes from memory, files from the store, each checked while it is copied.

use std::fs::File;
use std::io::{self, Read, Write};

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};

use super::ops::{At, Ops};
use crate::format::checksum::Sha256Sum;
use crate::format::pieces::{Piece, Pieces, Stored, blocks};
use crate::io::store::Store;

/// Bytes that a copy holds at a time.
const CHUNK: usize = 256 * 1024;

/// Makes the file `place` of `pieces`, and gives the digest of all its bytes.
///
/// # Errors
/// When a file of the store is missing or is not what its name says, or the disk says no.
pub(super) fn pour(ops: &Ops, place: At<'_>, mode: u32, pieces: &Pieces, store: Option<&Store>) -> Result<Sha256Sum> {
    if let Some(bytes) = pieces.bytes() {
        ops.create(place, mode, bytes)?;
        return Ok(Sha256Sum::of(bytes));
    }
    // A file as it is has a digest already.
    let whole = match pieces.iter().collect::<Vec<_>>()[..] {
        [Piece::File(file)] => Some(file.sha256),
        _ => None,
    };
    let mut digest = None;
    ops.create_with(place, mode, |file| -> Result<()> {
        let file = File::from(file.try_clone().map_err(|error| anyhow!(error))?);
        let mut out = Hashed { file, hash: whole.is_none().then(Sha256::new) };
        for piece in pieces.iter() {
            ops.may_write()?;
            write_piece(piece, store, &mut out)?;
        }
        digest = whole.or_else(|| out.hash.map(|hash| Sha256Sum(hash.finalize().into())));
        Ok(())
    })?;
    digest.context("the file was not written")
}

/// Writes one piece; a file of the store is checked while it goes by, and never held as a whole.
///
/// # Errors
/// When a file of the store is missing or is not what its name says, or the writer says no.
pub fn write_piece(piece: &Piece, store: Option<&Store>, out: &mut impl Write) -> Result<()> {
    match piece {
        Piece::Bytes(bytes) => Ok(out.write_all(bytes)?),
        Piece::File(stored) => copy(stored, store, |from| pass(from, out)),
        Piece::Blocks(stored) => copy(stored, store, |from| blocks(from, out)),
    }
}

fn copy(stored: &Stored, store: Option<&Store>, to: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> Result<()> {
    let store = store.context("a file of the store is named, and there is no store")?;
    let mut from = store.open(stored.sha256, stored.size)?;
    to(&mut from).with_context(|| {
        let path = store.path(&stored.sha256);
        format!("`{}` of the store cannot be used: remove it, and run `clusterseed fetch` again", path.display())
    })
}

fn pass(from: &mut dyn Read, to: &mut impl Write) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&chunk[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file that is digested while it is written.
struct Hashed {
    file: File,
    hash: Option<Sha256>,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes[..count]);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
