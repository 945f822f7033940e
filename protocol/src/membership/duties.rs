//! What the own client does so that honest groups run smoothly (section 9). The fold is safe without any of it.
//!
//! Nothing here signs or sends: each duty is read off the folded log and comes back as bodies to sign, or as a question
//! for the person. Time comes in as an argument.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::body::{Blow, Body, Pair, Terms};
use super::changes::{SeatChange, changes};
use super::graph::{At, Deed, TouchKind};
use super::operation::SignedOperation;
use super::roster::{Awaits, SeatState};
use super::seats::End;
use super::{Membership, SeatGrant, Setting, Unseated, setting};
use crate::crypto::sign::KeyPair;
use crate::ids::{MemberKey, MembershipId, Office, OperationId, Output, Point, SeatNumber};
use crate::limits::{GUEST_CUSTODIAN_WAIT_MS, GUEST_NEXT_OFFICE_WAIT_MS, NAMED_MAX, PAIRS_MAX};

/// What to do about newcomers on the own tickets (MB-D2, MB-D3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newcomers {
    /// Confirm without asking.
    pub confirm: Vec<OperationId>,
    /// The person decides.
    pub ask: Vec<(OperationId, Awaits)>,
    /// Came after the link's last day: withdraw the seat.
    pub bump: Vec<Pair>,
}

/// How somebody's membership or office is ended (MB-D7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The office only.
    Demote,
    /// The membership, its words up to these points.
    Remove {
        /// Newest entries that count (E-31).
        cuts: Vec<Point>,
        /// The key too.
        ban: bool,
    },
}

/// A removal that is being prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal<'a> {
    /// Whom.
    pub target: MembershipId,
    /// How.
    pub ending: Ending,
    /// The last operation of the target that counts; none: the newest known.
    pub pin: Option<OperationId>,
    /// Joins on the target's tickets that are not to be confirmed first.
    pub spare_not: &'a [MembershipId],
    /// Outputs of the link by which the target came, as far as known.
    pub tickets: &'a [Pair],
}

impl<const S: usize> Membership<S> {
    /// Rules MB-D2, MB-D3, R-32, R-36: newcomers on the tickets of an own office. `tickets` tells how many tickets the
    /// own link with this key has.
    #[must_use]
    pub fn due_confirms(&self, office: &Office, tickets: &dyn Fn(&MemberKey) -> usize) -> Newcomers {
        let mut due = Newcomers::default();
        let graph = &self.log.graph;
        for (number, state) in (0..=u8::MAX).map(SeatNumber).zip(self.roster().seats()) {
            let SeatState::Occupied { mid, out, custody, provisional: true } = state else { continue };
            // Whoever holds several offices looks after the newcomers of all of them, under the most senior one.
            let own = custody == office || (self.stands(custody) && self.holder(custody) == self.holder(office));
            let Some(person) = self.roster().person(mid).filter(|_| own) else { continue };
            let Some(chain) = graph.chain_of(mid) else { continue };
            let Some(terms) = graph.join_of(chain).map(|join| &join.terms) else { continue };
            let id = OperationId::from(*mid);
            if graph.nodes[graph.chains[chain].root].signed.operation().at > terms.not_after {
                due.bump.push((number, *out));
                continue;
            }
            match person.awaits {
                None => due.confirm.push(id),
                Some(Awaits::Contest) if self.settles_itself(terms, tickets) => due.confirm.push(id),
                Some(reason) => due.ask.push((id, reason)),
            }
        }
        due
    }

    /// A contest on a link with several tickets: the other one gives way (MB-D15), unless the link asks for more.
    fn settles_itself(&self, terms: &Terms, tickets: &dyn Fn(&MemberKey) -> usize) -> bool {
        let worn = self.log.graph.office(&terms.issuer).is_none_or(|issuer| {
            self.log.fold.wear(&self.log.graph, self.log.pool.scope(), (issuer, terms.invite_pk)).is_some()
        });
        tickets(&terms.invite_pk) > 1 && !terms.approve && !self.policy().require_confirm() && !worn
    }

    /// Rules MB-D4 and R-32: of the outputs of expired, revoked or tainted tickets, those that are still free and may
    /// be bumped under `office`. Expired ones only after a sync round with a member since then: the caller knows.
    #[must_use]
    pub fn due_bumps(&self, office: &Office, tickets: &[Pair]) -> Vec<Pair> {
        let mut due: Vec<Pair> =
            tickets.iter().copied().filter(|&(seat, out)| self.may_bump(office, seat, &out)).collect();
        due.sort_unstable();
        due.dedup();
        due
    }

