//! Why a profile does not open, and what a person can do about it.

use std::path::{Path, PathBuf};

use coterie_protocol::{IoKind, StoreError};

use super::directory::{self, MARGIN_BYTES};
use super::vault::VaultError;

/// What is wrong with a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Other users could read it.
    OpenToOthers,
    /// This user may not use it.
    NoAccess,
    /// It belongs to another user.
    ForeignOwner,
    /// It is a symbolic link or no folder.
    NotAFolder,
    /// One of its files is a symbolic link.
    SymbolicLink,
    /// It lies on a network disk, where a sync promises nothing.
    NetworkDisk,
    /// It lies on a disk mounted without the right to write.
    ReadOnly,
}

/// Why a profile does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The folder can't be used as it is (R-26).
    #[error("the data folder {} can't be used: {problem:?}", path.display())]
    Unusable {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What is wrong.
        problem: Problem,
    },
    /// Another process has it.
    #[error("the data folder {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Process id of the holder, if it said so.
        pid: Option<u32>,
    },
    /// There is no profile here yet.
    #[error("there is no profile in {}", path.display())]
    NoProfile {
        /// The folder.
        path: PathBuf,
    },
    /// There is one already.
    #[error("there is a profile in {} already", path.display())]
    ProfileExists {
        /// The folder.
        path: PathBuf,
    },
    /// The key file is gone, or it isn't 32 bytes.
    #[error("the key file {} is missing or isn't one", path.display())]
    KeyFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// The vault does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The disk is full.
    #[error("disk full: {free} bytes free, {need} needed")]
    Full {
        /// Bytes that must be free.
        need: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine refuses.
    #[error("{}: {kind:?}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: IoKind,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        match directory::io_kind(error) {
            IoKind::NoSpace => Self::Full { need: MARGIN_BYTES, free: 0 },
            IoKind::ReadOnly => Self::Unusable { path: path.into(), problem: Problem::ReadOnly },
            kind => Self::Io { path: path.into(), kind },
        }
    }

    /// The command that mends it, ready to be typed (CF-1, R-26).
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let Self::Unusable { path, problem } = self else { return None };
        let path = quoted(path);
        match problem {
            Problem::OpenToOthers | Problem::NoAccess => Some(format!("chmod 700 {path}")),
            Problem::ForeignOwner => Some(format!("sudo chown -R \"$(id -un)\" {path}")),
            Problem::NotAFolder | Problem::SymbolicLink => Some(format!("ls -ld {path}")),
            Problem::NetworkDisk | Problem::ReadOnly => None,
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cf_01_a_remedy_can_be_pasted_into_a_shell_whatever_the_path() {
        let at = |path: &str| OpenError::Unusable { path: path.into(), problem: Problem::OpenToOthers }.remedy();
        assert_eq!(at("/home/ana/.local/share/coterie").as_deref(), Some("chmod 700 /home/ana/.local/share/coterie"));
        assert_eq!(at("/a b/it's").as_deref(), Some(r"chmod 700 '/a b/it'\''s'"));
    }
}
