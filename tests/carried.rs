//! Packages that are carried: locked, fetched and stored; from servers that lie, break and lead in circles, with keys that are wrong.

mod fetch;
mod lock;
mod server;
