//! Of `key`.

use std::path::PathBuf;

use clap::Args;

/// `key`.
#[derive(Debug, Args)]
pub struct Key {
    /// The spec, beside which clusterseed.key lies; it is not read
    pub spec: PathBuf,
    /// Another key, as in `build`: FILE, fd:N, or gpg:KEY of your own gpg
    #[arg(long, value_name = "KEY")]
    pub sign_with: Option<String>,
    /// Print the armored public key instead of its fingerprint
    #[arg(long)]
    pub public: bool,
}
