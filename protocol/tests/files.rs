//! Files among real accounts: a message carries them, each node knows which blobs it names and who may have them, and forgets
//! them with the message (BL-1, BL-8, BL-11, BL-19).
#![expect(clippy::expect_used, clippy::panic, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::Party;
use coterie_protocol::{
    Attachment, AttachmentKind, Ban, BlobId, BlobKey, Command, CommandError, Deed, EntryId, GroupId, LastOrganiser,
    MediaType, MessageView, Poster, RecordKind, Reply, Secret, WaitingWords,
};

const ANA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;
const DEE: usize = 3;
const DAY: u64 = 86_400_000;

/// A video of 5 MB with a poster; its key is 32 times the same byte.
fn file(n: u8) -> Attachment {
    let blob = |n| (BlobId([n; 32]), BlobKey::new(Secret::new([n; 32])));
    let ((id, key), (poster, poster_key)) = (blob(n), blob(n + 100));
    Attachment {
        name: Some("quay.mp4".into()),
        dims: Some((1_280, 720)),
        poster: Some(Poster { blob: poster, key: poster_key, size: 20_000 }),
        ..Attachment::new(AttachmentKind::Video, id, key, 5_000_000, MediaType::Mp4Video)
    }
}

fn blob(n: u8) -> BlobId {
    BlobId([n; 32])
}

fn with(group: GroupId, text: &str, attachments: Vec<Attachment>) -> Command {
    Command::Send { group, text: text.into(), reply_to: None, location: None, attachments }
}

fn send(party: &mut Party, who: usize, group: GroupId, text: &str, files: Vec<Attachment>) -> EntryId {
    match party.ask(who, with(group, text, files)) {
        Ok(Reply::Saved(entry)) => entry,
        other => panic!("{other:?}"),
    }
}

fn line(party: &Party, who: usize, group: &GroupId, post: EntryId) -> MessageView {
    party.lines(who, group).into_iter().find(|line| line.entry == post).expect("the message")
}

/// Whether `by` would hand the blob to `to`.
fn hands(party: &Party, by: usize, to: usize, n: u8) -> bool {
    party.hosts[by].account.may_fetch(&party.hosts[to].account.me(), &blob(n))
}

fn restart(party: &mut Party, who: usize) {
    party.stop(who);
    party.start(who);
}

/// Records on a disk that hold the key of file `n`.
fn holding(party: &Party, who: usize, n: u8) -> Vec<RecordKind> {
    let key = [n; 32];
    // The id is the same 32 bytes, so both together count as one: a descriptor holds them with two bytes between.
    let holds = |bytes: &[u8]| bytes.windows(32).any(|part| part == key);
    party.hosts[who].disk.iter().filter(|(_, bytes)| holds(bytes)).map(|(id, _)| id.kind()).collect()
}

#[test]
fn bl_08_a_file_reaches_everybody_with_words_and_without_and_survives_a_restart() {
    let (mut party, group) = Party::with_group(3, 3);
    let alone = send(&mut party, ANA, group, "", vec![file(1)]);
    let album = send(&mut party, BEN, group, "the harbour", (2..12).map(file).collect());
    party.pass(5_000);
    party.annotate(BEN, group, album, Deed::Edit { text: "the harbour at dawn".into() });
    party.pass(5_000);
    restart(&mut party, CLEO);
    for who in [ANA, BEN, CLEO] {
        assert_eq!(line(&party, who, &group, alone).attachments, [file(1)]);
        let album = line(&party, who, &group, album);
        assert_eq!((album.text.as_str(), album.attachments.len()), ("the harbour", 10), "an edit leaves the files");
        let named = party.hosts[who].account.blob(&blob(1)).expect("is named");
        assert_eq!((named[0].entry, named[0].group, named[0].size, named[0].counts), (alone, group, 5_000_000, true));
        assert_eq!(named[0].author, party.member(ANA, &group, ANA));
        let poster = party.hosts[who].account.blob(&blob(101)).expect("posters are blobs too");
        assert_eq!((poster[0].entry, poster[0].size), (alone, 20_000));
        assert_eq!(party.hosts[who].account.blob(&blob(99)), None);
    }
}

