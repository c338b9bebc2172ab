//! Base64 (RFC 4648, 4): keys, logins, and bytes that travel as text.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Keys in OpenSSH's form and armor come with and without padding.
const READER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Bytes of text without line breaks; padding may be left out.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    READER.decode(text).ok()
}

/// Text on one line, with padding.
pub fn encode(bytes: &[u8]) -> String {
    READER.encode(bytes)
}

/// Text in lines of 76 characters, as `write_files` and MIME (RFC 2045, 6.8) take it.
pub fn encode_lines(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 57 + 8);
    for line in bytes.chunks(57) {
        READER.encode_string(line, &mut out);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, encode_lines};

    #[test]
    fn forms() {
        // RFC 4648, 10.
        assert_eq!(["", "f", "fo", "foo"].map(|text| encode(text.as_bytes())), ["", "Zg==", "Zm8=", "Zm9v"]);
        assert_eq!(["Zg==", "Zg", "Zm8=", "Zm8", "Zm9v"].map(|text| decode(text).is_some()), [true; 5]);
        assert_eq!(["Zh==", "Zg=a", "Z", "Zm9v\n", "Zm-_"].map(decode), [const { None }; 5], "loose bits, or foreign characters");
        let lines = encode_lines(&[0; 58]);
        assert_eq!(lines.lines().map(str::len).collect::<Vec<_>>(), [76, 4]);
        assert!(lines.ends_with("==\n") && encode_lines(b"").is_empty());
    }

    #[test]
    fn goes_round() {
        for length in 0..200u8 {
            let bytes: Vec<u8> = (0..length).map(|b| b.wrapping_mul(37)).collect();
            assert_eq!(decode(&encode_lines(&bytes).replace('\n', "")), Some(bytes));
        }
    }
}
