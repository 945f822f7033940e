//! Marks: what a campaign must have met at least once, or its green proves little (SIM-50).
//!
//! A check that is never put to the test passes always. Jepsen found in TigerBeetle what four fuzzers had missed,
//! because no generator made the shape (2025); marks say which shapes were made.

use coterie_protocol::testing::sight::Kind;
use coterie_protocol::{AlertKind, Event, GroupState, JoinRefusal, JoinState, MemberChange, MessageView};

use super::Oracle;
use crate::host::Host;
use crate::network::HostId;

macro_rules! marks {
    ($($(#[$doc:meta])+ $mark:ident = $name:literal,)+) => {
        /// Something that a campaign must have met.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mark { $($(#[$doc])+ $mark),+ }

        impl Mark {
            /// All.
            pub const ALL: &'static [Self] = &[$(Self::$mark),+];

            /// Its name, stable.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$mark => $name),+ }
            }
        }
    };
}

marks! {
    /// Paths that were cut came back.
    HealAfterSplit = "heal_after_split",
    /// Two people sat on one output for a while.
    ContestedSeat = "contested_seat",
    /// Somebody lost the race for a seat.
    SeatRaceLost = "seat_race_lost",
    /// Somebody sat down at first on trust, then for good.
    ProvisionalThenConfirmed = "provisional_then_confirmed",
    /// A newcomer took a seat while some paths were cut.
    JoinedDuringSplit = "joined_during_split",
    /// A link had been used up.
    UsedLinkRefused = "used_link_refused",
    /// A link had been revoked or had ended.
    StaleLinkRefused = "stale_link_refused",
    /// A member was removed, and its own machine was told.
    RemovalTold = "removal_told",
    /// Somebody left.
    Left = "left",
    /// Words no longer count, for their author was removed before.
    WordsCutOff = "words_cut_off",
    /// Somebody became an organiser.
    Promoted = "promoted",
    /// An organiser became a member again.
    Demoted = "demoted",
    /// A fresh chain because somebody is to read no more.
    RekeyAfterRemoval = "rekey_after_removal",
    /// The current chain key for a newcomer.
    GrantToNewcomer = "grant_to_newcomer",
    /// The current chain key for who asked for a repair.
    GrantAsRepair = "grant_as_repair",
    /// A log goes on in another installation of the same person.
    NewInstallation = "new_installation",
    /// A message was said whom a former member was not meant to read, and all old keys were tried on it.
    RemovedReadsNothing = "removed_member_reads_nothing",
    /// A text waited in the outbox and was sealed later.
    OutboxSealed = "outbox_sealed",
    /// A neighbour was asked to push again.
    GraftSent = "graft_sent",
    /// A link to a slow peer overflowed.
    QueueOverflow = "queue_overflow",
    /// A process died after a commit and before anything left.
    CrashBeforeTransmit = "crash_between_commit_and_transmit",
    /// A disk was full, and its machine went on later.
    DiskFullRecovered = "disk_full_recovered",
    /// A damaged record was noticed.
    DamageFound = "damaged_record_found",
    /// An own older image was noticed.
    RestoreDetected = "restore_detected",
    /// Two live copies of one directory were noticed.
    CloneAlarm = "clone_alarm",
    /// Proof that a log forked.
    ForkAlert = "fork_alert",
    /// A peer was sent away for nonsense.
    PeerSentAway = "peer_sent_away",
    /// A machine whose clock had jumped by an hour or more went on talking.
    ClockJumpSurvived = "clock_jump_survived",
    /// A machine at another address was reached.
    MovedAndReached = "moved_and_reached",
}

impl Oracle {
    /// The run met this.
    pub fn mark(&mut self, mark: Mark) {
        *self.marks.entry(mark).or_default() += 1;
    }

    /// How often the run met each.
    #[must_use]
    pub fn marks(&self) -> std::collections::BTreeMap<Mark, u64> {
        self.marks.clone()
    }

    pub(super) fn mark_entry(&mut self, kind: Kind) {
        match kind {
            Kind::Leaf { opens: true } => self.mark(Mark::NewInstallation),
            Kind::Rekey(3) => self.mark(Mark::RekeyAfterRemoval),
            Kind::Grant(1) => self.mark(Mark::GrantToNewcomer),
            Kind::Grant(4) => self.mark(Mark::GrantAsRepair),
            Kind::Leaf { .. } | Kind::Rekey(_) | Kind::Grant(_) | Kind::Message { .. } | Kind::Other => {}
        }
    }

    pub(super) fn mark_line(&mut self, host: HostId, message: &MessageView) {
        let before = self.seen[usize::from(host)].lines.get(&message.entry).copied();
        if before.is_some_and(|line| line.counts) && !message.counts {
            self.mark(Mark::WordsCutOff);
        }
    }

    pub(super) fn mark_roster(&mut self, host: HostId, event: &Event, hosts: &[Host]) {
        if let Event::Member { change, .. } = event {
            match change {
                MemberChange::Contested => self.mark(Mark::ContestedSeat),
                MemberChange::SeatLost => self.mark(Mark::SeatRaceLost),
                MemberChange::Confirmed => self.mark(Mark::ProvisionalThenConfirmed),
                MemberChange::Left => self.mark(Mark::Left),
                MemberChange::Promoted => self.mark(Mark::Promoted),
                MemberChange::Demoted => self.mark(Mark::Demoted),
                MemberChange::Joined | MemberChange::Removed | MemberChange::Banned => {}
            }
        }
        let (Event::Group(gid) | Event::Member { group: gid, .. }) = event else { return };
        let state = hosts.get(usize::from(host)).and_then(|host| host.group(gid)).map(|group| group.state);
        match state {
            Some(GroupState::Removed) => self.mark(Mark::RemovalTold),
            Some(GroupState::SeatLost) => self.mark(Mark::SeatRaceLost),
            _ => {}
        }
    }

    pub(super) fn mark_alarm(&mut self, kind: AlertKind) {
        match kind {
            AlertKind::Fork => self.mark(Mark::ForkAlert),
            AlertKind::Restored => self.mark(Mark::RestoreDetected),
            AlertKind::Clone => self.mark(Mark::CloneAlarm),
            _ => {}
        }
    }

    pub(super) fn mark_join(&mut self, host: HostId, join: u32, hosts: &[Host]) {
        let joins = hosts.get(usize::from(host)).and_then(Host::account).map(coterie_protocol::Account::joins);
        let Some(view) = joins.unwrap_or_default().into_iter().find(|view| view.id == join) else { return };
        match view.refused {
            Some(JoinRefusal::Used) => self.mark(Mark::UsedLinkRefused),
            Some(JoinRefusal::Withdrawn | JoinRefusal::Expired) => self.mark(Mark::StaleLinkRefused),
            Some(JoinRefusal::SeatLost) => self.mark(Mark::SeatRaceLost),
            _ if view.state == JoinState::Seated && self.is_split => self.mark(Mark::JoinedDuringSplit),
            _ => {}
        }
    }

    /// So many paths are cut now.
    pub const fn on_paths(&mut self, cut: usize) {
        self.is_split = cut > 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn sim_50_each_mark_has_a_name_of_its_own() {
        let mut names: Vec<&str> = Mark::ALL.iter().map(|mark| mark.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Mark::ALL.len());
    }
}
