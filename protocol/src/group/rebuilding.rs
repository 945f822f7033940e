//! A group whose own record rotted (ST-91). What stood in it follows from the operations and from what else is here, so
//! the group is not lost with one record: else its owner would sit there for the others and not know it.

use super::stored::Stored;
use super::{GroupRecord, Standing};
use crate::ids::MemberKey;
use crate::membership::Membership;
use crate::time::Timestamp;
use crate::wire::to_bytes;

impl Stored {
    /// Makes the record anew if it is missing. Says whether there is a group: what is left of a join that was forgotten
    /// has no operations.
    pub(crate) fn has_group(&mut self, own: &MemberKey, now: Timestamp) -> bool {
        if self.group.is_empty() {
            let rebuilt = self.rebuilt(own, now);
            self.group = rebuilt.map(|record| to_bytes(&record)).unwrap_or_default();
        }
        !self.group.is_empty()
    }

    fn rebuilt(&self, own: &MemberKey, now: Timestamp) -> Option<GroupRecord> {
        let membership: Membership = Membership::restore(self.operations.clone()).ok()?;
        // Whoever left and joined again has a group of its own for each membership, and this log ends with it.
        let seated = membership.roster().mids_of(own).next();
        let me = seated.or_else(|| membership.memberships_of(own).last())?;
        let standing = match membership.departure(&me) {
            None => Standing::In,
            // As long as there are ways to the group somebody may still lack the Leave (E-70).
            Some(departure) if !departure.removed && !departure.banned && !self.access.is_empty() => Standing::Leaving,
            Some(_) => Standing::Out,
        };
        // When the last contact was is lost: the times that run from it begin anew.
        Some(GroupRecord {
            gid: membership.gid(),
            me,
            standing,
            synced_at_ms: 0,
            heard_at_ms: now.wall_ms,
            keep_days: 0,
            muted_until_ms: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::event::GroupState;
    use crate::limits;
    use crate::record::{Backup, RecordId};
    use crate::testing::party::Party;
    use crate::{Command, LastOrganiser};

    const BEN: usize = 1;

    /// Ben's machine starts again, and the record of his group does not open.
    fn rot(party: &mut Party) {
        party.stop(BEN);
        assert!(party.hosts[BEN].disk.remove(&RecordId::group(0)).is_some());
        party.start(BEN);
    }

    #[test]
    fn st_91_a_group_whose_own_record_rotted_is_there_and_goes_on() {
        let (mut party, group) = Party::with_group(3, 3);
        party.say(0, group, "before");
        party.pass(5_000);
        rot(&mut party);
        assert_eq!(party.state(BEN, &group), GroupState::Member);
        party.pass(60_000);
        party.say(BEN, group, "after");
        party.pass(5_000);
        (0..3).for_each(|who| assert_eq!(party.texts(who, &group), ["before", "after"], "{who}"));
        assert!(party.hosts[BEN].disk.contains_key(&RecordId::group(0)), "written again");
    }

    #[test]
    fn st_91_who_has_left_or_was_removed_is_not_back_after_the_record_rotted() {
        let (mut party, group) = Party::with_group(3, 3);
        party.split(&[BEN], &[0, 2]);
        party.ask(BEN, Command::Leave { group, last_organiser: LastOrganiser::Stays }).unwrap();
        rot(&mut party);
        assert_eq!(party.state(BEN, &group), GroupState::Left);
        party.heal();
        party.pass(120_000);
        assert_eq!(party.seats(0, &group), 2, "the Leave still arrives");

        let (mut party, group) = Party::with_group(3, 3);
        let member = party.member(0, &group, BEN);
        party.ask(0, Command::Remove { group, member, ban: crate::Ban::No }).unwrap();
        party.pass(limits::ERASURES_DELAY_MS + 5_000);
        rot(&mut party);
        assert_eq!(party.state(BEN, &group), GroupState::Removed);
    }

    /// Ben's machine starts with nothing but what a backup holds, as a new installation.
    fn restore_from_backup(party: &mut Party) {
        party.stop(BEN);
        party.hosts[BEN].disk.retain(|id, _| id.kind().backup() == Backup::Yes);
        party.start_as(BEN, 77);
    }

    #[test]
    fn st_104_what_a_backup_holds_is_enough_to_come_back_as_a_new_installation() {
        let (mut party, group) = Party::with_group(3, 3);
        party.say(0, group, "before");
        party.say(BEN, group, "own words before");
        party.pass(5_000);
        restore_from_backup(&mut party);
        assert_eq!(party.state(BEN, &group), GroupState::Member);
        party.pass(60_000);
        assert_eq!(party.linked(BEN).len(), 2, "the handshake secret follows from the Genesis");
        party.say(0, group, "after, from Ana");
        party.say(BEN, group, "after, from Ben");
        party.pass(60_000);
        for who in 0..3 {
            let texts = party.texts(who, &group);
            assert!(texts.ends_with(&["after, from Ana".into(), "after, from Ben".into()]), "{who}: {texts:?}");
        }
        assert_eq!(party.texts(0, &group)[..2], ["before", "own words before"]);
        assert!(party.hosts.iter().all(|host| host.account.alerts().is_empty()), "nobody takes it for a second copy");
    }
}
