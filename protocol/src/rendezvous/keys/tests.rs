//! Lookup keys: who may write one, which counts, how many are kept.

use super::*;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const GID: GroupId = GroupId([1; 32]);
const NOW: Timestamp = Timestamp::new(0, 1_000_000_000_000);

/// A log as a table: each head has a lamport, and a set of people who are out in its fold.
#[derive(Default)]
struct Table {
    members: BTreeMap<MembershipId, MemberKey>,
    full: BTreeSet<MembershipId>,
    lamports: BTreeMap<OperationId, u64>,
    out_at: BTreeSet<(OperationId, MembershipId)>,
    departed: Vec<MembershipId>,
}

impl Roll for Table {
    fn key_of(&self, mid: &MembershipId) -> Option<MemberKey> {
        self.members.get(mid).copied()
    }
    fn is_full_member(&self, mid: &MembershipId) -> bool {
        self.full.contains(mid)
    }
    fn lamport_of(&self, operation: &OperationId) -> Option<u64> {
        self.lamports.get(operation).copied()
    }
    fn departed(&self) -> Vec<MembershipId> {
        self.departed.clone()
    }
    fn was_out(&self, mid: &MembershipId, heads: &Heads) -> bool {
        heads.as_slice().iter().any(|head| self.out_at.contains(&(*head, *mid)))
    }
}

fn mid(n: u8) -> MembershipId {
    MembershipId([n; 32])
}

fn head(n: u8) -> OperationId {
    OperationId([n; 32])
}

fn keys(n: u8) -> KeyPair {
    KeyPair::from_seed(&Secret::new([n; 32]))
}

/// Ana (1) and Ben (2) are members; heads 10 and 11 have lamports 10 and 11; 11 removes Cem (3).
fn table() -> Table {
    let mut table = Table::default();
    for n in 1..=3 {
        table.members.insert(mid(n), keys(n).public());
        table.full.insert(mid(n));
    }
    table.lamports = BTreeMap::from([(head(10), 10), (head(11), 11)]);
    table.out_at.insert((head(11), mid(3)));
    table
}

fn record(author: u8, at_head: u8, n: u64, seed: u8) -> Verified<LookupRecord> {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    LookupRecord::create((GID, mid(author)), Heads::new(vec![head(at_head)]), n, NOW, &keys(author), &mut rng)
}

#[test]
fn n_801_the_handshake_secret_depends_on_group_and_nonce_alone() {
    let secret = handshake_secret(&GID, &[2; 32]);
    assert!(secret.same_as(&handshake_secret(&GID, &[2; 32])));
    assert!(!secret.same_as(&handshake_secret(&GroupId([9; 32]), &[2; 32])));
    assert!(!secret.same_as(&handshake_secret(&GID, &[3; 32])));
}

#[test]
fn n_803_a_members_record_is_kept_once_and_others_are_not() {
    let (mut kept, mut roll) = (LookupKeys::default(), table());
    let bytes = to_bytes(&*record(1, 10, 0, 1));
    assert_eq!(kept.accept(GID, &bytes, &roll, NOW), KeyVerdict::Accepted);
    assert_eq!(kept.accept(GID, &bytes, &roll, NOW), KeyVerdict::Known);
    // Another group, and so another signature.
    let other = to_bytes(&*record(1, 10, 0, 2));
    assert_eq!(kept.accept(GroupId([8; 32]), &other, &roll, NOW), KeyVerdict::Refused(PeerFault::BadSignature));
    // Heads that are not here yet, an author who is not here yet, a guest.
    assert_eq!(kept.accept(GID, &to_bytes(&*record(1, 12, 0, 3)), &roll, NOW), KeyVerdict::Waiting);
    assert_eq!(kept.accept(GID, &to_bytes(&*record(9, 10, 0, 3)), &roll, NOW), KeyVerdict::Waiting);
    roll.full.remove(&mid(2));
    assert_eq!(kept.accept(GID, &to_bytes(&*record(2, 10, 0, 3)), &roll, NOW), KeyVerdict::Ignored);
}

