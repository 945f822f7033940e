//! What can be typed about the node itself.

use std::path::PathBuf;

use clap::Args;

/// `init`.
#[derive(Args, Debug)]
pub struct Init {
    /// The name that groups will see
    #[arg(long)]
    pub name: Option<String>,
    /// Protect the identity with the passphrase in this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `up`.
#[derive(Args, Debug)]
pub struct Up {
    /// Stay in this terminal
    #[arg(long)]
    pub foreground: bool,
    /// Listen here: quic, tcp or a multiaddr; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// Read the passphrase from this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Set by `up` itself for the process it leaves behind.
    #[arg(long, hide = true)]
    pub detached: bool,
}

/// `doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// Open and count every record on the disk first
    #[arg(long)]
    pub deep: bool,
}
