//! The canonical state and its hash: equal sets of operations give equal hashes, shown in diagnostics (MB-V6).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Membership;
use super::graph::{At, Deed};
use super::policy::{Setting, SettingKey};
use super::roster::SeatState;
use crate::crypto::{Field, Label, hash};
use crate::ids::{Digest, GroupId, MemberKey, MembershipId, Office, OperationId};
use crate::wire::Writer;

/// An office that exists, with its rank path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeState {
    /// The office.
    pub office: Office,
    /// Who holds it.
    pub holder: MembershipId,
    /// Its path from the founder: seq and id of each Promote.
    pub rank: Vec<(u32, OperationId)>,
    /// Whether it can act now.
    pub standing: bool,
}

/// The canonical state of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The group.
    pub gid: GroupId,
    /// No office stands.
    pub frozen: bool,
    /// All seats, by number.
    pub seats: Vec<SeatState>,
    /// Offices that exist, senior first.
    pub offices: Vec<OfficeState>,
    /// Banned keys with the Removes that ban them, both ascending.
    pub bans: Vec<(MemberKey, Vec<OperationId>)>,
    /// Settings, by key.
    pub policy: Vec<(SettingKey, Setting)>,
    /// Ended memberships, ascending, with 1 removed + 2 left + 4 banned.
    pub ended: Vec<(MembershipId, u8)>,
}

impl State {
    /// Rule MB-V6: the hash that equal logs share.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let mut to = Writer::default();
        to.array(8).bytes(self.gid).uint(0_u64).bool(self.frozen);
        self.write_seats(&mut to);
        self.write_offices(&mut to);
        to.array(self.bans.len());
        for (key, removes) in &self.bans {
            to.array(2).bytes(key).list(removes);
        }
        to.array(self.policy.len());
        for (key, value) in &self.policy {
            to.array(2).uint(*key).item(value);
        }
        to.array(self.ended.len());
        for (mid, how) in &self.ended {
            to.array(2).bytes(mid).uint(*how);
        }
        hash(Label::State, &[Field::Item(&to.into_bytes())])
    }

    fn write_seats(&self, to: &mut Writer) {
        to.array(self.seats.len());
        for seat in &self.seats {
            match seat {
                SeatState::Free { out, custody } => to.array(3).uint(0_u64).bytes(out).bytes(custody),
                SeatState::Occupied { mid, out, custody, provisional } => {
                    to.array(5).uint(1_u64).bytes(mid).bytes(out).bytes(custody).bool(*provisional)
                }
            };
        }
    }

    fn write_offices(&self, to: &mut Writer) {
        to.array(self.offices.len());
        for entry in &self.offices {
            to.array(4).bytes(entry.office).bytes(entry.holder).array(entry.rank.len());
            for (seq, id) in &entry.rank {
                to.array(2).uint(*seq).bytes(id);
            }
            to.bool(entry.standing);
        }
    }
}

impl<const S: usize> Membership<S> {
    /// The canonical state, built when asked for.
    #[must_use]
    pub fn state(&self) -> State {
        let (graph, authority) = (&self.log.graph, &self.log.fold.authority);
        let offices = graph
            .seniority
            .iter()
            .filter(|&&office| authority.exists(office))
            .map(|&office| OfficeState {
                office: graph.office_id(office),
                holder: graph.chains[graph.offices[office].holder].mid,
                rank: self.rank(office),
                standing: authority.stands(office),
            })
            .collect();
        State {
            gid: graph.gid,
            frozen: authority.is_frozen(),
            seats: self.roster().seats().to_vec(),
            offices,
            bans: self.bans(),
            policy: self.policy().values().iter().map(|(key, value)| (*key, value.clone())).collect(),
            ended: self.ended(),
        }
    }

    /// Equal sets of operations, equal hash.
    #[must_use]
    pub fn state_hash(&self) -> Digest {
        self.state().hash()
    }

    fn rank(&self, office: At) -> Vec<(u32, OperationId)> {
        let graph = &self.log.graph;
        let mut path = Vec::new();
        let mut at = office;
        while let Some(parent) = graph.offices[at].parent {
            let node = &graph.nodes[graph.offices[at].node];
            path.push((node.seq(), node.id()));
            at = parent;
        }
        path.reverse();
        path
    }

    fn bans(&self) -> Vec<(MemberKey, Vec<OperationId>)> {
        let graph = &self.log.graph;
        let mut bans: BTreeMap<MemberKey, BTreeSet<OperationId>> = BTreeMap::new();
        for (&chain, removes) in &self.log.fold.authority.removed {
            for &remove in removes {
                if matches!(graph.nodes[remove].deed, Deed::Remove { ban: true, .. }) {
                    bans.entry(graph.chains[chain].key).or_default().insert(graph.nodes[remove].id());
                }
            }
        }
        bans.into_iter().map(|(key, removes)| (key, removes.into_iter().collect())).collect()
    }

    fn ended(&self) -> Vec<(MembershipId, u8)> {
        let (graph, fold) = (&self.log.graph, &self.log.fold);
        let mut ended: Vec<(MembershipId, u8)> = graph
            .chains
            .iter()
            .enumerate()
            .filter(|(chain, entry)| self.log.pool.scope().has(entry.root) && fold.is_ended(*chain))
            .map(|(chain, entry)| {
                let left = fold.authority.left[chain] && fold.on_path[chain];
                let how = u8::from(fold.authority.is_removed(chain))
                    | (u8::from(left) << 1)
                    | (u8::from(fold.authority.is_banned(chain)) << 2);
                (entry.mid, how)
            })
            .collect();
        ended.sort_unstable();
        ended
    }
}
