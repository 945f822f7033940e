//! Takes a file in from a face: cleans it (MM-1), seals it under a key of its own (BL-2) and stores it, durable before
//! any message can name it (ST-72). What is never sent is forgotten after a day.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bytes::Bytes;
use coterie_protocol::{Attachment, AttachmentKind, BlobKey, MediaType, SegmentSealer, cipher_bytes, clean_name};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use rand_core::Rng;
use tokio::sync::mpsc;

use super::metadata::{self, Format, SNIFF_BYTES};
use super::{Media, shelf};
use crate::api::problem::{Code, Problem};
use crate::clock::Stopwatch;
use crate::entropy;
use crate::store::{Blob, Blobs, PutError};

/// What is cleaned lies in memory; larger films are sent as files, or as they are. Two of them are under 200 MB.
const CLEANED_BYTES_MAX: u64 = 96 << 20;
/// Uploads that wait to be sent: ten files for each of a few messages that are being written.
const UPLOADS_MAX: usize = 64;
/// A day (UD-1).
const UPLOAD_MS_MAX: u64 = 24 * 3_600_000;
/// Pieces of a body that wait for the disk.
const BODY_PARTS_MAX: usize = 4;

/// A file to be taken in.
#[derive(Clone, Debug)]
pub(crate) struct NewFile {
    pub(crate) kind: AttachmentKind,
    pub(crate) name: Option<String>,
    pub(crate) size: u64,
    /// Whether it goes out with all its data.
    pub(crate) original: bool,
}

/// A file that was taken in.
pub(crate) struct Upload {
    pub(crate) id: [u8; 16],
    pub(crate) file: Attachment,
}

/// What was taken in and not sent yet.
#[derive(Default)]
pub(super) struct Uploads(BTreeMap<[u8; 16], (Attachment, Stopwatch)>);

impl Uploads {
    fn remember(&mut self, id: [u8; 16], file: Attachment) {
        self.forget_old();
        self.0.insert(id, (file, Stopwatch::start()));
    }

    pub(super) fn forget_old(&mut self) {
        self.0.retain(|_, (_, since)| since.elapsed_ms() < UPLOAD_MS_MAX);
    }

    pub(super) fn blobs(&self) -> impl Iterator<Item = Blob> {
        self.0.values().map(|(file, _)| shelf::blob(file))
    }
}

