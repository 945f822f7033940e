//! Other people's joins, seen by a member: a newcomer's claim, a member who introduces itself, and one's own papers
//! for others (MB-I6, N-209, R-33, R-34).

use alloc::vec::Vec;

use super::{Context, Group, Standing};
use crate::ids::{LogId, MemberKey, MembershipId, OperationId};
use crate::invite::{self, Claim, Introduction, Reason, Status};
use crate::limits;
use crate::log::Inserted;
use crate::membership::{Admission, Body, SignedOperation};
use crate::time::Timestamp;

impl Group {
    /// Rule MB-I6, step 5, at the host: Join and opening Leaf pass admission like anything else, and what the own
    /// view then says of the newcomer is the answer.
    ///
    /// # Errors
    /// The reason to send.
    pub(crate) fn admit_claim(
        &mut self,
        ctx: &mut Context<'_>,
        joiner: &MemberKey,
        claim: &Claim,
    ) -> Result<Status, Reason> {
        let verdicts = self.take_operations(ctx, core::slice::from_ref(&claim.join), None);
        let mid = match verdicts.first() {
            Some(Admission::Admitted(id) | Admission::Duplicate(id) | Admission::Pooled(id)) => MembershipId::from(*id),
            Some(Admission::Refused(rule)) => return Err(Reason::rejected(*rule)),
            Some(Admission::Waiting { .. }) | None => {
                return Err(Reason::rejected(crate::membership::Rule::BadReference));
            }
        };
        if self.membership.key_of(&mid) != Some(*joiner) {
            return Err(Reason::rejected(crate::membership::Rule::BadSignature));
        }
        let log = LogId { mid, inst: claim.inst };
        let arrival = crate::log::Arrival { log, bytes: &claim.entry, giver: Some(*joiner) };
        let stamp = self.keys.stamp(ctx.now);
        let inserted = self.logs.insert(&mut super::Rosters(&mut self.membership), stamp, arrival);
        if let Inserted::Appended(appended) = inserted {
            self.put_entry(ctx, &appended, crate::ids::OrderKey([0; 16]));
            self.spread_entry(ctx, &appended, None);
        }
        let person = self.membership.roster().person(&mid).filter(|person| person.seat.is_some());
        match person {
            Some(person) if person.keyed => Ok(Status::Seated),
            Some(_) => Ok(Status::Pending),
            None => Err(Reason::Used),
        }
    }

    /// Somebody introduces itself as a member that we don't know (N-209).
    pub(crate) fn introduced(
        &mut self,
        ctx: &mut Context<'_>,
        newcomer: &MemberKey,
        operations: &[Vec<u8>],
    ) -> Introduction {
        let before = self.membership.share_roster();
        let introduction = invite::introduced(&mut self.membership, newcomer, operations);
        self.after_operations(ctx, &before, None);
        introduction
    }

    /// What shows others that one is a member: the own Join, its Confirm, and the newest changes of the organiser above
    /// all others, which may void a removal.
    pub(crate) fn own_papers(&self) -> Vec<Vec<u8>> {
        let join = OperationId::from(self.me);
        let speaks_of_me = |signed: &&SignedOperation| {
            let confirms_me = matches!(&signed.operation().body, Body::Confirm { join: whom } if *whom == join);
            confirms_me || signed.id() == join
        };
        let replaces = |signed: &&SignedOperation| matches!(signed.operation().body, Body::Depose { .. });
        let mut replaced: Vec<&SignedOperation> = self.membership.operations().filter(replaces).collect();
        let newest = replaced.split_off(replaced.len().saturating_sub(limits::BRANCHES_MAX));
        let papers = self.membership.operations().filter(speaks_of_me).chain(newest);
        papers.map(|signed| signed.bytes().to_vec()).collect()
    }

    /// A member says how one's own membership ended. What happened meanwhile may be missing here for good, so a
    /// removal by an organiser whom one knows is believed without it.
    pub(super) fn told_of_end(&mut self, ctx: &mut Context<'_>, operations: &[Vec<u8>]) {
        self.take_operations(ctx, operations, None);
        if self.is_live() && self.membership.is_ended_by(&self.me, operations) {
            self.end_here(ctx);
        }
    }