#[test]
fn n_803_the_fifth_record_of_a_member_in_a_day_is_ignored() {
    let (mut kept, roll) = (LookupKeys::default(), table());
    for seed in 1..=4 {
        assert_eq!(kept.accept(GID, &to_bytes(&*record(1, 10, 0, seed)), &roll, NOW), KeyVerdict::Accepted);
    }
    let fifth = to_bytes(&*record(1, 10, 0, 5));
    assert_eq!(kept.accept(GID, &fifth, &roll, NOW), KeyVerdict::Ignored);
    assert_eq!(kept.accept(GID, &fifth, &roll, NOW.plus_ms(86_400_001)), KeyVerdict::Accepted);
}

#[test]
fn n_802_the_log_orders_records_before_their_numbers() {
    let (mut kept, roll) = (LookupKeys::default(), table());
    let (early, late) = (record(1, 10, 1_000, 1), record(2, 11, 0, 2));
    let late_name = late.name();
    kept.restore(early, NOW.wall_ms);
    kept.restore(late, NOW.wall_ms);
    assert_eq!(kept.current(&roll).unwrap().name(), late_name);
    assert_eq!(kept.newest(&roll)[0].name(), late_name);
    assert_eq!(kept.next_number(&Heads::new(vec![head(11)]), &roll), 1);
    assert_eq!(kept.next_number(&Heads::new(vec![head(10)]), &roll), 1_000);
}

#[test]
fn n_802_of_equal_records_all_nodes_choose_the_same() {
    let roll = table();
    let names: BTreeSet<KeyName> = [[1, 2], [2, 1]]
        .into_iter()
        .map(|order| {
            let mut kept = LookupKeys::default();
            order.into_iter().for_each(|seed| kept.restore(record(1, 10, 0, seed), NOW.wall_ms));
            kept.current(&roll).unwrap().name()
        })
        .collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn n_805_a_key_that_somebody_who_left_knows_is_not_used_for_writing() {
    let (mut kept, mut roll) = (LookupKeys::default(), table());
    let old = record(1, 10, 0, 1);
    let old_name = old.name();
    kept.restore(old, NOW.wall_ms);
    assert!(kept.current(&roll).is_some());
    roll.departed.push(mid(3));
    assert!(kept.current(&roll).is_none());
    assert!(kept.named(&old_name).is_some(), "it still reads");
    kept.restore(record(2, 11, 0, 2), NOW.wall_ms);
    assert!(kept.current(&roll).is_some());
}

#[test]
fn n_802_at_most_64_records() {
    let mut kept = LookupKeys::default();
    for seed in 0..70 {
        kept.restore(record(1, 10, 0, seed), NOW.wall_ms + u64::from(seed));
    }
    assert_eq!(kept.kept.len(), 64);
}

#[test]
fn n_805_admins_write_first() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    for _ in 0..50 {
        assert!(LookupKeys::patience_ms(Writing::Admin, &mut rng) < 30_000);
        assert!((600_000..1_200_000).contains(&LookupKeys::patience_ms(Writing::Member, &mut rng)));
    }
}

#[test]
fn n_802_every_truncation_and_bit_flip_is_refused() {
    let record = record(1, 10, 3, 1);
    let bytes = to_bytes(&*record);
    for end in 0..bytes.len() {
        assert!(LookupRecord::decode(GID, &bytes[..end]).is_err());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(signed) = LookupRecord::decode(GID, &flipped) {
            assert!(signed.verify(&keys(1).public()).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn n_803_a_frame_carries_at_most_four_records_and_reads_back() {
    let records: Vec<_> = (1..=5).map(|seed| record(1, 10, 0, seed)).collect();
    let four: Vec<&LookupRecord> = records.iter().take(4).map(|record| &**record).collect();
    let body = write_lookup_keys(&four);
    let read = read_lookup_keys(&body).unwrap();
    assert_eq!(read, four.iter().map(|record| to_bytes(*record)).collect::<Vec<_>>());
    let five: Vec<&LookupRecord> = records.iter().map(|record| &**record).collect();
    assert_eq!(read_lookup_keys(&write_lookup_keys(&five)), Err(DecodeError::OutOfRange));
    for end in 0..body.len() {
        assert!(read_lookup_keys(&body[..end]).is_err());
    }
}
