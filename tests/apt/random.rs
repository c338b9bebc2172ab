//! Small universes by chance.
