//! Orders about people: who is a member, who is blocked, whose link ends.

use coterie_protocol::{Channel, LinkId, MemberKey};

use super::NetworkTask;
use crate::network::Class;
use crate::network::limits::{EXPULSION, FAREWELL};

impl NetworkTask {
    pub(super) fn on_hang_up(&mut self, link: LinkId, block_ms: u64) {
        let Some(link) = self.shared.link(link) else { return };
        link.leave(FAREWELL);
        if block_ms > 0 {
            self.swarm.behaviour_mut().gate.block(link.place.peer_id, block_ms);
            self.shared.cut_blobs();
            for other in self.shared.live() {
                if other.place.peer_id == link.place.peer_id {
                    other.leave(FAREWELL);
                }
            }
        }
    }

    /// The table is replaced whole; who is no member any more has five seconds for last words (N-203) (N-201).
    pub(super) fn on_classes(&mut self, classes: Vec<(MemberKey, Class)>) {
        self.shared.set_classes(classes);
        self.follow_classes();
        self.shared.cut_blobs();
        for link in self.shared.live() {
            if link.channel == Channel::Group && !self.members.contains(&link.place.peer_id) {
                link.leave(EXPULSION);
            }
        }
    }

    pub(super) fn follow_classes(&mut self) {
        let now = self.shared.known();
        self.swarm.behaviour_mut().set_members(&self.members, &now);
        self.members = now;
    }

    /// The list of the configuration: connections and streams of these people end at once.
    pub(super) fn on_listed(&mut self, keys: &[MemberKey]) {
        self.shared.set_listed(keys);
        self.shared.cut_blobs();
        self.swarm.behaviour_mut().gate.cut_off_listed();
    }
}
