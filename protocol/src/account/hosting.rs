//! Serving joins: what the host's machine asks of the groups (MB-I6). Any member that is Keyed and no guest does it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::joins::JoinLink;
use super::{Account, Step};
use crate::crypto::Secret;
use crate::effects::LinkAction;
use crate::group::Group;
use crate::ids::{GroupId, LinkId, MemberKey};
use crate::invite::{Claim, HeldEnvelope, Host, HostView, Introduction, Reason, Status};
use crate::limits;
use crate::membership::Membership;
use crate::wire::frame::Frame;

/// The groups as a host's machine sees them, for one frame.
struct View<'a, 'b> {
    account: &'a mut Account,
    step: &'a mut Step<'b>,
}

impl View<'_, '_> {
    fn served(&self) -> impl Iterator<Item = &Group> {
        let own = self.account.identity.public();
        let groups = self.account.groups.values();
        groups.filter(move |group| group.is_live() && crate::invite::may_host(group.membership(), &own))
    }
}

impl HostView for View<'_, '_> {
    fn envelopes(&self) -> Vec<HeldEnvelope<'_>> {
        let now = self.step.now.wall_ms;
        let mut held = Vec::new();
        for group in self.served() {
            let membership = group.membership();
            for (lookup, envelopes) in group.envelopes() {
                for envelope in envelopes {
                    let over = envelope.not_after_ms.saturating_add(limits::ENVELOPE_KEPT_MS) < now;
                    let in_office = membership.standing(&envelope.author).is_some();
                    let Some(author) = membership.key_of(&envelope.author).filter(|_| !over && in_office) else {
                        continue;
                    };
                    held.push(HeldEnvelope {
                        gid: group.gid(),
                        mid: envelope.author,
                        author,
                        lookup: *lookup,
                        invite_pk: envelope.invite_pk,
                        not_after: envelope.not_after_ms,
                        sealed: &envelope.sealed,
                    });
                }
            }
        }
        // Newest last moment first: the bound is on knocks, not on links (N-207).
        held.sort_by_key(|envelope| core::cmp::Reverse(envelope.not_after));
        held
    }

    fn introductions(&self) -> Vec<(GroupId, Secret<32>)> {
        self.served().map(|group| (group.gid(), crate::rendezvous::keys::introduce_key(group.handshake()))).collect()
    }

    fn membership(&self, gid: &GroupId) -> Option<&Membership> {
        let g = self.account.by_gid.get(gid)?;
        self.account.groups.get(g).map(Group::membership)
    }

    fn admit_claim(&mut self, gid: &GroupId, joiner: &MemberKey, claim: &Claim) -> Result<Status, Reason> {
        let g = *self.account.by_gid.get(gid).ok_or(Reason::Withdrawn)?;
        let admitted = self.account.with_group(self.step, g, |group, ctx| group.admit_claim(ctx, joiner, claim));
        admitted.unwrap_or(Err(Reason::Withdrawn))
    }

    fn introduce(&mut self, gid: &GroupId, newcomer: &MemberKey, operations: &[Vec<u8>]) -> Introduction {
        let Some(&g) = self.account.by_gid.get(gid) else { return Introduction::Nothing };
        let now = self.step.now;
        let shown = self.account.with_group(self.step, g, |group, ctx| group.introduced(ctx, newcomer, operations));
        match shown.unwrap_or(Introduction::Nothing) {
            // A few times per key and hour.
            Introduction::Ended(_) if !self.account.reach.may_tell_end(newcomer, now) => Introduction::Nothing,
            shown @ (Introduction::Welcome
            | Introduction::Needs(_)
            | Introduction::Ended(_)
            | Introduction::Nothing) => shown,
        }
    }
}

impl Account {
    pub(super) fn on_host_frame(&mut self, step: &mut Step<'_>, link: LinkId, mut host: Box<Host>, frame: &Frame) {
        // The machine draws its nonce from the step's own generator; the view needs the step too, so luck is drawn
        // beforehand.
        let mut luck = OneNonce(crate::crypto::random(step.rng));
        let outcome = host.handle(step.now, frame, &mut View { account: self, step }, &mut luck);
        outcome.send.iter().for_each(|frame| step.effects.send(link, frame));
        if let Some(fault) = outcome.fault {
            self.count_fault(fault);
        }
        if outcome.closes {
            step.effects.link(LinkAction::HangUp { link, block_ms: 0 });
        } else {
            self.links.join.insert(link, JoinLink::Host(host));
        }
    }
}

/// A generator that gives the 32 bytes that were drawn for it, and then zeros: a host draws one nonce a frame.
struct OneNonce([u8; 32]);

impl rand_core::TryRng for OneNonce {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
        to.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        self.0 = [0; 32];
        Ok(())
    }
}

impl rand_core::TryCryptoRng for OneNonce {}
