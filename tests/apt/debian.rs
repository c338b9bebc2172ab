//! The real index of Debian 12.