#[test]
fn bl_08_a_file_waits_with_its_words_until_somebody_is_there() {
    let (mut party, group) = Party::with_group(2, 2);
    party.stop(BEN);
    restart(&mut party, ANA);
    let Ok(Reply::Queued(_)) = party.ask(ANA, with(group, "look", vec![file(1)])) else { panic!("nobody is there") };
    restart(&mut party, ANA);
    let waiting = party.hosts[ANA].account.outbox(&group).pop().expect("it waits").said;
    let WaitingWords::Post { text, attachments, .. } = waiting else { panic!("a message") };
    assert_eq!((text.as_str(), attachments), ("look", vec![file(1)]));
    assert_eq!(party.hosts[ANA].account.blob(&blob(1)), None, "no message names it yet");
    party.start(BEN);
    party.pass(120_000);
    assert_eq!(party.lines(BEN, &group).pop().expect("it came").attachments, [file(1)]);
    assert!(hands(&party, ANA, BEN, 1));
}

#[test]
fn bl_11_a_blob_goes_to_who_is_in_the_group_and_to_nobody_else() {
    let (mut party, group) = Party::with_group(4, 3);
    // Cleo is in another group of Ana's too, Dee only in that one.
    let other = party.found(ANA, "Press");
    let link = party.invite(ANA, other, 2);
    party.join(CLEO, &link);
    party.join(DEE, &link);
    send(&mut party, BEN, group, "", vec![file(1)]);
    send(&mut party, ANA, other, "", vec![file(2)]);
    party.pass(5_000);
    let table = |party: &Party, n| [ANA, BEN, CLEO, DEE].map(|to| hands(party, ANA, to, n));
    for life in ["first", "restored"] {
        assert_eq!(table(&party, 1), [true, true, true, false], "{life}: file 1 is of Ana, Ben and Cleo");
        assert_eq!(table(&party, 2), [true, false, true, true], "{life}: file 2 is of Ana, Cleo and Dee");
        assert_eq!(table(&party, 101), [true, true, true, false], "{life}: its poster goes the same way");
        assert_eq!(table(&party, 99), [false; 4], "{life}: nobody has named it");
        restart(&mut party, ANA);
        party.pass(5_000);
    }
    assert!(!hands(&party, DEE, BEN, 1) && !hands(&party, DEE, ANA, 1), "Dee has never heard of it");

    let cleo = party.member(ANA, &group, CLEO);
    party.ask(ANA, Command::Remove { group, member: cleo, ban: Ban::No }).expect("removed");
    party.pass(5_000);
    assert_eq!(table(&party, 1), [true, true, false, false], "removed from this group");
    assert_eq!(table(&party, 2), [true, false, true, true], "but not from the other");
    restart(&mut party, ANA);
    assert_eq!(table(&party, 1), [true, true, false, false]);
}

#[test]
fn bl_11_bl_19_what_was_taken_back_is_handed_out_no_more_and_its_key_goes_from_every_disk() {
    let (mut party, group) = Party::with_group(3, 3);
    let mine = send(&mut party, BEN, group, "mine", vec![file(1)]);
    let other = send(&mut party, BEN, group, "", vec![file(2)]);
    send(&mut party, CLEO, group, "stays", vec![file(3)]);
    party.pass(5_000);
    assert!(!holding(&party, CLEO, 1).is_empty(), "this test can fail");
    party.annotate(BEN, group, mine, Deed::Retract);
    party.annotate(ANA, group, other, Deed::Retract);
    party.pass(5_000);
    for who in [ANA, BEN, CLEO] {
        for life in ["first", "restored"] {
            assert_eq!(line(&party, who, &group, mine).attachments, [], "{who}");
            assert_eq!([1, 2, 3].map(|n| hands(&party, who, ANA, n)), [false, false, true], "{who}, {life} life");
            assert_eq!([1, 2].map(|n| party.hosts[who].account.blob(&blob(n))), [None, None]);
            assert_eq!([1, 2, 101].map(|n| holding(&party, who, n)), [vec![], vec![], vec![]], "{who}");
            restart(&mut party, who);
        }
    }
}

