//! The anchors on which two implementations, in two languages, agreed (E-108, R-12).

use super::*;
use crate::log::body::roster_hash;

fn b(i: u8) -> [u8; 32] {
    sha256(&[i]).0
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

fn log_of(i: u8) -> LogId {
    let mut inst = [0; 16];
    inst.copy_from_slice(&sha256(&[2, i]).0[..16]);
    LogId { mid: MembershipId(sha256(&[1, i]).0), inst: Instance(inst) }
}

fn recipient(i: u8) -> Recipient {
    let (_, pk) = leaf_pair(&Secret::new(b(200 + i)));
    Recipient { inst: log_of(i).inst, inst_no: 0, generation: 17, pk }
}

/// Member i as a reader with leaf 17.
fn reader(i: u8) -> GroupKeys {
    let mut group = GroupKeys::new(GroupId(b(0)), log_of(i), 0);
    let (secret, pk) = leaf_pair(&Secret::new(b(200 + i)));
    group.leaves.insert(17, OwnLeaf { pk, secret, replaced: None });
    group
}

#[test]
fn e_42_e_108_rekey_message_and_grant_are_the_anchors_byte_for_byte() {
    let gid = GroupId(b(0));
    let pair = KeyPair::from_seed(&Secret::new(b(0)));
    let now = Timestamp::new(0, 1_795_269_731_480);
    let mut keyed: Vec<MembershipId> = (0..3).map(|i| log_of(i).mid).collect();
    keyed.sort_unstable();
    let recipients: BTreeMap<MembershipId, Recipient> = (0..3).map(|i| (log_of(i).mid, recipient(i))).collect();
    assert_eq!(hex(roster_hash(&gid, &keyed)), "b8791cf3641c275ee4583a6571c72cae9a27086c4b2d85b31c2fcf170ce35622");

    let mut author = GroupKeys::new(gid, log_of(0), 0);
    let slots = (0..3_u8).filter(|&place| keyed[usize::from(place)] != log_of(0).mid);
    let draws = [b(99).to_vec(), b(98).to_vec()].into_iter();
    let mut rng = Script::new(draws.chain(slots.map(|place| sha256(&[3, place]).0.to_vec())));
    let place = HeadPlace { seq: 70_000, prev: EntryId(b(97)), heads: Heads::new(vec![OperationId(b(96))]) };
    let next = NextEpoch { epoch: 300, prev_len: 37, generation: 18, reason: RekeyReason::Schedule };
    let roll = Roll { keyed: &keyed, recipients: &recipients, suspended: &BTreeMap::new(), healing: &[] };
    let built = author.build_rekey(now, (place, next), &roll, &pair, &mut rng).unwrap();
    author.take(built.staged);
    let rekey = built.entry;
    let bytes = rekey.to_bytes();
    assert_eq!(bytes.len(), 429);
    assert_eq!(hex(sha256(&bytes)), "238da47b40855e66f4a62c22abe36a993dfb6c3640779bec69cf36926f9fa94d");
    assert_eq!(hex(rekey.id()), "d53ff996d0d108f021c3dcaacf05882d982a1fd027e0a0546b26f4a71128ae5f");
    let (_, held) = author.own_chain().unwrap();
    assert_eq!(hex(held.chain.key().expose()), "b6b079f90bed8f7df1321f189366091b26f5a4e4645b5e225a13aab200acb921");

    // Index 0 is left out, as a crash would burn it (E-58).
    drop(author.chains.get_mut(&rekey.id()).unwrap().chain.step());
    let content = Content {
        sent_at: 1_795_269_731_480,
        tick: 1_795_269_731_480,
        after: vec![],
        body: Body::Post(Post { text: "The dredger left at dawn.".to_string(), ..Post::default() }),
    };
    let place = HeadPlace { seq: 70_001, prev: rekey.id(), heads: Heads::default() };
    let mut rng = Script::new([b(95)[..24].to_vec()]);
    let sealed = author.seal(place, &content, &pair, &mut rng).unwrap();
    author.take(sealed.staged);
    let message = sealed.entry;
    assert_eq!(message.to_bytes().len(), 451);
    assert_eq!(hex(message.commit.unwrap()), "8cb8a1d750798929769e1ca2fe20b9d7cea9d9ac4826849fedaf60931ba97f26");
    assert_eq!(hex(sha256(&message.to_bytes())), "cf1e76323eee4117b8860fd273a53f0690db8a6394e0a302dff7cefc91b8e617");

    let place = HeadPlace { seq: 70_002, prev: message.id(), heads: Heads::new(vec![OperationId(b(96))]) };
    let targets = BTreeMap::from([(log_of(1).mid, recipient(1))]);
    let plan = GrantPlan { reason: GrantReason::Newcomer, targets };
    let grant = author.build_grant(place, &plan, &pair, &mut Script::new([b(94).to_vec()])).unwrap().entry;
    assert_eq!(grant.to_bytes().len(), 307);
    assert_eq!(hex(sha256(&grant.to_bytes())), "5da5dab50b60b065714a45d8d780ae5e9dc8f237d597d8c2c3d5af368fd0cad9");

    let (rekey, message, grant) = (verified(rekey, &pair), verified(message, &pair), verified(grant, &pair));
    let at = Arrival { keyed: &keyed, rekey: None, shown: None };
    let mut two = reader(2);
    assert_eq!(two.on_rekey(now, &rekey, &at).outcome, KeyOutcome::Opened { from: 0 });
    assert_eq!(two.open(now, &message, rekey.id()).ok().unwrap().content, content);
    let mut one = reader(1);
    let at = Arrival { keyed: &keyed, rekey: Some(rekey.id()), shown: None };
    assert_eq!(one.on_grant(now, &grant, &at).outcome, KeyOutcome::Opened { from: 2 });
    assert_eq!(one.open(now, &message, rekey.id()).err().map(|why| name(&why)), Some("before"));
}
