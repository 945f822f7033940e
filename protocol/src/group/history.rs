//! History for newcomers: whose epochs are kept, who is asked for them, who gets them (E-86 to E-91, N-712).
//!
//! The settings of the group decide. A newcomer that is confirmed and no guest asks a neighbour that is the same, and
//! gets the seeds sealed to its leaf key. What was said is in the logs already; a seed that fits a Rekey opens it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Context, Group, Purpose};
use crate::crypto::Secret;
use crate::crypto::sign::Verified;
use crate::encryption::Recipient;
use crate::encryption::archive::Origin;
use crate::encryption::bundle::Bundle;
use crate::ids::{EntryId, Heads, LogId, MembershipId, Neighbour};
use crate::limits;
use crate::log::Place;
use crate::log::entry::{Entry, HeadKind};
use crate::membership::{History, Role};
use crate::time::Timestamp;
use crate::wire::frame::GroupFrame;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes};

/// HISTORYWANT: seeds of epochs from this moment on, ms since 1970; 0 = all that may be given. Giving more is no harm.
struct Want(u64);

impl Canonical for Want {
    fn write(&self, to: &mut Writer) {
        to.array(1).uint(self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        Ok(Self(from.uint()?))
    }
}

/// What goes on about history in this life.
#[derive(Default)]
pub(super) struct Past {
    /// When each member was asked last.
    asked: BTreeMap<MembershipId, u64>,
    /// When each member was answered.
    answered: BTreeMap<MembershipId, Vec<u64>>,
    /// Seeds that were handed out to us and whose Rekey is not here yet, or is being read back; of each giver by itself, so
    /// that who hands out wrong ones stands in nobody's way.
    offered: BTreeMap<MembershipId, BTreeMap<(LogId, u64), Secret<32>>>,
}

/// Seeds that one answer can hold.
const ANSWER_MAX: usize = limits::BUNDLES_MAX * limits::SEEDS_PER_BUNDLE_MAX;

impl Past {
    /// Whether this member may be asked now; if so, that is noted.
    fn may_ask(&mut self, now: Timestamp, mid: MembershipId) -> bool {
        let recent = |at: &u64| now.mono_ms.saturating_sub(*at) < limits::HISTORY_ASK_MS;
        self.asked.retain(|_, at| recent(at));
        if self.asked.contains_key(&mid) {
            return false;
        }
        self.asked.insert(mid, now.mono_ms);
        true
    }

    /// Rule N-712: whether this member is answered now; if so, that is noted.
    fn may_answer(&mut self, now: Timestamp, mid: MembershipId) -> bool {
        let recent = |at: u64| now.mono_ms.saturating_sub(at) < limits::DAY_MS;
        self.answered.values_mut().for_each(|times| times.retain(|&at| recent(at)));
        self.answered.retain(|_, times| !times.is_empty());
        let times = self.answered.entry(mid).or_default();
        let may = times.len() < limits::HISTORY_ANSWERS_PER_DAY_MAX;
        if may {
            times.push(now.mono_ms);
        }
        may
    }

    /// Keeps what a giver handed out. Too much in all: what the one with the most gave goes.
    fn offer(&mut self, giver: MembershipId, place: (LogId, u64), seed: Secret<32>) {
        let of_giver = self.offered.entry(giver).or_default();
        if of_giver.len() < ANSWER_MAX || of_giver.contains_key(&place) {
            of_giver.insert(place, seed);
        }
        if self.offered.values().map(BTreeMap::len).sum::<usize>() > limits::SEEDS_PER_GROUP_MAX {
            let most = self.offered.iter().max_by_key(|(_, seeds)| seeds.len()).map(|(giver, _)| *giver);
            most.and_then(|giver| self.offered.remove(&giver));
        }
    }

    /// What all givers say that this seed is.
    fn take(&mut self, place: (LogId, u64)) -> Vec<Secret<32>> {
        let seeds = self.offered.values_mut().filter_map(|seeds| seeds.remove(&place)).collect();
        self.offered.retain(|_, seeds| !seeds.is_empty());
        seeds
    }

    /// Whether a seed of this log is here.
    fn awaits(&self, log: &LogId) -> bool {
        let mut of_all = self.offered.values();
        of_all.any(|seeds| seeds.range((*log, 0)..=(*log, u64::MAX)).next().is_some())
    }
}

impl Group {
    /// By E-88, whether an epoch is kept, by the settings at the heads of its Rekey.
    fn archives_at(&mut self, heads: &Heads) -> bool {
        self.membership.roster_at(heads).is_ok_and(|roster| roster.policy().history() != History::Nothing)
    }

