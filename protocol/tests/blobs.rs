//! Sealed files against a second implementation, `tests/vectors/sek.py` (BL-7). Frozen: a difference means that a file
//! sent yesterday could no longer be opened. Of the blobs' ids only that they are there: the core hashes no files.
#![expect(clippy::expect_used, clippy::string_slice, reason = "a vector that is not what it says ends the test")]

use coterie_protocol::testing::vectors::sha256;
use coterie_protocol::{
    Attachment, AttachmentKind, Descriptor, MediaType, Secret, SegmentOpener, SegmentSealer, cipher_bytes, padded_bytes,
};
use serde_json::Value;

fn cases(set: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/sek.json")).expect("sek.json is JSON");
    let cases = all[set].as_array().cloned().unwrap_or_default();
    assert!(!cases.is_empty(), "no case of {set}");
    cases
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// The vectors' file of that many bytes: SHA-256 of 0, 1, 2 … one after the other.
fn file_of(size: usize) -> Vec<u8> {
    let count = u64::try_from(size.div_ceil(32)).expect("small");
    let mut file: Vec<u8> = (0..count).flat_map(|i| sha256(&i.to_be_bytes())).collect();
    file.truncate(size);
    file
}

fn check_ends(part: &[u8], case: &Value) {
    assert_eq!(part.len() as u64, number(&case["length"]));
    assert_eq!(part[..32], bytes(&case["begin"])[..]);
    assert_eq!(part[part.len() - 32..], bytes(&case["end"])[..]);
    assert_eq!(sha256(part)[..], bytes(&case["hash"])[..]);
}

#[test]
fn bl_07_e_106_files_are_sealed_as_the_second_implementation_seals_them() {
    let cases = cases("blob");
    let sizes: Vec<u64> = cases.iter().map(|case| number(&case["size"])).collect();
    assert_eq!(sizes, [1, 4_095, 4_096, 65_519, 65_520, 65_521, 100_000, (1 << 20) + 1]);
    for case in &cases {
        let size = number(&case["size"]);
        let file = file_of(usize::try_from(size).expect("small"));
        assert_eq!(sha256(&file)[..], bytes(&case["file"])[..], "{size}: the same file");
        let key = Secret::new(bytes(&case["key"]).try_into().expect("32 bytes"));
        let mut sealer = SegmentSealer::new(&key, size).expect("a size");
        let opener = SegmentOpener::new(&key, size).expect("a size");
        let segments = *sealer.segments();
        assert_eq!((segments.count(), cipher_bytes(size)), (number(&case["segments"]), number(&case["length"])));
        let mut parts = Vec::new();
        for (i, chunk) in (0..).zip(file.chunks(65_520)) {
            let part = sealer.seal(i, chunk).expect("its turn");
            assert_eq!(opener.open(i, &part).expect("opens"), chunk);
            parts.push(part);
        }
        for i in segments.holding(size - 1) + 1..segments.count() {
            parts.push(sealer.seal(i, &[]).expect("padding"));
        }
        check_ends(&parts[0], &case["first"]);
        check_ends(&parts[parts.len() - 1], &case["last"]);
        assert_eq!(sha256(&parts.concat())[..], bytes(&case["hash"])[..], "{size}");
        assert_eq!(bytes(&case["id"]).len(), 32);
    }
}

#[test]
fn bl_04_e_106_lengths_are_padded_as_the_second_implementation_pads_them() {
    let cases = cases("padme");
    assert!(cases.len() > 50);
    for case in cases {
        assert_eq!(padded_bytes(number(&case[0])), number(&case[1]), "{case}");
    }
}

#[test]
fn bl_08_e_106_descriptors_have_the_bytes_of_the_second_implementation() {
    let [full, bare] = [0, 1].map(|i| {
        let item = bytes(&cases("attachment")[i]);
        let attachment = Attachment::try_from(&Descriptor::new(&item).expect("canonical")).expect("a descriptor");
        assert_eq!(attachment.descriptor().expect("within its limits").as_bytes(), item);
        attachment
    });
    assert_eq!((full.kind, full.media, full.size), (AttachmentKind::Video, MediaType::Mp4Video, 123_456_789));
    assert_eq!((full.dims, full.duration_ms, full.original), (Some((1_920, 1_080)), Some(61_500), true));
    assert_eq!(full.shown_name().as_deref(), Some("café quay.mp4"));
    assert_eq!(full.poster.map(|poster| poster.size), Some(65_536));
    assert_eq!((bare.kind, bare.media, bare.size), (AttachmentKind::File, MediaType::Unknown(0), 1));
    assert_eq!((bare.name, bare.words, bare.original), (None, None, false));
}
