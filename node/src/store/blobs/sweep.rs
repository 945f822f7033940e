//! Order in the folder of attachments: what a life that was cut off has left, what no record knows, how much it holds.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::TEMPORARY;
use super::layout::chunk_number;
use crate::clock::Clock;
use crate::store::directory::sync_folder;

/// Younger folders are left alone: the record that names them may not be committed yet (ST-72).
const YOUNG_MS: u64 = 60 * 60 * 1_000;

/// Takes away temporary files and folders, which nobody is writing at a start, and folders that never got a chunk. What
/// was fetched in part stays: it is gone on with (BL-16).
pub(super) fn take_leftovers(root: &Path) -> io::Result<()> {
    for entry in entries(root)? {
        if is_temporary(&entry) {
            remove(&entry)?;
        }
    }
    for folder in folders(root)? {
        let mut has_chunk = false;
        for entry in entries(&folder)? {
            if is_temporary(&entry) {
                remove(&entry)?;
            }
            has_chunk |= entry.file_name().to_str().and_then(chunk_number).is_some();
        }
        if !has_chunk && !is_young(&folder)? {
            fs::remove_dir_all(&folder)?;
        }
    }
    sync_folder(root)
}

/// Folders whose names are not among `known`, and that nothing has touched for an hour.
pub(super) fn unknown_folders(root: &Path, known: &BTreeSet<String>) -> io::Result<Vec<PathBuf>> {
    let mut unknown = Vec::new();
    for folder in folders(root)? {
        let is_known = folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| known.contains(name));
        if !is_known && !is_young(&folder)? {
            unknown.push(folder);
        }
    }
    Ok(unknown)
}

/// Bytes of all files in a folder and below.
pub(super) fn bytes_below(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0_u64;
    for entry in entries(folder)? {
        // What goes away while we look counts nothing.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes = bytes.saturating_add(if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() });
    }
    Ok(bytes)
}

/// The folders of blobs.
fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for above in entries(root)?.into_iter().filter(|entry| !is_temporary(entry) && is_folder(entry)) {
        found.extend(entries(&above.path())?.into_iter().filter(is_folder).map(|entry| entry.path()));
    }
    Ok(found)
}

fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other?.collect(),
    }
}

/// A symbolic link is none.
fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn is_temporary(entry: &DirEntry) -> bool {
    entry.file_name().to_str().is_some_and(|name| name.ends_with(TEMPORARY))
}

fn remove(entry: &DirEntry) -> io::Result<()> {
    if is_folder(entry) { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
}

/// A clock that went back makes everything young; it stays a while longer.
fn is_young(folder: &Path) -> io::Result<bool> {
    let touched = fs::metadata(folder)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let touched_ms = u64::try_from(touched.as_millis()).unwrap_or(u64::MAX);
    Ok(Clock::now().wall_ms.saturating_sub(touched_ms) < YOUNG_MS)
}
