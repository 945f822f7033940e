//! Some hundred lines of one group, folded, packed with LZ4: chat takes half of the room, and comes back at a gigabyte a
//! second. <https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>
//!
//! The words of all lines lie in one run of bytes with a zero behind each, so that one pass looks through them; places,
//! authors and times lie beside it as differences to the line before. All of it is wiped when it is dropped.

use coterie_protocol::OrderKey;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};
use memchr::memmem::Finder;
use zeroize::{Zeroize, Zeroizing};

/// Folded words of one block, unless a single line has more: what LZ4 looks back.
pub(super) const BLOCK_BYTES: usize = 64 << 10;
/// Lines of one block, for a group that says "ok" to everything.
const LINES_MAX: usize = 2_048;

/// A line as it is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) order: OrderKey,
    /// Number of its author in the group's list.
    pub(super) author: u32,
    /// The author's clock, as it is shown.
    pub(super) at_ms: u64,
    /// Folded; without a zero.
    pub(super) text: Zeroizing<String>,
}

/// Room to pack and unpack in. What it held is wiped when it grows and when it is dropped.
#[derive(Default)]
pub(super) struct Scratch {
    plain: Zeroizing<Vec<u8>>,
    packed: Zeroizing<Vec<u8>>,
}

fn room(buffer: &mut Zeroizing<Vec<u8>>, bytes: usize) -> &mut [u8] {
    if buffer.len() < bytes {
        buffer.zeroize();
        *buffer = Zeroizing::new(vec![0; bytes]);
    }
    buffer.get_mut(..bytes).unwrap_or_default()
}

/// What is looked for.
pub(super) struct Query {
    /// All must be there; the longest first, which mostly is the rarest.
    pub(super) finders: Vec<Finder<'static>>,
    /// Whose lines; everybody's if none is said.
    pub(super) authors: Option<Vec<u32>>,
    /// From this moment on.
    pub(super) since_ms: u64,
    /// Before this one.
    pub(super) until_ms: Option<u64>,
}

impl Query {
    fn admits(&self, place: &Place) -> bool {
        self.since_ms <= place.at_ms
            && self.until_ms.is_none_or(|until| place.at_ms < until)
            && self.authors.as_ref().is_none_or(|authors| authors.contains(&place.author))
    }
}

struct Place {
    order: OrderKey,
    author: u32,
    at_ms: u64,
}

/// The lines, packed; never without one.
pub(super) struct Block {
    pub(super) first: OrderKey,
    pub(super) last: OrderKey,
    pub(super) lines: usize,
    plain_bytes: usize,
    words: Zeroizing<Vec<u8>>,
    places: Zeroizing<Vec<u8>>,
}

