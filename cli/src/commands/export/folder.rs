//! The folder that an export becomes: written beside its place under another name, and renamed when it is whole.
//!
//! Rename(2) puts a folder in the place of an empty one and of nothing else, so what is there is never written over, even
//! if it came while the export was being written.

use std::fs::{DirBuilder, File};
use std::io::{BufWriter, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::Diagnostic;

/// A folder that is not whole yet. Dropped, it goes.
pub(super) struct Part {
    place: PathBuf,
    path: PathBuf,
    whole: bool,
}

/// Rule XP-1: only a folder that is not there or is empty is written into; never over anything.
pub(super) fn free_place(out: &Path) -> Result<PathBuf, Diagnostic> {
    let taken = |why: &str| {
        let why = format!("{} {why}", out.display());
        Diagnostic::usage("nothing was exported", why)
            .hint("coterie export --out FOLDER, with a folder that is not there")
    };
    match std::fs::read_dir(out) {
        Ok(mut inside) => match inside.next() {
            None => out.canonicalize().map_err(|why| taken(&why.to_string())),
            Some(_) => Err(taken("is not empty")),
        },
        Err(why) if why.kind() == ErrorKind::NotFound => {
            let name = out.file_name().ok_or_else(|| taken("names no folder"))?;
            let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let parent = parent.canonicalize().map_err(|why| taken(&format!("can't be made: {why}")))?;
            Ok(parent.join(name))
        }
        Err(why) => Err(taken(&format!("can't be used: {why}"))),
    }
}

/// What this computer's disk says to a write.
pub(super) fn unwritten(why: std::io::Error) -> Diagnostic {
    Diagnostic::new("bad_value", 2, "the export was not finished", format!("{why}; nothing of it was kept"))
        .hint("look whether the disk has room and the folder is yours to write")
}

impl Part {
    /// Rule XP-2: what is written lies in `DIR.part-PID`, for its owner alone, until it is whole.
    pub(super) fn new(place: PathBuf) -> Result<Self, Diagnostic> {
        let mut path = place.clone().into_os_string();
        path.push(format!(".part-{}", std::process::id()));
        let path = PathBuf::from(path);
        DirBuilder::new().mode(0o700).create(&path).map_err(unwritten)?;
        Ok(Self { place, path, whole: false })
    }

    pub(super) fn folder(&self, name: &str) -> Result<(), Diagnostic> {
        DirBuilder::new().mode(0o700).create(self.path.join(name)).map_err(unwritten)
    }

    /// A new file of it.
    pub(super) fn file(&self, name: &str) -> Result<File, Diagnostic> {
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600).open(self.path.join(name)).map_err(unwritten)
    }

    pub(super) fn writer(&self, name: &str) -> Result<BufWriter<File>, Diagnostic> {
        self.file(name).map(BufWriter::new)
    }

    /// Takes back a file that did not become whole.
    pub(super) fn forget(&self, name: &str) {
        let _ = std::fs::remove_file(self.path.join(name));
    }

    /// It is whole: it takes its place.
    pub(super) fn finish(mut self) -> Result<PathBuf, Diagnostic> {
        std::fs::rename(&self.path, &self.place).map_err(unwritten)?;
        self.whole = true;
        let parent = self.place.parent().unwrap_or(Path::new("/"));
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(unwritten)?;
        Ok(self.place.clone())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.whole {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xp_01_only_a_new_or_an_empty_folder_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let (new, full) = (home.path().join("new"), home.path().join("full"));
        std::fs::create_dir(&full).unwrap();
        assert!(free_place(&new).is_ok() && free_place(&full).is_ok());
        std::fs::write(full.join("letter"), "mine").unwrap();
        assert_eq!(free_place(&full).unwrap_err().exit, 2);
        assert_eq!(free_place(&full.join("letter")).unwrap_err().exit, 2);
        assert_eq!(free_place(&new.join("deeper")).unwrap_err().exit, 2);
    }

    #[test]
    fn xp_02_half_an_export_has_no_whole_ones_name_and_what_came_meanwhile_stays() {
        let home = tempfile::tempdir().unwrap();
        let place = free_place(&home.path().join("copy")).unwrap();
        let part = Part::new(place.clone()).unwrap();
        part.file("messages.txt").unwrap();
        assert!(!place.exists());
        drop(part);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "its own leftovers go");
        let part = Part::new(place.clone()).unwrap();
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("letter"), "mine").unwrap();
        assert!(part.finish().is_err());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(place.join("letter")).unwrap(), "mine");
    }
}
