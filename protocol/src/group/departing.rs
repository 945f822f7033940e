//! What is left to do after one's own Leave (E-70, R-4).
//!
//! Chains, skipped keys and leaf secrets went with the Leave itself. Until two members have taken it, or the only other
//! one, the group's links and what finds its members are still needed: a single one may be out itself without knowing it,
//! and then nobody else would ever hear. After a day with one, or after seven days, they go too: the secret of the
//! handshake, the lookup keys, the addresses of members, the secrets of one's own invites. The words one has read stay,
//! and with them the log that names their authors.

use alloc::vec::Vec;

use super::{Context, Group, Standing};
use crate::crypto::Secret;
use crate::event::Event;
use crate::ids::{MemberKey, Neighbour};
use crate::limits;
use crate::link::DropCode;
use crate::record::RecordId;

impl Group {
    /// A member has ended the slot because one is out, or said how: there the Leave has arrived.
    pub(super) fn leave_was_taken(&mut self, ctx: &mut Context<'_>, by: MemberKey) {
        if self.record.standing != Standing::Leaving {
            return;
        }
        self.leave_taken_by.insert(by);
        let own = ctx.identity.public();
        let others = self.membership.roster().candidates().filter(|person| person.key != own).count();
        if self.leave_taken_by.len() >= others.min(limits::LEAVE_TAKERS) {
            self.forget_ways(ctx);
        }
    }

    /// Nobody has taken it for too long; or one was removed, and there is nothing to be said.
    pub(super) fn end_leaving(&mut self, ctx: &mut Context<'_>) {
        let for_ms = ctx.now.wall_ms.saturating_sub(self.record.heard_at_ms);
        let is_over = match self.record.standing {
            Standing::In => false,
            Standing::Leaving if self.leave_taken_by.is_empty() => for_ms >= limits::LEAVING_MS,
            Standing::Leaving => for_ms >= limits::LEAVE_ALONE_MS,
            Standing::Out => self.sharing.knows_a_way() || !self.invites.is_empty(),
        };
        if is_over {
            self.forget_ways(ctx);
        }
    }

    /// As E-70 asks: all ways to the group go.
    fn forget_ways(&mut self, ctx: &mut Context<'_>) {
        self.erase_sharing(ctx.effects);
        self.sharing = super::sharing::Sharing::new(Secret::new([0; 32]));
        for &number in self.invites.keys() {
            ctx.effects.erase(RecordId::link(self.g, number));
        }
        self.invites.clear();
        self.forget_all_blobs(ctx);
        let open: Vec<Neighbour> = self.near.slots.keys().copied().collect();
        self.near.dropped.extend(open.into_iter().map(|neighbour| (neighbour, DropCode::Left)));
        self.record.standing = Standing::Out;
        self.put_group(ctx);
        self.roster_moved = true;
        ctx.effects.emit(Event::Group(self.gid()));
    }

    /// After a start: who is out has no ways.
    pub(super) fn settle_departure(&mut self) {
        if self.record.standing == Standing::Out {
            self.sharing.handshake = Secret::new([0; 32]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{GroupState, JoinState};
    use crate::ids::GroupId;
    use crate::testing::party::Party;
    use crate::{Command, LastOrganiser};

    const BEN: usize = 1;

    /// He leaves, while these cannot hear him.
    fn leaving(cut_off: &[usize]) -> (Party, GroupId) {
        let (mut party, group) = organiser();
        party.split(&[BEN], cut_off);
        party.ask(BEN, Command::Leave { group, last_organiser: LastOrganiser::Stays }).unwrap();
        party.pass(5_000);
        (party, group)
    }

    /// Ben is an organiser with an open invite, so that he has every secret there is.
    fn organiser() -> (Party, GroupId) {
        let mut party = Party::new(3);
        let group = party.found(0, "Harbour");
        let link = party.invite(0, group, 2);
        (1..3).for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated));
        party.pass(5_000);
        let key = party.hosts[BEN].account.me();
        let members = party.hosts[0].account.members(&group).unwrap();
        let ben = members.into_iter().find(|member| member.key == key).unwrap().id;
        party.ask(0, Command::Promote { group, member: ben }).unwrap();
        party.pass(5_000);
        party.invite(BEN, group, 1);
        party.say(0, group, "farewell");
        party.pass(60_000);
        assert!(ways(&party) >= 4);
        (party, group)
    }

    /// Records by which Ben could find the group.
    fn ways(party: &Party) -> usize {
        let is_way =
            |id: &&RecordId| matches!(id, RecordId::Access { .. } | RecordId::Peer { .. } | RecordId::Link { .. });
        party.hosts[BEN].disk.keys().filter(is_way).count()
    }

    fn handshake(party: &mut Party, gid: GroupId) -> [u8; 32] {
        let mut secret = [1; 32];
        party.inside(BEN, &gid, |group, _| secret = *group.handshake().expose());
        secret
    }

    #[test]
    fn e_70_once_a_member_has_taken_the_leave_all_ways_to_the_group_are_gone_and_the_words_stay() {
        let (mut party, group) = leaving(&[]);
        assert_eq!((ways(&party), handshake(&mut party, group)), (0, [0; 32]));
        party.stop(BEN);
        party.start(BEN);
        party.pass(60_000);
        assert_eq!((ways(&party), handshake(&mut party, group)), (0, [0; 32]));
        assert_eq!(party.hosts[BEN].account.group(&group).unwrap().state, GroupState::Left);
        assert_eq!(party.texts(BEN, &group), ["farewell"]);
        assert_eq!([0, 2].map(|who| party.seats(who, &group)), [2, 2]);
    }

    #[test]
    fn e_70_one_alone_who_takes_the_leave_may_be_out_itself_so_the_ways_stay_for_a_day() {
        let (mut party, group) = leaving(&[0]);
        assert!(ways(&party) > 0 && handshake(&mut party, group) != [0; 32]);
        party.now_ms += limits::LEAVE_ALONE_MS;
        party.pass(60_000);
        assert_eq!((ways(&party), handshake(&mut party, group)), (0, [0; 32]));
    }

    #[test]
    fn e_70_a_leave_that_nobody_takes_keeps_the_ways_for_seven_days_and_no_longer() {
        let (mut party, group) = leaving(&[0, 2]);
        assert!(ways(&party) > 0);
        party.now_ms += limits::LEAVING_MS - 3_600_000;
        party.pass(1_000);
        assert!(ways(&party) > 0 && handshake(&mut party, group) != [0; 32]);
        party.stop(BEN);
        party.now_ms += 2 * 3_600_000;
        party.start(BEN);
        party.pass(60_000);
        assert_eq!((ways(&party), handshake(&mut party, group)), (0, [0; 32]));
        assert_eq!(party.hosts[BEN].account.group(&group).unwrap().state, GroupState::Left);
    }

    #[test]
    fn e_70_who_was_removed_forgets_all_ways_as_well() {
        let (mut party, group) = organiser();
        let key = party.hosts[BEN].account.me();
        let members = party.hosts[0].account.members(&group).unwrap();
        let member = members.into_iter().find(|member| member.key == key).unwrap().id;
        party.ask(0, Command::Remove { group, member, ban: crate::Ban::No }).unwrap();
        party.pass(limits::ERASURES_DELAY_MS + 5_000);
        assert_eq!(party.hosts[BEN].account.group(&group).unwrap().state, GroupState::Removed);
        assert_eq!((ways(&party), handshake(&mut party, group)), (0, [0; 32]));
        assert_eq!(party.texts(BEN, &group), ["farewell"]);
    }
}
