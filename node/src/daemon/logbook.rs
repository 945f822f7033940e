//! The log: five files of 2 MiB in the state folder, no contents, no keys, no links (CF-4).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Settings;

const FILE_BYTES_MAX: u64 = 2 << 20;
const FILES: u32 = 5;
const NAME: &str = "node.log";
/// What other crates say at INFO and below is about connections and addresses: not for a log that may be shown.
const DEFAULT: &str = "info,libp2p=warn,quinn=warn,hickory=warn,sled=warn";

/// Begins to log. A node without a log is better than no node: what fails here is left out.
pub(super) fn start(settings: &Settings) {
    let folder = &settings.paths.state;
    drop(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder));
    let Ok(log) = Rolling::open(folder) else { return };
    let ours = settings.log.as_ref().filter(|level| level.parse::<tracing::Level>().is_ok());
    let filter = ours
        .map_or_else(|| DEFAULT.to_owned(), |level| format!("{level},libp2p=warn,quinn=warn,hickory=warn,sled=warn"));
    let subscriber =
        tracing_subscriber::fmt().with_writer(log).with_ansi(false).with_env_filter(EnvFilter::new(filter));
    // Only the first of a process counts: tests start several nodes in one.
    drop(subscriber.try_init());
}

struct Rolling {
    folder: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    bytes: u64,
}

impl Rolling {
    fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), open: Mutex::new(Open::at(&folder.join(NAME))?) })
    }

    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.bytes + line.len() as u64 > FILE_BYTES_MAX {
            let name = |n: u32| self.folder.join(format!("{NAME}.{n}"));
            for n in (1..FILES - 1).rev() {
                drop(std::fs::rename(name(n), name(n + 1)));
            }
            std::fs::rename(self.folder.join(NAME), name(1))?;
            *open = Open::at(&self.folder.join(NAME))?;
        }
        open.file.write_all(line)?;
        open.bytes += line.len() as u64;
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

/// One line on its way: the formatter writes a whole event at once.
struct Line<'a>(&'a Rolling);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full disk is what the log is needed for most: then a line goes where the program's errors go (ST-84). Nobody
        // may listen there, and whoever logs is not to blame: the subscriber would panic over an error from here.
        if self.0.write_line(bytes).is_err() {
            drop(io::stderr().write_all(bytes));
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Rolling {
    type Writer = Line<'a>;
    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cf_04_five_files_of_two_mebibytes_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let log = Rolling::open(folder.path()).unwrap();
        let line = [b'x'; 64 << 10];
        for _ in 0..200 {
            log.write_line(&line).unwrap();
        }
        let sizes: Vec<u64> =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), usize::try_from(FILES).unwrap());
        assert!(sizes.iter().all(|&bytes| bytes <= FILE_BYTES_MAX), "{sizes:?}");
    }
}