    fn may_bump(&self, office: &Office, seat: SeatNumber, out: &Output) -> bool {
        matches!(self.seat(seat), Some(SeatState::Free { out: free, custody })
            if free == out && (custody == office || self.is_senior(office, custody)))
    }

    /// Rule MB-D6: unconfirmed people whose departure freed these seats; to be confirmed before the seats are given
    /// away, bumped or reclaimed.
    #[must_use]
    pub fn confirms_before(&self, seats: &[SeatNumber]) -> Vec<Body> {
        seats
            .iter()
            .filter_map(|&seat| self.unconfirmed_before(seat))
            .map(|mid| Body::Confirm { join: mid.into() })
            .collect()
    }

    /// Rules MB-D7, R-31, R-32: the batch that ends somebody, in the order in which it is to be signed.
    #[must_use]
    pub fn ending(&self, office: &Office, removal: &Removal<'_>) -> Vec<Body> {
        let mut bodies: Vec<Body> =
            self.kept_people(removal).into_iter().map(|mid| Body::Confirm { join: mid.into() }).collect();
        let bumps = self.due_bumps(office, removal.tickets);
        bodies.extend(bumps.chunks(PAIRS_MAX).map(|pairs| Body::Bump { pairs: pairs.to_vec() }));
        let pin = removal.pin.or_else(|| self.tip(&removal.target)).unwrap_or_else(|| removal.target.into());
        let blow = Blow { target: removal.target, pin, seen: self.seen(office, &removal.target) };
        bodies.push(match &removal.ending {
            Ending::Demote => Body::Demote(blow),
            Ending::Remove { cuts, ban } => Body::Remove { blow, cuts: cuts.clone(), ban: *ban },
        });
        bodies
    }

    /// Unconfirmed Joins, present or departed, on outputs of the target's offices; and the target's own.
    fn kept_people(&self, removal: &Removal<'_>) -> Vec<MembershipId> {
        let graph = &self.log.graph;
        let Some(target) = graph.chain_of(&removal.target) else { return Vec::new() };
        let mut kept = BTreeSet::new();
        for walk in self.log.fold.walks.iter() {
            for step in &walk.steps {
                let super::seats::Took::Join { join, by: None } = step.took else { continue };
                let chain = graph.nodes[join].chain;
                let own = chain == target && matches!(removal.ending, Ending::Remove { .. });
                if join != 0 && (own || graph.offices[step.custody].holder == target) {
                    kept.insert(graph.chains[chain].mid);
                }
            }
        }
        kept.into_iter().filter(|mid| !removal.spare_not.contains(mid)).collect()
    }

    /// `seen` of a Remove or Demote: the target's offices, most senior first, and the Demotes without
    /// which a former admin would be shielded (MB-F3). At most 4, ascending.
    fn seen(&self, office: &Office, target: &MembershipId) -> Vec<OperationId> {
        let (graph, authority) = (&self.log.graph, &self.log.fold.authority);
        let (Some(chain), Some(by)) = (graph.chain_of(target), graph.office(office)) else { return Vec::new() };
        // What nobody promoted needs no word: whoever took its place reaches it (MB-Z5).
        let promoted = |&held: &At| authority.exists(held) && graph.offices[held].parent.is_some();
        let mut offices: Vec<At> = graph.chains[chain].offices.iter().copied().filter(promoted).collect();
        offices.sort_by_key(|&held| graph.offices[held].place);
        let mut seen = BTreeSet::new();
        for held in offices {
            if graph.is_senior(by, held) {
                seen.insert(graph.office_id(held));
            } else {
                let demote = graph.nodes.iter().enumerate().find(|(at, node)| {
                    matches!(node.deed, Deed::Demote { target, .. } if target == chain)
                        && authority.honoured[*at]
                        && authority.bears_on(graph, *at, held)
                });
                seen.extend(demote.map(|(_, node)| node.id()));
            }
            if seen.len() >= NAMED_MAX {
                break;
            }
        }
        seen.into_iter().collect()
    }

    /// Rule MB-D9: free outputs whose office stands no more and whose custodian by convention is `office`; and, if the
    /// line of promoters is gone, those that it inherits, with the Leave to cite.
    #[must_use]
    pub fn reclaimable(&self, office: &Office) -> Vec<(Pair, Option<OperationId>)> {
        let graph = &self.log.graph;
        let mut found = Vec::new();
        for (seat, walk) in (0..=u8::MAX).map(SeatNumber).zip(self.log.fold.walks.iter()) {
            let orphaned = walk.end == End::Free && !self.log.fold.authority.stands(walk.custody);
            if !orphaned {
                continue;
            }
            let pair = (seat, walk.out);
            match self.custodian(seat) {
                Some(custodian) if custodian == *office => found.push((pair, None)),
                Some(_) => {}
                None => found.extend(self.inheritance(walk.custody, office).map(|after| (pair, Some(after)))),
            }
        }
        debug_assert!(found.iter().all(|((seat, _), _)| usize::from(seat.0) < graph.seats.len()), "seats are in range");
        found
    }

