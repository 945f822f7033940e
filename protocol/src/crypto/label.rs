//! Every label of every document, each with exactly one use (E-04), and `enc`, which puts it in front of the fields.

use alloc::vec::Vec;

use crate::wire::Writer;

macro_rules! labels {
    ($($variant:ident = $text:literal,)+) => {
        /// The use that some bytes are made for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Label { $($variant),+ }

        impl Label {
            /// All labels.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As encoded: with the protocol's name and version in front.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => concat!("coterie/1/", $text)),+ }
            }
        }
    };
}

labels! {
    // Entry logs and group keys.
    Log = "log", Head = "head", Body = "body", Entry = "entry", SigEntry = "sig-entry", Roster = "roster",
    Seed = "seed", Ck = "ck", Chain = "chain", Step = "step", Mk = "mk", MsgKey = "msg-key", MsgSalt = "msg-salt",
    SaltField = "salt-field", Field = "field", Content = "content", MsgAad = "msg-aad", Slot = "slot", Grant = "grant",
    // Reserved for sealed content, history and words to compare.
    Direct = "direct", History = "history", SigHistory = "sig-history", Policy = "policy", GroupCode = "group-code",
    KeyWords = "key-words", Safety = "safety",
    // Invite links.
    InviteLookup = "invite-lookup", InviteKey = "invite-key", InviteSeal = "invite-seal", InviteEnv = "invite-env",
    Link = "link", Pick = "pick", Ticket = "ticket", Claim = "claim", JoinProve = "join-prove",
    // The membership log.
    OpId = "op-id", OutRoot = "out-root", OutOp = "out-op", OutBump = "out-bump", OutFree = "out-free", Tie = "tie",
    State = "state", OpGenesis = "op/genesis", OpJoin = "op/join", OpConfirm = "op/confirm",
    OpTransfer = "op/transfer", OpBump = "op/bump", OpReclaim = "op/reclaim", OpPromote = "op/promote",
    OpDemote = "op/demote", OpRemove = "op/remove", OpLeave = "op/leave", OpSetPolicy = "op/setpolicy",
    OpDepose = "op/depose", Recovery = "recovery", RecoveryId = "recovery-id", RecoveryKey = "recovery-key",
    RecoveryCode = "recovery-code",
    // Links between members.
    NetHandshake = "net/handshake", NetTagO = "net/tag-o", NetTagA = "net/tag-a", NetTag = "net/tag",
    NetIntroduce = "net/introduce", NetLinkKnock = "net/link-knock", NetKnock = "net/knock", NetAnswer = "net/answer",
    // Dissemination and sync.
    NetEntries = "net/entries", NetHeads = "net/heads", NetItem = "net/item", NetTips = "net/tips", NetLid = "net/lid",
    NetBlock = "net/block", NetReceipt = "net/receipt", NetView = "net/view",
    // Address records.
    NetKid = "net/kid", NetOwner = "net/owner", NetLookupKey = "net/lookup-key", NetAddress = "net/address",
    NetAddressKey = "net/address-key", NetAddressAad = "net/address-aad",
    // Reserved for public lookup, keepers and blobs.
    NetLinkRv = "net/link-rv", NetRvRoot = "net/rv-root", NetRvOffset = "net/rv-offset", NetRvSign = "net/rv-sign",
    NetRvSeal = "net/rv-seal", NetRv = "net/rv", NetRvAad = "net/rv-aad", NetCallSign = "net/call-sign",
    NetCall = "net/call", NetCallRank = "net/call-rank", NetLinkRank = "net/link-rank", NetPick = "net/pick",
    NetKeeper = "net/keeper", NetKeeperCap = "net/keeper-cap", NetKeeperHello = "net/keeper-hello",
    NetKeeperEnrol = "net/keeper-enrol", NetKeeperBind = "net/keeper-bind", NetKeeperAuth = "net/keeper-auth",
    NetKeeperClose = "net/keeper-close", NetKeeperSeed = "net/keeper-seed", NetNs = "net/ns",
    NetEnvelope = "net/envelope", NetEnvelopeNonce = "net/envelope-nonce", NetEnvelopeAad = "net/envelope-aad",
    NetDeposit = "net/deposit", NetDepositOps = "net/deposit-ops", NetDepositOver = "net/deposit-over",
    NetBridge = "net/bridge", NetBridgeTag = "net/bridge-tag", NetFillRank = "net/fill-rank", NetBlob = "net/blob",
}

