//! Fetches a file from everybody who has it, several at once, piece by piece (BL-12, BL-16).
//!
//! A piece is asked of one source at a time and put back if that source fails, so nothing is fetched twice but what was
//! under way. A source that gives a wrong byte is caught within 16 KiB and not asked again for this file (BL-10). What
//! is here stays here: a job that begins anew looks at the disk first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use coterie_protocol::{BlobId, MemberKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::room::Counts;
use super::wire::{HEAD_BYTES, Question, Status, read_head};
use super::{JOBS_MAX, Media, shelf};
use crate::clock::Stopwatch;
use crate::driver::DriverInput;
use crate::network::{BlobStream, ToNetwork};
use crate::store::{BLOB_CHUNK_BYTES, Blob, Blobs, Have, ReceiveError};

/// Sources of one file at a time (N-1203).
const SOURCES_MAX: usize = 8;
/// Streams to one source; it gives no more (N-1203).
const STREAMS_PER_SOURCE: usize = 2;
/// Without a byte for so long a source is given up (N-1203).
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks for sources, while there is nobody to ask.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long a source that has not got what was asked for is left alone.
const LEFT_ALONE_MS: u64 = 10_000;
/// And one that only had no time just now.
const BUSY_MS: u64 = 1_000;
/// A file that nobody had for so long is forgotten until somebody asks for it again: an hour.
const FORGOTTEN_MS: u64 = 3_600_000;

/// How far a file under way has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Bytes of ciphertext that are here.
    pub(crate) have: u64,
    /// Of so many.
    pub(crate) length: u64,
    /// How many are giving just now.
    pub(crate) sources: usize,
}

/// What keeps a file from being stored here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    DiskFull,
    /// Files leave some of the disk alone (BL-20).
    KeptFree,
    Disk,
}

/// One file that is fetched.
pub(crate) struct Job {
    pub(super) blob: Blob,
    age: Stopwatch,
    desk: Mutex<Desk>,
    /// Pieces that came. Only they count as progress: somebody who keeps saying no must not keep a reader waiting.
    progress: watch::Sender<u64>,
    /// A stream has ended, or the job: whoever looks for sources looks again.
    look: Notify,
}

/// Who does what.
#[derive(Default)]
struct Desk {
    missing: BTreeSet<u32>,
    given: BTreeSet<u32>,
    /// Streams that are open, by source.
    active: BTreeMap<MemberKey, usize>,
    /// Who gave a wrong byte.
    bad: BTreeSet<MemberKey>,
    /// Who had not got it, or no time, and until when they are left alone.
    without: BTreeMap<MemberKey, u64>,
    failure: Option<Failure>,
    over: bool,
}

/// How a stream ended.
enum End {
    /// Nothing left to ask.
    Done,
    /// It has not got what was asked for.
    Without,
    /// It has no time just now.
    Busy,
    /// It gave a wrong byte.
    Bad,
    /// It went away, or was too slow.
    Gone,
    /// This computer can't keep it.
    Here(Failure),
}

impl Job {
    fn new(blob: Blob, have: Option<&Have>) -> Self {
        let is_missing = |piece: &u32| have.is_none_or(|have| !have.has(*piece));
        let missing = (0..blob.chunks()).filter(is_missing).collect();
        let desk = Mutex::new(Desk { missing, ..Desk::default() });
        Self { blob, age: Stopwatch::start(), desk, progress: watch::Sender::new(0), look: Notify::new() }
    }

