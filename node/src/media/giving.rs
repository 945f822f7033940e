//! Gives pieces of files to members who ask (N-1201 to N-1203). Whether somebody may have a file is asked of the core
//! for each piece anew: a member that is removed gets nothing more in the middle of a film (BL-11).

use std::sync::{Arc, Weak};
use std::time::Duration;

use coterie_protocol::{BlobId, MemberKey, cipher_bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Media;
use super::wire::{QUESTION_BYTES, Question, Status, head};
use crate::driver::Refused;
use crate::network::{BlobStream, IncomingBlob};
use crate::store::{Blob, Blobs};

/// Between two questions on a stream. Who asks nothing gives the stream back.
const QUESTION: Duration = Duration::from_secs(10);
/// For one piece to be taken (N-1203).
const TAKEN: Duration = Duration::from_secs(30);
/// How often a driver that has no room for a question is asked, and the pause between: a second in all.
const TRIES: usize = 20;
const AGAIN: Duration = Duration::from_millis(50);

/// Until the network or the room is gone.
pub(super) async fn serve(media: Weak<Media>, mut incoming: mpsc::Receiver<IncomingBlob>) {
    while let Some(IncomingBlob { peer, stream, .. }) = incoming.recv().await {
        let Some(media) = media.upgrade() else { return };
        tokio::spawn(async move {
            if let Err(error) = give(&media, peer, stream).await {
                tracing::debug!(%error, "a stream of files ended");
            }
        });
    }
}

async fn give(media: &Arc<Media>, peer: MemberKey, mut stream: BlobStream) -> std::io::Result<()> {
    let mut bytes = [0; QUESTION_BYTES];
    loop {
        match timeout(QUESTION, stream.read_exact(&mut bytes)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return stream.shutdown().await,
        }
        let answer = match Question::read(bytes) {
            Some(question) => media.answer(peer, question).await,
            None => vec![Status::Unknown.number()],
        };
        timeout(TAKEN, async {
            stream.write_all(&answer).await?;
            stream.flush().await
        })
        .await??;
        if answer.first() == Some(&Status::Follows.number()) {
            media.tally.count_given();
        }
    }
}

impl Media {
    async fn answer(self: &Arc<Self>, peer: MemberKey, question: Question) -> Vec<u8> {
        let Question { blob: id, piece } = question;
        let blob = match self.length_for(peer, id).await {
            Ok(Some(length)) => Blob { id, length },
            Ok(None) => return vec![Status::Unknown.number()],
            Err(_) => return vec![Status::Busy.number()],
        };
        let blobs = self.blobs.clone();
        match tokio::task::spawn_blocking(move || encoded(&blobs, blob, piece)).await {
            Ok(Some(answer)) => answer,
            _ => vec![Status::Unknown.number()],
        }
    }

    /// The length of a file that this member may have. A driver whose queue is full is asked again for a moment: it is
    /// behind because of a flood of messages, not because the file isn't here.
    async fn length_for(&self, peer: MemberKey, id: BlobId) -> Result<Option<u64>, Refused> {
        let mut tries = TRIES;
        loop {
            let asked = self.driver.ask(move |view| {
                let may = view.account.may_fetch(&peer, &id);
                let named = may.then(|| view.account.blob(&id)).flatten()?;
                named.iter().find(|one| one.counts).map(|one| cipher_bytes(one.size))
            });
            tries -= 1;
            match asked.await {
                Err(Refused::Busy) if tries > 0 => tokio::time::sleep(AGAIN).await,
                answer => return answer,
            }
        }
    }
}

pub(super) fn encoded(blobs: &Blobs, blob: Blob, piece: u32) -> Option<Vec<u8>> {
    let mut part = Vec::with_capacity(1 << 20);
    if let Err(error) = blobs.encode(blob, piece, 1, &mut part) {
        tracing::debug!(%error, "a piece is not given");
        return None;
    }
    let head = head(blob.length, u32::try_from(part.len()).ok()?);
    Some([&[Status::Follows.number()][..], &head, &part].concat())
}
