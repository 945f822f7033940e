//! What can be typed about the store.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `store`.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Write the store anew, without what was erased: gives room back; the node must be stopped
    Vacuum(Vacuum),
}

/// `store vacuum`.
#[derive(Args, Debug)]
pub struct Vacuum {
    /// Read the passphrase from this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}
