//! clusterseed compiles one YAML file into everything that bare machines need to boot as a cluster.
//!
//! ```text
//!            io::load                                                              io::output
//!  disk ───────────────► Inputs ─► compile::check, compile::build ─► Artifact… ───────────────► disk
//!                                       │
//!  text ─ spec::parse ─► Spec ─ cluster::resolve ─► Cluster ─ plan::Planner ─► HostPlan ─ emit::host ─► Artifact{path, mode, content}
//!                                    ▲                  ▲
//!                       profile::Profile, Platform   cluster::checks, the profile's rules
//! ```
//!
//! Everything between `Inputs` and `Artifact` is pure: same inputs, same bytes; no file system, environment, clock, randomness or
//! hash-map order. What users typed wrong is collected in [`diag::Diagnostics`], with the place; what the machine did wrong is an
//! `anyhow` error at the boundary.
//!
//! Who may use whom (`tests/tidy.rs` holds this table and fails when it is broken):
//!
//! | module | may use |
//! |---|---|
//! | `diag`, `artifact`, `format`, `yaml::write` | nothing of ours |
//! | `yaml::read`, `schema` | `diag` |
//! | `spec` | `diag`, `yaml`, `schema` |
//! | `profile`, `platform` | the above, `format` |
//! | `cluster` | the above, `spec` |
//! | `plan` | the above, `cluster` |
//! | `emit` | `plan`, `cluster`, `platform`, `artifact`, `format`, `yaml`; never `profile` |
//! | `compile` | all passes; never `io`, never `cli` |
//! | `io` | `artifact`, `compile`'s inputs, what it reads |
//! | `cli` | everything |

pub mod artifact;
pub mod cli;
pub mod cluster;
pub mod compile;
pub mod diag;
pub mod emit;
pub mod format;
pub mod io;
pub mod plan;
pub mod platform;
pub mod profile;
pub mod schema;
pub mod spec;
pub mod yaml;
