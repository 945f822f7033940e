//! Where files lie, as the driver sees it: how much of one is here, and that one was named which is fetched unasked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coterie_protocol::{Attachment, AttachmentKind, cipher_bytes};
use tokio::sync::mpsc;

use crate::api::types::PiecesMoved;
use crate::store::{Blob, Blobs, Home, OpenError};

/// Pictures and memos up to this size are fetched unasked (ST-73); the rest on demand.
const UNASKED_BYTES_MAX: u64 = 2 << 20;
/// Wishes that wait. Over it a file is fetched when it is asked for.
const WISHES_MAX: usize = 256;

/// The folder of files, and the way to wish for one.
#[derive(Clone)]
pub(crate) struct Shelf {
    blobs: Blobs,
    wishes: mpsc::Sender<Blob>,
    tally: Arc<Tally>,
}

/// Pieces that moved since the start. A sum that nobody decides by, so the order of counting is left open.
#[derive(Default)]
pub(super) struct Tally {
    fetched: AtomicU64,
    given: AtomicU64,
}

impl Tally {
    pub(super) fn count_fetched(&self) {
        self.fetched.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_given(&self) {
        self.given.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shelf {
    /// Opens the folder. The receiver hears what is to be fetched unasked.
    ///
    /// # Errors
    /// What the disk meets.
    pub(crate) fn open(home: &Home) -> Result<(Self, mpsc::Receiver<Blob>), OpenError> {
        let blobs = home.open_blobs()?;
        let (wishes, wished) = mpsc::channel(WISHES_MAX);
        Ok((Self { blobs, wishes, tally: Arc::default() }, wished))
    }

    pub(super) const fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub(super) const fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// How many pieces moved since the start.
    pub(crate) fn moved(&self) -> PiecesMoved {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PiecesMoved { fetched: number(&self.tally.fetched), given: number(&self.tally.given) }
    }

    /// Sealed bytes of a file that are here, and how many there are in all.
    pub(crate) fn have(&self, file: &Attachment) -> (u64, u64) {
        let blob = blob(file);
        (have(&self.blobs, blob), blob.length)
    }

    /// A message came that carries a file.
    pub(crate) fn wish(&self, file: &Attachment) {
        let small = file.size <= UNASKED_BYTES_MAX;
        if small && matches!(file.kind, AttachmentKind::Image | AttachmentKind::Voice) {
            // No room: it is fetched when somebody looks at it.
            let _ = self.wishes.try_send(blob(file));
        }
    }
}

/// A file, as it lies sealed.
pub(super) const fn blob(file: &Attachment) -> Blob {
    Blob { id: file.blob, length: cipher_bytes(file.size) }
}

/// Sealed bytes of it that are here. A folder that can't be read counts as empty: what is wanted is fetched.
pub(super) fn have(blobs: &Blobs, blob: Blob) -> u64 {
    match blobs.have(blob) {
        Ok(have) if have.complete => blob.length,
        Ok(have) => (u64::from(have.count()) << 20).min(blob.length),
        Err(_) => 0,
    }
}
