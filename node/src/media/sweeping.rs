//! Gives back the room of files that no message names any more: taken back, kept long enough, of a group that was left
//! (BL-19); and of uploads that were never sent. They go an hour after anything last touched them.

use std::collections::BTreeSet;
use std::sync::Weak;
use std::time::Duration;

use coterie_protocol::BlobId;

use super::Media;
use crate::store::Blob;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(600);

pub(super) async fn run(media: Weak<Media>) {
    loop {
        let Some(here) = media.upgrade() else { return };
        here.sweep().await;
        drop(here);
        tokio::time::sleep(EVERY).await;
    }
}

impl Media {
    async fn sweep(&self) {
        self.uploads().forget_old();
        // Before the driver is asked: what is sent in between is either here or there.
        let uploads: Vec<Blob> = self.uploads().blobs().collect();
        let Ok(mut known) = self.driver.ask(|view| known(view.account)).await else { return };
        let named: BTreeSet<BlobId> = known.iter().map(|blob| blob.id).collect();
        known.extend(uploads);
        let blobs = self.blobs.clone();
        match tokio::task::spawn_blocking(move || blobs.keep_only(&known)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!(count, "files that no message names any more are gone"),
            Ok(Err(error)) => tracing::warn!(%error, "files that no message names any more were not erased"),
            Err(error) => tracing::error!(%error, "the look at the files ended early"),
        }
        self.jobs().retain(|id, job| {
            let stays = named.contains(id);
            if !stays {
                job.finish();
            }
            stays
        });
    }
}

fn known(account: &coterie_protocol::Account) -> Vec<Blob> {
    account.blobs().into_iter().map(|(id, length)| Blob { id, length }).collect()
}