    /// By E-88, a seed has come by a slot, or was made here.
    pub(super) fn keep_seed(&mut self, ctx: &mut Context<'_>, rekey: &Entry, seed: Option<Secret<32>>) {
        let HeadKind::Rekey { epoch, roster_hash, .. } = rekey.head.kind else { return };
        let Some(seed) = seed.filter(|_| self.archives_at(&rekey.head.heads)) else { return };
        let place = (rekey.id(), rekey.log, epoch);
        let changes = self.keys.archive(ctx.now, place, (seed, roster_hash), Origin::OwnSlot);
        self.put_secrets(ctx, changes);
    }

    /// Rule E-87, MB-Y3: the settings may have changed. What they don't ask to be kept goes, and what is said from here on
    /// comes under a chain of the new kind.
    pub(super) fn history_moved(&mut self, ctx: &mut Context<'_>) {
        let days = self.membership.policy().history().days();
        let own = self.logs.state(&self.own).and_then(|state| state.epoch.as_ref()).map(|epoch| epoch.rekey);
        if own.is_some_and(|rekey| self.keys.is_archived(&rekey) != days.is_some()) {
            self.duties.want_rekey();
        }
        let changes = self.keys.forget_archive(ctx.now, days);
        self.put_secrets(ctx, changes);
        self.past_is_wanted(ctx);
    }

    /// Something is closed here that a member may open.
    pub(super) fn past_is_wanted(&mut self, ctx: &Context<'_>) {
        if self.membership.policy().history() != History::Nothing {
            self.duties.history_soon(ctx.now);
        }
    }

    /// By E-89, whether history may go to and come from this member: confirmed, with keys, and no guest.
    fn shares_history(&self, mid: &MembershipId) -> bool {
        let person = self.membership.roster().person(mid);
        person.is_some_and(|person| person.anchored && person.keyed && person.role != Role::Guest)
    }

    /// Something was said that no key here opens: one neighbour after the other is asked, each now and then.
    pub(super) fn seek_history(&mut self, ctx: &mut Context<'_>) {
        let wanted = self.is_live()
            && self.membership.policy().history() != History::Nothing
            && self.shares_history(&self.me)
            && self.unopened.keys().any(|rekey| !self.keys.is_archived(rekey));
        if !wanted {
            return;
        }
        self.duties.history_later(ctx.now);
        if !self.has_caught_up(ctx.now) {
            return;
        }
        let givers: Vec<(Neighbour, MembershipId)> =
            self.settled().filter_map(|at| Some((at, self.near.slots.get(&at)?.mid))).collect();
        for (to, mid) in givers {
            if self.shares_history(&mid) && self.past.may_ask(ctx.now, mid) {
                self.send_body(ctx, to, GroupFrame::HistoryWant, &Want(0));
                return;
            }
        }
    }

    /// Rule E-89: seeds for a confirmed member that is no guest, who asks for itself.
    pub(super) fn on_history_want(
        &mut self,
        ctx: &mut Context<'_>,
        from: Neighbour,
        body: &[u8],
    ) -> Result<(), DecodeError> {
        let Want(_) = from_bytes(body, GroupFrame::HistoryWant.body_bytes_max())?;
        let Some(mid) = self.near.slots.get(&from).map(|near| near.mid) else { return Ok(()) };
        let History::Archive { days } = self.membership.policy().history() else { return Ok(()) };
        let known = self.logs.leaf_of(&mid).filter(|known| !known.is_forked);
        let to = known.map(|known| Recipient {
            inst: known.inst,
            inst_no: known.inst_no,
            generation: known.leaf.generation,
            pk: known.leaf.pk,
        });
        let Some(to) = to.filter(|_| self.is_live() && self.shares_history(&mid) && self.shares_history(&self.me))
        else {
            return Ok(());
        };
        if !self.past.may_answer(ctx.now, mid) {
            return Ok(());
        }
        let seeds = self.keys.archive_within(ctx.now, days);
        let bundles = self.keys.seal_bundles((mid, &to), &seeds, ctx.identity.keys(), ctx.rng);
        bundles.iter().for_each(|bundle| self.send_body(ctx, from, GroupFrame::History, bundle));
        Ok(())
    }

