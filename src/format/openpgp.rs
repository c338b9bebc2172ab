//! As much of OpenPGP as is needed to pin a public key: ASCII armor and the version 4 fingerprint (RFC 4880, 6 and 12.2).

use sha1::{Digest, Sha1};

use super::checksum::hex;

/// What is wrong with an armored key.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Not ASCII armor, or damaged.
    Armor(&'static str),
    /// Not a version 4 public key.
    Packet(&'static str),
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Armor(why) => write!(f, "not an armored OpenPGP key: {why}"),
            Self::Packet(why) => write!(f, "not an OpenPGP public key: {why}"),
        }
    }
}

/// The binary keyring inside an armored public key; its checksum is checked.
pub fn dearmor(text: &str) -> Result<Vec<u8>, KeyError> {
    let mut lines = text.lines().map(str::trim_end).skip_while(|line| !line.starts_with("-----BEGIN "));
    match lines.next() {
        Some("-----BEGIN PGP PUBLIC KEY BLOCK-----") => {}
        Some(line) if line.contains("PRIVATE") => return Err(KeyError::Armor("this is a private key; never hand it out")),
        _ => return Err(KeyError::Armor("no BEGIN PGP PUBLIC KEY BLOCK line")),
    }
    let mut body = String::new();
    let mut checksum = None;
    let mut ended = false;
    for line in lines.skip_while(|line| !line.is_empty()).skip(1) {
        if line.starts_with("-----END ") {
            ended = true;
            break;
        }
        match line.strip_prefix('=') {
            Some(sum) => checksum = base64(sum),
            None => body.push_str(line),
        }
    }
    if !ended {
        return Err(KeyError::Armor("the END line is missing"));
    }
    let bytes = base64(&body).ok_or(KeyError::Armor("bad base64"))?;
    if checksum.is_some_and(|sum| sum != crc24(&bytes)) {
        return Err(KeyError::Armor("the checksum does not match"));
    }
    Ok(bytes)
}

/// Whether bytes are nothing but an armored signature, as gpg writes it: not whose, or of what.
pub fn is_signature(armored: &[u8]) -> bool {
    fn packets(armored: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(armored).ok()?;
        let body = text.strip_prefix("-----BEGIN PGP SIGNATURE-----\n\n")?.strip_suffix("\n-----END PGP SIGNATURE-----\n")?;
        // RFC 9580 does without the checksum.
        let (body, sum) = body.rsplit_once("\n=").map_or((body, None), |(body, sum)| (body, Some(sum)));
        let lines: Vec<&str> = body.split('\n').collect();
        let (last, full) = lines.split_last()?;
        let bytes = base64(&lines.concat())?;
        let even = full.iter().all(|line| line.len() == 64) && (1..=64).contains(&last.len());
        // In one spelling only: bits that decoding drops are bytes that somebody changed.
        let spelled = |bytes: &[u8]| to_base64(bytes).replace('\n', "");
        let one = spelled(&bytes) == lines.concat() && sum.is_none_or(|sum| spelled(&crc24(&bytes)) == sum);
        (even && one).then_some(bytes)
    }
    let Some(bytes) = packets(armored) else { return false };
    let mut rest = &bytes[..];
    while let Some((SIGNATURE, _, after)) = first_packet(rest) {
        if after.is_empty() {
            return true;
        }
        rest = after;
    }
    false
}

/// Fingerprint of the first key of a binary keyring: forty upper-case hexadecimal digits.
pub fn fingerprint(keyring: &[u8]) -> Result<String, KeyError> {
    let (tag, body, _) = first_packet(keyring).ok_or(KeyError::Packet("cut off"))?;
    if tag != PUBLIC_KEY {
        return Err(KeyError::Packet("it does not begin with a public key"));
    }
    Ok(key(tag, body)?.fingerprint)
}

/// Packet tags (RFC 4880, 4.3).
const SIGNATURE: u8 = 2;
const PUBLIC_KEY: u8 = 6;
const PUBLIC_SUBKEY: u8 = 14;

/// A public key of a keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Forty upper-case hexadecimal digits.
    pub fingerprint: String,
    /// False for a subkey.
    pub primary: bool,
    /// Length of the RSA modulus or of the DSA prime; 0 for keys of other kinds, whose curves are all long enough.
    pub bits: usize,
}

impl Key {
    /// True for an RSA or DSA key of fewer bits.
    pub fn weak(&self, least: usize) -> bool {
        self.bits != 0 && self.bits < least
    }
}

/// A file with public keys to a binary keyring, as gpgv reads it: armored, block after block, or binary already.
pub fn keyring(bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
    const BEGIN: &str = "-----BEGIN ";
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN)) else {
        return keys(bytes).map(|_| bytes.to_vec());
    };
    let starts: Vec<usize> = text.match_indices(BEGIN).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let blocks = starts.iter().zip(ends).map(|(start, end)| dearmor(&text[*start..end]));
    Ok(blocks.collect::<Result<Vec<_>, _>>()?.concat())
}

