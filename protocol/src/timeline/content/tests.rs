//! Contents read back, stay within their limits, and are never partly applied.

use super::*;
use alloc::string::ToString;
use alloc::vec;

fn post(text: &str) -> Body {
    Body::Post(Post { text: text.to_string(), ..Post::default() })
}

fn content(body: Body) -> Content {
    Content { sent_at: 1_795_269_731_480, tick: 1_795_269_731_481, after: vec![EntryId([4; 32])], body }
}

fn all_kinds() -> Vec<Body> {
    let target = EntryId([9; 32]);
    vec![
        post("The dredger left at dawn."),
        Body::Post(Post {
            location: Some(Location { lat_e7: -387_070_000, lon_e7: 1_800_000_000, radius_m: 1_000, label: None }),
            attachments: vec![crate::blob::a_full_one()],
            reply_to: Some(target),
            ..Post::default()
        }),
        Body::Edit { target, text: "The dredger left at noon.".to_string() },
        Body::Retract { target },
        Body::React { target, emoji: "👍🏽".to_string(), on: true },
        Body::Pin { target, on: false },
        Body::Profile { name: "Ana".to_string(), about: String::new(), avatar: None },
        Body::Newer { kind: 77, fields: vec![vec![0x05], vec![0x41, 0x01]] },
    ]
}

#[test]
fn co_01_every_kind_reads_back_and_may_be_sent() {
    for body in all_kinds() {
        let content = content(body);
        let bytes = content.fields().join();
        let (fields, rest) = Fields::split(&bytes).unwrap();
        assert!(rest.is_empty());
        assert_eq!(Content::read(&fields).unwrap(), content);
        assert_eq!(content.check(), Ok(()));
    }
}

#[test]
fn co_01_a_known_kind_with_a_wrong_field_keeps_its_place_and_says_nothing() {
    let mut fields = content(post("x")).fields();
    fields.0.pop();
    let read = Content::read(&fields).unwrap();
    assert_eq!((read.tick, read.body.kind()), (1_795_269_731_481, 0));
    assert!(matches!(read.body, Body::Unreadable { .. }));
    let empty = content(Body::Post(Post::default()));
    assert_eq!(empty.check(), Err(DecodeError::OutOfRange));
}

#[test]
fn co_01_a_post_with_one_descriptor_that_cannot_be_read_says_nothing_at_all() {
    let file = crate::blob::a_full_one();
    let with = |descriptors: &[&[u8]]| {
        let mut fields = content(post("look")).fields();
        let mut list = Writer::default();
        list.array(descriptors.len());
        for item in descriptors {
            list.raw(item);
        }
        fields.0[6] = Zeroizing::new(list.into_bytes());
        Content::read(&fields).unwrap().body
    };
    let good = to_bytes(&file);
    assert!(matches!(with(&[&good]), Body::Post(post) if post.attachments == [file.clone()]));
    assert!(matches!(with(&[&good, &[0x82, 0x01, 0x40]]), Body::Unreadable { .. }));
    let later = [&[0x8f], &good[1..], &[0xf6]].concat();
    assert!(matches!(with(&[&later]), Body::Unreadable { .. }), "fields of a later version");
    let ten = [&good[..]; 10];
    assert!(matches!(with(&ten), Body::Post(_)));
    assert!(matches!(with(&[&ten[..], &[&good]].concat()), Body::Unreadable { .. }));
}

#[test]
fn co_01_one_over_each_limit_is_not_sent() {
    let target = EntryId([9; 32]);
    let x = |n: usize| "x".repeat(n);
    let place = |radius_m, label: Option<String>| {
        let location = Some(Location { lat_e7: 0, lon_e7: 0, radius_m, label });
        Body::Post(Post { location, ..Post::default() })
    };
    for (fits, over) in [
        (post(&x(limits::TEXT_BYTES_MAX)), post(&x(limits::TEXT_BYTES_MAX + 1))),
        (
            Body::React { target, emoji: x(limits::EMOJI_BYTES_MAX), on: true },
            Body::React { target, emoji: x(limits::EMOJI_BYTES_MAX + 1), on: true },
        ),
        (place(limits::RADIUS_M_MAX, None), place(limits::RADIUS_M_MAX + 1, None)),
        (place(1, Some(x(limits::PLACE_BYTES_MAX))), place(1, Some(x(limits::PLACE_BYTES_MAX + 1)))),
        (
            Body::Newer { kind: 99, fields: vec![vec![0]; limits::CONTENT_FIELDS_MAX] },
            Body::Newer { kind: 99, fields: vec![vec![0]; limits::CONTENT_FIELDS_MAX + 1] },
        ),
    ] {
        assert_eq!(content(fits).check(), Ok(()));
        let over = content(over);
        let splits = Fields::split(&over.fields().join()).is_ok();
        assert!(over.check().is_err() || !splits);
    }
    let mut after = content(post("x"));
    after.after = (0..=8).map(|byte| EntryId([byte; 32])).collect();
    assert!(after.check().is_err());
}

#[test]
fn at_28_every_bit_flip_and_truncation_of_a_content_is_refused_or_reads_back_to_the_same_bytes() {
    for body in all_kinds() {
        let good = content(body).fields().join();
        for end in 0..good.len() {
            assert!(Fields::split(&good[..end]).is_err());
        }
        for bit in 0..good.len() * 8 {
            let mut flipped = good.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok((fields, rest)) = Fields::split(&flipped) {
                let mut again = fields.join().to_vec();
                again.extend_from_slice(rest);
                assert_eq!(again, flipped);
                if let Ok(content) = Content::read(&fields) {
                    assert!(content.fields().iter().eq(fields.iter()));
                }
            }
        }
    }
}

#[test]
fn at_152_e_54_no_character_of_a_text_means_anything() {
    let plain = content(post("xport xana"));
    let marked = content(post("#port @ana"));
    let (a, b) = (plain.fields().join(), marked.fields().join());
    assert_eq!(a.len(), b.len());
    assert_eq!(a.iter().zip(b.iter()).filter(|(a, b)| a != b).count(), 2);
}
