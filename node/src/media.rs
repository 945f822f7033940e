//! Files that people send each other: taken in and sealed, fetched from whoever has them, handed out piece by piece.
//!
//! A message names a file by the root of its ciphertext and carries the key; the bytes travel beside the messages, on
//! streams of their own, so that words never wait behind a film (BL-14). The core says which files a message of a
//! group names and who may have them (BL-11); the store keeps ciphertext only, verified as it comes (BL-6, ST-71); in
//! between, this room moves bytes. It keeps nothing over a restart but what lies on the disk: whatever was under way
//! goes on from there when it is asked for again (BL-16).

mod fetching;
mod giving;
mod metadata;
mod reading;
mod room;
mod shelf;
mod sweeping;
mod taking;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coterie_protocol::{Attachment, BlobId};
use tokio::sync::{Semaphore, mpsc};

use self::fetching::Job;
pub(crate) use self::fetching::State;
pub(crate) use self::reading::{NotRead, Reader};
use self::room::Room;
pub(crate) use self::shelf::Shelf;
use self::shelf::Tally;
use self::taking::Uploads;
pub(crate) use self::taking::{NewFile, kept_free};
use crate::config::MediaSettings;
use crate::driver::{DriverHandle, DriverInput};
use crate::network::{NetworkHandle, ToNetwork};
use crate::store::{Blob, Blobs};

/// Files that are fetched unasked, or wait for somebody who has them. Guess: ten for each of a few dozen messages.
const JOBS_MAX: usize = 256;

/// All that has to do with files.
pub(crate) struct Media {
    blobs: Blobs,
    tally: Arc<Tally>,
    room: Room,
    driver: DriverHandle,
    network: mpsc::Sender<ToNetwork>,
    uploads: Mutex<Uploads>,
    jobs: Mutex<BTreeMap<BlobId, Arc<Job>>>,
    /// One file is cleaned at a time: it lies in memory meanwhile, twice.
    cleaning: Semaphore,
}

impl Media {
    /// Begins to serve members, and to fetch what is wished for.
    pub(crate) fn start(
        (shelf, bounds): (&Shelf, MediaSettings),
        driver: DriverHandle,
        network: &NetworkHandle,
        wishes: mpsc::Receiver<Blob>,
    ) -> Arc<Self> {
        let media = Arc::new(Self {
            blobs: shelf.blobs().clone(),
            tally: Arc::clone(shelf.tally()),
            room: Room::new(shelf.blobs().clone(), bounds),
            driver,
            network: network.orders().clone(),
            uploads: Mutex::default(),
            jobs: Mutex::default(),
            cleaning: Semaphore::new(1),
        });
        tokio::spawn(giving::serve(Arc::downgrade(&media), network.take_blobs()));
        tokio::spawn(fetching::follow(Arc::downgrade(&media), wishes));
        tokio::spawn(sweeping::run(Arc::downgrade(&media)));
        media
    }

    /// What is being fetched, or waits for somebody who has it.
    pub(crate) fn under_way(&self) -> Vec<(BlobId, State)> {
        let jobs: Vec<Arc<Job>> = self.jobs().values().cloned().collect();
        jobs.iter().map(|job| job.state(&self.blobs)).collect()
    }

    /// Frees this computer's copy.
    pub(crate) async fn forget(&self, file: &Attachment) -> std::io::Result<()> {
        let (blobs, blob) = (self.blobs.clone(), shelf::blob(file));
        // It would come again at once otherwise.
        if let Some(job) = self.jobs().remove(&blob.id) {
            job.finish();
        }
        let erased = tokio::task::spawn_blocking(move || blobs.erase(blob)).await.map_err(std::io::Error::other)?;
        self.driver.tell(DriverInput::FileMoved(blob.id)).await;
        erased
    }

    /// Bytes of the disk that files leave free.
    pub(crate) const fn keep_free(&self) -> u64 {
        self.room.keep_free()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<BlobId, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uploads(&self) -> MutexGuard<'_, Uploads> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
