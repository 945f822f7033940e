//! Hearing an entry: it was admitted; now it is written down, opened if it counts, shown, passed on and acknowledged
//! (section 10 of the encryption document, "Receive").

use alloc::vec::Vec;

use super::{Context, Envelope, Group, Rosters};
use crate::crypto::sign::Verified;
use crate::encryption::receive::{Arrival as KeyArrival, Downgrade, KeyOutcome, Learned};
use crate::encryption::{OpenedMessage, Unopened};
use crate::event::AlertKind;
use crate::ids::{EntryId, Heads, LogId, MemberKey, MembershipId, Neighbour, OrderKey};
use crate::limits;
use crate::log::entry::{Entry, HeadKind};
use crate::log::{Appended, Arrival, EntryRule, Inserted, Missing, Place, Words};
use crate::membership::History;

/// An order key that says "not shown" (ST-32).
pub(super) const NOT_SHOWN: OrderKey = OrderKey([0; 16]);

impl Group {
    /// Offers an entry's bytes; gives whether it is new here.
    pub(super) fn hear(
        &mut self,
        ctx: &mut Context<'_>,
        (log, bytes): (LogId, &[u8]),
        from: Option<(Neighbour, MemberKey)>,
    ) -> Heard {
        if let Some(fault) = self.refused.fault_of(bytes, ctx.now) {
            ctx.faults.extend(from.map(|(neighbour, _)| (neighbour.link, fault)));
            return Heard::Refused;
        }
        let arrival = Arrival { log, bytes, giver: from.map(|(_, key)| key) };
        let stamp = self.keys.stamp(ctx.now);
        let inserted = self.logs.insert(&mut Rosters(&mut self.membership), stamp, arrival);
        if let Inserted::Refused(rule @ (EntryRule::Undecodable(_) | EntryRule::Signature)) = &inserted {
            self.refused.remember(bytes, super::refused::fault_of(rule), ctx.now);
        }
        let heard = self.on_inserted(ctx, inserted, from.map(|(neighbour, _)| neighbour));
        self.retry_waiting(ctx);
        if heard == Heard::Waiting {
            self.release_cited(ctx);
        }
        heard
    }

    /// As R-35 asks: an operation that waits in the pool enters the log once a correctly signed entry of an anchored
    /// author names it; the oldest entry first, so many a day and author.
    fn release_cited(&mut self, ctx: &mut Context<'_>) {
        let mut wanted: Vec<(MembershipId, Heads)> = Vec::new();
        for waiting in self.logs.waiting().filter(|waiting| waiting.is_proved) {
            let author = waiting.entry.log.mid;
            let anchored = self.membership.roster().person(&author).is_some_and(|person| person.anchored);
            let heads = &waiting.entry.head.heads;
            let pooled = |id| self.membership.knows(id) && !self.membership.is_admitted(id);
            if anchored && heads.as_slice().iter().any(pooled) {
                wanted.push((author, waiting.entry.head.heads.clone()));
            }
        }
        if wanted.is_empty() {
            return;
        }
        let before = self.membership.share_roster();
        for (author, heads) in wanted {
            let left = self.released.left(&author, ctx.now);
            let released = self.membership.release_cited(&heads, left);
            self.released.count(author, released);
        }
        self.after_operations(ctx, &before, None);
    }

    /// Entries whose need has come: each may bring the next.
    pub(super) fn retry_waiting(&mut self, ctx: &mut Context<'_>) {
        while self.logs.has_ready() && ctx.effects.has_room() {
            let stamp = self.keys.stamp(ctx.now);
            let settled = self.logs.retry(&mut Rosters(&mut self.membership), stamp, limits::RETRIES_PER_STEP_MAX);
            if settled.is_empty() {
                break;
            }
            for inserted in settled {
                self.on_inserted(ctx, inserted, None);
            }
        }
        if self.logs.has_ready() {
            self.duties.wake_soon(ctx.now);
        }
        self.tell_forks(ctx);
        self.walk_back(ctx);
    }

    fn on_inserted(&mut self, ctx: &mut Context<'_>, inserted: Inserted, from: Option<Neighbour>) -> Heard {
        match inserted {
            Inserted::Appended(appended) => {
                self.on_appended(ctx, &appended, from);
                Heard::New
            }
            Inserted::Duplicate => Heard::Known,
            Inserted::Waiting(need) => {
                if let (Missing::Predecessor { log, seq, .. }, Some(from)) = (&need, from) {
                    let tag = self.logs.tag(log);
                    self.tell_waiting(ctx, from, tag, *seq);
                }
                Heard::Waiting
            }
            Inserted::Refused(rule) => {
                if let Some(neighbour) = from {
                    ctx.faults.push((neighbour.link, super::refused::fault_of(&rule)));
                }
                tracing::debug!(%rule, "entry refused");
                Heard::Refused
            }
        }
    }