    /// Changes with every piece that comes, and at the end.
    pub(super) fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.desk().failure
    }

    pub(super) fn state(&self, blobs: &Blobs) -> (BlobId, State) {
        let (have, length) = (shelf::have(blobs, self.blob), self.blob.length);
        (self.blob.id, State { have, length, sources: self.desk().active.len() })
    }

    pub(super) fn is_over(&self) -> bool {
        self.desk().over
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first piece that nobody is asked for, so that reading can begin.
    fn take(&self) -> Option<u32> {
        let mut desk = self.desk();
        if desk.over || desk.failure.is_some() {
            return None;
        }
        let piece = desk.missing.pop_first()?;
        desk.given.insert(piece);
        Some(piece)
    }

    fn came(&self, piece: u32) {
        self.desk().given.remove(&piece);
        self.progress.send_modify(|count| *count += 1);
    }

    /// A piece that came stays.
    fn put_back(&self, piece: u32) {
        let mut desk = self.desk();
        if desk.given.remove(&piece) {
            desk.missing.insert(piece);
        }
    }

    /// The end, also if it is not complete: nothing more is asked for.
    pub(super) fn finish(&self) {
        self.desk().over = true;
        self.progress.send_modify(|count| *count += 1);
        self.look.notify_one();
    }

    fn is_complete(&self) -> bool {
        let desk = self.desk();
        desk.missing.is_empty() && desk.given.is_empty()
    }

    /// Whom to ask now, one stream each time.
    fn next_source(&self, online: &[MemberKey], now_ms: u64) -> Option<MemberKey> {
        let mut desk = self.desk();
        if desk.missing.is_empty() || desk.over || desk.failure.is_some() {
            return None;
        }
        desk.without.retain(|_, until| now_ms < *until);
        let full = desk.active.len() >= SOURCES_MAX;
        let streams = |source: &MemberKey| desk.active.get(source).copied().unwrap_or_default();
        let usable = |source: &&MemberKey| {
            let (bad, without) = (desk.bad.contains(*source), desk.without.contains_key(*source));
            let room = streams(source) < STREAMS_PER_SOURCE && (streams(source) > 0 || !full);
            !bad && !without && room
        };
        let source = online.iter().filter(usable).min_by_key(|source| streams(source)).copied()?;
        *desk.active.entry(source).or_default() += 1;
        Some(source)
    }

    fn on_end(&self, source: &MemberKey, end: &End, now_ms: u64) {
        let mut desk = self.desk();
        if let Some(streams) = desk.active.get_mut(source) {
            *streams -= 1;
            if *streams == 0 {
                desk.active.remove(source);
            }
        }
        match end {
            End::Done => {}
            End::Without => drop(desk.without.insert(*source, now_ms.saturating_add(LEFT_ALONE_MS))),
            // A link that ended comes back within a moment, or its source is not named the next time.
            End::Busy | End::Gone => drop(desk.without.insert(*source, now_ms.saturating_add(BUSY_MS))),
            End::Bad => drop(desk.bad.insert(*source)),
            End::Here(failure) => desk.failure = Some(*failure),
        }
        drop(desk);
        self.look.notify_one();
    }
}

/// A piece that was taken is put back, whatever happens to who took it.
struct Taken<'a> {
    job: &'a Job,
    piece: u32,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.job.put_back(self.piece);
    }
}

impl Media {
    /// Fetches a file, or goes on with it.
    pub(super) fn fetch(self: &Arc<Self>, blob: Blob) -> Arc<Job> {
        let mut jobs = self.jobs();
        if let Some(job) = jobs.get(&blob.id).filter(|job| !job.is_over()) {
            return Arc::clone(job);
        }
        let job = Arc::new(Job::new(blob, self.blobs.have(blob).ok().as_ref()));
        jobs.retain(|_, job| !job.is_over());
        if jobs.len() >= JOBS_MAX {
            let oldest = jobs.values().min_by_key(|job| Reverse(job.age.elapsed_ms())).map(|job| job.blob.id);
            if let Some(job) = oldest.and_then(|id| jobs.remove(&id)) {
                job.finish();
            }
        }
        jobs.insert(blob.id, Arc::clone(&job));
        drop(jobs);
        tokio::spawn(run(Arc::downgrade(self), Arc::clone(&job)));
        job
    }

    /// A later job for the same file stays.
    fn end(&self, job: &Arc<Job>) {
        let mut jobs = self.jobs();
        if jobs.get(&job.blob.id).is_some_and(|listed| Arc::ptr_eq(listed, job)) {
            jobs.remove(&job.blob.id);
        }
        drop(jobs);
        job.finish();
    }

    async fn sources(&self, id: BlobId) -> Vec<MemberKey> {
        self.driver.ask(move |view| view.account.blob_sources(&id)).await.unwrap_or_default()
    }

    async fn open(&self, peer: MemberKey) -> Option<BlobStream> {
        let (answer, opened) = oneshot::channel();
        self.network.send(ToNetwork::OpenBlob { peer, answer }).await.ok()?;
        opened.await.ok().flatten()
    }
}

/// Fetches what messages bring along, as far as that is done unasked.
pub(super) async fn follow(media: Weak<Media>, mut wishes: mpsc::Receiver<Blob>) {
    let mut counts = Counts::default();
    while let Some(blob) = wishes.recv().await {
        let Some(media) = media.upgrade() else { return };
        if !media.has_room_unasked(&mut counts, blob).await {
            tracing::info!(
                rule = "BL-18",
                bytes = blob.length,
                "a file is not fetched unasked: no room is left for it"
            );
        } else if !media.blobs.have(blob).is_ok_and(|have| have.complete) {
            drop(media.fetch(blob));
        }
    }
}