    /// Rule MB-D17: before newcomers wait for a word, those who are in without one are confirmed, except `spare_not`:
    /// else the switch would take their keys. Only those on whom this office has a say.
    #[must_use]
    pub fn asking_for_confirms(&self, office: &Office, spare_not: &[MembershipId]) -> Vec<Body> {
        let keep = |state: &SeatState| match state {
            SeatState::Occupied { mid, custody, provisional: true, .. } => {
                let own = custody == office || self.is_senior(office, custody);
                (own && self.roster().is_keyed(mid) && !spare_not.contains(mid)).then_some(*mid)
            }
            SeatState::Occupied { .. } | SeatState::Free { .. } => None,
        };
        let kept = self.roster().seats().iter().filter_map(keep);
        let mut bodies: Vec<Body> = kept.map(|mid| Body::Confirm { join: mid.into() }).collect();
        bodies.push(Body::SetPolicy { sets: Vec::from([(setting::REQUIRE_CONFIRM, Some(Setting::Bool(true)))]) });
        bodies
    }

    fn stands(&self, office: &Office) -> bool {
        self.log.graph.office(office).is_some_and(|office| self.log.fold.authority.stands(office))
    }

    /// People on bare tickets of the office above all others, present or departed, whom its end would
    /// unseat. Who waits for somebody's word goes on waiting: for a new ticket (MB-D23).
    #[must_use]
    pub fn handed_on(&self) -> Vec<MembershipId> {
        let graph = &self.log.graph;
        let top = self.log.fold.authority.top(graph);
        let mut kept = BTreeSet::new();
        for step in self.log.fold.walks.iter().flat_map(|walk| &walk.steps).filter(|step| step.custody == top) {
            if let super::seats::Took::Join { join, by: None } = step.took
                && join != 0
            {
                kept.insert(graph.chains[graph.nodes[join].chain].mid);
            }
        }
        let waits = |mid: &MembershipId| self.roster().person(mid).is_some_and(|person| person.awaits.is_some());
        kept.into_iter().filter(|mid| !waits(mid)).collect()
    }

    fn inheritance(&self, custody: At, office: &Office) -> Option<OperationId> {
        let graph = &self.log.graph;
        let heir = graph.office(office).filter(|&heir| self.log.fold.authority.stands(heir))?;
        graph
            .chains
            .iter()
            .flat_map(|chain| &chain.leaves)
            .copied()
            .find(|&leave| self.log.fold.authority.inherits(graph, custody, heir, leave))
            .map(|leave| graph.nodes[leave].id())
    }

    /// Rule MB-D8: the batch of an admin who leaves; a plain member's is the Leave alone. `heirs`: none for the four
    /// most senior other standing offices.
    #[must_use]
    pub fn leaving(&self, me: &MembershipId, heirs: Option<Vec<Office>>, cuts: Vec<Point>) -> Vec<Body> {
        let mut bodies = Vec::new();
        if let Some(office) = self.standing(me) {
            let newcomers = self.due_confirms(&office, &|_| 2);
            bodies.extend(newcomers.confirm.into_iter().map(|join| Body::Confirm { join }));
            let mine: Vec<Pair> = self
                .reclaimable(&office)
                .into_iter()
                .filter(|(_, after)| after.is_none())
                .map(|(pair, _)| pair)
                .collect();
            bodies.extend(self.confirms_before(&mine.iter().map(|pair| pair.0).collect::<Vec<_>>()));
            bodies.extend(mine.chunks(PAIRS_MAX).map(|pairs| Body::Reclaim { pairs: pairs.to_vec(), after: None }));
        }
        let mut heirs = heirs.unwrap_or_else(|| {
            self.standing_offices()
                .filter(|(_, holder)| holder != me)
                .map(|(office, _)| office)
                .take(NAMED_MAX)
                .collect()
        });
        heirs.sort_unstable();
        heirs.dedup();
        heirs.truncate(NAMED_MAX);
        bodies.push(Body::Leave { heirs, cuts });
        bodies
    }

    /// Whether nobody but `me` could admit or remove after `me` left: the group would freeze (MB-D8).
    #[must_use]
    pub fn is_last_organiser(&self, me: &MembershipId) -> bool {
        self.standing(me).is_some() && self.standing_offices().all(|(_, holder)| holder == *me)
    }

