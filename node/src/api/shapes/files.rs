//! Files as the API shows them.

use coterie_protocol::{Attachment, AttachmentKind, BlobId, MediaType, cipher_bytes};

use super::super::types::{File, FileKind, FileState, Transfer, TransferSchema, spell_id};
use super::{Names, small};
use crate::driver::View;
use crate::media::State;

/// A file of a message; outside the driver only one's own is shown, which is all here.
pub(crate) fn file(file: &Attachment, view: Option<&View<'_>>) -> File {
    let (width, height) = file.dims.unzip();
    let length = cipher_bytes(file.size);
    let have = view.map_or(length, |view| view.shelf.have(file).0);
    let state = match have {
        0 => FileState::Absent,
        have if have < length => FileState::Partial,
        _ => FileState::Complete,
    };
    let have = have.min(file.size);
    File {
        blob: spell_id(file.blob.as_ref()),
        kind: kind_out(file.kind),
        name: file.shown_name(),
        media: media_type(file.media).map(str::to_owned),
        size: file.size,
        width,
        height,
        duration_ms: file.duration_ms,
        alt: file.alt.clone(),
        original: file.original,
        state,
        have,
    }
}

/// A file under way.
pub(crate) fn transfer(view: &View<'_>, (blob, state): &(BlobId, State)) -> Option<Transfer> {
    let named = view.account.blob(blob)?.into_iter().next()?;
    let names = Names::of(view, &named.group);
    Some(Transfer {
        schema: TransferSchema::V1,
        group: spell_id(named.group.as_ref()),
        author: Some(names.get(view, &named.author)),
        blob: spell_id(blob.as_ref()),
        have: state.have,
        size: state.length,
        sources: small(state.sources),
    })
}

pub(crate) const fn kind_in(kind: FileKind) -> AttachmentKind {
    match kind {
        FileKind::Image => AttachmentKind::Image,
        FileKind::Voice => AttachmentKind::Voice,
        FileKind::Video => AttachmentKind::Video,
        FileKind::File => AttachmentKind::File,
    }
}

const fn kind_out(kind: AttachmentKind) -> FileKind {
    match kind {
        AttachmentKind::Image => FileKind::Image,
        AttachmentKind::Voice => FileKind::Voice,
        AttachmentKind::Video => FileKind::Video,
        AttachmentKind::File => FileKind::File,
    }
}

const fn media_type(found: MediaType) -> Option<&'static str> {
    Some(match found {
        MediaType::Jpeg => "image/jpeg",
        MediaType::Png => "image/png",
        MediaType::Gif => "image/gif",
        MediaType::Webp => "image/webp",
        MediaType::WebmAudio => "audio/webm",
        MediaType::OggAudio => "audio/ogg",
        MediaType::Mp4Audio => "audio/mp4",
        MediaType::Mp4Video => "video/mp4",
        MediaType::WebmVideo => "video/webm",
        MediaType::Unknown(_) => return None,
    })
}
