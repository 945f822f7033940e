//! What can be typed behind `identity`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `identity`.
#[derive(Debug, Subcommand)]
pub enum Identity {
    /// Name and key
    Show,
    /// Your key in six words, to be read out to somebody
    Fingerprint,
    /// This is the computer I use: go on here, after a second copy was seen
    Here,
    /// Change the name that groups see
    Rename {
        /// The new name
        name: String,
    },
    /// Save who you are, your groups and contacts in an encrypted file
    Backup(Backup),
    /// Come back from such a file, on a computer without an identity
    Restore(Restore),
    /// Change the passphrase that this computer asks for
    Passphrase(Passphrase),
    /// Leave the computer alone: nothing is read or sent until the passphrase is given
    Lock,
    /// Go on after `identity lock`
    Unlock(Unlock),
}

/// `identity backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// Where to; an existing file is never overwritten
    pub file: PathBuf,
    /// What was said goes in, too
    #[arg(long)]
    pub with_history: bool,
    /// Read the backup's own passphrase from this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `identity restore`.
#[derive(Args, Debug)]
pub struct Restore {
    /// The file that `identity backup` made
    pub file: PathBuf,
    /// Read the backup's passphrase from this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Protect the restored identity with the passphrase in this file; without it a key file does
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
}

/// `identity unlock`.
#[derive(Args, Debug)]
pub struct Unlock {
    /// Read the passphrase from this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `identity passphrase`.
#[derive(Args, Debug)]
pub struct Passphrase {
    /// Read the passphrase in force from this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Read the next one from this file
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    pub new_passphrase_file: Option<PathBuf>,
    /// Ask for none any more: a key file beside the vault takes its place
    #[arg(long)]
    pub remove: bool,
}
