//! Receipts: a member says, signed, up to where it holds each log durably. Only they make *sent* and *delivered*.
//!
//! Rule N-515. A receipt is written after the commit that holds what it counts (ST-51). What came is folded to one
//! line per member and log, the highest number ever signed for: it never goes back (INV-S7), whatever is replayed,
//! restored or forged, because nothing but the member's own signature moves it and only upwards.

mod due;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::crypto::sign::{BadSignature, KeyPair, Provable, Signed, Verified, verify};
use crate::crypto::{Field, Label};
use crate::ids::{GroupId, Instance, LogId, LogTag, MemberKey, MembershipId, Signature};
use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

pub use due::{Due, Schedule};

/// The first eight bytes of a log's tag: enough to tell the logs of one group apart.
pub type ShortTag = [u8; 8];

/// The short form of a tag.
#[must_use]
pub fn short(tag: &LogTag) -> ShortTag {
    tag.0.first_chunk().copied().unwrap_or_default()
}

/// Whether a receipt names the logs that moved, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that moved.
    Moved,
    /// All.
    Full,
}

/// What one installation of a member holds: every entry of each log from its floor up to `top` (N-515).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whose, on which installation.
    pub holder: LogId,
    /// Rises with each receipt of that installation.
    pub number: u64,
    /// Which logs are named.
    pub scope: Scope,
    /// Logs, ascending, and the highest number held of each.
    pub tops: Vec<(ShortTag, u64)>,
    /// First bytes of H("net/tips", [[lid, top, eid at top]…]); differs from ours at equal tops after a fork.
    pub tips: [u8; 8],
    gid: GroupId,
    sig: Signature,
}

impl Receipt {
    /// Signs a receipt. `tops` are put in order; what is beyond the limits of one receipt is left out and returned
    /// by the caller's next one. `tips` must be made over the same tops in the same order.
    #[must_use]
    pub fn sign(
        gid: GroupId,
        holder: LogId,
        (number, scope): (u64, Scope),
        tops: &[(ShortTag, u64)],
        tips: [u8; 8],
        keys: &KeyPair,
    ) -> Verified<Self> {
        let tops = tops.iter().take(limits::RECEIPT_TOPS_MAX).copied().collect();
        let mut receipt = Self { holder, number, scope, tops, tips, gid, sig: Signature([0; 64]) };
        receipt.sig = receipt.signed_fields(|fields| keys.sign(Label::NetReceipt, fields));
        Signed::new(receipt).trust_own_store()
    }

