//! Hands a file out in order, fetching what is missing as it goes (UD-3): a film begins before it is all here.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coterie_protocol::{Attachment, SegmentOpener};
use tokio::time::timeout;

use super::fetching::Failure;
use super::{Media, shelf};
use crate::store::{Blob, Blobs, ServeError};

/// Without a new piece for so long, reading ends (UD-3).
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a piece is read that has rotted each time.
const READS_MAX: u32 = 3;
/// A piece of the store.
const PIECE_BYTES: u64 = 1 << 20;

/// Reads one file from its beginning.
pub(crate) struct Reader {
    media: Arc<Media>,
    blob: Blob,
    opener: Arc<SegmentOpener>,
    /// The next segment.
    next: u64,
}

/// Why there is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotRead {
    /// Nobody who has it can be asked.
    #[error("nobody who has this file is online")]
    NobodyHasIt,
    /// What came is not what the message says (BL-9).
    #[error("the file is damaged")]
    Damaged,
    /// This computer's disk.
    #[error("the disk is full")]
    DiskFull,
    /// So many bytes of this computer's disk are left alone (BL-20).
    #[error("too little of the disk would be left")]
    KeptFree(u64),
    /// This computer's disk, otherwise.
    #[error("the disk gave an error")]
    Disk,
}

impl Reader {
    /// Nothing is read yet.
    pub(crate) fn new(media: Arc<Media>, file: &Attachment) -> Option<Self> {
        let opener = Arc::new(SegmentOpener::new(file.key.secret(), file.size).ok()?);
        Some(Self { media, blob: shelf::blob(file), opener, next: 0 })
    }

    /// The next bytes, at most 1 MiB; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, NotRead> {
        let segments = self.opener.segments();
        if self.next >= segments.count() {
            return Ok(None);
        }
        let start = segments.sealed(self.next).start;
        let piece = u32::try_from(start / PIECE_BYTES).map_err(|_| NotRead::Damaged)?;
        let end = (start / PIECE_BYTES + 1) * PIECE_BYTES;
        let first = self.next;
        let last = (first..segments.count()).take_while(|&at| segments.sealed(at).end <= end).last().unwrap_or(first);
        let plain = self.read(piece, first..=last).await?;
        self.next = last + 1;
        Ok(Some(Bytes::from(plain)))
    }

    /// What has rotted on the disk is fetched once more (ST-71).
    async fn read(&self, piece: u32, segments: RangeInclusive<u64>) -> Result<Vec<u8>, NotRead> {
        for _ in 0..READS_MAX {
            self.wait_for(piece).await?;
            let (blobs, opener, blob) = (self.media.blobs.clone(), Arc::clone(&self.opener), self.blob);
            let segments = segments.clone();
            let opening = tokio::task::spawn_blocking(move || opened(&blobs, &opener, blob, segments));
            if let Some(plain) = opening.await.map_err(|_| NotRead::Disk)?? {
                return Ok(plain);
            }
        }
        Err(NotRead::Disk)
    }

    fn is_here(&self, piece: u32) -> bool {
        self.media.blobs.have(self.blob).is_ok_and(|have| have.has(piece))
    }

    /// Until the piece is here, however long it takes as long as others come.
    async fn wait_for(&self, piece: u32) -> Result<(), NotRead> {
        if self.is_here(piece) {
            return Ok(());
        }
        let job = self.media.fetch(self.blob);
        let mut progress = job.progress();
        loop {
            // Looked at after the subscription, so that nothing that comes in between is missed.
            if self.is_here(piece) {
                return Ok(());
            }
            match job.failure() {
                Some(Failure::DiskFull) => return Err(NotRead::DiskFull),
                Some(Failure::KeptFree) => return Err(NotRead::KeptFree(self.media.keep_free())),
                Some(Failure::Disk) => return Err(NotRead::Disk),
                None if job.is_over() => return Err(NotRead::NobodyHasIt),
                None => {}
            }
            if !matches!(timeout(PATIENCE, progress.changed()).await, Ok(Ok(()))) {
                return Err(NotRead::NobodyHasIt);
            }
        }
    }
}

/// Nothing if it has rotted, or was freed meanwhile.
fn opened(
    blobs: &Blobs,
    opener: &SegmentOpener,
    blob: Blob,
    segments: RangeInclusive<u64>,
) -> Result<Option<Vec<u8>>, NotRead> {
    let mut plain = Vec::new();
    for at in segments {
        let sealed = opener.segments().sealed(at);
        let bytes = match blobs.read(blob, sealed.start, sealed.end - sealed.start) {
            Ok(bytes) => bytes,
            Err(ServeError::Absent { .. } | ServeError::Damaged { .. }) => return Ok(None),
            Err(error) => {
                tracing::warn!(%error, "a file can't be read");
                return Err(NotRead::Disk);
            }
        };
        plain.extend(opener.open(at, &bytes).map_err(|_| NotRead::Damaged)?);
    }
    Ok(Some(plain))
}
