//! One question to the corpus: which lines of a group may hold the words, the newest first, and how far it went.

use std::collections::BTreeSet;
use std::sync::Arc;

use coterie_protocol::{GroupId, MembershipId, OrderKey};
use memchr::memmem::Finder;

use super::Desk;
use super::block::Query;
use super::corpus::{Corpus, Found, Reach};
use super::filling::{number_of, read_on, refresh};
use crate::api::shapes::Names;
use crate::api::types::spell_id;
use crate::driver::{DriverHandle, Refused, View};
use crate::folding::{Sought, folded};

/// Blocks that are looked through before others get their turn: a megabyte of words, a millisecond or two.
const TURN: usize = 16;

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) group: GroupId,
    pub(crate) sought: Arc<Sought>,
    /// Only by this member: an id, or a name.
    pub(crate) from: Option<String>,
    /// Only from this moment on, by the author's clock.
    pub(crate) since_ms: u64,
    /// Only before this one.
    pub(crate) until_ms: Option<u64>,
}

/// What comes behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing: all was looked through.
    Nothing,
    /// More, before this place.
    Before(OrderKey),
    /// Lines that did not fit into memory (SR-3); what is held begins at this time.
    NotHeld(Option<u64>),
    /// Nobody here has that name.
    Nobody,
}

/// Lines that may hold the words, the newest first, at most `room`, before a place. Gives none where none was found up to
/// the place that [`Rest::Before`] says: reading goes in slices, so that whoever asks can look at the clock.
///
/// # Errors
/// If the node cannot be asked.
pub(crate) async fn look(
    driver: &DriverHandle,
    desk: &Desk,
    wanted: &Wanted,
    (before, room): (Option<OrderKey>, usize),
) -> Result<(Vec<OrderKey>, Rest), Refused> {
    let mut corpus = desk.corpus.lock().await;
    refresh(driver, desk, &mut corpus).await?;
    let id = wanted.group;
    let Some(number) = driver.ask(move |view| number_of(view, &id)).await? else {
        return Ok((Vec::new(), Rest::Nothing));
    };
    if corpus.group(number, id).reach == Reach::Nothing {
        read_on(driver, &mut corpus, (number, id)).await?;
    }
    let authors = match &wanted.from {
        None => None,
        Some(from) => Some(called(driver, corpus.group(number, id).authors.clone(), (id, from.clone())).await?),
    };
    let query = query(wanted, authors.clone());
    let mut begin = before;
    let mut found = Vec::new();
    loop {
        let Found { orders, before } = corpus.find(number, &query, (begin, room.saturating_sub(found.len()), TURN));
        found.extend(orders);
        match before {
            Some(before) if found.len() >= room => return Ok((found, Rest::Before(before))),
            Some(before) => begin = Some(before),
            None => break,
        }
        tokio::task::yield_now().await;
    }
    let rest = rest(driver, &mut corpus, (number, id)).await?;
    let is_nobody = rest == Rest::Nothing && authors.is_some_and(|authors| authors.is_none());
    Ok((found, if is_nobody { Rest::Nobody } else { rest }))
}

/// All that is held was looked through. If that is not all there is, one more slice of it is held now.
async fn rest(driver: &DriverHandle, corpus: &mut Corpus, (number, id): (u32, GroupId)) -> Result<Rest, Refused> {
    let Reach::DownTo(oldest) = corpus.group(number, id).reach else { return Ok(Rest::Nothing) };
    if !corpus.has_room(number) {
        return Ok(Rest::NotHeld(corpus.group(number, id).oldest_ms()));
    }
    read_on(driver, corpus, (number, id)).await?;
    Ok(Rest::Before(oldest))
}

fn query(wanted: &Wanted, authors: Option<Option<Vec<u32>>>) -> Query {
    let mut words: Vec<&String> = wanted.sought.words().iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let finders = words.into_iter().map(|word| Finder::new(word.as_bytes()).into_owned()).collect();
    let authors = authors.map(Option::unwrap_or_default);
    Query { finders, authors, since_ms: wanted.since_ms, until_ms: wanted.until_ms }
}

/// Rule SR-5: numbers of those authors who are called that here, or have that id; none if nobody does, not even one who is silent.
async fn called(
    driver: &DriverHandle,
    authors: Vec<MembershipId>,
    (group, from): (GroupId, String),
) -> Result<Option<Vec<u32>>, Refused> {
    let find = move |view: &View<'_>| {
        let names = Names::of(view, &group);
        let wanted = folded(from.trim());
        let is_meant =
            |id: &MembershipId| spell_id(id.as_ref()) == from || folded(names.get(view, id).name.trim()) == wanted;
        let meant: BTreeSet<&MembershipId> = authors.iter().filter(|id| is_meant(id)).collect();
        let is_silent = || view.account.members(&group).unwrap_or_default().iter().any(|member| is_meant(&member.id));
        let numbers = (0_u32..).zip(&authors).filter(|(_, id)| meant.contains(id)).map(|(number, _)| number);
        (!meant.is_empty() || is_silent()).then(|| numbers.collect())
    };
    driver.ask(find).await
}