    /// The same by a member who answered on the join channel: it has taken the own Leave, if there is one.
    pub(crate) fn told_of_end_by(&mut self, ctx: &mut Context<'_>, by: MemberKey, operations: &[Vec<u8>]) {
        self.told_of_end(ctx, operations);
        let leave = self.membership.tip(&self.me).and_then(|id| self.membership.operation(&id));
        let is_shown = leave.is_some_and(|leave| operations.iter().any(|bytes| bytes.as_slice() == leave.bytes()));
        if is_shown || self.membership.is_ended_by(&self.me, operations) {
            self.leave_was_taken(ctx, by);
        }
    }

    /// A host has taken the own Join: entry 0 went with it, so the own logs are compared.
    pub(crate) fn welcomed(&mut self, ctx: &mut Context<'_>) {
        self.in_touch = true;
        self.record.heard_at_ms = ctx.now.wall_ms;
        self.record.synced_at_ms = ctx.now.wall_ms;
        self.put_group(ctx);
    }

    /// Whether the own logs were compared with a member in this life (E-71).
    pub(crate) const fn is_in_touch(&self) -> bool {
        self.in_touch
    }

    /// Whether one sits here by the link of this key.
    pub(crate) fn came_by(&self, invite_pk: &MemberKey) -> bool {
        let join = self.membership.operation(&self.me.into()).map(|signed| &signed.operation().body);
        matches!(join, Some(Body::Join(join)) if join.terms.invite_pk == *invite_pk)
    }

    /// Whether members of this group are linked: one takes part, or has just left and must still say so.
    pub(crate) fn shares_links(&self) -> bool {
        matches!(self.record.standing, Standing::In | Standing::Leaving)
    }

    /// The secret of the handshake (N-801).
    pub(crate) const fn handshake(&self) -> &crate::crypto::Secret<32> {
        &self.sharing.handshake
    }

    /// Addresses that a member told, newest first.
    pub(crate) fn addresses_of(&self, peer: &MemberKey, now: Timestamp) -> Vec<Vec<u8>> {
        let mids = self.membership.roster().mids_of(peer);
        mids.flat_map(|mid| self.sharing.book.of(&mid, now))
            .flat_map(|kept| kept.record.addresses.iter().cloned())
            .collect()
    }

    /// Whether the address of somebody else is written down.
    pub(crate) fn knows_an_address(&self) -> bool {
        self.sharing.book.iter().any(|(owner, _)| owner.mid != self.me)
    }

    /// Whether some slot has settled: all that members know comes over it.
    pub(crate) fn has_neighbour(&self) -> bool {
        self.settled().next().is_some()
    }

    /// The own addresses changed: a new record is due (N-807).
    pub(crate) fn addresses_changed(&mut self, ctx: &Context<'_>) {
        self.sharing.times.changed(ctx.now);
        self.sharing.blocked = false;
    }

    /// Erases every record of a group that never came to be (a claim that lost its race).
    pub(crate) fn erase_records(mut self, effects: &mut crate::effects::Effects) {
        use crate::record::RecordId;
        for signed in self.membership.operations() {
            let lamport = u32::try_from(signed.operation().lamport).unwrap_or(u32::MAX);
            let id: [u8; 16] = core::array::from_fn(|n| signed.id().0.get(n).copied().unwrap_or(0));
            effects.erase(RecordId::op(self.g, lamport, id));
        }
        for (number, seqs) in self.stored_entries() {
            effects.erase(RecordId::log(self.g, number));
            seqs.into_iter().for_each(|seq| effects.erase(RecordId::entry(self.g, number, seq)));
        }
        self.shown.orders().for_each(|order| effects.erase(RecordId::view(self.g, order)));
        self.outbox.keys().for_each(|&number| effects.erase(RecordId::outbox(self.g, number)));
        self.erase_sharing(effects);
        self.erase_receipts(effects);
        let secrets = self.keys.erase_all();
        for change in secrets {
            let id = self.secret_record(change.name());
            effects.erase(id);
        }
        effects.erase(RecordId::group(self.g));
    }
}