    /// Reads a receipt of group `gid`.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(gid: GroupId, bytes: &[u8]) -> Result<Signed<Self>, DecodeError> {
        let mut receipt: Self = from_bytes(bytes, limits::RECEIPT_BYTES_MAX)?;
        receipt.gid = gid;
        Ok(Signed::new(receipt))
    }

    /// The bytes as sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }

    fn signed_fields<T>(&self, with: impl FnOnce(&[Field<'_>]) -> T) -> T {
        let mut tops = Writer::default();
        write_tops(&mut tops, self.tops.iter().copied());
        with(&[
            Field::B(&self.gid.0),
            Field::U(1),
            Field::B(&self.holder.mid.0),
            Field::B(&self.holder.inst.0),
            Field::U(self.number),
            Field::Bool(self.scope == Scope::Full),
            Field::Item(&tops.into_bytes()),
            Field::B(&self.tips),
        ])
    }
}

fn write_tops(to: &mut Writer, tops: impl ExactSizeIterator<Item = (ShortTag, u64)>) {
    to.array(tops.len());
    for (tag, top) in tops {
        to.array(2).bytes(tag).uint(top);
    }
}

fn read_tops(from: &mut Reader<'_>, max: usize) -> Result<Vec<(ShortTag, u64)>, DecodeError> {
    let count = from.array_up_to(max)?;
    let mut tops: Vec<(ShortTag, u64)> = Vec::new();
    for _ in 0..count {
        from.array(2)?;
        let (tag, top) = (from.fixed()?, from.uint()?);
        if top >= limits::SEQ_END || tops.last().is_some_and(|&(before, _)| before >= tag) {
            return Err(DecodeError::OutOfRange);
        }
        tops.push((tag, top));
    }
    Ok(tops)
}

impl Canonical for Receipt {
    fn write(&self, to: &mut Writer) {
        to.array(8).uint(1_u64).bytes(self.holder.mid).bytes(self.holder.inst).uint(self.number);
        to.bool(self.scope == Scope::Full);
        write_tops(to, self.tops.iter().copied());
        to.bytes(self.tips).bytes(self.sig);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(8)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        Ok(Self {
            holder: LogId { mid: from.fixed()?, inst: from.fixed()? },
            number: from.uint()?,
            scope: if from.bool()? { Scope::Full } else { Scope::Moved },
            tops: read_tops(from, limits::RECEIPT_TOPS_MAX)?,
            tips: from.fixed()?,
            gid: GroupId([0; 32]),
            sig: from.fixed()?,
        })
    }
}

impl Provable for Receipt {
    fn prove(&self, key: &MemberKey) -> Result<(), BadSignature> {
        self.signed_fields(|fields| verify(key, Label::NetReceipt, fields, &self.sig))
    }
}

/// Whether a receipt goes on along the tree (N-514).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipted {
    /// The newest of its installation: pass it on. The logs whose count moved are named.
    Newer(Vec<ShortTag>),
    /// An older one. What it says still counts, because it is signed and only lifts; it is not passed on.
    Older(Vec<ShortTag>),
}

/// What one member holds, over all its installations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reached {
    tops: BTreeMap<ShortTag, u64>,
    /// The newest number of each installation.
    numbers: BTreeMap<Instance, u64>,
}

impl Reached {
    /// Room for the record: a line has at most 8 + 1 and 9 + 1 bytes, a number 16 + 1 and 9 + 1.
    fn bytes_most(&self) -> usize {
        let tops = self.tops.len().saturating_mul(19);
        tops.saturating_add(self.numbers.len().saturating_mul(27)).saturating_add(16)
    }
}

impl Canonical for Reached {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(1_u64);
        write_tops(to, self.tops.iter().map(|(tag, top)| (*tag, *top)));
        to.array(self.numbers.len());
        for (inst, number) in &self.numbers {
            to.array(2).bytes(inst).uint(*number);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        let tops = read_tops(from, limits::RECEIPTED_LOGS_MAX)?.into_iter().collect();
        let mut numbers = BTreeMap::new();
        for _ in 0..from.array_up_to(limits::RECEIPT_NUMBERS_MAX)? {
            from.array(2)?;
            numbers.insert(from.fixed()?, from.uint()?);
        }
        Ok(Self { tops, numbers })
    }
}

/// Who holds what: the fold of all receipts of one group.
#[derive(Clone, Debug, Default)]
pub struct Receipts {
    members: BTreeMap<MembershipId, Reached>,
}

impl Receipts {
    /// Takes a receipt in whose signature was checked with its member's key. The caller has made sure that the
    /// member is, or was, in the roster, so the number of members is bounded by the membership log.
    pub fn on_receipt(&mut self, receipt: &Verified<Receipt>) -> Receipted {
        let reached = self.members.entry(receipt.holder.mid).or_default();
        let mut moved = Vec::new();
        for &(tag, top) in &receipt.tops {
            let is_full = reached.tops.len() >= limits::RECEIPTED_LOGS_MAX;
            match reached.tops.get_mut(&tag) {
                Some(known) if *known >= top => continue,
                Some(known) => *known = top,
                None if is_full => continue,
                None => {
                    reached.tops.insert(tag, top);
                }
            }
            moved.push(tag);
        }
        let newest = reached.numbers.get(&receipt.holder.inst);
        if newest.is_some_and(|&newest| receipt.number <= newest) {
            return Receipted::Older(moved);
        }
        reached.numbers.insert(receipt.holder.inst, receipt.number);
        if reached.numbers.len() > limits::RECEIPT_NUMBERS_MAX {
            // Numbers are times, so the installation that was silent longest is forgotten. Its tops stay.
            let oldest = reached.numbers.iter().min_by_key(|(_, number)| **number).map(|(inst, _)| *inst);
            oldest.and_then(|inst| reached.numbers.remove(&inst));
        }
        Receipted::Newer(moved)
    }

