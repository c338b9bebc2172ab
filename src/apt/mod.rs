//! Debian packages and the choice among them, as apt makes it.
//!
//! ```text
//!  Packages, dpkg status, .deb ─ control, relation ─► Package ─ index ─► Offer, status ─► Installed
//!                                                                             │
//!                           Request{sources, base, wanted, pins} ─ resolve ─► Closure ─ verify ─► no violation
//!                                                                     └ none ─► explain ─► why
//! ```
//!
//! Texts are read where they lie: everything borrows from the text of an index, so that a whole distribution is read in a part of
//! a second. Nothing here opens a file; what is compressed is decompressed before ([`deb`] alone reads compressed members, from a
//! reader that it is given). A folder of .deb files becomes a source by writing the index that nobody wrote for it
//! ([`index::entry`]).
//!
//! Rules come from deb-control(5), deb-version(7), apt_preferences(5) and from watching apt 2.6: `tests/apt` holds a folder for
//! each of them, and gives the same folders to the real apt.

pub mod control;
pub mod copyright;
pub mod data;
pub mod deb;
pub mod explain;
pub mod index;
pub mod package;
pub mod relation;
pub mod resolve;
pub mod status;
pub mod verify;

pub use package::{MultiArch, Package, Priority};
pub use relation::{Operator, Relation};
pub use resolve::{Closure, Request, resolve};
