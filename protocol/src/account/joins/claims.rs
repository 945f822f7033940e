//! What the steps of a join channel mean here: shown to the person, claimed, seated or refused.

use super::super::{Account, Step};
use super::record::erase;
use super::*;
use crate::command::Consent;
use crate::effects::LinkAction;
use crate::event::{Event, JoinRefusal, JoinState, PreviewView};
use crate::group::Group;
use crate::ids::{LinkId, MemberKey};
use crate::invite::{Claim, JoinOutcome, JoinStep, Preview, Ready, Reason, Status};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

impl Account {
    pub(super) fn on_join_step(&mut self, step: &mut Step<'_>, at: (u32, LinkId, MemberKey), outcome: JoinStep) {
        let (id, link, peer) = at;
        outcome.send.iter().for_each(|frame| step.effects.send(link, frame));
        match outcome.next {
            Some(machine) => {
                self.links.join.insert(link, JoinLink::Joiner { join: id, peer, machine: Box::new(machine) });
            }
            None => step.effects.link(LinkAction::HangUp { link, block_ms: 0 }),
        }
        match outcome.outcome {
            None => {}
            Some(JoinOutcome::Answered) => self.on_answered(step, id, link),
            Some(JoinOutcome::Preview(preview)) => self.on_preview(step, at, &preview),
            Some(JoinOutcome::Ready(ready)) => self.on_ready_to_claim(step, at, *ready),
            Some(JoinOutcome::Again(reason)) => {
                tracing::debug!(?reason, "the claim lost a race, the next ticket is tried");
                self.forget_claim(step, id);
            }
            Some(JoinOutcome::Done(status)) => self.on_join_done(step, at, status),
            Some(JoinOutcome::Refused(reason)) => self.on_join_refused(step, id, &reason),
            Some(JoinOutcome::Unfit(why)) => {
                tracing::debug!(?why, "host is of no use");
                self.set_join_state(step, id, JoinState::Searching);
            }
        }
    }

    /// Rule N-909: the first correct ANSWER wins, whoever answers later is left. The first may have taken the claim
    /// already, and a second host would only find the seat used.
    fn on_answered(&mut self, step: &mut Step<'_>, id: u32, link: LinkId) {
        if self.answering_host(id).is_some_and(|first| first != link) {
            self.links.join.remove(&link);
            return step.effects.link(LinkAction::HangUp { link, block_ms: 0 });
        }
        if let Some(join) = self.joins.all.get_mut(&id) {
            join.answered = Some(link);
        }
        self.set_join_state(step, id, JoinState::Proving);
        self.close_other_hosts(step, id, link);
    }

    /// The stream on which this join goes on, if one does.
    pub(super) fn answering_host(&self, id: u32) -> Option<LinkId> {
        let link = self.joins.all.get(&id)?.answered?;
        let goes_on = matches!(self.links.join.get(&link), Some(JoinLink::Joiner { join, .. }) if *join == id);
        goes_on.then_some(link)
    }

    fn close_other_hosts(&mut self, step: &mut Step<'_>, id: u32, keep: LinkId) {
        let of_join = |held: &JoinLink| matches!(held, JoinLink::Joiner { join, .. } if *join == id);
        let others: Vec<LinkId> = self
            .links
            .join
            .iter()
            .filter(|&(&link, held)| link != keep && of_join(held))
            .map(|(&link, _)| link)
            .collect();
        for link in others {
            self.links.join.remove(&link);
            step.effects.link(LinkAction::HangUp { link, block_ms: 0 });
        }
    }

    pub(super) fn set_join_state(&mut self, step: &mut Step<'_>, id: u32, state: JoinState) {
        if let Some(join) = self.joins.all.get_mut(&id)
            && join.state != state
        {
            join.state = state;
            step.effects.emit(Event::Join { join: id });
        }
    }

    pub(super) fn on_preview(
        &mut self,
        step: &mut Step<'_>,
        (id, link, peer): (u32, LinkId, MemberKey),
        preview: &Preview,
    ) {
        let Some(join) = self.joins.all.get_mut(&id) else { return };
        join.preview = Some(PreviewView {
            name: preview.name.clone(),
            about: preview.about.clone(),
            members: u32::from(preview.members),
            inviter: *join.link.inviter(),
        });
        if join.consent == Consent::AskFirst {
            return self.set_join_state(step, id, JoinState::Asking);
        }
        if let Some(JoinLink::Joiner { machine, .. }) = self.links.join.remove(&link) {
            self.set_join_state(step, id, JoinState::Syncing);
            let outcome = machine.agree(step.now);
            self.on_join_step(step, (id, link, peer), outcome);
        }
    }

