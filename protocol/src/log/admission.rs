//! The rules an entry must keep to stand in its log: E-23 steps 6 to 9 and E-24.
//!
//! A verdict is a function of the entry's bytes and its ancestors (the log before it, the membership operations at its
//! heads), so all nodes come to the same in any order of arrival. What is missing makes an entry wait; nothing here
//! ever refuses because of what has *not* come yet.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::body::{GrantBody, LeafBody, LeafNumber, RekeyBody, roster_hash};
use super::entry::{Entry, HeadKind, Suspended};
use super::state::{Epoch, LogState, Step};
use crate::crypto::seal::is_usable_leaf;
use crate::ids::{Digest, GroupId, Heads, LeafKey, MemberKey, MembershipId, OperationId, Point};
use crate::limits;
use crate::wire::{Canonical, DecodeError, from_bytes};

/// Ascending mids at some heads, shared with whoever computed them.
pub type Mids = Arc<[MembershipId]>;

/// What admission asks of the membership log.
///
/// The two rooms stand side by side, so whoever owns both passes the one to the other.
pub trait Authority {
    /// The key that verifies a member's logs; none if the mid is not known (yet) (E-08).
    fn key_of(&self, mid: &MembershipId) -> Option<MemberKey>;
    /// `Keyed(heads)`, ascending (E-14).
    ///
    /// # Errors
    /// The operations that are missing for an answer.
    fn keyed_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>>;
    /// `Candidates(heads)`, ascending (E-14).
    ///
    /// # Errors
    /// The operations that are missing for an answer.
    fn candidates_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>>;
    /// Whether the ancestors of `newer`, itself included, include all of `older` (E-20).
    fn covers(&self, newer: &Heads, older: &Heads) -> bool;
    /// Whether none of these is an ancestor of another (E-20).
    fn independent(&self, heads: &Heads) -> bool;
}

/// The rule that an entry breaks; `Display` names it by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum EntryRule {
    /// Size, canonical form, suite or kind.
    #[error("E-23 (1, 2): {0}")]
    Undecodable(DecodeError),
    /// The signature is not the author's.
    #[error("E-23 (5): signature")]
    Signature,
    /// This entry was refused before.
    #[error("E-26: refused before")]
    Remembered,
    /// The predecessor was refused, or stands at another place.
    #[error("E-23 (6): predecessor")]
    Predecessor,
    /// Entry 0 is not a Leaf of reason 0 with the key number 0 on top of the log's own `prev`.
    #[error("E-19: first entry")]
    FirstEntry,
    /// `prior` where it may not stand: beyond entry 0, with installation 0, or naming its own installation.
    #[error("E-19: prior")]
    Prior,
    /// An own entry 0 whose number is not above that of the log its `prior` names.
    #[error("R-38: number of the installation not above the prior one's")]
    PriorNumber,
    /// No heads where they must be said: any kind but a Message, and each 64th Message.
    #[error("E-20: heads missing")]
    HeadsMissing,
    /// A head is an ancestor of another.
    #[error("E-20: heads depend on one another")]
    HeadsDependent,
    /// Heads go back behind those of the entry before.
    #[error("E-20: heads go back")]
    HeadsBack,
    /// The author is not Keyed at the heads (a Leaf: not in Candidates).
    #[error("E-23 (8): author not entitled at its heads")]
    Author,
    /// The installation's number changed within its log.
    #[error("E-10: number of the installation")]
    InstanceNumber,
    /// The leaf key's number is not the next one.
    #[error("E-24: number of the leaf key")]
    Generation,
    /// Reason 0 beyond entry 0.
    #[error("E-24: reason")]
    Reason,
    /// A leaf key of low order.
    #[error("E-12: leaf key")]
    LeafKey,
    /// A leaf key that this log has used before.
    #[error("E-24: leaf key used before")]
    LeafReused,
    /// The body is not what its kind demands.
    #[error("E-18: body: {0}")]
    Body(DecodeError),
    /// Not one ack for each other Keyed member.
    #[error("E-18: acks")]
    Acks,
    /// The epoch is not the next one, or not the current one.
    #[error("E-24: epoch")]
    Epoch,
    /// `prev_len` is not the next unused index.
    #[error("E-24: prev_len")]
    PrevLen,
    /// Sealed to another roster than that of its heads.
    #[error("E-24: roster hash")]
    RosterHash,
    /// Suspended places not ascending, beyond the roster, or the author's own.
    #[error("E-24: suspended")]
    Suspended,
    /// Not one slot for each place that is not suspended.
    #[error("E-24: slots")]
    Slots,
    /// A Grant's target is the author, is not Keyed, or has the chain already.
    #[error("E-24: target")]
    Target,
    /// Index used before, or beyond the epoch.
    #[error("E-24: index")]
    Index,
    /// Somebody in the audience is not Keyed at the heads: the epoch may not be used on.
    #[error("E-25: audience")]
    Audience,
    /// A Message body that is not 16 + 256·2^k bytes, or an envelope beyond 16 KiB.
    #[error("E-24: body length")]
    BodyLength,
    /// More than 1,024 envelopes.
    #[error("E-24: envelopes")]
    Envelopes,
    /// A fifth branch: not kept, not remembered (E-74).
    #[error("E-74: branches")]
    Branches,
    /// One log too many of one member, with a lower number than all that are kept; not remembered.
    #[error("R-38: logs of one member")]
    Logs,
    /// An own entry was written without the operations or entries it rests on.
    #[error("E-26: own entry rests on what is not held")]
    Unfounded,
}