    fn on_appended(&mut self, ctx: &mut Context<'_>, appended: &Appended, from: Option<Neighbour>) {
        self.look_for_twin(ctx, appended.place);
        let order = match &appended.entry.head.kind {
            HeadKind::Message { .. } => self.on_message(ctx, appended.place, &appended.entry),
            HeadKind::Rekey { .. } => {
                self.on_rekey(ctx, appended);
                NOT_SHOWN
            }
            HeadKind::KeyGrant { .. } => {
                self.on_grant(ctx, appended);
                NOT_SHOWN
            }
            HeadKind::GrantEnvelope { .. } => {
                self.keep_envelope(&appended.entry);
                NOT_SHOWN
            }
            HeadKind::Leaf { .. } => {
                self.on_leaf(ctx, appended);
                NOT_SHOWN
            }
            HeadKind::Opaque { .. } => NOT_SHOWN,
        };
        self.put_entry(ctx, appended, order);
        self.count_foreign(ctx, appended, from);
        self.look_for_exclusion(ctx, appended.place.log, (&appended.entry, &appended.keyed));
        self.spread_entry(ctx, appended, from);
        self.acknowledge(ctx, &appended.place.log);
    }

    fn on_leaf(&mut self, ctx: &mut Context<'_>, appended: &Appended) {
        let HeadKind::Leaf { inst_no, .. } = appended.entry.head.kind else { return };
        if inst_no > 0 && appended.entry.head.seq == 0 {
            self.alert(ctx, AlertKind::Restored, Some(appended.place.log.mid), "E-10".into());
        }
        self.duties.acks_moved(ctx.now);
        self.duties.grant_soon(ctx.now);
        if !self.outbox.is_empty() {
            // What waited for somebody to listen goes now.
            self.duties.wake_soon(ctx.now);
        }
    }

    fn on_rekey(&mut self, ctx: &mut Context<'_>, appended: &Appended) {
        let previous = self.rekey_of(&appended.place);
        let epochs = self.epochs.entry((appended.place.log, appended.place.branch)).or_default();
        epochs.insert(appended.place.seq, appended.entry.id());
        let mut learned = {
            let at = self.key_arrival(appended, previous);
            self.keys.on_rekey(ctx.now, &appended.entry, &at)
        };
        self.keep_seed(ctx, &appended.entry, learned.seed.take());
        self.on_learned(ctx, appended, (learned, appended.entry.id()));
        self.take_offered(ctx, &appended.entry);
        // It brings a leaf key too: somebody whose old one was too old to seal to can be sealed to again.
        self.duties.grant_soon(ctx.now);
    }

    fn on_grant(&mut self, ctx: &mut Context<'_>, appended: &Appended) {
        let Some(rekey) = self.rekey_of(&appended.place) else { return };
        let learned = {
            let at = self.key_arrival(appended, Some(rekey));
            self.keys.on_grant(ctx.now, &appended.entry, &at)
        };
        self.on_learned(ctx, appended, (learned, rekey));
    }

