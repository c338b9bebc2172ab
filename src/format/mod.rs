//! Public formats that know nothing of clusters: tarballs, gzip, volumes, checksums, Debian versions, releases and their dates, OpenPGP armor.

pub mod checksum;
pub mod date;
pub mod debversion;
pub mod gzip;
pub mod iso9660;
pub mod openpgp;
pub mod pieces;
pub mod release;
pub mod tarball;
pub mod vfat;
pub mod volume;
