//! The choice of packages, beside the real apt on the same input.
//!
//! A folder of `tests/apt` is a case: `NAME.packages` for each source, in the order of their names (what a field leaves out is
//! filled in), `status` of the base, `request`, and `expected`, which is what we answer (UPDATE_EXPECT=1 writes it). Where apt
//! answers something else the folder has a file `differs` that says why. Without apt the comparison is said to be skipped.

mod cases; // the folders
mod deb; // .deb files, sound and harmful
mod debian; // the real index of Debian 12
mod oracle; // the real apt
mod random; // small universes by chance
mod world; // what a case holds
