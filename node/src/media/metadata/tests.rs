//! Real files of seven kinds, each full of what must not go out. Made with ffmpeg and exiftool; every text in them that
//! tells something holds the word SENTINEL.

use super::*;

const SAMPLES: [(&str, Format, &[u8]); 7] = [
    ("photo.jpg", Format::Jpeg, include_bytes!("../../../tests/fixtures/media/photo.jpg")),
    ("picture.png", Format::Png, include_bytes!("../../../tests/fixtures/media/picture.png")),
    ("moving.gif", Format::Gif, include_bytes!("../../../tests/fixtures/media/moving.gif")),
    ("picture.webp", Format::Webp, include_bytes!("../../../tests/fixtures/media/picture.webp")),
    ("film.mp4", Format::Mp4, include_bytes!("../../../tests/fixtures/media/film.mp4")),
    ("memo.webm", Format::Webm, include_bytes!("../../../tests/fixtures/media/memo.webm")),
    ("memo.ogg", Format::Ogg, include_bytes!("../../../tests/fixtures/media/memo.ogg")),
];

fn holds(file: &[u8], what: &[u8]) -> bool {
    file.windows(what.len()).any(|part| part == what)
}

#[test]
fn mm_01_mm_02_nothing_that_tells_more_than_the_picture_is_left() {
    for (name, format, file) in SAMPLES {
        assert_eq!(Format::of(file), format, "{name}");
        assert!(holds(file, b"SENTINEL"), "{name}: the sample has something to take out");
        let clean = cleaned(file).unwrap_or_else(|| panic!("{name} does not read"));
        for secret in [&b"SENTINEL"[..], b"Pixel", b"+38.7071", b"38.7071", b"xpacket", b"2026:11:21", b"Lavf"] {
            assert!(!holds(&clean, secret), "{name} still holds {:?}", String::from_utf8_lossy(secret));
        }
        assert_eq!(cleaned(&clean).as_ref(), Some(&clean), "{name}: twice is as good as once");
    }
}

#[test]
fn mm_01_the_picture_itself_stays_byte_for_byte() {
    let scan = |file: &[u8]| {
        let start = file.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
        let end = start + file[start..].windows(2).position(|two| two == [0xff, 0xd9]).unwrap();
        file[start..end].to_vec()
    };
    let (_, _, photo) = SAMPLES[0];
    assert_eq!(scan(photo), scan(&cleaned(photo).unwrap()));
    for (at, mark) in [(1, &b"IDAT"[..]), (3, b"VP8 ")] {
        let (name, _, file) = SAMPLES[at];
        let part = |file: &[u8]| {
            let start = file.windows(4).position(|four| four == mark).unwrap();
            file[start..start + 200].to_vec()
        };
        assert_eq!(part(file), part(&cleaned(file).unwrap()), "{name}");
    }
    for (at, mark) in [(4, &b"mdat"[..]), (5, &[0x1f, 0x43, 0xb6, 0x75])] {
        let (name, _, file) = SAMPLES[at];
        let clean = cleaned(file).unwrap();
        assert_eq!(clean.len(), file.len(), "{name}: offsets stay true");
        let start = file.windows(4).position(|four| four == mark).unwrap();
        assert_eq!(clean[start..start + 400], file[start..start + 400], "{name}");
    }
    let frames = |file: &[u8]| file.windows(3).filter(|three| *three == [0x21, 0xf9, 4]).count();
    let (_, _, moving) = SAMPLES[2];
    let clean = cleaned(moving).unwrap();
    assert_eq!(frames(moving), frames(&clean));
    assert!(holds(&clean, b"NETSCAPE2.0"), "it still goes round");
}

#[test]
fn mm_01_how_the_camera_was_held_is_the_one_thing_kept() {
    let (_, _, photo) = SAMPLES[0];
    let clean = cleaned(photo).unwrap();
    let exif = clean.windows(6).position(|six| six == b"Exif\0\0").expect("the turn is there");
    let tiff = &clean[exif + 6..exif + 6 + 26];
    assert_eq!((tiff[8..10].to_vec(), tiff[10..12].to_vec(), tiff[19]), (vec![0, 1], vec![1, 0x12], 6));
    assert!(clean.len() < photo.len());
}

#[test]
fn mm_06_sizes_are_read_from_the_head() {
    for (name, format, file) in SAMPLES {
        assert_eq!(dims(file), format.is_picture().then_some((48, 32)), "{name}");
    }
}

#[test]
fn mm_03_a_picture_that_ends_too_early_is_not_cleaned_at_all() {
    for (name, end) in [("photo.jpg", &[0xff, 0xd9][..]), ("picture.png", b"IEND"), ("picture.webp", b"")] {
        let (_, _, file) = SAMPLES.into_iter().find(|sample| sample.0 == name).unwrap();
        let end =
            file.windows(end.len().max(1)).rposition(|part| !end.is_empty() && part == end).unwrap_or(file.len() - 1);
        (0..=end).for_each(|length| assert_eq!(cleaned(&file[..length]), None, "{name} of {length} bytes"));
    }
}

#[test]
fn hm_09_a_cut_or_broken_file_is_refused_or_cleaned_and_never_ends_the_program() {
    for (name, _, file) in SAMPLES {
        for length in 0..file.len() {
            let cut = &file[..length];
            let _ = (Format::of(cut), dims(cut));
            if let Some(clean) = cleaned(cut) {
                assert!(clean.len() <= length + 64, "{name} grew");
            }
        }
        let mut broken = file.to_vec();
        for at in 0..file.len() {
            for bit in [0x01, 0x80, 0xff] {
                broken[at] ^= bit;
                let _ = (dims(&broken), cleaned(&broken));
                broken[at] ^= bit;
            }
        }
    }
}

#[test]
fn hm_08_what_a_file_is_called_decides_nothing() {
    assert_eq!(Format::of(b""), Format::Other);
    assert_eq!(Format::of(b"%PDF-1.7"), Format::Other);
    assert_eq!(Format::of(b"\0\0\0\x18ftypheic\0\0\0\0"), Format::Other);
    assert_eq!(Format::of(b"\0\0\0\x18ftypisom\0\0\0\0"), Format::Mp4);
    assert_eq!(cleaned(b"GIF89a"), None);
    assert_eq!(cleaned(b"<svg/>"), None);
}
