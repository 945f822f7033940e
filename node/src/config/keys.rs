//! The table of keys: names, defaults, reading a file, and writing one value without touching the rest.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::read_optional;
use crate::api::problem::{Code, Problem};

/// A known key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `node.listen`
    Listen,
    /// `node.mdns`
    Mdns,
    /// `node.public_lookup`
    PublicLookup,
    /// `node.upnp`
    Upnp,
    /// `node.block`: hidden, for tests.
    Block,
    /// `group.default`
    DefaultGroup,
    /// `media.keep_free`
    KeepFree,
    /// `media.quota`
    Quota,
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The common file.
    File,
    /// The profile's file.
    ProfileFile,
    /// A variable.
    Environment,
    /// A flag.
    Flag,
}

/// One line of `config list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: &'static str,
    /// Its value, as TOML; empty if unset.
    pub value: String,
    /// Where that came from.
    pub origin: Origin,
}

/// A value of the kind that its key needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Flag(bool),
    Text(String),
    /// As written; it reads as a size.
    Size(String),
    List(Vec<String>),
    Unset,
}

impl Key {
    /// Every key.
    pub const ALL: [Self; 8] = [
        Self::Listen,
        Self::Mdns,
        Self::PublicLookup,
        Self::Upnp,
        Self::Block,
        Self::DefaultGroup,
        Self::KeepFree,
        Self::Quota,
    ];

    /// Its dotted name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "node.listen",
            Self::Mdns => "node.mdns",
            Self::PublicLookup => "node.public_lookup",
            Self::Upnp => "node.upnp",
            Self::Block => "node.block",
            Self::DefaultGroup => "group.default",
            Self::KeepFree => "media.keep_free",
            Self::Quota => "media.quota",
        }
    }

    /// The key of a name.
    ///
    /// # Errors
    /// `unknown_field`, naming the nearest key.
    pub fn from_name(name: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|key| key.name() == name).ok_or_else(|| {
            let near = Self::ALL.into_iter().filter(|key| key.is_listed()).min_by_key(|key| distance(name, key.name()));
            let near = near.map_or("", Self::name);
            Problem::new(Code::UnknownField, format!("there is no setting “{name}”"))
                .because(format!("the nearest one is {near}"))
                .advise([format!("coterie config get {near}"), "coterie config list".to_owned()])
                .detail("nearest", near)
        })
    }

    /// Whether a new value needs a restart of the node.
    #[must_use]
    pub const fn needs_restart(self) -> bool {
        matches!(self, Self::Listen | Self::Mdns | Self::PublicLookup | Self::Upnp | Self::KeepFree | Self::Quota)
    }

    const fn is_listed(self) -> bool {
        !matches!(self, Self::Block)
    }

    fn default_value(self) -> Value {
        match self {
            Self::Listen => Value::List(vec!["quic".to_owned(), "tcp".to_owned()]),
            Self::Mdns | Self::PublicLookup | Self::Upnp => Value::Flag(true),
            Self::Block => Value::List(Vec::new()),
            Self::DefaultGroup => Value::Unset,
            // A laptop with less than this left has other worries than pictures (BL-20).
            Self::KeepFree => Value::Size("1 GiB".to_owned()),
            // A year of pictures of a busy group (BL-18; guess).
            Self::Quota => Value::Size("2 GiB".to_owned()),
        }
    }

    fn read(self, found: &toml::Value) -> Result<Value, Problem> {
        let value = match (self.default_value(), found) {
            (Value::Flag(_), toml::Value::Boolean(value)) => Some(Value::Flag(*value)),
            (Value::Text(_) | Value::Unset, toml::Value::String(text)) => Some(Value::Text(text.clone())),
            (Value::Size(_), toml::Value::String(text)) => {
                super::size::parse(text).map(|_| Value::Size(text.trim().to_owned()))
            }
            (Value::List(_), toml::Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                texts.map(Value::List)
            }
            _ => None,
        };
        value.ok_or_else(|| {
            let kind = match self.default_value() {
                Value::Flag(_) => "true or false",
                Value::Text(_) | Value::Unset => "a text in quotes",
                Value::Size(_) => "a size in quotes, like \"500 MB\" or \"2 GiB\"",
                Value::List(_) => "a list of texts, like [\"quic\", \"tcp\"]",
            };
            Problem::new(Code::BadValue, format!("{} cannot be {found}", self.name()))
                .because(format!("it must be {kind}"))
                .advise([format!("coterie config get {}", self.name())])
        })
    }
}

/// Values with their origins.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<Key, (Value, Origin)>);

impl Values {
    pub(super) fn put(&mut self, key: Key, value: Value, origin: Origin) {
        self.0.insert(key, (value, origin));
    }