impl Media {
    /// Takes a file in; durable when it answers.
    ///
    /// # Errors
    /// Why it is not taken; nothing of it is kept then.
    pub(crate) async fn take<E: Send>(
        &self,
        new: NewFile,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Upload, Problem> {
        check(&new)?;
        if !self.room.takes(new.size) {
            return Err(kept_free(NOT_TAKEN, self.room.keep_free()));
        }
        if self.uploads().0.len() >= UPLOADS_MAX {
            return Err(Problem::new(Code::RateLimited, NOT_TAKEN).because("too many files wait to be sent"));
        }
        let mut body = Parts { stream: body.map(Result::ok).boxed(), left: new.size, first: None };
        let start = body.peek().await?;
        let format = Format::of(&start);
        check_kind(&new, format)?;
        let mut rng = entropy::step_rng().map_err(|_| Problem::new(Code::Internal, NOT_TAKEN))?;
        let (key, mut id) = (BlobKey::random(&mut rng), [0; 16]);
        rng.fill_bytes(&mut id);
        let is_cleaned = new.kind != AttachmentKind::File && !new.original;
        let file = if is_cleaned {
            let _turn = self.cleaning.acquire().await;
            let whole = body.whole().await?;
            let clean = tokio::task::spawn_blocking(move || metadata::cleaned(&whole)).await;
            let clean = clean.ok().flatten().ok_or_else(|| not_cleaned(&new))?;
            self.store(&new, key, format, Source::Whole(clean)).await?
        } else {
            self.store(&new, key, format, Source::Parts(body)).await?
        };
        self.uploads().remember(id, file.clone());
        Ok(Upload { id, file })
    }

    /// What was taken in under this id.
    pub(crate) fn upload(&self, id: &[u8; 16]) -> Option<Attachment> {
        self.uploads().0.get(id).map(|(file, _)| file.clone())
    }

    /// It is sent: the message keeps it from now on.
    pub(crate) fn sent(&self, id: &[u8; 16]) {
        self.uploads().0.remove(id);
    }

    async fn store(
        &self,
        new: &NewFile,
        key: BlobKey,
        format: Format,
        from: Source<'_>,
    ) -> Result<Attachment, Problem> {
        let blobs = self.blobs.clone();
        let secret = key.secret().duplicate();
        let (size, dims, blob) = match from {
            Source::Whole(file) => {
                let (size, dims) = (file.len() as u64, metadata::dims(&file));
                let storing = tokio::task::spawn_blocking(move || put(&blobs, &secret, size, &file[..]));
                (size, dims, storing.await)
            }
            Source::Parts(mut body) => {
                let dims = body.first.as_ref().and_then(|first| metadata::dims(first));
                let (sender, parts) = mpsc::channel(BODY_PARTS_MAX);
                let size = new.size;
                let storing = tokio::task::spawn_blocking(move || {
                    put(&blobs, &secret, size, Arriving { parts, now: Bytes::new() })
                });
                while let Some(part) = body.next().await? {
                    if sender.send(part).await.is_err() {
                        break;
                    }
                }
                drop(sender);
                (size, dims, storing.await)
            }
        };
        let blob = blob.map_err(|_| Problem::new(Code::Internal, NOT_TAKEN))?.map_err(|error| not_stored(&error))?;
        let mut file = Attachment::new(new.kind, blob.id, key, size, media_type(new.kind, format));
        file.name = new.name.as_deref().map(clean_name).filter(|name| !name.is_empty());
        file.dims = dims.filter(|_| new.kind == AttachmentKind::Image);
        file.original = new.original && new.kind != AttachmentKind::File;
        Ok(file)
    }
}

const NOT_TAKEN: &str = "the file was not taken";

enum Source<'a> {
    Whole(Vec<u8>),
    Parts(Parts<'a>),
}

fn check(new: &NewFile) -> Result<(), Problem> {
    let (max, file_max) = (new.kind.bytes_max(), AttachmentKind::File.bytes_max());
    if new.size == 0 {
        return Err(Problem::new(Code::BadValue, NOT_TAKEN).because("it is empty"));
    }
    if new.size > max {
        let problem = Problem::new(Code::TooLarge, NOT_TAKEN);
        let problem = problem.because(format!("it has {} MB, and {} MB is the most", mega(new.size), mega(max)));
        let as_file = new.kind != AttachmentKind::File && new.size <= file_max;
        return Err(if as_file { problem.advise(["coterie send --file PATH"]) } else { problem });
    }
    if new.kind == AttachmentKind::Video && !new.original && new.size > CLEANED_BYTES_MAX {
        return Err(Problem::new(Code::TooLarge, NOT_TAKEN)
            .because(format!("a film over {} MB can't be cleaned of its data here", mega(CLEANED_BYTES_MAX)))
            .advise(["coterie send --video PATH --original", "coterie send --file PATH"]));
    }
    Ok(())
}

fn check_kind(new: &NewFile, format: Format) -> Result<(), Problem> {
    let (fits, expected) = match new.kind {
        AttachmentKind::Image => (format.is_picture(), "JPEG, PNG, GIF or WebP"),
        AttachmentKind::Voice => (matches!(format, Format::Webm | Format::Ogg | Format::Mp4), "Ogg/Opus, WebM or MP4"),
        AttachmentKind::Video => (matches!(format, Format::Webm | Format::Mp4), "MP4 or WebM"),
        AttachmentKind::File => (true, ""),
    };
    if fits {
        return Ok(());
    }
    Err(Problem::new(Code::BadValue, NOT_TAKEN)
        .because(format!("by its content it is not {expected}"))
        .advise(["coterie send --file PATH"]))
}

/// Rule MM-3: rather not at all than with data that nobody meant to send.
fn not_cleaned(new: &NewFile) -> Problem {
    let flag = match new.kind {
        AttachmentKind::Image => "image",
        AttachmentKind::Voice => "voice",
        AttachmentKind::Video | AttachmentKind::File => "video",
    };
    Problem::new(Code::BadValue, NOT_TAKEN)
        .because("it is damaged, or of a form whose hidden data (place, time, device) can't be taken out here")
        .advise([format!("coterie send --{flag} PATH --original"), "coterie send --file PATH".to_owned()])
}

fn not_stored(error: &PutError) -> Problem {
    match error {
        error if error.is_want_of_room() => Problem::new(Code::DiskFull, NOT_TAKEN),
        PutError::Source(error) => Problem::new(Code::BadValue, NOT_TAKEN).because(error.to_string()),
        PutError::Length => Problem::new(Code::BadValue, NOT_TAKEN).because("it has not as many bytes as was said"),
        PutError::Disk(_) => Problem::new(Code::StoreReadOnly, NOT_TAKEN).because("the disk gave an error"),
    }
}

/// Words still go out when files don't (BL-20).
pub(crate) fn kept_free(what: &str, bytes: u64) -> Problem {
    let left = if bytes >= 10 << 30 { format!("{} GB", bytes / 1_000_000_000) } else { format!("{} MB", mega(bytes)) };
    Problem::new(Code::DiskFull, what)
        .because(format!("files leave {left} of the disk free, for everything else (media.keep_free)"))
        .advise(["coterie media free MESSAGE", "make room on the disk, or set media.keep_free to less"])
}

const fn mega(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

const fn media_type(kind: AttachmentKind, format: Format) -> MediaType {
    match (format, kind) {
        (Format::Jpeg, _) => MediaType::Jpeg,
        (Format::Png, _) => MediaType::Png,
        (Format::Gif, _) => MediaType::Gif,
        (Format::Webp, _) => MediaType::Webp,
        (Format::Webm, AttachmentKind::Voice) => MediaType::WebmAudio,
        (Format::Webm, _) => MediaType::WebmVideo,
        (Format::Ogg, _) => MediaType::OggAudio,
        (Format::Mp4, AttachmentKind::Voice) => MediaType::Mp4Audio,
        (Format::Mp4, _) => MediaType::Mp4Video,
        (Format::Other, _) => MediaType::Unknown(0),
    }
}

/// A body of announced length.
struct Parts<'a> {
    /// None: it broke off.
    stream: BoxStream<'a, Option<Bytes>>,
    left: u64,
    first: Option<Bytes>,
}

impl Parts<'_> {
    /// The beginning, which stays to be read.
    async fn peek(&mut self) -> Result<Bytes, Problem> {
        let mut start = Vec::new();
        while start.len() < SNIFF_BYTES {
            match self.arriving().await? {
                Some(part) => start.extend(part),
                None => break,
            }
        }
        let start = Bytes::from(start);
        self.first = Some(start.clone());
        Ok(start)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.arriving().await,
        }
    }

    async fn arriving(&mut self) -> Result<Option<Bytes>, Problem> {
        let broken = |why: &str| Problem::new(Code::BadValue, NOT_TAKEN).because(why);
        match self.stream.next().await {
            Some(Some(part)) => {
                let length = part.len() as u64;
                self.left = self.left.checked_sub(length).ok_or_else(|| broken("it is longer than was said"))?;
                Ok(Some(part))
            }
            Some(None) => Err(broken("it broke off on the way")),
            None if self.left > 0 => Err(broken("it is shorter than was said")),
            None => Ok(None),
        }
    }

    async fn whole(&mut self) -> Result<Vec<u8>, Problem> {
        let mut whole = Vec::new();
        while let Some(part) = self.next().await? {
            whole.extend(part);
        }
        Ok(whole)
    }
}

