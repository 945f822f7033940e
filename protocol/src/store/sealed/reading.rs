//! One pass over a sealed store: what opens is handed on, what does not is named, and all is counted (ST-41, ST-44).

use super::census::{Census, Step, is_own};
use super::value::open_value;
use super::{Findings, Miscount, SealedStore};
use crate::record::{Key, Record, RecordId};
use crate::store::{Store, StoreError, scan};

/// One pass over a store.
pub(super) struct Reading<'a, S: Store> {
    store: &'a SealedStore<S>,
    pub(super) found: Census,
    pub(super) findings: Findings,
}

impl<'a, S: Store> Reading<'a, S> {
    pub(super) fn new(store: &'a SealedStore<S>) -> Self {
        let findings = Findings { census_lost: store.census_lost, ..Findings::default() };
        Self { store, found: Census::default(), findings }
    }

    pub(super) fn read(&mut self, span: (Key, Key), visit: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
        scan(&self.store.engine, span, &mut |key, stored| {
            // The census and the list of damaged keys are read when the store is opened; they are nobody else's.
            if is_own(&key) {
                return Ok(());
            }
            self.found.count(&key, &stored, Step::Came);
            match (RecordId::from_key(&key), open_value(&self.store.keys, &key, &stored)) {
                (Some(id), Some(bytes)) => {
                    self.findings.good = self.findings.good.saturating_add(1);
                    visit(Record { id, bytes });
                }
                (None, _) | (_, None) => {
                    self.findings.damaged.push(key);
                    self.store.damage.borrow_mut().note(&key);
                }
            }
            Ok(())
        })
    }

    pub(super) fn compare(&mut self, kind: u8) {
        let (expected, found) = (self.store.census.of(kind), self.found.of(kind));
        if expected != found {
            self.findings.miscounts.push(Miscount { kind, expected: expected.count, found: found.count });
        }
    }
}
