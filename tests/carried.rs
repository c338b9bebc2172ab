//! Packages that are carried: locked, fetched and stored; from servers that lie, break and lead in circles, with keys that are wrong.

mod desk;
mod fetch;
mod formats;
mod killed;
mod lock;
mod server;
mod tls;
mod trust;