/// A body as it arrives, for a thread that may wait.
struct Arriving {
    parts: mpsc::Receiver<Bytes>,
    now: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            match self.parts.blocking_recv() {
                Some(part) => self.now = part,
                None => return Ok(0),
            }
        }
        let count = self.now.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.now.split_to(count));
        Ok(count)
    }
}

fn put(blobs: &Blobs, key: &coterie_protocol::Secret<32>, size: u64, from: impl Read) -> Result<Blob, PutError> {
    let sealer = SegmentSealer::new(key, size).map_err(|_| PutError::Length)?;
    blobs.put(Sealing { sealer, from, next: 0, sealed: Vec::new(), at: 0 }, cipher_bytes(size))
}

/// Seals as it is read.
struct Sealing<R> {
    sealer: SegmentSealer,
    from: R,
    next: u64,
    sealed: Vec<u8>,
    at: usize,
}

impl<R: Read> Read for Sealing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.sealed.len() {
            if self.next >= self.sealer.segments().count() {
                return Ok(0);
            }
            let plain = self.sealer.segments().plain(self.next);
            let length = usize::try_from(plain.end - plain.start).map_err(io::Error::other)?;
            let mut chunk = vec![0; length];
            self.from.read_exact(&mut chunk).map_err(|_| io::Error::other("the file was not read to its end"))?;
            self.sealed = self.sealer.seal(self.next, &chunk).map_err(io::Error::other)?;
            (self.next, self.at) = (self.next + 1, 0);
        }
        let rest = &self.sealed[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}
