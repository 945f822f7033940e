//! What was said in all groups, folded and packed, in bounded memory (SR-3).
//!
//! Each group is a row of blocks in the order of its timeline, filled from its newest line backwards. When all of them
//! together take too much, the group that has most gives up its oldest block: so each keeps its newest lines.

use std::collections::{BTreeMap, BTreeSet};

use coterie_protocol::{GroupId, MembershipId, OrderKey};
use zeroize::Zeroizing;

use super::Mark;
use super::block::{BLOCK_BYTES, Block, Line, Query, Scratch};
use crate::folding::folded;

/// Rule SR-3: packed bytes of all groups. Some 150,000 messages of ordinary length, in a node that is to stay under 120 MiB.
pub(super) const CORPUS_BYTES_MAX: usize = 10 << 20;

/// A line as the store shows it now.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) order: OrderKey,
    pub(super) author: MembershipId,
    pub(super) at_ms: u64,
    /// Words, names of files and the like; none if nothing can be found in it.
    pub(super) texts: Vec<String>,
}

/// How far back a group is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing is read yet.
    #[default]
    Nothing,
    /// Down to this place, which is among what was read.
    DownTo(OrderKey),
    /// All of it.
    Whole,
}

impl Reach {
    fn has(self, order: OrderKey) -> bool {
        match self {
            Self::Nothing => false,
            Self::DownTo(oldest) => order >= oldest,
            Self::Whole => true,
        }
    }
}

/// What was said in one group.
pub(super) struct GroupText {
    pub(super) id: GroupId,
    pub(super) reach: Reach,
    /// Whoever wrote a line; their numbers are their places here.
    pub(super) authors: Vec<MembershipId>,
    /// Ascending.
    blocks: Vec<Block>,
}

impl GroupText {
    const fn new(id: GroupId) -> Self {
        Self { id, reach: Reach::Nothing, authors: Vec::new(), blocks: Vec::new() }
    }

    fn bytes(&self) -> usize {
        self.blocks.iter().map(Block::bytes).sum()
    }

