//! From events of the core to events of the API: whole objects, made when they are true on disk (EV-2, EV-4).
//!
//! Delivery counts and the status move often and matter little each time, so they are folded: at most four times a
//! second for all of them.

use std::collections::BTreeSet;

use coterie_protocol::{BlobId, EntryId, Event, GroupId};

use super::Driver;
use crate::api::events::{Kind, Notice};
use crate::api::shapes;
use crate::clock::Clock;

/// Folded events at most this often (EV-2).
const SOFT_MS: u64 = 250;

/// Messages that are told anew because a file that they name came or went. Usually one names it; somebody may let
/// thousands name the same one.
const TOLD_OF_FILE_MAX: usize = 32;

/// What is to be told a little later.
#[derive(Debug, Default)]
pub(super) struct Soft {
    due_at_ms: Option<u64>,
    told_at_ms: u64,
    deliveries: BTreeSet<(GroupId, EntryId)>,
    sentence: String,
}

impl Soft {
    pub(super) const fn due_at_ms(&self) -> Option<u64> {
        self.due_at_ms
    }

    fn mark(&mut self, now_ms: u64) {
        self.due_at_ms.get_or_insert(now_ms.max(self.told_at_ms + SOFT_MS));
    }
}

impl Driver {
    /// Tells the followers what became true.
    pub(super) fn tell(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        self.soft.mark(Clock::now().mono_ms);
        for event in events {
            if let Event::Delivery { group, entry, .. } = event {
                self.soft.deliveries.insert((group, entry));
                continue;
            }
            if let Event::Message { message, .. } | Event::MessageChanged { message, .. } = &event {
                message.attachments.iter().for_each(|file| self.shelf.wish(file));
            }
            let notices = self.view().map(|view| shapes::notices(&view, &event)).unwrap_or_default();
            notices.into_iter().for_each(|notice| self.hub.publish(notice));
        }
    }

    /// Followers see at once that a file is here, or no longer. Nothing is written: what lies on the disk is the truth.
    pub(super) fn on_file_moved(&self, blob: &BlobId) {
        let Some(view) = self.view() else { return };
        let named = view.account.blob(blob).unwrap_or_default();
        let messages: BTreeSet<(GroupId, EntryId)> = named.iter().map(|named| (named.group, named.entry)).collect();
        let changed = messages.into_iter().take(TOLD_OF_FILE_MAX);
        let events = changed.map(|(group, target)| Event::Annotated { group, target });
        let notices: Vec<Notice> = events.flat_map(|event| shapes::notices(&view, &event)).collect();
        notices.into_iter().for_each(|notice| self.hub.publish(notice));
    }

    /// Tells what was folded, if it is time.
    pub(super) fn tell_soft(&mut self, now_ms: u64) {
        if self.soft.due_at_ms.is_none_or(|at| at > now_ms) {
            return;
        }
        self.soft.due_at_ms = None;
        self.soft.told_at_ms = now_ms;
        let deliveries = std::mem::take(&mut self.soft.deliveries);
        let Some(view) = self.view() else { return };
        let mut notices: Vec<Notice> =
            deliveries.iter().filter_map(|(group, entry)| shapes::delivery_notice(&view, group, entry)).collect();
        let status = shapes::status(&view);
        let sentence = status.sentence.clone();
        if sentence != self.soft.sentence {
            notices.push(Notice::new(Kind::Status, None, &status));
        }
        self.soft.sentence = sentence;
        notices.into_iter().for_each(|notice| self.hub.publish(notice));
    }
}
