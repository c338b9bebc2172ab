//! Content that need not be in memory: bytes, and files that lie elsewhere and are named by their digest.
//!
//! Whoever makes content stays pure and small, however large the files are; whoever writes it has them copied, and checks each
//! against its name while it goes by.

use std::io::{self, Read, Write};

use super::checksum::Sha256Sum;

/// A file that lies elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// Digest of its bytes, which is its name.
    pub sha256: Sha256Sum,
    /// How many bytes it has.
    pub size: u64,
}

/// A part of a content.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// A whole file as it is.
    File(Stored),
    /// A whole file in blocks of deflate that are not compressed: see [`blocks`].
    Blocks(Stored),
}

/// A content: its pieces, one after the other.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Pieces(Vec<Piece>);

impl Piece {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.size,
            Self::Blocks(file) => file.size + file.size.div_ceil(BLOCK as u64) * HEADER as u64,
        }
    }
}

impl Pieces {
    /// None yet, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(vec![Piece::Bytes(Vec::with_capacity(bytes))])
    }

    /// The pieces in their order; no two that are bytes follow each other.
    pub fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.0.iter()
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.iter().map(Piece::size).sum()
    }

    /// All bytes, where no file is part of it.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0[..] {
            [] => Some(&[]),
            [Piece::Bytes(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (_, Piece::Bytes(bytes)) if bytes.is_empty() => {}
            (Some(Piece::Bytes(last)), Piece::Bytes(bytes)) => last.extend_from_slice(&bytes),
            (_, piece) => self.0.push(piece),
        }
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(bytes: Vec<u8>) -> Self {
        Self(vec![Piece::Bytes(bytes)])
    }
}

impl From<Stored> for Pieces {
    fn from(file: Stored) -> Self {
        Self(vec![Piece::File(file)])
    }
}

/// Where content goes that may have files in it: pieces, or any writer, which takes bytes alone.
pub trait Sink {
    /// Takes bytes.
    ///
    /// # Errors
    /// What writing says.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes a whole file as it is.
    ///
    /// # Errors
    /// When the file cannot be had here.
    fn file(&mut self, file: Stored) -> io::Result<()>;
}

/// Both are added at the end.
impl Sink for Pieces {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.0.last_mut() {
            Some(Piece::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.0.push(Piece::Bytes(bytes.to_vec())),
        }
        Ok(())
    }

    fn file(&mut self, file: Stored) -> io::Result<()> {
        self.push(Piece::File(file));
        Ok(())
    }
}

impl<W: Write> Sink for W {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn file(&mut self, file: Stored) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("the file {} is named, and not there", file.sha256.hex())))
    }
}

/// Most bytes of a block of deflate that is not compressed, and bytes before each: RFC 1951, 3.2.4.
const BLOCK: usize = 65_535;
const HEADER: usize = 5;

/// Copies `from` as blocks of deflate that are not compressed, none of them the last one. They begin and end at whole bytes, so
/// they may stand after any block that was flushed.
///
/// # Errors
/// What reading or writing says.
pub fn blocks(from: &mut (impl Read + ?Sized), to: &mut impl Write) -> io::Result<()> {
    let mut block = vec![0; HEADER + BLOCK];
    loop {
        let mut filled = 0;
        while filled < BLOCK {
            match from.read(&mut block[HEADER + filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let Some(length) = u16::try_from(filled).ok().filter(|length| *length > 0) else { return Ok(()) };
        block[1..3].copy_from_slice(&length.to_le_bytes());
        block[3..5].copy_from_slice(&(!length).to_le_bytes());
        to.write_all(&block[..HEADER + filled])?;
        if filled < BLOCK {
            // The end was seen, which is where a reader that checks says what is wrong.
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Piece, Pieces, Sha256Sum, Sink, Stored, blocks};

    #[test]
    fn sizes_are_what_is_written() {
        for size in [0u32, 1, 65_534, 65_535, 65_536, 200_000] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let mut out = Vec::new();
            blocks(&mut &bytes[..], &mut out).expect("memory");
            let stored = Stored { sha256: Sha256Sum::of(&bytes), size: u64::from(size) };
            assert_eq!(out.len() as u64, Piece::Blocks(stored).size(), "{size}");
            // The last block of a stream: fixed codes, end of block.
            out.extend([3, 0]);
            let mut back = Vec::new();
            flate2::read::DeflateDecoder::new(&out[..]).read_to_end(&mut back).expect("deflate");
            assert!(back == bytes, "{size}");
        }
    }

    #[test]
    fn bytes_grow_together() {
        let file = Stored { sha256: Sha256Sum([0; 32]), size: 7 };
        let mut pieces = Pieces::default();
        assert_eq!(pieces.bytes(), Some(&[][..]));
        pieces.put(b"ab").expect("memory");
        pieces.push(Piece::Bytes(b"c".to_vec()));
        assert_eq!(pieces.bytes(), Some(&b"abc"[..]));
        pieces.file(file).expect("a file");
        pieces.put(b"d").expect("memory");
        assert_eq!((pieces.iter().count(), pieces.size(), pieces.bytes()), (3, 11, None));
    }
}
