//! What must hold of any bytes at each door, for the fuzzer and for the replay of its corpora by `cargo test`.

use std::cell::RefCell;

use bytes::Bytes;
use coterie_protocol::testing::membership::{Exchange, Membership, SignedOperation};
use coterie_protocol::testing::town::{Person, Side};
use coterie_protocol::{Digest, Frame, GroupFrame, InviteLink, JoinFrame, body_length};

/// An operation that decodes encodes to the same bytes (P17), and a log that refuses it is as it was.
pub fn operation(bytes: &[u8]) {
    let decoded = SignedOperation::decode(bytes);
    if let Ok(signed) = &decoded {
        assert_eq!(signed.bytes(), bytes);
    }
    let (mut log, before) = small_log();
    log.admit(bytes);
    assert_eq!((log.state_hash(), log.len()), (before.0, before.1));
    // The document takes longest of all that is looked at here.
    if decoded.is_ok() {
        assert_eq!(log.document_bytes(), before.2);
    }
}

/// A header says how long a body may be; a whole frame encodes to the same bytes.
pub fn frame(bytes: &[u8]) {
    if let (Some(header), Some(&kind)) = (bytes.get(..5), bytes.first()) {
        let known = GroupFrame::from_number(kind).map(GroupFrame::body_bytes_max);
        let known = known.max(JoinFrame::from_number(kind).map(JoinFrame::body_bytes_max));
        if let (Ok(length), Some(max)) = (body_length(header), known) {
            assert!(length < 1 << 24 && max < 1 << 20);
        }
    }
    let whole = Bytes::copy_from_slice(bytes);
    if let Ok(frame) = Frame::from_bytes(&whole) {
        assert_eq!(frame.to_bytes(), whole);
    }
}

/// Whatever a sync message says, the document stays as it is and the answer is short (P19).
pub fn sync_gate(bytes: &[u8]) {
    std::thread_local! {
        // One log for all: a message that changed it would be found, and its document is made once.
        static LOG: RefCell<(Membership<4>, Marks)> = RefCell::new(small_log());
    }
    LOG.with_borrow_mut(|(log, before)| {
        let mut exchange = Exchange::new();
        for _ in 0..2 {
            exchange.receive(log, None, bytes, []);
            let answer: usize = exchange.generate(log).iter().map(|frame| frame.message.len()).sum();
            assert!(answer <= 96 * 1024);
        }
        assert_eq!((log.state_hash(), log.len(), log.document_bytes()), *before);
    });
}

/// A link that is read is written as one that reads the same.
pub fn invite_link(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(link) = InviteLink::parse(text) {
        let again = InviteLink::parse(&link.to_long()).expect("what we print can be read");
        assert_eq!(again.to_long(), link.to_long());
    }
}

/// State, number of operations, bytes of the document.
type Marks = (Digest, usize, usize);

/// A founder and one more; made once, for signing takes long.
fn small_log() -> (Membership<4>, Marks) {
    std::thread_local! {
        static SIDE: (Side<4>, Marks) = {
            let mut founder = Person::new("founder");
            let mut side = Side::<4>::found(&mut founder).expect("a sound Genesis");
            side.seat(&founder, &mut Person::new("m"), 1);
            let marks = (side.log.state_hash(), side.log.len(), side.log.document_bytes());
            (side, marks)
        };
    }
    SIDE.with(|(side, marks)| (side.split().log, *marks))
}
