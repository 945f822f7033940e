//! Address records: sealed, opened, kept, exchanged.

use super::*;
use crate::ids::{Heads, OperationId};
use crate::rendezvous::address::tests::quic;
use alloc::vec;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const GID: GroupId = GroupId([1; 32]);
const NOW: Timestamp = Timestamp::new(0, 1_000_000_000_000);

/// People 1 to `0`; everybody is a full member but the last, a guest.
struct People(u8);

impl Roll for People {
    fn key_of(&self, mid: &MembershipId) -> Option<MemberKey> {
        (1..=self.0).contains(&mid.0[0]).then(|| keys(mid.0[0]).public())
    }
    fn is_full_member(&self, mid: &MembershipId) -> bool {
        mid.0[0] < self.0
    }
    fn lamport_of(&self, _: &OperationId) -> Option<u64> {
        Some(1)
    }
    fn departed(&self) -> Vec<MembershipId> {
        vec![]
    }
    fn was_out(&self, _: &MembershipId, _: &Heads) -> bool {
        false
    }
}

fn keys(n: u8) -> KeyPair {
    KeyPair::from_seed(&Secret::new([n; 32]))
}

fn owner(person: u8, inst: u8) -> Owner {
    Owner { mid: MembershipId([person; 32]), inst: Instance([inst; 16]) }
}

fn record(person: u8, inst: u8, now: Timestamp) -> Verified<AddressRecord> {
    AddressRecord::create(
        GID,
        owner(person, inst),
        (1, vec![quic([203, 0, 113, person], 4_001)]),
        0,
        now,
        &keys(person),
    )
}

fn lookup() -> (LookupKeys, KeyName) {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let heads = Heads::new(vec![OperationId([9; 32])]);
    let key = LookupRecord::create((GID, MembershipId([1; 32])), heads, 0, NOW, &keys(1), &mut rng);
    let (mut kept, name) = (LookupKeys::default(), key.name());
    kept.restore(key, NOW.wall_ms);
    (kept, name)
}

fn sealed(record: &AddressRecord) -> Vec<u8> {
    let (kept, name) = lookup();
    record.seal(kept.named(&name).unwrap(), &mut ChaCha20Rng::from_seed([8; 32]))
}

#[test]
fn n_806_a_sealed_record_opens_for_those_who_hold_the_lookup_key_only() {
    let record = record(1, 1, NOW);
    let bytes = sealed(&record);
    let opened = AddressRecord::open(GID, &bytes, &lookup().0).unwrap().unwrap();
    assert_eq!(opened.verify(&keys(1).public()).unwrap(), record);
    assert!(AddressRecord::open(GID, &bytes, &LookupKeys::default()).unwrap().is_none());
    assert_eq!(AddressRecord::open(GroupId([2; 32]), &bytes, &lookup().0).unwrap_err(), PeerFault::Malformed);
}

#[test]
fn n_806_ten_addresses_and_1024_bytes_are_the_most() {
    let many = vec![vec![5; 128]; 12];
    let record = AddressRecord::create(GID, owner(1, 1), (0, many), 0, NOW, &keys(1));
    assert!(to_bytes(&*record).len() <= 1_024 && record.addresses.len() < 10);
    let small = AddressRecord::create(GID, owner(1, 1), (0, vec![vec![5; 9]; 12]), 0, NOW, &keys(1));
    assert_eq!(small.addresses.len(), 10);
    let mut long_life = (*small).clone();
    long_life.until = long_life.at + limits::ADDRESS_LIFE_MS + 1;
    assert_eq!(AddressRecord::decode(GID, &to_bytes(&long_life)).unwrap_err(), DecodeError::OutOfRange);
}

#[test]
fn at_93_n_807_only_the_newest_record_of_an_installation_counts() {
    let (mut book, people, (keys, _)) = (AddressBook::default(), People(3), lookup());
    let (old, new) = (record(1, 1, NOW), record(1, 1, NOW.plus_ms(10)));
    let mut take = |record: &AddressRecord| book.accept_sealed(GID, &sealed(record), &keys, &people, NOW);
    assert_eq!(take(&new), AddressVerdict::Newer(owner(1, 1)));
    assert_eq!(take(&old), AddressVerdict::Stale);
    assert_eq!(take(&record(1, 2, NOW)), AddressVerdict::Newer(owner(1, 2)));
    assert_eq!(book.of(&MembershipId([1; 32]), NOW).len(), 2);
}

