//! How the graph grows: an operation finds its chain and branch, its names become positions, and it enters the lists by
//! office, seat, key and link. Nothing here judges; admission has passed.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{At, Chain, Deed, Graph, Node, OfficeNode, Succession, Touch, TouchKind};
use crate::ids::{MemberKey, MembershipId, OperationId, Output, SeatNumber};
use crate::membership::body::Body;
use crate::membership::operation::SignedOperation;
use crate::membership::outputs;
use crate::membership::recovery::Certificate;

impl Graph {
    /// Appends an operation that admission has passed; all that it names is here. `key` for Genesis and Join.
    pub(in crate::membership) fn insert(&mut self, signed: Arc<SignedOperation>, key: Option<MemberKey>) -> At {
        let at = self.nodes.len();
        let operation = signed.operation();
        let names: BTreeSet<At> = operation.names().iter().filter_map(|id| self.find(id)).collect();
        let prev = operation.prev.and_then(|id| self.find(&id));
        let (chain, branch) = self.place(at, &signed, prev, key);
        let before = prev.map_or(0, |prev| self.nodes[prev].office_ops);
        let office = operation.office.and_then(|id| self.office(&id));
        let deed = self.resolve(at, chain, office, &operation.body);
        let node = Node {
            chain,
            branch,
            office_ops: before.saturating_add(u32::from(office.is_some() || matches!(deed, Deed::Depose { .. }))),
            office,
            names: names.into_iter().collect(),
            deed,
            has_next: false,
            signed: Arc::clone(&signed),
        };
        self.by_id.insert(signed.id(), at);
        self.nodes.push(node);
        self.register(at);
        at
    }

    /// Chain and branch of a new operation.
    fn place(&mut self, at: At, signed: &SignedOperation, prev: Option<At>, key: Option<MemberKey>) -> (At, At) {
        let Some(prev) = prev else {
            let key = key.unwrap_or(MemberKey([0; 32]));
            let chain = self.chains.push(Chain {
                mid: signed.mid(),
                key,
                name: if let Body::Join(join) = &signed.operation().body {
                    join.name.as_str().into()
                } else {
                    "".into()
                },
                root: at,
                leaves: Vec::new(),
                offices: Vec::new(),
                tip: at,
                branches: 1,
            });
            self.by_key.entry(key).or_default().push(chain);
            return (chain, self.branches.push(None));
        };
        let chain = self.nodes[prev].chain;
        if core::mem::replace(&mut self.nodes[prev].has_next, true) {
            self.chains[chain].branches += 1;
            return (chain, self.branches.push(Some(prev)));
        }
        (chain, self.nodes[prev].branch)
    }

    fn resolve(&mut self, at: At, chain: At, under: Option<At>, body: &Body) -> Deed {
        let find = |id: &OperationId| self.find(id).unwrap_or_default();
        let office = |id: &OperationId| self.office(id).unwrap_or_default();
        let chain_at = |mid: &MembershipId| self.chain_of(mid).unwrap_or_default();
        match body {
            Body::Genesis { .. } => {
                self.open_office(at, chain, None);
                Deed::Genesis
            }
            Body::Join(join) => Deed::Join {
                issuer: office(&join.terms.issuer),
                lifts: join.terms.lifts.iter().map(find).collect(),
                tie: outputs::tie(&join.out, &join.pk),
            },
            Body::Confirm { join } => Deed::Confirm { join: find(join) },
            Body::Transfer { to, .. } => Deed::Transfer { to: office(to) },
            Body::Bump { .. } => Deed::Bump,
            Body::Reclaim { after, .. } => Deed::Reclaim { after: after.as_ref().map(find) },
            Body::Promote { target } => {
                let holder = chain_at(target);
                Deed::Promote { office: self.open_office(at, holder, under) }
            }
            Body::Demote(blow) => Deed::Demote {
                target: chain_at(&blow.target),
                pin: find(&blow.pin),
                seen: blow.seen.iter().map(find).collect(),
            },
            Body::Remove { blow, ban, .. } => Deed::Remove {
                target: chain_at(&blow.target),
                pin: find(&blow.pin),
                seen: blow.seen.iter().map(find).collect(),
                ban: *ban,
            },
            Body::Leave { heirs, .. } => Deed::Leave { heirs: heirs.iter().map(office).collect() },
            Body::SetPolicy { .. } => Deed::SetPolicy,
            Body::Depose { office: ended, pin, .. } => {
                let (ended, pin) = (office(ended), find(pin));
                Deed::Depose { office: self.succeed(at, chain, ended, pin) }
            }
        }
    }