    /// Rule MB-I6, step 5: Join and opening Leaf are durable before the claim leaves, so that a crash in between costs
    /// no seat: on the next start this node is a member that others don't know yet, and introduces itself (N-209).
    pub(super) fn on_ready_to_claim(&mut self, step: &mut Step<'_>, at: (u32, LinkId, MemberKey), ready: Ready) {
        let (id, link, peer) = at;
        let Some(JoinLink::Joiner { machine, .. }) = self.links.join.remove(&link) else { return };
        let Some(join) = self.joins.all.get_mut(&id) else { return };
        let Ready { mut membership, grant, ticket } = ready;
        let body = grant.redeem(&ticket, &join.name, self.identity.public(), &machine.keys().invite);
        let signed = membership.draft_join(self.identity.keys(), body, step.now.wall_ms);
        membership.admit(signed.bytes());
        let me = signed.mid();
        let g = self.next_group;
        let opened = self.with_context(step, |ctx| {
            let mut group = Group::joined(ctx, g, membership, me);
            group.open_own_log(ctx).map(|entry| (group, entry))
        });
        let (group, entry) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                tracing::error!(%why, "a seat could not be claimed");
                return self.on_join_refused(step, id, &Reason::Rejected(String::from("E-26")));
            }
        };
        self.insert_group(group);
        if let Some(join) = self.joins.all.get_mut(&id) {
            join.claiming = Some(g);
        }
        let claim = Claim { join: signed.bytes().to_vec(), inst: self.instance, entry };
        let outcome = machine.claim(step.now, &claim);
        self.on_join_step(step, (id, link, peer), outcome);
    }

    /// The claim lost a race: what was written for it goes.
    pub(super) fn forget_claim(&mut self, step: &mut Step<'_>, id: u32) {
        let claimed = self.joins.all.get_mut(&id).and_then(|join| join.claiming.take());
        if let Some(g) = claimed
            && let Some(group) = self.groups.remove(&g)
        {
            self.by_gid.remove(&group.gid());
            group.erase_records(step.effects);
        }
    }

    pub(super) fn on_join_done(
        &mut self,
        step: &mut Step<'_>,
        (id, _, peer): (u32, LinkId, MemberKey),
        status: Status,
    ) {
        let Some(join) = self.joins.all.get_mut(&id) else { return };
        let Some(g) = join.claiming.take() else { return };
        join.keep_for(g, step.now);
        let gid = self.groups.get(&g).map(Group::gid);
        if let Some(join) = self.joins.all.get_mut(&id) {
            join.group = gid;
        }
        let state = match status {
            Status::Seated => JoinState::Seated,
            Status::Pending => JoinState::WaitingForAdmin,
        };
        self.set_join_state(step, id, state);
        // The host compared logs with us in the only way a newcomer can; from here on the group link.
        self.with_group(step, g, |group, ctx| group.welcomed(ctx));
        self.remember_by_link(g, &peer);
        self.reach.look_soon(step.now);
    }

    pub(super) fn on_join_refused(&mut self, step: &mut Step<'_>, id: u32, reason: &Reason) {
        self.forget_claim(step, id);
        if let Some(join) = self.joins.all.get_mut(&id) {
            join.refused = Some(refusal_of(reason));
            join.retry_mono_ms = None;
        }
        erase(step, id);
        self.hang_up_join(step, id);
        self.set_join_state(step, id, JoinState::Refused);
    }
}

fn refusal_of(reason: &Reason) -> JoinRefusal {
    match reason {
        Reason::Used => JoinRefusal::Used,
        Reason::Withdrawn => JoinRefusal::Withdrawn,
        Reason::Expired => JoinRefusal::Expired,
        Reason::InviterGone => JoinRefusal::InviterGone,
        Reason::Banned => JoinRefusal::Banned,
        Reason::AlreadyMember => JoinRefusal::AlreadyMember,
        Reason::Full => JoinRefusal::Full,
        Reason::Rejected(code) => JoinRefusal::Rejected(code.clone()),
    }
}