    fn key_arrival<'a>(&self, appended: &'a Appended, rekey: Option<EntryId>) -> KeyArrival<'a> {
        let own_no = self.logs.state(&self.own).map(|state| state.inst_no);
        let shown = appended.knew_own.filter(|leaf| Some(leaf.inst_no) == own_no).map(|leaf| leaf.generation);
        KeyArrival { keyed: &appended.keyed, rekey, shown }
    }

    fn on_learned(&mut self, ctx: &mut Context<'_>, appended: &Appended, (learned, rekey): (Learned, EntryId)) {
        let author = appended.place.log.mid;
        self.put_secrets(ctx, learned.changes);
        self.duties.acks_moved(ctx.now);
        if learned.downgrade == Downgrade::Shown {
            self.alert(ctx, AlertKind::Excluded, Some(author), "E-43".into());
        }
        match learned.outcome {
            KeyOutcome::Opened { .. } => self.read_unopened(ctx, rekey),
            KeyOutcome::Broken => self.alert(ctx, AlertKind::Excluded, Some(author), "E-43".into()),
            KeyOutcome::Suspended { .. } | KeyOutcome::Unreadable => self.ask_repair(ctx, &author, rekey),
            KeyOutcome::Nothing | KeyOutcome::Misfit => {}
        }
    }

    /// Opens a Message if it counts and its key is here; gives where it is shown.
    pub(super) fn on_message(&mut self, ctx: &mut Context<'_>, place: Place, entry: &Verified<Entry>) -> OrderKey {
        if !self.counts(&place) {
            self.void.insert(place);
            bound(&mut self.void, limits::VOID_MESSAGES_MAX);
            return NOT_SHOWN;
        }
        self.void.remove(&place);
        let Some(rekey) = self.rekey_of(&place) else { return NOT_SHOWN };
        match self.keys.open(ctx.now, entry, rekey) {
            Ok(opened) => self.show(ctx, (place, &entry.head.heads), (entry.id(), opened)),
            Err(Unopened::WaitingForKey | Unopened::BeforeMyTime | Unopened::UsedOrExpired)
                if self.keys.is_archived(&rekey) =>
            {
                let opened = self.keys.open_archived(entry, &rekey);
                let at = (place, &entry.head.heads);
                opened.map_or(NOT_SHOWN, |opened| self.show(ctx, at, (entry.id(), opened)))
            }
            // A seed may come from a member (E-89).
            Err(Unopened::BeforeMyTime) if self.membership.policy().history() != History::Nothing => {
                self.wait_for_key(ctx, place, rekey);
                NOT_SHOWN
            }
            Err(Unopened::WaitingForKey) => {
                self.wait_for_key(ctx, place, rekey);
                self.look_for_lost_chain(ctx, &place.log.mid);
                NOT_SHOWN
            }
            Err(Unopened::Broken { why, changes }) => {
                tracing::debug!(?why, "a message made wrong by its author");
                self.put_secrets(ctx, changes);
                self.alert(ctx, AlertKind::BrokenMessage, Some(place.log.mid), "E-62".into());
                NOT_SHOWN
            }
            Err(Unopened::BeforeMyTime | Unopened::UsedOrExpired | Unopened::NoMessage) => NOT_SHOWN,
        }
    }

    /// A Message stays closed until the key of its epoch comes: from its author, or from somebody who keeps it.
    fn wait_for_key(&mut self, ctx: &Context<'_>, place: Place, rekey: EntryId) {
        let waiting = self.unopened.entry(rekey).or_default();
        waiting.insert(place);
        bound(waiting, limits::UNOPENED_PER_EPOCH_MAX);
        self.past_is_wanted(ctx);
    }

    /// The newest Rekey before a place, on the way to it: its chain seals what stands there.
    pub(super) fn rekey_of(&self, place: &Place) -> Option<EntryId> {
        let (mut branch, mut end) = (place.branch, place.seq);
        // A parent has a smaller number, so this ends.
        loop {
            let newest = self.epochs.get(&(place.log, branch)).and_then(|epochs| epochs.range(..end).next_back());
            if let Some((_, &rekey)) = newest {
                return Some(rekey);
            }
            let off = self.logs.branches(&place.log).find(|&(number, _)| number == branch)?.1?;
            (branch, end) = (off.parent, end.min(off.seq));
        }
    }

    fn show(
        &mut self,
        ctx: &mut Context<'_>,
        (place, heads): (Place, &Heads),
        (eid, opened): (EntryId, OpenedMessage),
    ) -> OrderKey {
        let order = opened.order_key;
        self.put_secrets(ctx, opened.changes);
        self.recent.note(place.log.mid, (order, eid), &opened.content.after, &self.me);
        self.keep_words(ctx, (place, heads), (eid, order, &opened.content), None);
        order
    }

    /// Rule MB-C2: whether words count is read from the present fold.
    pub(super) fn counts(&self, place: &Place) -> bool {
        self.logs.honoured(place, &log_words(&self.membership.words(&place.log.mid)))
    }

    /// A link's sealed seat grant: kept, so that this node can let people in (MB-I5).
    pub(super) fn keep_envelope(&mut self, entry: &Entry) {
        let HeadKind::GrantEnvelope { lookup, invite_pk, not_after } = entry.head.kind else { return };
        let envelope =
            Envelope { author: entry.log.mid, invite_pk, not_after_ms: not_after, sealed: entry.body.clone() };
        let kept = self.envelopes.entry(lookup).or_default();
        // One author gets one place: junk under a known lookup may not push the inviter's own out (MB-I5).
        let has_one = kept.iter().any(|held| held.author == envelope.author);
        if kept.len() < limits::ENVELOPES_PER_LOOKUP_MAX && !has_one {
            kept.push(envelope);
        }
    }

    fn tell_forks(&mut self, ctx: &mut Context<'_>) {
        for proof in self.logs.take_fork_proofs() {
            let log = proof.held.log;
            self.put_log(ctx, proof.held);
            self.keep_evidence(ctx, &proof);
            if log == self.own {
                self.on_twin(ctx);
            }
            self.alert(ctx, AlertKind::Fork, Some(log.mid), "E-78".into());
            self.spread_fork(ctx, &proof);
        }
    }
}

/// What became of an entry, as its giver is judged by (N-506, N-211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Admitted just now.
    New,
    /// Here already.
    Known,
    /// Kept until what is missing comes.
    Waiting,
    /// Refused.
    Refused,
}

/// The verdict of the membership log, in the terms of the entry logs.
pub(super) fn log_words(words: &crate::membership::Words) -> Words {
    match words {
        crate::membership::Words::Count => Words::Count,
        crate::membership::Words::UpTo(cuts) => Words::UpTo(cuts.clone()),
        crate::membership::Words::Void => Words::Void,
    }
}

/// Keeps a set within its bound: the smallest go first.
fn bound<T: Ord>(set: &mut alloc::collections::BTreeSet<T>, max: usize) {
    while set.len() > max {
        set.pop_first();
    }
}
