//! How bytes are packed, told by how they begin, and what is inside: xz, gzip and zstd, with decoders in Rust alone.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest window of a zstd stream in bytes: what the tool itself takes without being told more.
const ZSTD_WINDOW: u64 = 128 << 20;

/// Bytes in which a tarball shows that it is one.
pub const HEAD: usize = 512;

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// xz.
    Xz,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// bzip2, which is known and not unpacked.
    Bzip2,
    /// Not at all.
    Plain,
}

impl Compression {
    /// What bytes that begin so are.
    pub fn sniff(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }

    /// What is inside.
    ///
    /// # Errors
    /// When it is packed in a way that is not unpacked here, or does not begin as it must.
    pub fn open<'r>(self, reader: impl BufRead + 'r) -> io::Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Self::Plain => Box::new(reader),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
            Self::Xz => Box::new(lzma_rust2::XzReader::new(reader, true)),
            Self::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(ZSTD_WINDOW);
                Box::new(Frames { reader, decoder, inside: false })
            }
            Self::Bzip2 => {
                let words = "it is packed with bzip2, which is not read here: unpack it, or pack it with gzip, xz or zstd";
                return Err(io::Error::new(io::ErrorKind::Unsupported, words));
            }
        })
    }
}

/// Whether bytes that begin so are a tarball, packed or not.
pub fn is_tarball(head: &[u8]) -> bool {
    Compression::sniff(head) != Compression::Plain || head.get(257..262) == Some(b"ustar")
}

/// Frames of zstd, one after the other, as packers with several threads write them.
struct Frames<R> {
    reader: R,
    decoder: FrameDecoder,
    /// Whether a frame is begun.
    inside: bool,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.inside && (self.decoder.can_collect() > 0 || into.is_empty()) {
                return self.decoder.read(into);
            }
            if self.inside && !self.decoder.is_finished() {
                self.decoder.decode_blocks(&mut self.reader, BlockDecodingStrategy::UptoBlocks(1)).map_err(io::Error::other)?;
                continue;
            }
            if self.reader.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.inside = match self.decoder.reset(&mut self.reader) {
                Ok(()) => true,
                // A frame that says nothing.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.reader).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    false
                }
                Err(error) => return Err(io::Error::other(error)),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::Compression;

    fn packed(tool: &[&str], text: &[u8]) -> Option<Vec<u8>> {
        let mut child = Command::new(tool[0]).args(&tool[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (mut stdin, text) = (child.stdin.take()?, text.to_vec());
        let writer = std::thread::spawn(move || stdin.write_all(&text));
        let packed = child.wait_with_output().ok()?.stdout;
        writer.join().ok()?.ok()?;
        Some(packed)
    }

    fn opened(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Compression::sniff(bytes).open(bytes)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_tools_pack_is_unpacked_whole_and_what_is_cut_is_refused() {
        let text = b"root tree\n".repeat(40_000);
        for tool in [&["gzip", "-c"][..], &["xz", "-c"], &["zstd", "-qc"], &["cat"]] {
            let Some(whole) = packed(tool, &text) else { continue };
            assert!(opened(&whole).expect("a stream") == text, "{tool:?}");
            if tool[0] == "cat" {
                continue;
            }
            // One behind the other is one stream to all three tools.
            assert!(opened(&[&whole[..], &whole].concat()).expect("a stream") == text.repeat(2), "{tool:?}");
            assert!(opened(&whole[..whole.len() / 2]).is_err(), "{tool:?}");
        }
        let skipped = [&b"\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00"[..], b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"].concat();
        assert_eq!(opened(&skipped).expect("two frames"), b"");
        assert!(opened(b"BZh91AY&SY").expect_err("bzip2").to_string().contains("unpack it, or pack it with gzip"));
    }
}
