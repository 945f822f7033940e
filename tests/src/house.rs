//! Reads the repository's own sources, offline, so that the tidy test can hold them against the house rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates and the folder of each.
pub const CRATES: [(&str, &str); 5] = [
    ("coterie", "cli"),
    ("coterie-node", "node"),
    ("coterie-protocol", "protocol"),
    ("coterie-simulations", "simulations"),
    ("coterie-tests", "tests"),
];

/// One source file.
pub struct Source {
    /// Relative to the repository.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl Source {
    /// The lines before the test module.
    #[must_use]
    pub fn code(&self) -> Vec<&str> {
        if is_test_file(&self.path) {
            return Vec::new();
        }
        self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect()
    }

    /// Code lines without comments, so that a word in a sentence is no violation.
    #[must_use]
    pub fn statements(&self) -> Vec<(usize, &str)> {
        self.code()
            .into_iter()
            .enumerate()
            .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
            .filter(|(_, line)| !line.trim().is_empty())
            .collect()
    }
}

/// Whether a file holds tests only.
#[must_use]
pub fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/benches/")
}

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository").to_path_buf()
}

/// All Rust files, by path.
#[must_use]
pub fn rust_sources() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    for (_, folder) in CRATES {
        collect(&root.join(folder), "rs", &mut found);
    }
    let mut sources: Vec<Source> = found
        .into_iter()
        .map(|path| Source {
            text: std::fs::read_to_string(&path).expect("a source can be read"),
            path: path.strip_prefix(&root).expect("under the root").to_string_lossy().into_owned(),
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != "fuzz" && name != "node_modules" {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// Runs cargo offline in the repository and gives what it prints.
///
/// # Panics
/// If cargo fails.
#[must_use]
pub fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The direct dependencies of each crate of the house, development ones included.
///
/// # Panics
/// If cargo's answer isn't what cargo documents.
#[must_use]
pub fn direct_dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata: serde_json::Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let names = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter()
                .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
                .collect();
            (package["name"].as_str().expect("a name").to_owned(), names)
        })
        .collect()
}

/// The names of a file's `//!`-declared modules are not needed: every file must be named by a `mod` somewhere.
#[must_use]
pub fn declared_modules(sources: &[Source]) -> Vec<String> {
    let declaration = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("pub").map_or(line, |rest| rest.trim_start_matches("(crate)").trim());
        line.strip_prefix("mod ").map(|rest| rest.trim_end_matches([';', '{', ' ']).to_owned())
    };
    sources.iter().flat_map(|source| source.text.lines().filter_map(declaration)).collect()
}