    /// The time of the oldest line that is held.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.blocks.first().and_then(Block::first_at_ms)
    }

    fn author(&mut self, id: &MembershipId) -> u32 {
        let known = self.authors.iter().position(|author| author == id);
        let number = known.unwrap_or_else(|| {
            self.authors.push(*id);
            self.authors.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// What stands at these places now; where nothing can be found any more, nothing is kept.
    fn put(&mut self, shown: BTreeMap<OrderKey, Option<Shown>>, scratch: &mut Scratch) {
        let mut lines: Vec<(OrderKey, Option<Line>)> =
            shown.into_iter().map(|(order, line)| (order, line.and_then(|line| self.line(&line)))).collect();
        while let Some((order, _)) = lines.first() {
            let at = self.blocks.partition_point(|block| block.last < *order).min(self.blocks.len().saturating_sub(1));
            // All that goes where the first one goes: up to where the next block begins.
            let end = self
                .blocks
                .get(at + 1)
                .map_or(lines.len(), |next| lines.partition_point(|(order, _)| *order < next.first).max(1));
            let rest = lines.split_off(end);
            self.merge(at, lines, scratch);
            lines = rest;
        }
    }

    fn line(&mut self, shown: &Shown) -> Option<Line> {
        let texts: Vec<String> = shown.texts.iter().map(|text| folded(text)).filter(|text| !text.is_empty()).collect();
        let texts = Zeroizing::new(texts);
        if texts.is_empty() {
            return None;
        }
        // No word has a line break in it, so none is found across two texts.
        let text = Zeroizing::new(texts.join("\n"));
        Some(Line { order: shown.order, author: self.author(&shown.author), at_ms: shown.at_ms, text })
    }

    /// The block at a place with these lines instead of what it had there. Where a full one would only have to be split, a
    /// new one begins; where two fit into one, they become one.
    fn merge(&mut self, at: usize, changed: Vec<(OrderKey, Option<Line>)>, scratch: &mut Scratch) {
        let full = |at: usize| self.blocks.get(at).map_or(0, Block::plain_bytes);
        let more: usize = changed.iter().flat_map(|(_, line)| line).map(|line| line.text.len() + 1).sum();
        let is_beyond = |block: &Block| match (changed.first(), changed.last()) {
            (Some((first, _)), Some((last, _))) => (*last < block.first, *first > block.last),
            _ => (false, false),
        };
        let range = match self.blocks.get(at).map(is_beyond) {
            Some((true, _)) if full(at) + more > BLOCK_BYTES => at..at,
            Some((_, true)) if full(at) + more > BLOCK_BYTES => at + 1..at + 1,
            Some(_) if full(at) + full(at + 1) + more <= BLOCK_BYTES => at..self.blocks.len().min(at + 2),
            Some(_) => at..at + 1,
            None => 0..0,
        };
        let old = self.blocks.get(range.clone()).unwrap_or_default().iter();
        let mut lines: BTreeMap<OrderKey, Line> =
            old.flat_map(|block| block.open(scratch)).map(|line| (line.order, line)).collect();
        for (order, line) in changed {
            match line {
                Some(line) => drop(lines.insert(order, line)),
                None => drop(lines.remove(&order)),
            }
        }
        let lines: Vec<Line> = lines.into_values().collect();
        drop(self.blocks.splice(range, Block::of(&lines, scratch)));
    }

    /// Its oldest block goes.
    fn forget_oldest(&mut self) {
        if self.blocks.is_empty() {
            return;
        }
        drop(self.blocks.remove(0));
        self.reach = self.blocks.first().map_or(Reach::Nothing, |block| Reach::DownTo(block.first));
    }
}

/// A part of what was found, and where the rest begins.
pub(super) struct Found {
    /// Newest first.
    pub(super) orders: Vec<OrderKey>,
    /// Only older ones were not looked at; none: all that is held was.
    pub(super) before: Option<OrderKey>,
}

/// What was said in all groups.
#[derive(Default)]
pub(crate) struct Corpus {
    groups: BTreeMap<u32, GroupText>,
    /// Places to be read again; they stay here until they are, whoever gives up on the way.
    pub(super) owed: BTreeSet<Mark>,
    scratch: Scratch,
}

impl Corpus {
    /// A group, empty if it is new.
    pub(super) fn group(&mut self, number: u32, id: GroupId) -> &mut GroupText {
        let text = self.groups.entry(number).or_insert_with(|| GroupText::new(id));
        if text.id != id {
            *text = GroupText::new(id);
        }
        text
    }

    pub(super) fn get(&self, number: u32) -> Option<&GroupText> {
        self.groups.get(&number)
    }

    /// Groups that are no more are wiped.
    pub(super) fn retain(&mut self, groups: &[(u32, GroupId)]) {
        self.groups.retain(|number, text| groups.contains(&(*number, text.id)));
    }

    /// What the store has of a group down to this place, newly read; ascending.
    pub(super) fn read(&mut self, number: u32, lines: Vec<Shown>, reach: Reach) {
        let Some(text) = self.groups.get_mut(&number) else { return };
        text.reach = reach;
        text.put(lines.into_iter().map(|line| (line.order, Some(line))).collect(), &mut self.scratch);
        self.shrink();
    }

    /// What stands at these places now (SR-4), as far back as the group is held.
    pub(super) fn put(&mut self, number: u32, mut shown: BTreeMap<OrderKey, Option<Shown>>) {
        let Some(text) = self.groups.get_mut(&number) else { return };
        let reach = text.reach;
        shown.retain(|order, _| reach.has(*order));
        text.put(shown, &mut self.scratch);
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.bytes() > CORPUS_BYTES_MAX {
            let Some(largest) = self.groups.values_mut().max_by_key(|text| text.bytes()) else { return };
            largest.forget_oldest();
        }
    }

    /// Whether there is room for more of a group: in all, or in a group that holds more than this one.
    pub(super) fn has_room(&self, number: u32) -> bool {
        let bytes = |text: &GroupText| text.bytes();
        let own = self.groups.get(&number).map_or(0, bytes);
        let most = self.groups.values().map(bytes).max().unwrap_or_default();
        self.bytes() + 2 * BLOCK_BYTES <= CORPUS_BYTES_MAX || own + 4 * BLOCK_BYTES <= most
    }

    /// Packed words and places of all groups, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.groups.values().map(GroupText::bytes).sum()
    }

    /// Lines that are held.
    pub(super) fn lines(&self) -> usize {
        self.groups.values().flat_map(|text| &text.blocks).map(|block| block.lines).sum()
    }

    /// Looks through at most so many blocks of a group, the newest first, for at most `room` lines before a place.
    pub(super) fn find(
        &mut self,
        number: u32,
        query: &Query,
        (before, room, blocks): (Option<OrderKey>, usize, usize),
    ) -> Found {
        let mut orders = Vec::new();
        let Some(text) = self.groups.get(&number) else { return Found { orders, before: None } };
        let is_before = |order: &OrderKey| before.is_none_or(|before| *order < before);
        for (number, block) in text.blocks.iter().rev().filter(|block| is_before(&block.first)).enumerate() {
            if number == blocks {
                return Found { orders, before: Some(after(block.last)) };
            }
            for order in block.find(query, &mut self.scratch).into_iter().rev().filter(is_before) {
                orders.push(order);
                if orders.len() >= room {
                    return Found { orders, before: Some(order) };
                }
            }
        }
        Found { orders, before: None }
    }
}

/// The next place.
fn after(order: OrderKey) -> OrderKey {
    OrderKey(u128::from_be_bytes(order.0).saturating_add(1).to_be_bytes())
}

#[cfg(test)]
mod tests;