    pub(super) fn read_file(&mut self, origin: Origin, path: &Path) -> Result<(), Problem> {
        let Some(text) = read_optional(path)? else { return Ok(()) };
        let in_file = |problem: Problem| {
            let what = format!("{}, in {}", problem.what, path.display());
            Problem { what, ..problem }
        };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let problem =
                Problem::new(Code::BadValue, "the settings were not understood").because(error.message().to_owned());
            in_file(problem.advise(["coterie config edit", "coterie config path"]))
        })?;
        for (name, value) in flatten(&table) {
            let key = Key::from_name(&name).map_err(in_file)?;
            self.put(key, key.read(value).map_err(in_file)?, origin);
        }
        Ok(())
    }

    fn value(&self, key: Key) -> (Value, Origin) {
        self.0.get(&key).cloned().unwrap_or_else(|| (key.default_value(), Origin::Default))
    }

    pub(super) fn flag(&self, key: Key) -> bool {
        matches!(self.value(key).0, Value::Flag(true))
    }

    pub(super) fn list(&self, key: Key) -> Vec<String> {
        if let Value::List(items) = self.value(key).0 { items } else { Vec::new() }
    }

    pub(super) fn text(&self, key: Key) -> Option<String> {
        if let Value::Text(text) = self.value(key).0 { Some(text) } else { None }
    }

    /// Bytes.
    pub(super) fn size(&self, key: Key) -> u64 {
        if let Value::Size(text) = self.value(key).0 { super::size::parse(&text).unwrap_or(0) } else { 0 }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let listed = Key::ALL.into_iter().filter(|key| key.is_listed());
        let entry = |key: Key| {
            let (value, origin) = self.value(key);
            let value = match value {
                Value::Flag(flag) => flag.to_string(),
                Value::Text(text) | Value::Size(text) => toml::Value::String(text).to_string(),
                Value::List(items) => toml::Value::from(items).to_string(),
                Value::Unset => String::new(),
            };
            Entry { key: key.name(), value, origin }
        };
        listed.map(entry).collect()
    }
}

/// `[node] mdns = false` and `node.mdns = false` are the same.
fn flatten(table: &toml::Table) -> Vec<(String, &toml::Value)> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) => {
                found.extend(inner.iter().map(|(key, value)| (format!("{name}.{key}"), value)))
            }
            _ => found.push((name.clone(), value)),
        }
    }
    found
}

/// Writes one value into a configuration file and leaves every other line, comments too, as it was. `text` is the
/// value as TOML; a bare word is taken as a text.
///
/// # Errors
/// `unknown_field`, `bad_value`, or what the disk says.
pub fn set_value(file: &Path, name: &str, text: &str) -> Result<(), Problem> {
    let key = Key::from_name(name)?;
    let parsed = format!("v = {text}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("v"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()));
    key.read(&value)?;
    let old = read_optional(file)?.unwrap_or_default();
    let new = replaced(&old, name, &value.to_string());
    // What was written must be read back as meant, else the file stays as it was.
    let table: Option<toml::Table> = new.parse().ok();
    let good =
        table.as_ref().is_some_and(|table| flatten(table).iter().any(|(found, held)| found == name && **held == value));
    if !good {
        return Err(Problem::new(Code::BadValue, format!("{name} could not be written into {}", file.display()))
            .because("the file has that setting in a form that is not changed by itself")
            .advise(["coterie config edit"]));
    }
    write_private(file, &new).map_err(|error| {
        let problem = Problem::new(Code::Internal, format!("{} could not be written", file.display()));
        problem.because(error.to_string()).advise(["coterie config path"])
    })
}

fn replaced(old: &str, name: &str, value: &str) -> String {
    let (section, short) = name.split_once('.').unwrap_or(("", name));
    let mut lines: Vec<String> = old.lines().map(str::to_owned).collect();
    let mut current = String::new();
    let mut end_of_section = None;
    for (at, line) in lines.iter().enumerate() {
        let bare = line.trim();
        if bare.starts_with('[') && bare.contains(']') {
            current = bare.trim_start_matches('[').split(']').next().unwrap_or_default().trim().to_owned();
        }
        if current == section && !bare.is_empty() {
            end_of_section = Some(at + 1);
        }
        let here = bare.split_once('=').map(|(left, _)| left.trim().to_owned());
        let full = if current.is_empty() { here } else { here.map(|left| format!("{current}.{left}")) };
        if full.as_deref() == Some(name) {
            let left = line.split('=').next().unwrap_or(short).trim_end().to_owned();
            if let Some(place) = lines.get_mut(at) {
                *place = format!("{left} = {value}");
            }
            return joined(&lines);
        }
    }
    match end_of_section {
        Some(at) => lines.insert(at, format!("{short} = {value}")),
        None => lines.extend([format!("[{section}]"), format!("{short} = {value}")]),
    }
    joined(&lines)
}

fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = file.with_extension("toml.tmp");
    let mut open = std::fs::OpenOptions::new();
    let mut new = open.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    std::fs::rename(&beside, file)
}

/// Levenshtein's distance: how many letters differ.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for (j, &right) in b.iter().enumerate() {
            let swapped = row.get(j).copied().unwrap_or_default() + usize::from(left != right);
            let dropped = row.get(j + 1).copied().unwrap_or_default() + 1;
            let added = next.last().copied().unwrap_or_default() + 1;
            next.push(swapped.min(dropped).min(added));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