    /// By E-90, seeds came: none counts before the Rekey that it belongs to has been compared.
    pub(super) fn on_history(
        &mut self,
        ctx: &mut Context<'_>,
        from: Neighbour,
        body: &[u8],
    ) -> Result<(), DecodeError> {
        let bundle: Bundle = from_bytes(body, GroupFrame::History.body_bytes_max())?;
        let Some((mid, key)) = self.near.slots.get(&from).map(|near| (near.mid, near.key)) else { return Ok(()) };
        let is_asked = self.past.asked.contains_key(&mid) && bundle.from.mid == mid && self.shares_history(&mid);
        let Some(offered) = self.keys.open_bundle(&bundle, &key).filter(|_| is_asked) else { return Ok(()) };
        for one in offered {
            self.past.offer(mid, (one.log, one.epoch), one.seed);
        }
        self.read_offered(ctx);
        Ok(())
    }

    fn read_offered(&mut self, ctx: &mut Context<'_>) {
        let of_offered = self.epochs.iter().filter(|((log, _), _)| self.past.awaits(log));
        let rekeys: Vec<EntryId> = of_offered.flat_map(|(_, epochs)| epochs.values().copied()).collect();
        for rekey in rekeys.into_iter().filter(|rekey| !self.keys.is_archived(rekey)).collect::<Vec<_>>() {
            if let Some(place) = self.logs.place_of(&rekey) {
                self.read_back(ctx, place, Purpose::Seed(place));
            }
        }
    }

    /// A Rekey is at hand: the seed that was offered for it is compared, and what waited for it is read.
    pub(super) fn take_offered(&mut self, ctx: &mut Context<'_>, rekey: &Verified<Entry>) {
        let HeadKind::Rekey { epoch, .. } = rekey.head.kind else { return };
        let seeds = self.past.take((rekey.log, epoch));
        // An epoch of before the setting stays closed, whatever somebody kept of it (E-88).
        if seeds.is_empty() || !self.archives_at(&rekey.head.heads) {
            return;
        }
        for seed in seeds {
            let changes = self.keys.archive_given(ctx.now, rekey, seed);
            if !changes.is_empty() {
                self.put_secrets(ctx, changes);
                self.read_unopened(ctx, rekey.id());
            }
        }
    }

    /// A stored Rekey was read back.
    pub(super) fn take_stored_rekey(&mut self, ctx: &mut Context<'_>, place: Place, signed: &[u8]) {
        let Ok(entry) = Entry::decode(&self.gid(), place.log, signed) else { return };
        self.take_offered(ctx, &crate::crypto::sign::Signed::new(entry).trust_own_store());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Instance;

    fn place(number: u64) -> (LogId, u64) {
        (LogId { mid: MembershipId([1; 32]), inst: Instance([1; 16]) }, number)
    }

    #[test]
    fn at_54_e_90_who_hands_out_wrong_seeds_by_the_thousand_hides_no_right_one() {
        let (liar, honest, other) = (MembershipId([9; 32]), MembershipId([2; 32]), MembershipId([3; 32]));
        let mut past = Past::default();
        past.offer(honest, place(7), Secret::new([7; 32]));
        for number in 0..20_000 {
            past.offer(liar, place(number), Secret::new([0; 32]));
        }
        assert!(past.offered.values().map(BTreeMap::len).sum::<usize>() <= ANSWER_MAX + 1);
        past.offer(other, place(8), Secret::new([8; 32]));
        let nobody = LogId { mid: MembershipId([1; 32]), inst: Instance([2; 16]) };
        assert!(past.awaits(&place(7).0) && !past.awaits(&nobody));
        for right in [7, 8] {
            let said: Vec<u8> = past.take(place(right)).iter().map(|seed| seed.expose()[0]).collect();
            assert!(said.contains(&u8::try_from(right).unwrap()) && said.contains(&0), "{said:?}");
            assert!(past.take(place(right)).is_empty());
        }
        // Many who lie: what the one with the most gave goes, and there is never more than a group may keep.
        for giver in 10..20 {
            (0..5_000).for_each(|number| past.offer(MembershipId([giver; 32]), place(number), Secret::new([0; 32])));
            assert!(past.offered.values().map(BTreeMap::len).sum::<usize>() <= limits::SEEDS_PER_GROUP_MAX);
        }
    }
}
