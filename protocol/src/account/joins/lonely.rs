//! A newcomer who knows nobody but the link that let it in: as long as it has no neighbour and no member's address, the
//! link's addresses are all that leads to the group. One host alone could keep it in the dark for ever.

use super::super::Account;
use super::Join;
use crate::event::JoinState;
use crate::group::Group;
use crate::ids::MemberKey;

impl Account {
    /// The group whose link's addresses were dialled again, unless another join has dialled since: the stream is its.
    pub(super) fn hanging_on_link(&self) -> Option<u32> {
        let hangs = |join: &Join| self.hangs_on_link(join);
        let newest = self.joins.all.values().filter(|join| hangs(join) || matches!(join.state, JoinState::Searching));
        newest.max_by_key(|join| (join.dialled_mono_ms, hangs(join))).filter(|join| hangs(join))?.kept_for
    }

    /// Whether a newcomer knows no member but by the link, and has no neighbour: the host that let it in may have gone,
    /// or may tell it nothing. Then the link's addresses are tried again (N-909), and whoever answers is told who we
    /// are (N-209).
    fn hangs_on_link(&self, join: &Join) -> bool {
        let group = join.kept_for.and_then(|g| self.groups.get(&g));
        let is_in = |group: &&Group| group.shares_links() && !group.has_lost_seat();
        group.filter(is_in).is_some_and(|group| !group.knows_an_address() && !group.has_neighbour())
    }

    /// Whether the link's addresses are dialled when its time comes.
    pub(super) fn seeks_host(&self, join: &Join) -> bool {
        let is_searching = matches!(join.state, JoinState::Searching | JoinState::Proving);
        is_searching || join.claiming.is_some() || self.hangs_on_link(join)
    }

    /// Somebody answered at one of the link's addresses: the group link is dialled there too.
    pub(super) fn remember_by_link(&mut self, g: u32, peer: &MemberKey) {
        if let Some(join) = self.joins.all.values().find(|join| join.kept_for == Some(g)) {
            self.reach.remember(peer, &join.addresses());
        }
    }
}
