//! Public formats that know nothing of clusters: tarballs, what is packed, volumes, checksums, Debian versions, releases and their
//! dates, base64, OpenPGP armor, HTTP, ZooKeeper's words, ranges of names, words for sh, what secrets look like.

pub mod base64;
pub mod checksum;
pub mod date;
pub mod debversion;
pub mod fourletter;
pub mod gzip;
pub mod http;
pub mod iso9660;
pub mod jks;
pub mod names;
pub mod openpgp;
pub mod packed;
pub mod pieces;
pub mod release;
pub mod secret;
pub mod shell;
pub mod tarball;
pub mod uuid;
pub mod vfat;
pub mod volume;
