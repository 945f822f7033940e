//! Reads lines for the corpus: in slices that hold the driver's thread for some milliseconds, with pauses between them, so
//! that a start is as quick as before and nobody's message waits (SR-3, SR-4).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coterie_protocol::{GroupId, MessageView, OrderKey, RecordId};
use tokio::time::sleep;

use super::corpus::{Corpus, Reach, Shown};
use super::{Desk, Mark};
use crate::driver::{DriverHandle, Refused, View};
use crate::history::{self, From};
use crate::memory;

/// Lines of one slice: with each, all that was done to it is read.
const SLICE: usize = 100;
/// The start's own work is done by then.
const FIRST: Duration = Duration::from_secs(2);
/// Between two slices of filling that nobody waits for: a fifth of the driver's time at most.
const PAUSE: Duration = Duration::from_millis(15);
/// Lines seldom change alone. So long what was erased stays in memory.
const SOON: Duration = Duration::from_secs(1);
/// A node that is too busy to be asked is left in peace for so long.
const BUSY: Duration = Duration::from_secs(1);

/// The group's number in the store.
pub(super) fn number_of(view: &View<'_>, group: &GroupId) -> Option<u32> {
    match view.account.view_range(group)?.0 {
        RecordId::View { g, .. } => Some(g),
        _ => None,
    }
}

/// Fills the corpus and keeps it true, until the driver has stopped.
pub(crate) async fn keep_filled(driver: DriverHandle, desk: Arc<Desk>) {
    tokio::select! {
        () = driver.gone() => {}
        () = keep_on(&driver, &desk) => {}
    }
    // Whoever still holds the desk holds nothing that was said.
    *desk.corpus.lock().await = Corpus::default();
}

async fn keep_on(driver: &DriverHandle, desk: &Desk) {
    sleep(FIRST).await;
    // Whoever asked at once has filled it meanwhile.
    let mut has_read = true;
    loop {
        match fill_some(driver, desk).await {
            Ok(Filled::Some) => {
                has_read = true;
                sleep(PAUSE).await;
            }
            Ok(Filled::All) => {
                if std::mem::take(&mut has_read) {
                    // What reading took, and what lines were before they were packed.
                    drop(tokio::task::spawn_blocking(memory::give_back).await);
                }
                desk.marked.notified().await;
                sleep(SOON).await;
            }
            Err(refused) => {
                tracing::debug!(?refused, "the corpus was not filled");
                sleep(BUSY).await;
            }
        }
    }
}

/// Whether there is more to do.
enum Filled {
    Some,
    All,
}

async fn fill_some(driver: &DriverHandle, desk: &Desk) -> Result<Filled, Refused> {
    let mut corpus = desk.corpus.lock().await;
    refresh(driver, desk, &mut corpus).await?;
    let groups = driver.ask(groups_of).await?;
    corpus.retain(&groups);
    for (number, id) in groups {
        if corpus.group(number, id).reach != Reach::Whole && corpus.has_room(number) {
            read_on(driver, &mut corpus, (number, id)).await?;
            return Ok(Filled::Some);
        }
    }
    tracing::debug!(lines = corpus.lines(), bytes = corpus.bytes(), "the corpus is filled");
    Ok(Filled::All)
}

fn groups_of(view: &View<'_>) -> Vec<(u32, GroupId)> {
    let groups = view.account.groups().into_iter().map(|group| group.id);
    groups.filter_map(|id| Some((number_of(view, &id)?, id))).collect()
}

/// Reads one more slice of a group, older than all that is held of it.
pub(super) async fn read_on(
    driver: &DriverHandle,
    corpus: &mut Corpus,
    (number, id): (u32, GroupId),
) -> Result<(), Refused> {
    let from = match corpus.group(number, id).reach {
        Reach::Nothing => From::End,
        Reach::DownTo(oldest) => From::Before(oldest),
        Reach::Whole => return Ok(()),
    };
    let read = move |view: &View<'_>| {
        let page = history::page(view, &id, from, SLICE);
        let reach = page.items.first().filter(|_| page.older).map_or(Reach::Whole, |line| Reach::DownTo(line.order));
        (page.items.iter().map(|line| shown(view, &id, line)).collect::<Vec<_>>(), reach)
    };
    let (lines, reach) = driver.ask(read).await?;
    corpus.read(number, lines, reach);
    Ok(())
}

fn shown(view: &View<'_>, group: &GroupId, line: &MessageView) -> Shown {
    let texts = history::findable(view, group, line);
    Shown { order: line.order, author: line.author, at_ms: line.sent_at_ms, texts }
}

/// Rule SR-4: brings the corpus up to what is stored now.
pub(super) async fn refresh(driver: &DriverHandle, desk: &Desk, corpus: &mut Corpus) -> Result<(), Refused> {
    loop {
        if corpus.owed.is_empty() {
            match desk.take_marks(SLICE) {
                Some(marks) if marks.is_empty() => return Ok(()),
                Some(marks) => corpus.owed.extend(marks),
                None => *corpus = Corpus::default(),
            }
        }
        let known = |(number, order): &Mark| Some((*number, corpus.get(*number)?.id, *order));
        let owed: Vec<(u32, GroupId, OrderKey)> = corpus.owed.iter().filter_map(known).collect();
        if !owed.is_empty() {
            let read = move |view: &View<'_>| owed.iter().map(|owed| standing(view, owed)).collect::<Vec<_>>();
            let mut changes: BTreeMap<u32, BTreeMap<OrderKey, Option<Shown>>> = BTreeMap::new();
            for (number, order, line) in driver.ask(read).await? {
                let _ = changes.entry(number).or_default().insert(order, line);
            }
            changes.into_iter().for_each(|(number, shown)| corpus.put(number, shown));
        }
        corpus.owed.clear();
    }
}

/// What stands at a place now; of something that was done to a line, that line.
fn standing(view: &View<'_>, (number, group, order): &(u32, GroupId, OrderKey)) -> (u32, OrderKey, Option<Shown>) {
    let found = history::record_at(view, group, *order);
    let line = match found.as_ref().and_then(|record| record.annotation.as_ref()) {
        Some(annotation) => history::line(view, group, &annotation.target),
        None => found,
    };
    let order = line.as_ref().map_or(*order, |line| line.order);
    (*number, order, line.map(|line| shown(view, group, &line)))
}
