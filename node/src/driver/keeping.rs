//! What the driver does for the store now and then: another rotating key, a verification, the rescue file, another way of
//! locking the vault.

use coterie_protocol::{Change, RecordKind};
use zeroize::Zeroizing;

use super::{Driver, Health, Refused};
use crate::clock::Clock;
use crate::store::{Cost, OpenError, VaultError, VaultKey};

/// After a start the store is verified when the first rush is over (ST-44).
const VERIFY_MS: u64 = 30_000;
/// A larger store is verified by itself only after an unclean stop: reading 100,000 records takes up to 2 s.
const VERIFY_RECORDS_MAX: u64 = 50_000;
/// After a secret was erased the rotating key is changed within this time (ST-66).
const ROTATE_MS: u64 = 600_000;
/// The rescue file is written at most so often (ST-92) …
const RESCUE_MS: u64 = 30_000;
/// … so long after the first change, for changes seldom come alone …
const RESCUE_DELAY_MS: u64 = 1_000;
/// … and once in each life, when the start is over.
const RESCUE_FIRST_MS: u64 = 5_000;

/// Memory that reading took is given back at most so often (ST-25), and first when the start is over.
const COOL_MS: u64 = 60_000;
const COOL_FIRST_MS: u64 = 2_000;

/// What a batch means for the rescue file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Touch {
    /// Nothing.
    #[default]
    None,
    /// It is out of date.
    Soon,
    /// It holds what is gone on purpose, and would take that for a loss after a crash.
    Now,
}

/// How the life before this one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastEnd {
    /// In good order.
    Clean,
    /// Any other way.
    Unclean,
}

/// When each is due, by the monotonic clock.
#[derive(Debug)]
pub(super) struct Keeping {
    rotated_at_ms: u64,
    verify_at_ms: Option<u64>,
    last_end: LastEnd,
    rescued_at_ms: Option<u64>,
    rescue_due_at_ms: Option<u64>,
    cool_at_ms: u64,
}

impl Keeping {
    pub(super) const fn new(now_ms: u64, last_end: LastEnd) -> Self {
        let verify_at_ms = Some(now_ms.saturating_add(VERIFY_MS));
        Self {
            rotated_at_ms: now_ms,
            verify_at_ms,
            last_end,
            rescued_at_ms: None,
            rescue_due_at_ms: Some(now_ms.saturating_add(RESCUE_FIRST_MS)),
            cool_at_ms: now_ms.saturating_add(COOL_FIRST_MS),
        }
    }

    /// The next moment at which something is due.
    pub(super) const fn due_at_ms(&self) -> Option<u64> {
        self.rescue_due_at_ms
    }

    /// Something was saved that the rescue file should hold, or hold no more.
    pub(super) fn changed(&mut self, now_ms: u64, touch: Touch) {
        let earliest = self.rescued_at_ms.map_or(0, |at| at.saturating_add(RESCUE_MS));
        let at = match touch {
            Touch::None => return,
            Touch::Soon => earliest.max(now_ms.saturating_add(RESCUE_DELAY_MS)),
            Touch::Now => now_ms,
        };
        self.rescue_due_at_ms = Some(self.rescue_due_at_ms.map_or(at, |due| due.min(at)));
    }
}

/// Whether these changes touch what the rescue file holds. When a group was last in touch changes all the
/// time, and is of no use to anybody after a loss.
pub(super) fn touches_rescue(changes: &[Change]) -> Touch {
    let kept = [RecordKind::Profile, RecordKind::Op, RecordKind::Peer, RecordKind::Outbox, RecordKind::Draft];
    let touch = |change: &Change| match change {
        Change::Put(record) if kept.contains(&record.id.kind()) => Touch::Soon,
        Change::Erase(id) if matches!(id.kind(), RecordKind::Group | RecordKind::Op) => Touch::Now,
        // A text that was sealed meanwhile must not be said twice after a loss.
        Change::Erase(id) if kept.contains(&id.kind()) => Touch::Soon,
        Change::Put(_) | Change::Erase(_) => Touch::None,
    };
    let touches: Vec<Touch> = changes.iter().map(touch).collect();
    let first = [Touch::Now, Touch::Soon].into_iter().find(|wanted| touches.contains(wanted));
    first.unwrap_or_default()
}

/// Another way of locking the vault.
pub(crate) struct KeyChange {
    /// What opens it now; needed if that is a passphrase.
    pub(crate) old: Option<Zeroizing<String>>,
    /// What will; without one a key file beside it.
    pub(crate) new: Option<Zeroizing<String>>,
}

