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
}

/// The newest line.
pub(crate) fn newest(view: &View<'_>, group: &GroupId) -> Option<MessageView> {
    page(view, group, From::End, 1).items.pop()
}

/// At most `limit` lines, ascending. A line that is damaged on the disk is left out, and logged.
pub(crate) fn page(view: &View<'_>, group: &GroupId, from: From, limit: usize) -> Lines {
    let Some((low, high)) = view.account.view_range(group) else { return Lines::default() };
    let (low, high) = (low.key(), high.key().next());
    let at = |order: OrderKey| Some(place(view.account.view_range(group)?.0, order)?.key());
    let (start, end, direction) = match from {
        From::End => (low, high, Direction::Down),
        From::Before(order) => (low, at(order).unwrap_or(low), Direction::Down),
        From::After(order) => (at(order).map_or(high, |key| key.next()), high, Direction::Up),
    };
    let is_line = |message: &MessageView| message.kind != MessageKind::Annotation;
    let mut items = read(view.store, (start, end), direction, (limit + 1, is_line));
    let more = items.len() > limit;
    items.truncate(limit);
    match direction {
        Direction::Down => {
            items.reverse();
            Lines { items, older: more, newer: from != From::End }
        }
        Direction::Up => Lines { items, older: true, newer: more },
    }
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

/// Rule SR-1: whether a line, as it is shown now, holds what is sought: in its last words, a file's name, or the words for
/// a picture. What was taken back holds nothing.
pub(crate) fn is_about(view: &View<'_>, group: &GroupId, line: &MessageView, sought: &Sought) -> bool {
    let (sum, _) = aggregate_of(view, group, line);
    if sum.retracted_by.is_some() {
        return false;
    }
    let words = sum.revisions.last().map_or(line.text.as_str(), |last| last.text.as_str());
    let of_files = line.attachments.iter().flat_map(|file| [&file.name, &file.alt]).flatten().map(String::as_str);
    let of_place = line.location.iter().flat_map(|place| &place.label).map(String::as_str);
    sought.is_in([words].into_iter().chain(of_files).chain(of_place))
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
