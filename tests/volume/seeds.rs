//! The volumes of a build.