    /// How many distinct members but the author hold the entry.
    #[must_use]
    pub fn reached(&self, tag: &LogTag, seq: u64, author: &MembershipId) -> usize {
        let held = self.holders(tag, seq).filter(|mid| *mid != author).count();
        if planted!(ReceiptTooMany) { held.saturating_add(1) } else { held }
    }

    /// Whether anybody but the author holds the entry.
    #[must_use]
    pub fn is_held(&self, tag: &LogTag, seq: u64, author: &MembershipId) -> bool {
        planted!(ReceiptTooMany) || self.holders(tag, seq).any(|mid| mid != author)
    }

    /// Who holds the entry.
    pub fn holders(&self, tag: &LogTag, seq: u64) -> impl Iterator<Item = &MembershipId> + use<'_> {
        let tag = short(tag);
        let holds = move |reached: &Reached| reached.tops.get(&tag).is_some_and(|&top| top >= seq);
        self.members.iter().filter(move |(_, reached)| holds(reached)).map(|(mid, _)| mid)
    }

    /// What is stored of a member.
    #[must_use]
    pub fn record(&self, mid: &MembershipId) -> Option<Vec<u8>> {
        let reached = self.members.get(mid)?;
        let mut value = Writer::with_capacity(reached.bytes_most());
        reached.write(&mut value);
        Some(value.into_bytes())
    }

    /// Puts back what was stored of a member; what came since is kept where it is higher.
    ///
    /// # Errors
    /// If these are not the bytes of such a record.
    pub fn restore(&mut self, mid: MembershipId, bytes: &[u8]) -> Result<(), DecodeError> {
        let stored: Reached = from_bytes(bytes, limits::PLAIN_VALUE_BYTES_MAX)?;
        let reached = self.members.entry(mid).or_default();
        for (tag, top) in stored.tops {
            let known = reached.tops.entry(tag).or_insert(top);
            *known = (*known).max(top);
        }
        for (inst, number) in stored.numbers {
            let known = reached.numbers.entry(inst).or_insert(number);
            *known = (*known).max(number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use alloc::vec;

    const GID: GroupId = GroupId([1; 32]);

    fn keys(n: u8) -> KeyPair {
        KeyPair::from_seed(&Secret::new([n; 32]))
    }

    fn holder(n: u8, inst: u8) -> LogId {
        LogId { mid: MembershipId([n; 32]), inst: Instance([inst; 16]) }
    }

    fn receipt(n: u8, inst: u8, number: u64, tops: &[(u8, u64)]) -> Verified<Receipt> {
        let tops: Vec<(ShortTag, u64)> = tops.iter().map(|&(tag, top)| ([tag; 8], top)).collect();
        Receipt::sign(GID, holder(n, inst), (number, Scope::Moved), &tops, [7; 8], &keys(n))
    }

    fn tag(n: u8) -> LogTag {
        LogTag([n; 16])
    }

    #[test]
    fn at_99_n_515_a_receipt_reads_back_and_proves_its_member_in_its_group() {
        let bytes = receipt(1, 1, 5, &[(1, 10), (2, 0)]).to_bytes();
        let back = Receipt::decode(GID, &bytes).unwrap();
        assert_eq!(*back.peek(), *receipt(1, 1, 5, &[(1, 10), (2, 0)]));
        assert!(back.clone().verify(&keys(1).public()).is_ok());
        assert!(back.verify(&keys(2).public()).is_err());
        let elsewhere = Receipt::decode(GroupId([2; 32]), &bytes).unwrap();
        assert!(elsewhere.verify(&keys(1).public()).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                Receipt::decode(GID, &flipped).is_err_and(|_| true)
                    || Receipt::decode(GID, &flipped).unwrap().verify(&keys(1).public()).is_err()
            );
        }
        assert!((0..bytes.len()).all(|end| Receipt::decode(GID, &bytes[..end]).is_err()));
    }

    #[test]
    fn n_515_the_largest_receipt_fits_and_unsorted_or_doubled_logs_are_refused() {
        let tops: Vec<(ShortTag, u64)> = (0..256_u64).map(|n| (n.to_be_bytes(), u64::from(u32::MAX))).collect();
        let full = Receipt::sign(GID, holder(1, 1), (u64::from(u32::MAX), Scope::Full), &tops, [0; 8], &keys(1));
        assert!(full.to_bytes().len() <= limits::RECEIPT_BYTES_MAX);
        for wrong in [&[(2, 1), (1, 1)][..], &[(1, 1), (1, 2)]] {
            assert!(Receipt::decode(GID, &receipt(1, 1, 1, wrong).to_bytes()).is_err());
        }
    }

    #[test]
    fn at_99_inv_s07_counts_never_go_back_whatever_comes_again_or_late() {
        let mut receipts = Receipts::default();
        assert_eq!(receipts.on_receipt(&receipt(2, 1, 5, &[(1, 10)])), Receipted::Newer(vec![[1; 8]]));
        let author = MembershipId([1; 32]);
        assert_eq!(receipts.reached(&tag(1), 10, &author), 1);
        // A lower top under a higher number, a replay, an older one that nevertheless lifts another log.
        assert_eq!(receipts.on_receipt(&receipt(2, 1, 6, &[(1, 3)])), Receipted::Newer(vec![]));
        assert_eq!(receipts.on_receipt(&receipt(2, 1, 5, &[(1, 10)])), Receipted::Older(vec![]));
        assert_eq!(receipts.on_receipt(&receipt(2, 1, 4, &[(1, 2), (3, 7)])), Receipted::Older(vec![[3; 8]]));
        assert_eq!(receipts.reached(&tag(1), 10, &author), 1);
        assert_eq!(receipts.reached(&tag(3), 7, &author), 1);
        assert_eq!(receipts.reached(&tag(1), 11, &author), 0);
    }

    #[test]
    fn st_51_members_are_counted_once_over_their_installations_and_authors_not_at_all() {
        let mut receipts = Receipts::default();
        receipts.on_receipt(&receipt(1, 1, 1, &[(1, 9)]));
        receipts.on_receipt(&receipt(2, 1, 1, &[(1, 9)]));
        receipts.on_receipt(&receipt(2, 2, 1, &[(1, 4)]));
        receipts.on_receipt(&receipt(3, 1, 1, &[(1, 5)]));
        let author = MembershipId([1; 32]);
        assert_eq!([4, 5, 6, 9, 10].map(|seq| receipts.reached(&tag(1), seq, &author)), [2, 2, 1, 1, 0]);
    }

    #[test]
    fn inv_s08_what_is_kept_of_a_member_is_bounded_fits_a_value_and_comes_back() {
        let mut receipts = Receipts::default();
        for n in 0..4_000_u64 {
            let tops = [(n.to_be_bytes(), limits::SEQ_END - 1)];
            let inst = Instance([u8::try_from(n % 200).unwrap(); 16]);
            let holder = LogId { mid: MembershipId([2; 32]), inst };
            receipts.on_receipt(&Receipt::sign(GID, holder, (n, Scope::Moved), &tops, [0; 8], &keys(2)));
        }
        let mid = MembershipId([2; 32]);
        let record = receipts.record(&mid).unwrap();
        assert!(record.len() <= limits::PLAIN_VALUE_BYTES_MAX);
        assert_eq!(receipts.members[&mid].numbers.len(), limits::RECEIPT_NUMBERS_MAX);
        let mut restored = Receipts::default();
        restored.restore(mid, &record).unwrap();
        assert_eq!(restored.members, receipts.members);
        assert!(restored.restore(mid, &record[..9]).is_err());
    }
}
