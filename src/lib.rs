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
//! Who may use whom. `tests/tidy.rs` reads this table and fails when it is broken: a row allows what it names and nothing else, a
//! module always sees itself.
//!
//! | module | may use |
//! |---|---|
//! | `diag`, `format`, `yaml::write` | nothing of ours |
//! | `apt` | `format` |
//! | `artifact` | `format` |
//! | `yaml::read` | `diag` |
//! | `schema` | `diag`, `yaml::read` |
//! | `spec` | `diag`, `format`, `schema`, `yaml::read` |
//! | `profile` | `diag`, `format`, `schema`, `yaml::read` |
//! | `platform` | `diag`, `schema`, `yaml::read`, `profile::catalog` |
//! | `cluster` | `diag`, `format`, `lock`, `schema`, `yaml::read`, `spec`, `profile`, `platform` |
//! | `plan` | `diag`, `format`, `lock`, `schema`, `profile`, `platform`, `cluster` |
//! | `lock` | `apt`, `diag`, `format`, `schema`, `yaml::read` |
//! | `image` | `format` |
//! | `emit` | `artifact`, `diag`, `format`, `lock`, `yaml::write`, `platform`, `cluster`, `plan`, `image::leaks`, `status`; never `profile`: kinds of clusters are data |
//! | `bom` | `apt`, `artifact`, `cluster`, `emit::repository`, `format`, `lock`, `platform` |
//! | `change` | `cluster`, `emit`, `format`, `plan`, `profile` |
//! | `compile` | `apt`, `artifact`, `diag`, `format`, `lock`, `spec`, `profile::catalog`, `cluster`, `plan`, `emit`; never `io` or `cli` |
//! | `status` | `diag`, `profile`, `platform`, `cluster`, `plan`, `schema` |
//! | `io` | `apt`, `artifact`, `diag`, `emit::repository`, `format`, `lock`, `yaml::read`, `spec`, `profile::catalog`, `profile::status`, `cluster`, `compile`, `status` |
//! | `bake` | `format`, `lock`, `cluster`, `plan`, `emit`, `image`, `io::base`, `io::output::pour`, `io::output::rename_new`, `io::store` |
//! | `cli` | everything |

pub mod apt;
pub mod artifact;
pub mod bake;
pub mod bom;
pub mod change;
pub mod cli;
pub mod cluster;
pub mod compile;
pub mod diag;
pub mod emit;
pub mod format;
pub mod image;
pub mod io;
pub mod lock;
pub mod plan;
pub mod platform;
pub mod profile;
pub mod schema;
pub mod spec;
pub mod status;
pub mod yaml;
