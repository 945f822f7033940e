//! The table of kinds, as code and as published, and the order of keys.

use super::*;
use alloc::format;
use alloc::string::String;

fn samples() -> Vec<RecordId> {
    let h = [7; 16];
    alloc::vec![
        RecordId::meta(MetaName::Schema),
        RecordId::profile(),
        RecordId::peer(1),
        RecordId::group(1),
        RecordId::op(1, 5, h),
        RecordId::log(1, 2),
        RecordId::entry(1, 2, 1 << 39),
        RecordId::view(1, OrderKey(h)),
        RecordId::receipts(1, 3),
        RecordId::outbox(1, 9),
        RecordId::waiting(1, h),
        RecordId::evidence(1, 0),
        RecordId::seed(1, 2, 3),
        RecordId::quote(1, 0),
        RecordId::draft(1),
        RecordId::joiner(4),
        RecordId::invite(1, 0),
        RecordId::annotation(1, h, OrderKey(h)),
        RecordId::blob(1),
        RecordId::upload(2),
        RecordId::naming(1, 0),
        RecordId::kept(1, 2, 3, h),
        RecordId::capability(1),
        RecordId::chain(1, 2, 3),
        RecordId::skipped(1, 2, 3, 4),
        RecordId::leaf(1, 2),
        RecordId::access(1),
        RecordId::link(1, 2),
        RecordId::keeper(),
    ]
}

#[test]
fn st_30_every_kind_has_a_key_that_reads_back_and_keys_order_as_ids_do() {
    let samples = samples();
    assert_eq!(samples.iter().map(RecordId::kind).collect::<Vec<_>>(), RecordKind::ALL);
    for id in &samples {
        let key = id.key();
        assert_eq!(RecordId::from_key(&key), Some(*id));
        // The longest tail: g, the beginning of an id, an order key.
        assert!(key.as_bytes().len() <= 2 + 36);
        let (from, to) = id.kind().span();
        assert!(from <= key && key < to);
        for other in &samples {
            assert_eq!(id.cmp(other), key.cmp(&other.key()));
        }
    }
}

#[test]
fn st_30_integers_are_big_endian_so_bytes_order_as_numbers() {
    let ids =
        [RecordId::entry(1, 2, 255), RecordId::entry(1, 2, 256), RecordId::entry(1, 3, 0), RecordId::entry(2, 0, 0)];
    assert!(
        ids.windows(2).all(|pair| pair[0].key() < pair[1].key() && pair[0].key().as_bytes() < pair[1].key().as_bytes())
    );
    assert_eq!(
        RecordId::op(0x0102_0304, 5, [9; 16]).key().as_bytes(),
        [&[1, 0x11, 1, 2, 3, 4, 0, 0, 0, 5][..], &[9; 16]].concat()
    );
}

#[test]
fn st_30_a_key_that_is_cut_longer_of_another_layout_or_unknown_names_no_record() {
    for id in samples() {
        let bytes = id.key().as_bytes().to_vec();
        for end in 1..bytes.len() {
            assert_eq!(RecordId::from_key(&Key::new(&bytes[..end]).unwrap()), None);
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(RecordId::from_key(&Key::new(&longer).unwrap()), None);
        let mut foreign = bytes.clone();
        foreign[0] = 2;
        assert_eq!(RecordId::from_key(&Key::new(&foreign).unwrap()), None);
    }
    assert_eq!(RecordId::from_key(&Key::new(&[1, 0x1A, 0, 0, 0, 1]).unwrap()), None);
    assert_eq!(RecordId::from_key(&Key::new(b"\x01\x00other").unwrap()), None);
}

#[test]
fn keys_order_bytewise_and_know_what_follows_them() {
    assert!(Key::new(&[]).is_none() && Key::new(&[0; 65]).is_none());
    let (short, long, zero) = (Key::new(b"a").unwrap(), Key::new(b"ab").unwrap(), Key::new(b"a\0").unwrap());
    assert!(short < zero && zero < long);
    assert_eq!(short.next(), zero);
    assert_eq!(short.after_prefix(), Key::new(b"b").unwrap());
    assert_eq!(Key::new(&[1, 0xff]).unwrap().after_prefix(), Key::new(&[2]).unwrap());
    assert_eq!(Key::new(&[0xff; 3]).unwrap().after_prefix(), Key::highest());
    let full = Key::new(&[[7; 63].as_slice(), &[8]].concat()).unwrap();
    assert_eq!(full.next(), Key::new(&[[7; 63].as_slice(), &[9]].concat()).unwrap());
    assert!(Key::lowest() < RecordId::meta(MetaName::Census).key() && RecordId::keeper().key() < Key::highest());
}

#[test]
fn st_32_the_published_table_says_what_the_code_does() {
    let page = include_str!("../../docs/storage.md");
    let rows: Vec<Vec<String>> = page
        .lines()
        .filter(|line| line.starts_with("| 0x"))
        .map(|line| line.split('|').map(|cell| String::from(cell.trim())).collect())
        .collect();
    assert_eq!(rows.len(), RecordKind::ALL.len());
    for (row, kind) in rows.iter().zip(RecordKind::ALL) {
        assert_eq!(row[1], format!("0x{:02X}", kind.number()));
        assert_eq!(row[2], kind.name());
        let loaded = match kind.load() {
            Load::AtStart => "yes",
            Load::OnDemand => "no",
        };
        assert_eq!((row[5].as_str(), row[6].as_str()), (loaded, kind.backup().word()), "{}", kind.name());
        assert_eq!(kind.class() == Class::Secret, kind.number() >= 0x80);
        assert_eq!(kind.class() == Class::Secret, kind.backup() == Backup::Never);
        assert_eq!(RecordKind::from_number(kind.number()), Some(*kind));
    }
}

#[test]
fn a_record_never_prints_its_value() {
    let record = Record { id: RecordId::leaf(1, 0), bytes: b"hush".to_vec() };
    let shown = format!("{record:?}");
    assert!(shown.contains("Leaf") && shown.contains("4 bytes") && !shown.contains("hush") && !shown.contains("104"));
}