impl EntryRule {
    /// Rule E-26: whether the entry itself is refused for ever. The others refuse these bytes, or for lack of room.
    #[must_use]
    pub const fn is_remembered(self) -> bool {
        !matches!(
            self,
            Self::Undecodable(_) | Self::Signature | Self::Remembered | Self::Branches | Self::Logs | Self::Unfounded
        )
    }
}

/// Why an entry is not admitted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// These operations are missing.
    Missing(Vec<OperationId>),
    /// It breaks a rule.
    Broken(EntryRule),
}

impl From<EntryRule> for Stop {
    fn from(rule: EntryRule) -> Self {
        Self::Broken(rule)
    }
}

type Checked<T> = Result<T, Stop>;

/// `Ok` if it holds, else the rule that is broken.
macro_rules! require {
    ($holds:expr, $rule:expr) => {
        if $holds { Ok(()) } else { Err(Stop::Broken($rule)) }
    };
}

/// One entry on the way into its log, with what its verdict rests on.
pub(super) struct Candidate<'a> {
    pub(super) gid: &'a GroupId,
    /// Whose node this is: what others show to know of *its* leaf is kept.
    pub(super) own: &'a MembershipId,
    pub(super) entry: &'a Entry,
    /// State after the predecessor; none for entry 0.
    pub(super) before: Option<&'a LogState>,
}

