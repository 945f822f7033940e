//! Pages of the timeline, read from the stored lines by their place in the order (E-53), and what was done to a line.
//!
//! The core keeps no text in memory. A cursor is the place itself, so it stays good across restarts, and late lines
//! that sort before it are told by an event (AP-15).

use coterie_protocol::{
    Aggregate, Direction, EntryId, GroupId, Key, MessageKind, MessageView, OrderKey, RecordId, Store, aggregate, pinned,
};

use crate::driver::View;
use crate::folding::Sought;

/// What was done to one message is read up to this many, the newest ones: a hundred people with twenty emojis each, and
/// as many changes of mind.
const ANNOTATIONS_MAX: usize = 4_000;

/// Lines of one page.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Ascending.
    pub(crate) items: Vec<MessageView>,
    /// Whether there are older ones.
    pub(crate) older: bool,
    /// Whether there are newer ones.
    pub(crate) newer: bool,
}

/// Which part of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// The newest lines.
    End,
    /// Lines before this place.
    Before(OrderKey),
    /// Lines behind this place.
    After(OrderKey),
    /// Lines on both sides of this place, and the one that is there.
    Around(OrderKey),
    /// From the first line that was said at this moment or later; the newest lines, if there is none.
    At(u64),
}

/// The newest line.
pub(crate) fn newest(view: &View<'_>, group: &GroupId) -> Option<MessageView> {
    page(view, group, From::End, 1).items.pop()
}

/// At most `limit` lines, ascending. A line that is damaged on the disk is left out, and logged.
pub(crate) fn page(view: &View<'_>, group: &GroupId, from: From, limit: usize) -> Lines {
    let Some((first, last)) = view.account.view_range(group) else { return Lines::default() };
    let (low, high) = (first.key(), last.key().next());
    let at = |order: OrderKey| place(first, order).map(|record| record.key());
    let down = |end: Key, newer: Newer| {
        let mut items = read(view.store, (low, end), Direction::Down, (limit + 1, is_line));
        let older = items.len() > limit;
        items.truncate(limit);
        items.reverse();
        Lines { items, older, newer: newer == Newer::There }
    };
    let up = |start: Key, limit: usize| {
        let mut items = read(view.store, (start, high), Direction::Up, (limit + 1, is_line));
        let newer = items.len() > limit;
        items.truncate(limit);
        Lines { items, older: true, newer }
    };
    match from {
        From::End => down(high, Newer::None),
        From::Before(order) => down(at(order).unwrap_or(low), Newer::There),
        From::After(order) => up(at(order).map_or(high, |key| key.next()), limit),
        From::Around(order) => {
            let before = page(view, group, From::Before(order), limit / 2);
            let behind = up(at(order).unwrap_or(high), limit - before.items.len());
            Lines { items: [before.items, behind.items].concat(), older: before.older, newer: behind.newer }
        }
        From::At(at_ms) => match place_at(view.store, (first, last), at_ms) {
            Some(order) => {
                let older = !page(view, group, From::Before(order), 1).items.is_empty();
                Lines { older, ..up(at(order).unwrap_or(high), limit) }
            }
            None => down(high, Newer::None),
        },
    }
}

/// Whether there is something behind a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Newer {
    There,
    None,
}

fn is_line(message: &MessageView) -> bool {
    message.kind != MessageKind::Annotation
}

/// Lines that have a say in what time it was somewhere: one clock that is wrong leads nobody astray.
const WITNESSES: usize = 5;

/// Rule SR-6: the first line that was said at a moment or later, by halving the timeline: its order is nearly that of its authors'
/// clocks. Reads a few lines at some twenty places, however long it is.
fn place_at(store: &dyn Store, (first, last): (RecordId, RecordId), at_ms: u64) -> Option<OrderKey> {
    let end = last.key().next();
    let key = |order: u128| place(first, OrderKey(order.to_be_bytes())).map_or(end, |record| record.key());
    let lines = |from: Key, to: Key, many: usize| read(store, (from, to), Direction::Up, (many, is_line));
    let number = |line: &MessageView| u128::from_be_bytes(line.order.0);
    let newest = read(store, (first.key(), end), Direction::Down, (1, is_line));
    let (mut low, mut high) = (0_u128, newest.first().map(number)?.saturating_add(1));
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        let here = lines(key(middle), end, WITNESSES);
        let mut times: Vec<u64> = here.iter().map(|line| line.sent_at_ms).collect();
        times.sort_unstable();
        match (here.first(), times.get(times.len() / 2)) {
            (Some(line), Some(time)) if *time < at_ms => low = number(line).saturating_add(1),
            (Some(line), _) => {
                found = Some(line.order);
                // Between two ticks there are many places and no line.
                if lines(key(low), key(middle), 1).is_empty() {
                    break;
                }
                high = middle;
            }
            (None, _) => high = middle,
        }
    }
    // The witnesses begin a little before the moment.
    let near = lines(key(u128::from_be_bytes(found?.0)), end, WITNESSES);
    near.iter().find(|line| line.sent_at_ms >= at_ms).map(|line| line.order).or(found)
}