#[test]
fn bl_19_a_blob_is_forgotten_with_words_that_are_not_kept_and_with_the_group() {
    let (mut party, group) = Party::with_group(3, 3);
    send(&mut party, BEN, group, "old", vec![file(1)]);
    party.pass(5_000);
    party.ask(ANA, Command::KeepWords { group, days: 1 }).expect("a setting of one's own");
    party.pass(DAY + 4 * 3_600_000);
    send(&mut party, BEN, group, "new", vec![file(2)]);
    party.pass(5_000);
    let named = |party: &Party, who: usize| [1, 2].map(|n| party.hosts[who].account.blob(&blob(n)).is_some());
    assert_eq!((named(&party, ANA), holding(&party, ANA, 1)), ([false, true], vec![]));
    assert_eq!(named(&party, CLEO), [true, true], "others keep theirs");

    party.ask(CLEO, Command::Leave { group, last_organiser: LastOrganiser::Stays }).expect("left");
    assert!(!hands(&party, CLEO, ANA, 1), "who leaves hands out nothing, from the first moment on");
    party.pass(60_000);
    assert_eq!(named(&party, CLEO), [false, false]);
    assert_eq!(party.hosts[CLEO].disk.keys().filter(|id| id.kind() == RecordKind::Blob).count(), 0);
    assert!(!hands(&party, ANA, CLEO, 2), "nor is it handed anything");
}

#[test]
fn bl_11_the_author_is_asked_first_and_only_who_is_linked() {
    let (mut party, group) = Party::with_group(4, 4);
    send(&mut party, CLEO, group, "", vec![file(1)]);
    party.pass(5_000);
    let key = |party: &Party, who: usize| party.hosts[who].account.me();
    let sources = party.hosts[ANA].account.blob_sources(&blob(1));
    assert_eq!((sources.len(), sources[0]), (3, key(&party, CLEO)), "the author, then the others");
    assert!(!sources.contains(&key(&party, ANA)), "nobody asks themselves");
    let own = party.hosts[CLEO].account.blob_sources(&blob(1));
    assert_eq!(own.len(), 3, "who lost it asks the others");
    party.stop(CLEO);
    party.pass(60_000);
    let mut left = [key(&party, BEN), key(&party, DEE)];
    left.sort();
    assert_eq!(party.hosts[ANA].account.blob_sources(&blob(1)), left);
    assert_eq!(party.hosts[ANA].account.blob_sources(&blob(99)), []);
}

#[test]
fn bl_01_what_is_too_large_too_many_or_not_sound_is_not_sent() {
    let (mut party, group) = Party::with_group(2, 2);
    let of = |kind, size| Attachment { kind, size, ..file(1) };
    let mut refused = |files: Vec<Attachment>| party.ask(ANA, with(group, "", files)).expect_err("refused");
    for (kind, max) in [
        (AttachmentKind::Image, 20_000_000),
        (AttachmentKind::Voice, 8_000_000),
        (AttachmentKind::Video, 500_000_000),
        (AttachmentKind::File, 500_000_000),
    ] {
        let bytes = max + 1;
        let file = of(kind, u64::try_from(bytes).expect("small"));
        assert_eq!(refused(vec![file]), CommandError::TooLarge { bytes, max });
    }
    let bad = CommandError::BadValue { field: "attachments" };
    assert_eq!(refused(vec![of(AttachmentKind::File, 0)]), bad);
    assert_eq!(refused(vec![Attachment { dims: Some((9_000, 9_000)), ..of(AttachmentKind::Image, 5) }]), bad);
    assert_eq!(refused(vec![Attachment { name: Some("n".repeat(121)), ..file(1) }]), bad);
    assert_eq!(refused((0..11).map(file).collect()), CommandError::TooMany { what: "files in one message" });
    // Each is within its limits, all of them are more than a message holds: told at once, not after an hour in the outbox.
    let wordy = Attachment { words: Some("w".repeat(8_000)), ..file(1) };
    assert!(matches!(refused(vec![wordy.clone(); 4]), CommandError::TooLarge { max: 32_768, .. }));
    let blank = party.ask(ANA, with(group, " ", vec![file(1)])).expect_err("blanks are no words");
    assert_eq!(blank, CommandError::BadValue { field: "text" });
    let fits = Attachment { words: Some("w".repeat(7_900)), ..file(1) };
    send(&mut party, ANA, group, "", vec![fits; 4]);
}