#[test]
fn at_93_n_807_strangers_guests_forgers_and_the_far_future_are_not_kept() {
    let (mut book, people, (kept, _)) = (AddressBook::default(), People(3), lookup());
    let mut take = |record: &AddressRecord| book.accept_sealed(GID, &sealed(record), &kept, &people, NOW);
    assert_eq!(take(&record(9, 1, NOW)), AddressVerdict::Ignored);
    assert_eq!(take(&record(3, 1, NOW)), AddressVerdict::Ignored);
    assert_eq!(take(&record(1, 1, NOW.plus_ms(limits::ADDRESS_AHEAD_MS + 1))), AddressVerdict::Ignored);
    let forged = AddressRecord::create(GID, owner(1, 1), (0, vec![]), 0, NOW, &keys(2));
    assert_eq!(take(&forged), AddressVerdict::Refused(PeerFault::BadSignature));
}

#[test]
fn n_807_ten_installations_of_one_member_are_kept() {
    let mut book = AddressBook::default();
    for inst in 0..12 {
        book.keep(record(1, inst, NOW.plus_ms(u64::from(inst))), vec![1]);
    }
    assert_eq!(book.iter().count(), 10);
    assert!(book.get(&owner(1, 0)).is_none() && book.get(&owner(1, 11)).is_some());
}

#[test]
fn n_808_neighbours_exchange_what_is_newer_and_guests_get_five_plain_records() {
    let (mut ana, mut ben, people, (keys, _)) = (AddressBook::default(), AddressBook::default(), People(9), lookup());
    for person in 1..=7 {
        let record = record(person, 1, NOW);
        let bytes = sealed(&record);
        ana.keep(record, bytes);
    }
    let mine = record(1, 1, NOW.plus_ms(5));
    let bytes = sealed(&mine);
    ben.keep(mine, bytes);
    let frames = ana.newer_than(&ben.summary());
    assert_eq!(frames.iter().map(|frame| frame.sealed.len()).sum::<usize>(), 6);
    for frame in frames {
        let frame: Addresses = from_bytes(&to_bytes(&frame), 65_536).unwrap();
        for bytes in &frame.sealed {
            assert!(matches!(ben.accept_sealed(GID, bytes, &keys, &people, NOW), AddressVerdict::Newer(_)));
        }
    }
    assert_eq!(ben.iter().count(), 7);
    let members: Vec<_> = (1..=7).map(|person| MembershipId([person; 32])).collect();
    let plain = ana.for_guest(&members, NOW);
    assert_eq!((plain.open.len(), plain.sealed.len()), (5, 0));
    let mut guest = AddressBook::default();
    assert!(plain.open.iter().all(|bytes| guest.accept_plain(GID, bytes, &people, NOW) != AddressVerdict::Stale));
    assert_eq!(guest.iter().count(), 5);
    assert!(guest.newer_than(&Addresses::default()).is_empty(), "plain records are not passed on");
}

#[test]
fn n_808_a_full_frame_fits_its_limit() {
    let frame = Addresses {
        sealed: vec![
            sealed(&AddressRecord::create(GID, owner(1, 1), (0, vec![vec![5; 128]; 9]), 0, NOW, &keys(1)));
            limits::ADDRESSES_PER_FRAME_MAX
        ],
        ..Addresses::default()
    };
    assert!(to_bytes(&frame).len() <= 65_536);
    let names = Addresses {
        held: vec![([1; 8], u64::from(u32::MAX) << 16); limits::ADDRESS_OWNERS_MAX],
        ..Addresses::default()
    };
    assert!(to_bytes(&names).len() <= 65_536);
}

#[test]
fn n_806_every_truncation_and_bit_flip_is_refused() {
    let record = record(1, 1, NOW);
    let plain = to_bytes(&*record);
    for end in 0..plain.len() {
        assert!(AddressRecord::decode(GID, &plain[..end]).is_err());
    }
    for bit in 0..plain.len() * 8 {
        let mut flipped = plain.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(signed) = AddressRecord::decode(GID, &flipped) {
            assert!(signed.verify(&keys(1).public()).is_err(), "bit {bit}");
        }
    }
    let bytes = sealed(&record);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches!(AddressRecord::open(GID, &flipped, &lookup().0), Ok(Some(_))), "bit {bit}");
    }
}
