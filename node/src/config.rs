//! Settings: which profile, where its files are, what is switched on, and where each value came from.
//!
//! Precedence (CF-2): flag, then environment, then the profile's file, then the common file, then the default. An
//! unknown key is an error that names the nearest known one, so a typing error is never silently ignored. Only
//! `environment` reads the environment; everything else gets its values handed in, which keeps it testable.

mod environment;
mod keys;
mod paths;
mod size;

pub use environment::Environment;
pub use keys::{Entry, Key, Origin, set_value};
pub use paths::Paths;

use std::path::{Path, PathBuf};

use crate::api::problem::{Code, Problem};

/// What the command line can say about the node.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`, repeated.
    pub listen: Vec<String>,
}

/// What the network part of the node does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Where to listen: `quic`, `tcp` or multiaddrs.
    pub listen: Vec<String>,
    /// Whether to look for members on the local network.
    pub mdns: bool,
    /// Whether to look for members by sealed public records.
    pub public_lookup: bool,
    /// Whether to ask the router for a way in.
    pub upnp: bool,
    /// Keys in the API's spelling that are refused at every level; for tests, re-read on SIGHUP.
    pub block: Vec<String>,
}

/// How much of the disk files may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaSettings {
    /// Bytes of the disk that files always leave free (BL-20).
    pub keep_free: u64,
    /// Bytes of one group's files beyond which nothing more of it comes unasked (BL-18).
    pub quota: u64,
}

/// All that a node or a face needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which profile.
    pub profile: String,
    /// Its files.
    pub paths: Paths,
    /// The network.
    pub node: NodeSettings,
    /// Files that people send each other.
    pub media: MediaSettings,
    /// The group that commands mean if none is named: environment, then `group.default`.
    pub group: Option<String>,
    /// What is logged: `COTERIE_LOG`, a level.
    pub log: Option<String>,
    entries: Vec<Entry>,
}

impl Settings {
    /// Reads flags, environment and files.
    ///
    /// # Errors
    /// `usage` for an impossible profile name; `bad_value` and `unknown_field` for a file, naming it and the key.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, Problem> {
        let profile =
            flags.profile.clone().or_else(|| environment.profile.clone()).unwrap_or_else(|| "default".to_owned());
        if !is_profile_name(&profile) {
            return Err(Problem::new(Code::Usage, format!("“{profile}” cannot be the name of a profile"))
                .because("a profile's name is 1 to 32 of a-z, 0-9, - and _")
                .advise(["coterie --profile work status"]));
        }
        let paths = Paths::find(&profile, flags.data_dir.as_deref(), environment)?;
        let mut values = keys::Values::default();
        for (origin, file) in paths.config_files() {
            values.read_file(origin, &file)?;
        }
        if !flags.listen.is_empty() {
            values.put(Key::Listen, keys::Value::List(flags.listen.clone()), Origin::Flag);
        }
        if let Some(group) = &environment.group {
            values.put(Key::DefaultGroup, keys::Value::Text(group.clone()), Origin::Environment);
        }
        let node = NodeSettings {
            listen: values.list(Key::Listen),
            mdns: values.flag(Key::Mdns),
            public_lookup: values.flag(Key::PublicLookup),
            upnp: values.flag(Key::Upnp),
            block: values.list(Key::Block),
        };
        let media = MediaSettings { keep_free: values.size(Key::KeepFree), quota: values.size(Key::Quota) };
        let group = values.text(Key::DefaultGroup);
        Ok(Self { profile, paths, node, media, group, log: environment.log.clone(), entries: values.entries() })
    }

    /// Every key that people may set, with its value and where that came from (`config list`).
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Reads the list of blocked keys once more (R-16, CF-2: SIGHUP).
    ///
    /// # Errors
    /// As [`Self::load`]; then the old list stays.
    pub fn read_block_again(&self) -> Result<Vec<String>, Problem> {
        let mut values = keys::Values::default();
        for (origin, file) in self.paths.config_files() {
            values.read_file(origin, &file)?;
        }
        Ok(values.list(Key::Block))
    }
}

fn is_profile_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(known)
}

/// Reads a small text file; a missing one is `None`.
fn read_optional(path: &Path) -> Result<Option<String>, Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::new(Code::BadValue, format!("{} could not be read", path.display()))
            .because(error.to_string())
            .advise(["coterie config path"])),
    }
}

#[cfg(test)]
mod tests;