    fn open_office(&mut self, node: At, holder: At, parent: Option<At>) -> At {
        let depth = parent.map_or(0, |parent| self.offices[parent].depth + 1);
        let office = self.offices.push(OfficeNode {
            node,
            holder,
            parent,
            depth,
            generation: 0,
            succession: None,
            deeds: Vec::new(),
            place: 0,
        });
        self.chains[holder].offices.push(office);
        self.ordered = false;
        office
    }

    /// An office in the place of another one. What it is called depends only on what the recovery keys have signed, so
    /// whoever has their word may bring it in as often as he likes: it stays the same succession.
    fn succeed(&mut self, node: At, holder: At, ended: At, pin: At) -> At {
        let over = self.certificate(ended);
        let certificate =
            Certificate { gid: self.gid, over, pin: self.nodes[pin].id(), successor: self.chains[holder].mid };
        let office = self.open_office(node, holder, None);
        self.offices[office].generation = self.offices[ended].generation.saturating_add(1);
        self.offices[office].succession = Some(Succession { pin, certificate: certificate.id() });
        self.successors.entry(over).or_default().push(office);
        office
    }

    /// Enters a new operation in the lists by office, chain, seat and link.
    fn register(&mut self, at: At) {
        let signed = Arc::clone(&self.nodes[at].signed);
        let (chain, office) = (self.nodes[at].chain, self.nodes[at].office);
        if let Some(office) = office {
            self.offices[office].deeds.push(at);
        }
        match self.nodes[at].deed {
            Deed::Genesis => drop(self.office_of.insert(signed.id(), 0)),
            Deed::Promote { office } => drop(self.office_of.insert(signed.id(), office)),
            Deed::Leave { .. } => self.chains[chain].leaves.push(at),
            Deed::Depose { office } => drop(self.office_of.insert(signed.id(), office)),
            Deed::SetPolicy => self.settings.push(at),
            Deed::Join { .. }
            | Deed::Confirm { .. }
            | Deed::Transfer { .. }
            | Deed::Bump
            | Deed::Reclaim { .. }
            | Deed::Demote { .. }
            | Deed::Remove { .. } => {}
        }
        let tip = &self.nodes[self.chains[chain].tip];
        let newer = (self.nodes[at].seq(), core::cmp::Reverse(signed.id())) > (tip.seq(), core::cmp::Reverse(tip.id()));
        if newer && !matches!(self.nodes[at].deed, Deed::Leave { .. }) {
            self.chains[chain].tip = at;
        }
        self.touch(at, &signed);
    }

    fn touch(&mut self, at: At, signed: &SignedOperation) {
        let id = signed.id();
        match &signed.operation().body {
            Body::Join(join) => {
                if let Deed::Join { issuer, .. } = self.nodes[at].deed {
                    self.by_link.entry((issuer, join.terms.invite_pk)).or_default().push(at);
                }
                let next = outputs::free(&id.into());
                self.touch_seat(at, (join.seat, join.out), next, TouchKind::Join);
            }
            Body::Confirm { .. } => {
                let Deed::Confirm { join } = self.nodes[at].deed else { return };
                if let Some(body) = self.join_of(self.nodes[join].chain).map(|body| (body.seat, body.out)) {
                    let next = outputs::free(&self.nodes[join].id().into());
                    let newcomer = self.nodes[join].chain;
                    self.touch_seat(at, body, next, TouchKind::Confirm { join, newcomer });
                }
            }
            Body::Transfer { pairs, .. } => {
                let Deed::Transfer { to } = self.nodes[at].deed else { return };
                for &pair in pairs {
                    self.touch_seat(at, pair, outputs::handed(&id, pair.0), TouchKind::Transfer { to });
                }
            }
            Body::Bump { pairs } => {
                for &pair in pairs {
                    self.touch_seat(at, pair, outputs::bump(&pair.1), TouchKind::Bump);
                }
            }
            Body::Reclaim { pairs, .. } => {
                for &pair in pairs {
                    self.touch_seat(at, pair, outputs::handed(&id, pair.0), TouchKind::Reclaim);
                }
            }
            Body::Genesis { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::Remove { .. }
            | Body::Leave { .. }
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => {}
        }
    }

    fn touch_seat(&mut self, node: At, (seat, out): (SeatNumber, Output), next: Output, kind: TouchKind) {
        let seat = usize::from(seat.0);
        if seat >= self.seats.len() {
            return;
        }
        let entry = &self.nodes[node];
        let (seq, chain) = (entry.seq(), entry.chain);
        let office = if let Deed::Join { issuer, .. } = entry.deed { Some(issuer) } else { entry.office };
        let log = &mut self.seats[seat];
        let (out, next) = (log.intern(out), log.intern(next));
        log.touches.push(Touch { node, seq, chain, office, out, next, kind });
    }
}