impl Block {
    /// As many blocks as these lines, ascending, need.
    pub(super) fn of(lines: &[Line], scratch: &mut Scratch) -> Vec<Self> {
        let mut blocks = Vec::new();
        let mut rest = lines;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |line: &&Line| {
                bytes += line.text.len() + 1;
                bytes <= BLOCK_BYTES
            };
            let count = rest.iter().take(LINES_MAX).take_while(fits).count().max(1);
            let (some, others) = rest.split_at(count);
            blocks.extend(Self::packed(some, scratch));
            rest = others;
        }
        blocks
    }

    fn packed(lines: &[Line], scratch: &mut Scratch) -> Option<Self> {
        let (first, last) = (lines.first()?.order, lines.last()?.order);
        let plain_bytes = lines.iter().map(|line| line.text.len() + 1).sum();
        let plain = room(&mut scratch.plain, plain_bytes);
        let mut at = 0;
        for line in lines {
            let end = at + line.text.len();
            plain.get_mut(at..end)?.copy_from_slice(line.text.as_bytes());
            *plain.get_mut(end)? = 0;
            at = end + 1;
        }
        let packed = room(&mut scratch.packed, get_maximum_output_size(plain_bytes));
        let length = compress_into(plain, packed).ok()?;
        // Copies of the right size: nothing is left behind by a vector that grew.
        let words = Zeroizing::new(packed.get(..length)?.to_vec());
        let places = packed_places(lines);
        let places = Zeroizing::new(places.as_slice().to_vec());
        Some(Self { first, last, lines: lines.len(), plain_bytes, words, places })
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.words.capacity() + self.places.capacity() + size_of::<Self>()
    }

    /// How full it is, in bytes of folded words.
    pub(super) const fn plain_bytes(&self) -> usize {
        self.plain_bytes
    }

    /// All its lines again.
    pub(super) fn open(&self, scratch: &mut Scratch) -> Vec<Line> {
        let words = self.unpacked(scratch).split(|byte| *byte == 0);
        let line = |(place, words): (Place, &[u8])| {
            let text = Zeroizing::new(String::from_utf8_lossy(words).into_owned());
            Line { order: place.order, author: place.author, at_ms: place.at_ms, text }
        };
        self.places().zip(words).map(line).collect()
    }

    /// Its oldest line's time.
    pub(super) fn first_at_ms(&self) -> Option<u64> {
        self.places().next().map(|place| place.at_ms)
    }

    /// Places of lines that have the words, ascending.
    pub(super) fn find(&self, query: &Query, scratch: &mut Scratch) -> Vec<OrderKey> {
        let words = self.unpacked(scratch);
        if query.finders.iter().any(|finder| finder.find(words).is_none()) {
            return Vec::new();
        }
        let has_all = |words: &[u8]| query.finders.iter().all(|finder| finder.find(words).is_some());
        let found = self
            .places()
            .zip(words.split(|byte| *byte == 0))
            .filter(|(place, words)| query.admits(place) && has_all(words));
        found.map(|(place, _)| place.order).collect()
    }

    fn unpacked<'a>(&self, scratch: &'a mut Scratch) -> &'a [u8] {
        let plain = room(&mut scratch.plain, self.plain_bytes);
        // It was packed here, and memory keeps what it has.
        match decompress_into(&self.words, plain) {
            Ok(length) => plain.get(..length).unwrap_or_default(),
            Err(_) => &[],
        }
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        let mut from = self.places.as_slice();
        let (mut tick, mut at_ms) = (0_u64, 0_u64);
        std::iter::from_fn(move || {
            tick = tick.wrapping_add(read_number(&mut from)?);
            let (id, rest) = from.split_first_chunk::<8>()?;
            from = rest;
            let author = u32::try_from(read_number(&mut from)?).ok()?;
            at_ms = at_ms.wrapping_add(unfolded(read_number(&mut from)?));
            let mut order = [0; 16];
            order.get_mut(..8)?.copy_from_slice(&tick.to_be_bytes());
            order.get_mut(8..)?.copy_from_slice(id);
            Some(Place { order: OrderKey(order), author, at_ms })
        })
    }
}

/// Differences of ticks and times, as numbers of few bytes; of the rest of an order there is no short form.
fn packed_places(lines: &[Line]) -> Zeroizing<Vec<u8>> {
    // No number takes more than ten bytes.
    let mut to = Zeroizing::new(Vec::with_capacity(lines.len() * 38));
    let (mut tick_before, mut at_before) = (0_u64, 0_u64);
    for line in lines {
        let (tick, id) = line.order.0.split_at(8);
        let tick = u64::from_be_bytes(tick.try_into().unwrap_or_default());
        write_number(&mut to, tick.wrapping_sub(tick_before));
        to.extend_from_slice(id);
        write_number(&mut to, u64::from(line.author));
        write_number(&mut to, folded(line.at_ms.wrapping_sub(at_before)));
        (tick_before, at_before) = (tick, line.at_ms);
    }
    to
}

