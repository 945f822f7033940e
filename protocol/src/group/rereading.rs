//! What is read back from the store because something has changed: the key of a Message came, or its author's words
//! count otherwise now (R-2, E-32, E-33).

use alloc::vec::Vec;

use super::hearing::{NOT_SHOWN, log_words};
use super::{Context, Group, Purpose, ViewRecord};
use crate::crypto::sign::Signed;
use crate::event::Event;
use crate::ids::{EntryId, MembershipId, OrderKey};
use crate::limits;
use crate::log::entry::Entry;
use crate::log::{Place, Words};
use crate::record::RecordId;
use crate::wire::from_bytes;

impl Group {
    /// After a start: what was to be read back when the last life ended (its key is here, or it no longer counts).
    pub(super) fn read_again(&mut self, ctx: &mut Context<'_>) {
        let open: Vec<EntryId> = self.unopened.keys().filter(|rekey| self.keys.holds(rekey)).copied().collect();
        open.into_iter().for_each(|rekey| self.read_unopened(ctx, rekey));
        let counts = |mid: &MembershipId| self.words.get(mid).is_none_or(|words| *words == Words::Count);
        let lines: Vec<Place> = self.shown.places_of(|mid| !counts(mid)).collect();
        lines.into_iter().for_each(|place| self.read_back(ctx, place, Purpose::Recount(place)));
    }

    /// Messages that waited for this epoch's key are read back and tried again.
    pub(super) fn read_unopened(&mut self, ctx: &mut Context<'_>, rekey: EntryId) {
        for place in self.unopened.remove(&rekey).unwrap_or_default() {
            self.read_back(ctx, place, Purpose::Open(place));
        }
    }

    pub(super) fn read_back(&mut self, ctx: &mut Context<'_>, place: Place, purpose: Purpose) {
        let id = match (purpose, self.shown.get(&place)) {
            (Purpose::Recount(_) | Purpose::Blank(_) | Purpose::Expire(_), Some(order)) => {
                RecordId::view(self.g, order)
            }
            (Purpose::Open(_) | Purpose::Seed(_) | Purpose::Forget(_), _)
            | (Purpose::Recount(_) | Purpose::Blank(_) | Purpose::Expire(_), None) => self.entry_record(place),
        };
        if matches!(purpose, Purpose::Expire(_)) && self.reading.contains_key(&id) {
            // It is read for another reason already; its age is looked at the next time.
            return;
        }
        self.reading.insert(id, purpose);
        ctx.effects.read(id);
    }

    /// A record that was asked for is here.
    pub(crate) fn on_loaded(&mut self, ctx: &mut Context<'_>, id: RecordId, bytes: Option<&[u8]>) {
        self.walk_on(ctx, id, bytes);
        let Some(purpose) = self.reading.remove(&id) else { return };
        if let Purpose::Expire(place) = purpose {
            return self.expire_line(ctx, place, bytes);
        }
        let Some(bytes) = bytes else { return };
        match purpose {
            Purpose::Open(place) => self.open_stored(ctx, place, bytes),
            Purpose::Recount(place) => self.recount_line(ctx, place, bytes),
            Purpose::Blank(place) if self.shown.get(&place).is_some() => self.blank_line(ctx, bytes),
            Purpose::Forget(place) => self.forget_line(ctx, place, bytes),
            Purpose::Blank(_) | Purpose::Expire(_) => {}
            Purpose::Seed(place) => self.take_stored_rekey(ctx, place, bytes.get(OrderKey::LEN..).unwrap_or_default()),
        }
    }

    fn open_stored(&mut self, ctx: &mut Context<'_>, place: Place, bytes: &[u8]) {
        let Some(bytes) = bytes.get(OrderKey::LEN..) else { return };
        let Ok(entry) = Entry::decode(&self.gid(), place.log, bytes) else { return };
        let entry = Signed::new(entry).trust_own_store();
        let order = self.on_message(ctx, place, &entry);
        if order != NOT_SHOWN {
            let id = self.entry_record(place);
            let bytes = order.0.into_iter().chain(bytes.iter().copied()).collect();
            ctx.effects.put(crate::record::Record { id, bytes });
        }
    }

    /// Membership moved: lines whose author's words count otherwise now are looked at again (E-32, E-33).
    pub(super) fn recount(&mut self, ctx: &mut Context<'_>) {
        let authors: Vec<MembershipId> = self.logs.ids().map(|log| log.mid).collect();
        for author in authors {
            let words = log_words(&self.membership.words(&author));
            let before = self.words.insert(author, words.clone());
            if before.as_ref() == Some(&words) || (before.is_none() && words == Words::Count) {
                continue;
            }
            let lines: Vec<Place> = self.shown.places_of(|mid| *mid == author).collect();
            lines.into_iter().for_each(|place| self.read_back(ctx, place, Purpose::Recount(place)));
            let void: Vec<Place> = self.void.iter().filter(|place| place.log.mid == author).copied().collect();
            let again: Vec<Place> = void.into_iter().filter(|place| self.logs.honoured(place, &words)).collect();
            again.into_iter().for_each(|place| self.read_back(ctx, place, Purpose::Open(place)));
        }
    }

    fn recount_line(&self, ctx: &mut Context<'_>, place: Place, bytes: &[u8]) {
        let Ok(mut view) = from_bytes::<ViewRecord>(bytes, limits::VALUE_BYTES_MAX) else { return };
        let counts = self.counts(&place);
        if self.shown.get(&place).is_none() {
            return;
        }
        if view.message.counts == counts {
            return;
        }
        view.message.counts = counts;
        self.put_view(ctx, &view);
        let group = self.gid();
        let target = view.message.annotation.as_ref().map(|annotation| annotation.target);
        ctx.effects.emit(match target {
            None => Event::MessageChanged { group, message: view.message },
            Some(target) => Event::Annotated { group, target },
        });
    }
}
