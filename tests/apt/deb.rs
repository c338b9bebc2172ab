//! .deb files, sound and harmful.