/// A small step back is as short as a small step on (zigzag).
const fn folded(step: u64) -> u64 {
    (step << 1) ^ if step >> 63 == 1 { u64::MAX } else { 0 }
}

const fn unfolded(number: u64) -> u64 {
    (number >> 1) ^ if number & 1 == 1 { u64::MAX } else { 0 }
}

/// Seven bits a byte, the lowest first (LEB128).
fn write_number(to: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        to.push(0x80 | u8::try_from(number & 0x7f).unwrap_or_default());
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap_or_default());
}

fn read_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(tick: u64, at_ms: u64, text: &str) -> Line {
        let mut order = [7; 16];
        order[..8].copy_from_slice(&tick.to_be_bytes());
        let text = Zeroizing::new(text.to_owned());
        Line { order: OrderKey(order), author: u32::try_from(tick % 3).unwrap(), at_ms, text }
    }

    fn query(words: &[&str]) -> Query {
        let finders = words.iter().map(|word| Finder::new(word.as_bytes()).into_owned()).collect();
        Query { finders, authors: None, since_ms: 0, until_ms: None }
    }

    #[test]
    fn sr_03_lines_come_out_as_they_went_in_whatever_clocks_claim() {
        let times = [0, u64::MAX, 5, 1_795_000_000_000, 1_794_999_999_999];
        let lines: Vec<Line> = times.iter().zip(0..).map(|(at, tick)| line(tick * 1_000, *at, "שלום x")).collect();
        let mut scratch = Scratch::default();
        let blocks = Block::of(&lines, &mut scratch);
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0].open(&mut scratch), lines);
        assert_eq!((blocks[0].first, blocks[0].last), (lines[0].order, lines[4].order));
        assert_eq!(blocks[0].first_at_ms(), Some(0));
        assert!(Block::of(&[], &mut scratch).is_empty());
    }

    #[test]
    fn sr_03_blocks_are_bounded_and_one_long_line_has_one_of_its_own() {
        let mut scratch = Scratch::default();
        let long = "long ".repeat(40_000);
        let mut lines: Vec<Line> = (0..5_000).map(|tick| line(tick, tick, "the tug is late")).collect();
        lines.push(line(6_000, 1, &long));
        lines.push(line(6_001, 1, "short"));
        let blocks = Block::of(&lines, &mut scratch);
        assert!(blocks.iter().all(|block| block.lines <= LINES_MAX), "lines");
        assert!(blocks.iter().all(|block| block.plain_bytes() <= BLOCK_BYTES || block.lines == 1), "bytes");
        let again: Vec<Line> = blocks.iter().flat_map(|block| block.open(&mut scratch)).collect();
        assert_eq!(again, lines);
        assert!(blocks.iter().map(Block::bytes).sum::<usize>() < lines.len() * 20, "packed");
    }

    #[test]
    fn sr_04_words_authors_and_times_all_have_to_fit_and_no_word_spans_two_lines() {
        let mut scratch = Scratch::default();
        let lines = [line(3, 30, "the dredger left"), line(4, 40, "at noon"), line(5, 50, "the tug left")];
        let blocks = Block::of(&lines, &mut scratch);
        let mut ticks =
            |query: &Query| -> Vec<u8> { blocks[0].find(query, &mut scratch).iter().map(|order| order.0[7]).collect() };
        assert_eq!(ticks(&query(&["left"])), [3, 5]);
        assert_eq!(ticks(&query(&["left", "tug"])), [5]);
        assert!(ticks(&query(&["left", "noon"])).is_empty());
        assert!(ticks(&query(&["leftat"])).is_empty());
        assert_eq!(ticks(&Query { since_ms: 31, ..query(&["t"]) }), [4, 5]);
        assert_eq!(ticks(&Query { until_ms: Some(50), ..query(&["t"]) }), [3, 4]);
        assert_eq!(ticks(&Query { authors: Some(vec![0, 1]), ..query(&["t"]) }), [3, 4]);
    }
}