    /// Rule MB-D11: half of an office's free seats for a new one, as far as they are in no live ticket, with what must
    /// be confirmed first. So whoever is lost strands no more than half.
    #[must_use]
    pub fn share(&self, from: &Office, to: Office, live: &[Output]) -> Vec<Body> {
        let mut pairs = self.free_outputs(from);
        let half = pairs.len() / 2;
        pairs.retain(|(_, out)| !live.contains(out));
        pairs.truncate(half);
        pairs.sort_unstable();
        let mut bodies = self.confirms_before(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
        bodies.extend(pairs.chunks(PAIRS_MAX).map(|pairs| Body::Transfer { pairs: pairs.to_vec(), to }));
        bodies
    }

    /// Rule MB-D12: whether `me` is the only one who could admit anybody, somebody else is there to be named, and there
    /// are no codes to name another. So it is said before the third person comes.
    #[must_use]
    pub fn wants_second_organiser(&self, me: &MembershipId) -> bool {
        let alone = self.standing_offices().count() == 1 && self.standing(me).is_some();
        alone && self.roster().seated().count() >= 2 && self.recovery().is_none()
    }

    /// Rule MB-D14: how long after a guest's session ended `office` waits before it removes the guest; none if it has
    /// no say. The custodian first, then each standing office in order.
    #[must_use]
    pub fn guest_removal_wait_ms(&self, office: &Office, guest: &MembershipId) -> Option<u64> {
        let custodian = self.custodian(self.roster().person(guest)?.seat?)?;
        if custodian == *office {
            return Some(GUEST_CUSTODIAN_WAIT_MS);
        }
        let place =
            self.standing_offices().filter(|(other, _)| *other != custodian).position(|(other, _)| other == *office)?;
        let steps = u64::try_from(place).ok()?.saturating_add(1);
        Some(steps.saturating_mul(GUEST_NEXT_OFFICE_WAIT_MS).saturating_add(GUEST_CUSTODIAN_WAIT_MS))
    }

    /// Rule MB-D15: the ticket to which somebody who was beaten gives way, as a position in the grant; `tried` are
    /// positions used before.
    #[must_use]
    pub fn gives_way_to(&self, me: &MembershipId, grant: &SeatGrant, tried: &[usize]) -> Option<usize> {
        if self.why_unseated(me) != Some(Unseated::Beaten) {
            return None;
        }
        grant.tickets.iter().enumerate().position(|(at, ticket)| {
            let free = matches!(self.seat(ticket.seat), Some(SeatState::Free { out, custody })
                if *out == ticket.out && *custody == grant.terms.issuer);
            free && !tried.contains(&at)
        })
    }

    /// People who lost their seat because the office that gave it was pinned: "seat again" (MB-D16).
    #[must_use]
    pub fn collateral(&self) -> Vec<MembershipId> {
        let graph = &self.log.graph;
        let confirmed: BTreeSet<At> = graph
            .seats
            .iter()
            .flat_map(|seat| &seat.touches)
            .filter_map(|touch| if let TouchKind::Confirm { join, .. } = touch.kind { Some(join) } else { None })
            .collect();
        let mut people: Vec<MembershipId> = confirmed
            .into_iter()
            .map(|join| graph.chains[graph.nodes[join].chain].mid)
            .filter(|mid| self.departure(mid).is_none())
            .filter(|mid| matches!(self.why_unseated(mid), Some(Unseated::IssuerGone | Unseated::LostGround)))
            .collect();
        people.sort_unstable();
        people
    }

    /// Signs a batch, each operation after the one before, and shows what it would change: who would lose
    /// a seat, who would return. Nothing enters this log.
    #[must_use]
    pub fn draft_batch(
        &self,
        me: &MembershipId,
        keys: &KeyPair,
        bodies: Vec<Body>,
        at_ms: u64,
        office: Option<Office>,
    ) -> (Vec<SignedOperation>, Vec<SeatChange>) {
        let mut trial = self.fork();
        let mut signed = Vec::new();
        for body in bodies {
            let under = office.filter(|_| body.is_office());
            let operation = trial.draft(me, keys, body, at_ms, under);
            trial.admit(operation.bytes());
            signed.push(operation);
        }
        let difference = changes(self.roster(), &trial);
        (signed, difference)
    }

    /// What operations of any kind would change, without taking them in.
    #[must_use]
    pub fn preview<'a>(&self, operations: impl IntoIterator<Item = &'a [u8]>) -> Vec<SeatChange> {
        let mut trial = self.fork();
        trial.admit_batch(operations);
        changes(self.roster(), &trial)
    }
}