/// One field after the label.
#[derive(Clone, Copy)]
pub enum Field<'a> {
    /// An unsigned integer.
    U(u64),
    /// A byte string.
    B(&'a [u8]),
    /// A byte string, or null.
    O(Option<&'a [u8]>),
    /// A text.
    T(&'a str),
    /// A truth value.
    Bool(bool),
    /// One item that is canonical CBOR already: a list, or a value of its own.
    Item(&'a [u8]),
}

impl Field<'_> {
    /// Encoded size, or a little more.
    fn size_at_most(&self) -> usize {
        let inner = match *self {
            Self::U(_) | Self::Bool(_) | Self::O(None) => 0,
            Self::B(bytes) | Self::O(Some(bytes)) | Self::Item(bytes) => bytes.len(),
            Self::T(text) => text.len(),
        };
        inner.saturating_add(9)
    }
}

/// `enc(L, x…)` of E-03: what is hashed, signed, derived from and bound.
#[must_use]
pub fn enc(label: Label, fields: &[Field<'_>]) -> Vec<u8> {
    // Room for all of it at once: a buffer that grows leaves copies of secret fields behind (E-92).
    let mut writer = Writer::with_capacity(
        fields
            .iter()
            .fold(label.text().len().saturating_add(12), |sum, field| sum.saturating_add(field.size_at_most())),
    );
    writer.array(fields.len().saturating_add(1)).text(label.text());
    for field in fields {
        match *field {
            Field::U(value) => writer.uint(value),
            Field::B(bytes) => writer.bytes(bytes),
            Field::O(bytes) => writer.optional(bytes),
            Field::T(text) => writer.text(text),
            Field::Bool(value) => writer.bool(value),
            Field::Item(item) => writer.raw(item),
        };
    }
    writer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn e_04_no_two_uses_share_a_label_and_none_begins_another() {
        let encoded: BTreeSet<Vec<u8>> = Label::ALL
            .iter()
            .map(|label| {
                let mut writer = Writer::default();
                writer.text(label.text());
                writer.into_bytes()
            })
            .collect();
        assert_eq!(encoded.len(), Label::ALL.len());
        for (a, b) in encoded.iter().zip(encoded.iter().skip(1)) {
            assert!(!b.starts_with(a), "one label begins another");
        }
    }

    /// Byte for byte, written by hand from RFC 8949: what is hashed, signed and derived is this array and nothing else.
    #[test]
    fn e_03_enc_is_one_array_of_the_label_and_the_fields_in_order() {
        let fields =
            [Field::U(300), Field::B(&[7, 8]), Field::O(None), Field::T("x"), Field::Bool(true), Field::Item(&[0x80])];
        let mut expected = alloc::vec![0x87, 0x6f];
        expected.extend_from_slice(b"coterie/1/chain");
        expected.extend_from_slice(&[0x19, 0x01, 0x2c, 0x42, 7, 8, 0xf6, 0x61, b'x', 0xf5, 0x80]);
        assert_eq!(enc(Label::Chain, &fields), expected);
        assert_eq!(crate::crypto::hash(Label::Chain, &fields), crate::crypto::derive::sha256(&expected));
    }

    /// What a member key signs begins with a CBOR array head of 1–23 items; what libp2p signs begins with ASCII or a
    /// length of 0x11 or 0x12 (E-05). The sets are disjoint.
    #[test]
    fn e_05_signed_values_begin_with_an_array_head() {
        for &label in Label::ALL {
            for count in 0..23 {
                let first = enc(label, &alloc::vec![Field::U(0); count])[0];
                assert!((0x81..=0x97).contains(&first));
                assert!(!first.is_ascii() && first != 0x11 && first != 0x12);
            }
        }
    }
}