impl Candidate<'_> {
    /// Steps 6 (what is left of it) to 9. Gives what the entry changes, and `Keyed` at its heads.
    pub(super) fn check(&self, authority: &mut dyn Authority) -> Checked<(Step, Mids)> {
        self.check_opening()?;
        let heads = self.heads_in_force()?;
        let keyed = authority.keyed_at(heads).map_err(Stop::Missing)?;
        self.check_heads(authority)?;
        let author = &self.entry.log.mid;
        let entitled = match self.entry.head.kind {
            HeadKind::Leaf { .. } => authority.candidates_at(heads).map_err(Stop::Missing)?,
            HeadKind::Rekey { .. }
            | HeadKind::KeyGrant { .. }
            | HeadKind::Message { .. }
            | HeadKind::GrantEnvelope { .. }
            | HeadKind::Opaque { .. } => Arc::clone(&keyed),
        };
        require!(entitled.binary_search(author).is_ok(), EntryRule::Author)?;
        let mut step = Step { heads: heads.clone(), knows_own: None, sealed: Vec::new() };
        self.check_kind(&keyed, &mut step)?;
        Ok((step, keyed))
    }

    /// Rule E-19: entry 0 is the Leaf that opens the log, and nothing else is.
    fn check_opening(&self) -> Checked<()> {
        if self.before.is_some() {
            return Ok(());
        }
        let opens = matches!(self.entry.head.kind, HeadKind::Leaf { generation: 0, reason: 0, .. });
        require!(opens, EntryRule::FirstEntry)
    }

    /// Rule E-20: which heads the entry speaks under.
    fn heads_in_force(&self) -> Checked<&Heads> {
        let said = &self.entry.head.heads;
        if !said.is_empty() {
            return Ok(said);
        }
        match (&self.entry.head.kind, self.before) {
            (HeadKind::Message { index, .. }, Some(before)) if !index.is_multiple_of(limits::HEADS_EVERY_MESSAGES) => {
                Ok(&before.heads)
            }
            _ => Err(EntryRule::HeadsMissing.into()),
        }
    }

    fn check_heads(&self, authority: &dyn Authority) -> Checked<()> {
        let said = &self.entry.head.heads;
        if said.is_empty() {
            return Ok(());
        }
        require!(authority.independent(said), EntryRule::HeadsDependent)?;
        let forward = self.before.is_none_or(|before| before.heads == *said || authority.covers(said, &before.heads));
        require!(forward, EntryRule::HeadsBack)
    }

    /// Rule E-24.
    fn check_kind(&self, keyed: &Mids, step: &mut Step) -> Checked<()> {
        match &self.entry.head.kind {
            HeadKind::Leaf { inst_no, generation, pk, reason, prior } => {
                self.check_installation(*inst_no, prior.as_ref())?;
                require!(self.before.is_none() == (*reason == 0), EntryRule::Reason)?;
                self.check_leaf(*generation, pk)?;
                self.check_acks(keyed, step)
            }
            HeadKind::Rekey { epoch, prev_len, roster_hash, generation, pk, suspended, .. } => {
                let before = self.before.ok_or(EntryRule::FirstEntry)?;
                require!(*epoch == before.next_epoch(), EntryRule::Epoch)?;
                require!(*prev_len == before.next_index(), EntryRule::PrevLen)?;
                self.check_slots(keyed, roster_hash, suspended, step)?;
                self.check_leaf(*generation, pk)
            }
            HeadKind::KeyGrant { epoch, index, reason } => {
                let epoch = self.check_epoch(*epoch, *index, keyed)?;
                self.check_targets(keyed, epoch, *reason, step)
            }
            HeadKind::Message { epoch, index, .. } => {
                self.check_epoch(*epoch, *index, keyed)?;
                require!(is_padded_length(self.entry.body.len()), EntryRule::BodyLength)
            }
            HeadKind::GrantEnvelope { .. } => {
                let envelopes = self.before.map_or(0, |before| before.envelopes);
                require!(envelopes < limits::ENVELOPES_PER_LOG_MAX, EntryRule::Envelopes)?;
                require!(self.entry.body.len() <= limits::ENVELOPE_BYTES_MAX, EntryRule::BodyLength)
            }
            HeadKind::Opaque { .. } => Ok(()),
        }
    }

    /// Rules E-10 and E-19: one number per log; `prior` only in entry 0 of a later installation.
    fn check_installation(&self, inst_no: u16, prior: Option<&Point>) -> Checked<()> {
        let same = self.before.is_none_or(|before| before.inst_no == inst_no);
        require!(same, EntryRule::InstanceNumber)?;
        let fits = prior.is_none_or(|point| self.before.is_none() && inst_no > 0 && point.inst != self.entry.log.inst);
        require!(fits, EntryRule::Prior)
    }

    fn check_leaf(&self, generation: u64, pk: &LeafKey) -> Checked<()> {
        let next = self.before.map_or(0, |before| before.leaf.generation.saturating_add(1));
        require!(generation == next, EntryRule::Generation)?;
        let fresh = self.before.is_none_or(|before| !before.used_before(pk));
        require!(fresh, EntryRule::LeafReused)?;
        // Last, because it is the only one here that computes with the key.
        require!(is_usable_leaf(pk), EntryRule::LeafKey)
    }

    fn check_acks(&self, keyed: &Mids, step: &mut Step) -> Checked<()> {
        let LeafBody(acks) = self.body()?;
        let author = &self.entry.log.mid;
        let others: Vec<&MembershipId> = keyed.iter().filter(|mid| *mid != author).collect();
        require!(acks.len() == others.len(), EntryRule::Acks)?;
        step.knows_own = others.iter().zip(acks).find(|(mid, _)| **mid == self.own).and_then(|(_, known)| known);
        Ok(())
    }

    fn check_slots(&self, keyed: &Mids, named: &Digest, suspended: &[Suspended], step: &mut Step) -> Checked<()> {
        require!(*named == roster_hash(self.gid, keyed), EntryRule::RosterHash)?;
        let ascending = suspended.is_sorted_by(|a, b| a.place < b.place);
        let others =
            suspended.iter().all(|out| keyed.get(usize::from(out.place)).is_some_and(|mid| *mid != self.entry.log.mid));
        require!(ascending && others, EntryRule::Suspended)?;
        // The author is Keyed (step 8), so one place is his.
        let expected = keyed.len().saturating_sub(1).saturating_sub(suspended.len());
        let RekeyBody(slots) = self.body()?;
        require!(slots.len() == expected, EntryRule::Slots)?;
        let readers = sealed_places(keyed, &self.entry.log.mid, suspended);
        step.sealed = readers.zip(slots).map(|(mid, seed)| (mid, seed.leaf)).collect();
        step.knows_own = self.sealed_to_own(step);
        Ok(())
    }

    /// Rules E-24 and E-25 for what uses an epoch: the current one, an index not used, an audience all Keyed.
    fn check_epoch(&self, number: u64, index: u64, keyed: &Mids) -> Checked<&Epoch> {
        let current = self.before.and_then(|before| before.epoch.as_ref());
        let epoch = current.filter(|epoch| epoch.number == number).ok_or(EntryRule::Epoch)?;
        // Left out may be any, used twice none (E-58).
        let is_unused = epoch.next_index <= index || planted!(KeyUsedTwice);
        require!(is_unused && index < limits::EPOCH_MESSAGES_MAX, EntryRule::Index)?;
        let all_keyed =
            planted!(NoRekeyAfterRemoval) || epoch.audience.keys().all(|mid| keyed.binary_search(mid).is_ok());
        require!(all_keyed, EntryRule::Audience)?;
        Ok(epoch)
    }

    fn check_targets(&self, keyed: &Mids, epoch: &Epoch, reason: u64, step: &mut Step) -> Checked<()> {
        let GrantBody(targets) = self.body()?;
        // New installation, return, repair.
        let again = matches!(reason, 2..=4);
        let fit = targets.iter().all(|target| {
            target.mid != self.entry.log.mid
                && keyed.binary_search(&target.mid).is_ok()
                && (again || !epoch.audience.contains_key(&target.mid))
        });
        require!(fit, EntryRule::Target)?;
        step.sealed = targets.iter().map(|target| (target.mid, target.leaf)).collect();
        step.knows_own = self.sealed_to_own(step);
        Ok(())
    }

    fn sealed_to_own(&self, step: &Step) -> Option<LeafNumber> {
        step.sealed.iter().find(|(mid, _)| mid == self.own).map(|&(_, leaf)| leaf)
    }

    fn body<T: Canonical>(&self) -> Checked<T> {
        from_bytes(&self.entry.body, limits::BODY_BYTES_MAX).map_err(|error| EntryRule::Body(error).into())
    }
}

/// Rule E-41: whose slots a Rekey holds, in the order of its body.
pub fn sealed_places<'a>(
    keyed: &'a [MembershipId],
    author: &'a MembershipId,
    suspended: &'a [Suspended],
) -> impl Iterator<Item = MembershipId> + 'a {
    (0_u8..).zip(keyed).filter_map(move |(place, mid)| {
        let out = suspended.binary_search_by_key(&place, |out| out.place).is_ok();
        (mid != author && !out).then_some(*mid)
    })
}

/// By E-24, 16 + 256·2^k with 0 ≤ k ≤ 7.
fn is_padded_length(body: usize) -> bool {
    let padded = body.checked_sub(limits::AEAD_TAG_BYTES);
    padded.is_some_and(|len| {
        len.is_power_of_two() && (limits::PLAINTEXT_BYTES_MIN..=limits::PLAINTEXT_BYTES_MAX).contains(&len)
    })
}