impl Driver {
    /// What is due of all this.
    pub(super) fn keep(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.keeping.rotated_at_ms) >= ROTATE_MS {
            self.keeping.rotated_at_ms = now_ms;
            self.rotate();
        }
        if self.keeping.verify_at_ms.is_some_and(|at| at <= now_ms) {
            self.keeping.verify_at_ms = None;
            let records = self.store.as_ref().map_or(0, |store| store.records());
            if self.keeping.last_end == LastEnd::Unclean || records <= VERIFY_RECORDS_MAX {
                self.verify();
            }
        }
        if self.keeping.cool_at_ms <= now_ms
            && let Some(store) = self.store.as_mut()
        {
            self.keeping.cool_at_ms = now_ms.saturating_add(COOL_MS);
            store.engine_mut().cool();
        }
        if self.keeping.rescue_due_at_ms.is_some_and(|at| at <= now_ms) {
            self.keeping.rescue_due_at_ms = None;
            self.keeping.rescued_at_ms = Some(now_ms);
            self.settle();
            self.write_rescue();
        }
    }

    /// By ST-66, an erased secret may linger in old segments until the key above it is gone.
    fn rotate(&mut self) {
        self.settle();
        let Some(store) = self.store.as_mut().filter(|store| store.rotation_is_due()) else { return };
        if let Err(error) = self.home.rotate(store) {
            tracing::warn!(%error, "the rotating key was not changed; it is tried again");
        }
    }

    /// By ST-44, every value is opened and all are counted; what is damaged or missing is told, and fetched again.
    pub(super) fn verify(&mut self) {
        let Some(store) = self.store.as_ref() else { return };
        match crate::store::verify(store) {
            Ok(findings) => {
                if !findings.is_good() {
                    tracing::error!(rule = "ST-44", ?findings, "records are damaged or missing");
                }
                self.diagnosis.note(&findings);
            }
            Err(error) => tracing::error!(%error, "the store could not be verified"),
        }
    }

    pub(super) fn write_rescue(&mut self) {
        let Some(store) = self.store.as_ref() else { return };
        if let Err(error) = self.home.write_rescue(store, Clock::now().wall_ms) {
            tracing::warn!(%error, rule = "ST-92", "the rescue file was not written");
        }
    }

    /// By ST-62, one slot is written anew. Whoever changes a passphrase has to know it.
    pub(super) fn on_set_key(&mut self, change: &KeyChange) -> Result<(), Refused> {
        match self.recovery.health() {
            Health::Sound => {}
            Health::DiskFull => return Err(Refused::DiskFull),
            Health::ReadOnly => return Err(Refused::ReadOnly),
        }
        let needed = crate::store::key_needed(self.home.directory().path()).map_err(|error| internal(&error))?;
        if needed == crate::store::KeyNeeded::Passphrase {
            let old = change.old.clone().ok_or(Refused::WrongKey)?;
            self.home.check_key(&VaultKey::Passphrase(old)).map_err(|error| match error {
                OpenError::Vault(VaultError::WrongKey) => Refused::WrongKey,
                other => internal(&other),
            })?;
        }
        let new = change.new.clone().map_or(VaultKey::KeyFile(None), VaultKey::Passphrase);
        self.home.set_key(&new, Cost::DEFAULT).map_err(|error| internal(&error))
    }
}

fn internal(error: &OpenError) -> Refused {
    tracing::error!(%error, "the vault was not locked another way");
    Refused::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_92_the_rescue_file_is_written_soon_after_the_first_change_and_then_at_most_every_30_s() {
        let mut keeping = Keeping::new(1_000, LastEnd::Clean);
        assert_eq!(keeping.due_at_ms(), Some(6_000), "once in each life");
        keeping.changed(1_500, Touch::Soon);
        assert_eq!(keeping.due_at_ms(), Some(2_500), "a group that was just joined is not lost for want of 5 s");
        (keeping.rescue_due_at_ms, keeping.rescued_at_ms) = (None, Some(1_000));
        keeping.changed(2_000, Touch::Soon);
        assert_eq!(keeping.due_at_ms(), Some(31_000));
        (keeping.rescue_due_at_ms, keeping.rescued_at_ms) = (None, Some(31_000));
        keeping.changed(90_000, Touch::Soon);
        keeping.changed(90_500, Touch::Soon);
        assert_eq!(keeping.due_at_ms(), Some(91_000));
        keeping.changed(90_600, Touch::Now);
        assert_eq!(keeping.due_at_ms(), Some(90_600), "what is gone on purpose must not come back");
    }
}
