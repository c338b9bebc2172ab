//! The form in which user-data leaves: readable where it fits, else gzip in a form that the cloud hands on unharmed.

use std::io::Read;

use crate::cluster::{Cluster, Compress};
use crate::format::{base64, gzip};
use crate::platform::Encoding;

/// A MIME message of one part, which cloud-init takes apart by itself, whatever the cloud (user_data.py; seen with 22.4).
const MIME: &str = "Content-Type: application/x-gzip\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n";

/// User-data as it leaves.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Its form.
    pub encoding: Encoding,
    /// All bytes.
    pub bytes: Vec<u8>,
}

/// A document in a form.
pub fn form(text: &str, encoding: Encoding) -> Encoded {
    let bytes = match encoding {
        Encoding::Plain => text.as_bytes().to_vec(),
        Encoding::Gzip => gzip::pack(text.as_bytes()),
        Encoding::GzipBase64 => format!("{MIME}{}", base64::encode_lines(&gzip::pack(text.as_bytes()))).into_bytes(),
    };
    Encoded { encoding, bytes }
}

/// Forms that the spec and the cloud allow, in the order in which they are tried.
pub fn allowed(cluster: &Cluster) -> impl Iterator<Item = Encoding> {
    let compress = cluster.delivery.compress;
    cluster.cloud.encodings.iter().copied().filter(move |encoding| match compress {
        Compress::Auto => true,
        Compress::Never => *encoding == Encoding::Plain,
        Compress::Always => *encoding != Encoding::Plain,
    })
}

/// The first form that fits; where none does, the smallest.
pub fn encode(text: String, cluster: &Cluster) -> Encoded {
    let mut smallest: Option<Encoded> = None;
    for encoding in allowed(cluster) {
        // The usual case copies nothing.
        if encoding == Encoding::Plain && cluster.cloud.takes(text.len()) {
            return Encoded { encoding, bytes: text.into_bytes() };
        }
        let encoded = form(&text, encoding);
        if cluster.cloud.takes(encoded.bytes.len()) {
            return encoded;
        }
        if smallest.as_ref().is_none_or(|best| encoded.bytes.len() < best.bytes.len()) {
            smallest = Some(encoded);
        }
    }
    smallest.unwrap_or(Encoded { encoding: Encoding::Plain, bytes: text.into_bytes() })
}

/// User-data as cloud-init sees it: the reverse, for whatever form it has.
///
/// # Errors
/// In words, when it is damaged.
pub fn readable(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let packed = match bytes.strip_prefix(MIME.as_bytes()) {
        None => bytes,
        Some(body) => base64::decode(&String::from_utf8_lossy(body).replace('\n', "")).ok_or("user-data: bad base64")?,
    };
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return Ok(packed);
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut plain).map_err(|error| format!("user-data: {error}"))?;
    Ok(plain)
}