/// Looks for sources until all is here, or nobody wants it any more.
async fn run(media: Weak<Media>, job: Arc<Job>) {
    let clock = Stopwatch::start();
    let mut progress = job.progress();
    let mut last_ms = 0;
    loop {
        let Some(media) = media.upgrade() else { return job.finish() };
        if job.is_over() {
            return;
        }
        if progress.has_changed().unwrap_or_default() {
            progress.mark_unchanged();
            last_ms = clock.elapsed_ms();
        }
        let is_forgotten = clock.elapsed_ms().saturating_sub(last_ms) > FORGOTTEN_MS;
        if job.is_complete() || job.failure().is_some() || is_forgotten {
            media.end(&job);
            return media.driver.tell(DriverInput::FileMoved(job.blob.id)).await;
        }
        let online = media.sources(job.blob.id).await;
        while let Some(source) = job.next_source(&online, clock.elapsed_ms()) {
            let (media, job) = (Arc::clone(&media), Arc::clone(&job));
            tokio::spawn(async move {
                let end = ask(&media, &job, source).await;
                job.on_end(&source, &end, clock.elapsed_ms());
            });
        }
        drop(media);
        let _ = timeout(LOOK_EVERY, job.look.notified()).await;
    }
}

/// One stream to one source, until there is nothing left to ask, or a reason to stop.
async fn ask(media: &Media, job: &Arc<Job>, source: MemberKey) -> End {
    let Some(stream) = media.open(source).await else { return End::Gone };
    let (blobs, room, tally) = (media.blobs.clone(), media.room.clone(), Arc::clone(&media.tally));
    let (job, handle) = (Arc::clone(job), Handle::current());
    let asking = tokio::task::spawn_blocking(move || {
        let mut stream = Patient { stream, handle };
        while let Some(piece) = job.take() {
            let taken = Taken { job: &job, piece };
            if !room.takes(BLOB_CHUNK_BYTES) {
                return End::Here(Failure::KeptFree);
            }
            match one(&blobs, job.blob, piece, &mut stream) {
                Ok(()) => {
                    tally.count_fetched();
                    taken.job.came(piece);
                }
                Err(end) => return end,
            }
        }
        End::Done
    });
    asking.await.unwrap_or(End::Gone)
}

fn one(blobs: &Blobs, blob: Blob, piece: u32, stream: &mut impl Line) -> Result<(), End> {
    stream.say(&Question { blob: blob.id, piece }.to_bytes()).map_err(|_| End::Gone)?;
    let mut status = [0];
    stream.read_exact(&mut status).map_err(|_| End::Gone)?;
    match Status::read(status[0]) {
        Some(Status::Follows) => {}
        Some(Status::Unknown) => return Err(End::Without),
        Some(Status::Busy) => return Err(End::Busy),
        None => return Err(End::Bad),
    }
    let mut head = [0; HEAD_BYTES];
    stream.read_exact(&mut head).map_err(|_| End::Gone)?;
    let (_, follows) = read_head(head).filter(|(length, _)| *length == blob.length).ok_or(End::Bad)?;
    match blobs.receive(blob, piece, 1, stream.take(u64::from(follows))) {
        Ok(_) => Ok(()),
        Err(ReceiveError::BadSource { .. } | ReceiveError::TooLong | ReceiveError::Range) => Err(End::Bad),
        Err(ReceiveError::Source(_)) => Err(End::Gone),
        Err(error) if error.is_want_of_room() => Err(End::Here(Failure::DiskFull)),
        Err(error @ ReceiveError::Disk(_)) => {
            tracing::warn!(%error, "a piece of a file was not kept");
            Err(End::Here(Failure::Disk))
        }
    }
}

/// The way to a source.
trait Line: Read {
    fn say(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Reads in a thread that may wait, and waits only so long.
struct Patient {
    stream: BlobStream,
    handle: Handle,
}

impl Line for Patient {
    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let saying = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        self.handle.block_on(async { timeout(PATIENCE, saying).await })?
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reading = self.stream.read(buffer);
        self.handle.block_on(async { timeout(PATIENCE, reading).await })?
    }
}

#[cfg(test)]
mod tests;
