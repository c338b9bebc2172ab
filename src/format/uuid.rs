//! UUIDs that follow from what they name (RFC 9562, version 5): the same content has the same one, on every machine.

use sha1::{Digest, Sha1};

use super::checksum::hex;

/// The space of our own names: a UUID that was drawn once.
const SPACE: [u8; 16] = [0x5f, 0x0c, 0x3e, 0x5b, 0x9a, 0x41, 0x4f, 0x66, 0x8e, 0x6d, 0x21, 0xc7, 0x90, 0xd3, 0x7b, 0x1e];

/// The UUID of some content.
pub fn of(content: &[u8]) -> String {
    of_space(&SPACE, content)
}

fn of_space(space: &[u8; 16], content: &[u8]) -> String {
    let digest = Sha1::new().chain_update(space).chain_update(content).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_the_rfc_says() {
        // RFC 9562, A.4: the name www.example.com in the space of DNS names.
        let dns = [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        assert_eq!(super::of_space(&dns, b"www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}