/// The line that an entry became.
pub(crate) fn line(view: &View<'_>, group: &GroupId, entry: &EntryId) -> Option<MessageView> {
    let record = view.account.line_record(group, entry)?;
    let stored = view.store.get(&record.key()).ok()??;
    MessageView::from_record(&stored).filter(|line| line.kind != MessageKind::Annotation)
}

/// All that was done to a line (CV-1 to CV-4), and whether the last word on it is that it is pinned: then it is among the
/// group's [`pins`], unless fifty others came after it.
pub(crate) fn aggregate_of(view: &View<'_>, group: &GroupId, line: &MessageView) -> (Aggregate, bool) {
    let all = annotations(view, group, Some(&line.entry));
    let said = || all.iter().filter_map(MessageView::said);
    (aggregate((line.entry, line.author), said()), !pinned(said()).is_empty())
}

/// What can be found in a line as it is shown now: its last words, names of files, the words for a picture, the name of a
/// place. Nothing in what was taken back, is no post, or does not count.
pub(crate) fn findable(view: &View<'_>, group: &GroupId, line: &MessageView) -> Vec<String> {
    if !line.counts || line.kind != MessageKind::Text {
        return Vec::new();
    }
    let (sum, _) = aggregate_of(view, group, line);
    if sum.retracted_by.is_some() {
        return Vec::new();
    }
    let words = sum.revisions.last().map_or(line.text.as_str(), |last| last.text.as_str());
    let of_files = line.attachments.iter().flat_map(|file| [&file.name, &file.alt]).flatten().map(String::as_str);
    let of_place = line.location.iter().flat_map(|place| &place.label).map(String::as_str);
    let texts = std::iter::once(words).chain(of_files).chain(of_place);
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// Rule SR-1: whether a line, as it is shown now, holds what is sought.
pub(crate) fn is_about(view: &View<'_>, group: &GroupId, line: &MessageView, sought: &Sought) -> bool {
    sought.is_in(findable(view, group, line).iter().map(String::as_str))
}

/// What stands at a place, whatever it is.
pub(crate) fn record_at(view: &View<'_>, group: &GroupId, order: OrderKey) -> Option<MessageView> {
    let record = place(view.account.view_range(group)?.0, order)?;
    MessageView::from_record(&view.store.get(&record.key()).ok()??)
}

/// What is pinned, the newest pin first (CV-5).
pub(crate) fn pins(view: &View<'_>, group: &GroupId) -> Vec<EntryId> {
    pinned(annotations(view, group, None).iter().filter_map(MessageView::said))
}

fn annotations(view: &View<'_>, group: &GroupId, post: Option<&EntryId>) -> Vec<MessageView> {
    let Some((low, high)) = view.account.annotation_range(group, post) else { return Vec::new() };
    read(view.store, (low.key(), high.key().next()), Direction::Down, (ANNOTATIONS_MAX, |_| true))
}

/// Reads until there are enough of them: a page of the store may be shorter than asked for though more follows.
fn read(
    store: &dyn Store,
    (mut start, mut end): (Key, Key),
    direction: Direction,
    (want, is_wanted): (usize, impl Fn(&MessageView) -> bool),
) -> Vec<MessageView> {
    let mut found = Vec::new();
    while found.len() < want && start < end {
        let page = match store.range(&start, &end, direction, want - found.len()) {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "a page of the timeline could not be read whole");
                return found;
            }
        };
        let Some((last, _)) = page.last() else { return found };
        match direction {
            Direction::Up => start = last.next(),
            Direction::Down => end = *last,
        }
        found.extend(page.iter().filter_map(|(_, value)| MessageView::from_record(value)).filter(&is_wanted));
    }
    found
}

/// The record at another place of the same timeline.
const fn place(any: RecordId, order: OrderKey) -> Option<RecordId> {
    match any {
        RecordId::View { g, .. } => Some(RecordId::View { g, order }),
        _ => None,
    }
}
