//! STATE: where a node stands, told to each neighbour twice a minute, and what is asked because of it (N-501, N-701).
//!
//! What it says is made anew when it is another than last time only: neighbours are many, and most of the time nothing
//! has moved.

use alloc::vec::Vec;

use super::super::{Context, Group};
use super::{Near, Near1};
use crate::crypto::{Field, Label, hash};
use crate::ids::{Digest, MembershipId, Neighbour};
use crate::limits;
use crate::push::presence::State;
use crate::wire::frame::GroupFrame;
use crate::wire::{Writer, to_bytes};

impl Near {
    fn first_state(&self) -> Option<u64> {
        self.slots.values().map(|near| near.state_mono_ms).min()
    }

    /// Asked at every step, and changed once in half a minute: so it is kept.
    pub(super) fn plan_state(&mut self) {
        self.state_due = self.first_state();
    }
}

impl Group {
    /// `heads` of STATE: H("net/heads", [citable heads]). Made anew when the heads are others.
    fn heads_digest(&mut self) -> Digest {
        let heads = self.membership.citable_heads();
        if let Some((known, digest)) = &self.near.heads
            && known == heads
        {
            return *digest;
        }
        let mut item = Writer::default();
        item.item(heads);
        let digest = hash(Label::NetHeads, &[Field::Item(&item.into_bytes())]);
        self.near.heads = Some((heads.clone(), digest));
        digest
    }

    /// `entries` of STATE as it is now; the machine of anti-entropy remembers it, so that a neighbour who is a moment
    /// ahead or behind starts no comparison (N-701).
    pub(in crate::group) fn entries_now(&mut self, ctx: &Context<'_>) -> Digest {
        let versions = (self.logs.version(), self.membership.version());
        let known = self.near.entries.filter(|(known, _)| *known == versions);
        let entries = known.map_or_else(|| self.entries_digest(), |(_, entries)| entries);
        self.near.entries = Some((versions, entries));
        self.note_own_digest(ctx, entries);
        entries
    }

    fn entries_digest(&self) -> Digest {
        let words = |mid: &MembershipId| super::super::hearing::log_words(&self.membership.words(mid));
        self.logs.entries_digest(self.membership.roster().keyed(), &words)
    }

    /// Tells a neighbour where we stand.
    pub(in crate::group) fn send_state(&mut self, ctx: &mut Context<'_>, to: Neighbour) {
        let linked = self.linked_seats();
        let entries = self.entries_now(ctx);
        let state = State {
            entries,
            heads: self.heads_digest(),
            direct: linked,
            ages: self.near.presence.ages(ctx.now, &linked),
            flags: 0,
        };
        self.send(ctx, to, GroupFrame::State, &to_bytes(&state));
        if let Some(near) = self.near.slots.get_mut(&to) {
            let jitter = u64::from(u16::from_be_bytes(crate::crypto::random(ctx.rng))) % limits::STATE_JITTER_MS;
            near.state_mono_ms = ctx.now.mono_ms.saturating_add(limits::STATE_MIN_MS).saturating_add(jitter);
        }
        self.near.plan_state();
    }

    /// STATE frames whose time has come (N-501).
    pub(in crate::group) fn on_state_time(&mut self, ctx: &mut Context<'_>) {
        if self.state_deadline().is_none_or(|at| at > ctx.now.mono_ms) {
            return;
        }
        let due = |near: &Near1| near.state_mono_ms <= ctx.now.mono_ms;
        let due: Vec<Neighbour> = self.near.slots.iter().filter(|(_, near)| due(near)).map(|(&at, _)| at).collect();
        due.into_iter().for_each(|to| self.send_state(ctx, to));
    }

    pub(in crate::group) fn state_deadline(&self) -> Option<u64> {
        debug_assert_eq!(self.near.state_due, self.near.first_state());
        self.near.state_due
    }

    /// A neighbour's STATE: differing digests start a comparison (N-701).
    pub(in crate::group) fn on_state(&mut self, ctx: &mut Context<'_>, from: Neighbour, state: &State) {
        let same_heads = state.heads == self.heads_digest();
        if same_heads {
            self.near.presence.merge(ctx.now, &state.ages);
            if let Some(near) = self.near.slots.get_mut(&from) {
                near.links = Some((state.direct, ctx.now.mono_ms));
            }
        } else {
            if let Some(near) = self.near.slots.get_mut(&from) {
                near.exchange.wake();
            }
            self.send_membership(ctx, from);
        }
        self.entries_now(ctx);
        self.on_entries_digest(ctx, from, state.entries);
    }
}
