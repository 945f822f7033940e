//! Which chunks of a blob are here: the file is the bit (ST-71).

use std::fs;
use std::io::{self, ErrorKind};

use super::layout::{Blob, Folder, chunk_number};

/// Which chunks of 1 MiB are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Have {
    /// One bit for each chunk, the first in the highest bit of the first byte; spare bits are 0.
    pub bitmap: Vec<u8>,
    /// Whether all of them are.
    pub complete: bool,
    chunks: u32,
}

impl Have {
    /// A file that is too short is what a power cut left; it doesn't count.
    pub(super) fn look(folder: &Folder, blob: Blob) -> io::Result<Self> {
        let chunks = blob.chunks();
        let bytes = usize::try_from(chunks.div_ceil(8)).unwrap_or(0);
        let mut have = Self { bitmap: vec![0; bytes], complete: false, chunks };
        let entries = match fs::read_dir(&folder.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(have),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let Some(chunk) = entry.file_name().to_str().and_then(chunk_number) else { continue };
            // Gone in the meantime is absent.
            if chunk < chunks && entry.metadata().is_ok_and(|file| file.len() == blob.chunk_bytes(chunk)) {
                have.set(chunk);
            }
        }
        have.complete = chunks > 0 && have.count() == chunks;
        Ok(have)
    }

    fn set(&mut self, chunk: u32) {
        if let Some(byte) = usize::try_from(chunk / 8).ok().and_then(|at| self.bitmap.get_mut(at)) {
            *byte |= 0x80 >> (chunk % 8);
        }
    }

    /// Whether this chunk is here.
    #[must_use]
    pub fn has(&self, chunk: u32) -> bool {
        let byte = usize::try_from(chunk / 8).ok().and_then(|at| self.bitmap.get(at));
        byte.is_some_and(|byte| byte & (0x80 >> (chunk % 8)) != 0)
    }

    /// How many are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.bitmap.iter().map(|byte| byte.count_ones()).sum()
    }

    /// How many are not.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.chunks.saturating_sub(self.count())
    }
}

/// Whether one chunk is here, in full length.
pub(super) fn is_here(folder: &Folder, blob: Blob, chunk: u32) -> bool {
    fs::metadata(folder.chunk(chunk)).is_ok_and(|file| file.len() == blob.chunk_bytes(chunk))
}