/// All keys and subkeys of version 4 in a binary keyring; others are passed over.
pub fn keys(keyring: &[u8]) -> Result<Vec<Key>, KeyError> {
    let mut found = Vec::new();
    let mut rest = keyring;
    while !rest.is_empty() {
        let (tag, body, after) = first_packet(rest).ok_or(KeyError::Packet("cut off"))?;
        rest = after;
        if matches!(tag, PUBLIC_KEY | PUBLIC_SUBKEY) {
            found.extend(key(tag, body));
        }
    }
    if found.is_empty() { Err(KeyError::Packet("it holds no key of version 4")) } else { Ok(found) }
}

fn key(tag: u8, body: &[u8]) -> Result<Key, KeyError> {
    if body.first() != Some(&4) {
        return Err(KeyError::Packet("only version 4 keys are understood, as gnupg 1.4 is"));
    }
    let length = u16::try_from(body.len()).map_err(|_| KeyError::Packet("too long"))?;
    let mut hash = Sha1::new();
    hash.update([0x99]);
    hash.update(length.to_be_bytes());
    hash.update(body);
    // Version, four bytes of time, algorithm (1 to 3 RSA, 16 Elgamal, 17 DSA), and the first number with its length in bits.
    let bits = match body.get(5..8) {
        Some([1..=3 | 16 | 17, high, low]) => usize::from(*high) << 8 | usize::from(*low),
        _ => 0,
    };
    Ok(Key { fingerprint: hex(&hash.finalize()).to_uppercase(), primary: tag == PUBLIC_KEY, bits })
}

/// Tag and body of the first packet, old or new format header, and what follows it.
fn first_packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let header = *bytes.first()?;
    if header & 0x80 == 0 {
        return None;
    }
    let byte = |at: usize| bytes.get(at).map(|b| usize::from(*b));
    let (tag, start, length): (u8, usize, usize) = if header & 0x40 != 0 {
        let first = byte(1)?;
        let (start, length) = match first {
            0..=191 => (2, first),
            192..=223 => (3, ((first - 192) << 8) + byte(2)? + 192),
            255 => (6, (byte(2)? << 24) | (byte(3)? << 16) | (byte(4)? << 8) | byte(5)?),
            _ => return None,
        };
        (header & 0x3f, start, length)
    } else {
        let (start, length) = match header & 3 {
            0 => (2, byte(1)?),
            1 => (3, (byte(1)? << 8) | byte(2)?),
            2 => (5, (byte(1)? << 24) | (byte(2)? << 16) | (byte(3)? << 8) | byte(4)?),
            _ => return None,
        };
        ((header >> 2) & 0xf, start, length)
    };
    let end = start.checked_add(length)?;
    Some((tag, bytes.get(start..end)?, &bytes[end..]))
}

/// Bytes of base64 text without line breaks; padding may be left out.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count, mut padding) = (0u32, 0, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (padding <= 2 && bits == 0).then_some(out)
}

fn crc24(bytes: &[u8]) -> Vec<u8> {
    let mut crc = 0x00B7_04CE_u32;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4CFB;
            }
        }
    }
    crc.to_be_bytes()[1..].to_vec()
}

/// Base64 in lines of 76 characters, as `write_files` takes it.
pub fn to_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 57 + 8);
    for line in bytes.chunks(57) {
        for chunk in line.chunks(3) {
            let word = chunk.iter().fold(0u32, |word, b| (word << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
            for i in 0..4 {
                let digit = DIGITS[(word >> (18 - 6 * i)) as usize & 63];
                out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64, dearmor, fingerprint, to_base64};

    const KEY: &str = include_str!("../../vendor/mesosphere/archive-key.asc");

    #[test]
    fn pins_the_shipped_key() {
        let keyring = dearmor(KEY).unwrap();
        assert_eq!(fingerprint(&keyring).unwrap(), "81026D0004C44CF7EF55ADF8DF7D54CBE56151BF");
    }

    #[test]
    fn any_changed_letter_is_noticed() {
        let start = KEY.find("\n\n").unwrap() + 2;
        let end = KEY.rfind("\n=").unwrap();
        for at in (start..end).step_by(7) {
            let mut text = KEY.as_bytes().to_vec();
            if text[at].is_ascii_alphanumeric() {
                text[at] = if text[at] == b'A' { b'B' } else { b'A' };
                let text = String::from_utf8(text).unwrap();
                if text != KEY {
                    assert!(dearmor(&text).is_err(), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn base64_goes_round() {
        for length in 0..200u8 {
            let bytes: Vec<u8> = (0..length).map(|b| b.wrapping_mul(37)).collect();
            assert_eq!(base64(&to_base64(&bytes).replace('\n', "")).unwrap(), bytes);
        }
    }
}
