//! Public formats that know nothing of clusters: tarballs, gzip, volumes, checksums, Debian versions, OpenPGP armor.

pub mod checksum;
pub mod debversion;
pub mod gzip;
pub mod iso9660;
pub mod jks;
pub mod openpgp;
pub mod tarball;
pub mod vfat;
pub mod volume;
