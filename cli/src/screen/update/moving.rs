//! Moving in a timeline: by rows, and from message to message.

use coterie_node::api::types::spell_id;

use super::super::keys::Action;
use super::super::state::{Anchor, Focus, Room, Screen};
use super::super::{timeline, view};
use super::{Effect, Part};

/// So many rows up or down.
pub(super) fn scroll(screen: &mut Screen, action: Action, by: usize) -> Vec<Effect> {
    let area = view::areas(screen).timeline;
    let (zone, look) = (screen.zone.clone(), screen.look);
    let canvas = view::canvas(area, look, &zone);
    let Some(room) = screen.room_mut() else { return Vec::new() };
    room.anchor =
        if action == Action::PageUp { timeline::up(room, canvas, by) } else { timeline::down(room, canvas, by) };
    stay_in_the_past(room);
    let mut effects = older(screen);
    effects.extend(newer(screen));
    effects
}

/// The end of what is loaded is not the newest line while there are newer ones.
fn stay_in_the_past(room: &mut Room) {
    if let Some(last) = room.lines.last().filter(|_| room.is_cut && room.anchor == Anchor::End) {
        room.anchor = Anchor::At(last.key.clone(), 0);
    }
}

/// The page behind, if the view comes near the end of what is loaded.
fn newer(screen: &mut Screen) -> Vec<Effect> {
    let area = view::areas(screen).timeline;
    let (zone, look, open) = (screen.zone.clone(), screen.look, screen.open.clone().unwrap_or_default());
    let Some(room) = screen.room_mut() else { return Vec::new() };
    let (_, seen) = timeline::window(room, view::canvas(area, look, &zone));
    let last = room.lines.last().and_then(|line| line.place).map(|place| spell_id(&place));
    match last.filter(|_| room.is_cut && !room.is_loading && seen.end + NEAR > room.lines.len()) {
        Some(last) => {
            room.is_loading = true;
            vec![Effect::ReadLines(open, Part::After(last))]
        }
        None => Vec::new(),
    }
}

/// The page before, if the view comes near its end.
fn older(screen: &mut Screen) -> Vec<Effect> {
    let area = view::areas(screen).timeline;
    let (zone, look, open) = (screen.zone.clone(), screen.look, screen.open.clone().unwrap_or_default());
    let Some(room) = screen.room_mut() else { return Vec::new() };
    let (_, seen) = timeline::window(room, view::canvas(area, look, &zone));
    match room.older.clone().filter(|_| seen.start < NEAR && !room.is_loading) {
        Some(before) => {
            room.is_loading = true;
            vec![Effect::ReadLines(open, Part::Before(before))]
        }
        None => Vec::new(),
    }
}

/// A page is asked for when fewer lines than this are above the view.
const NEAR: usize = 20;

/// The next message up or down is the chosen one; below the newest none is.
pub(super) fn choose(screen: &mut Screen, action: Action) -> Vec<Effect> {
    let area = view::areas(screen).timeline;
    let (zone, look) = (screen.zone.clone(), screen.look);
    let canvas = view::canvas(area, look, &zone);
    let Some(room) = screen.room_mut() else { return Vec::new() };
    let chosen = room.chosen.as_ref().and_then(|key| room.index_of(key));
    let (_, seen) = timeline::window(room, canvas);
    let next = match (chosen, action) {
        (None, _) => seen.end.checked_sub(1),
        (Some(at), Action::ChooseUp) => Some(at.saturating_sub(1)),
        (Some(at), _) => Some(at + 1).filter(|next| *next < room.lines.len()),
    };
    room.chosen = next.and_then(|next| room.lines.get(next)).map(|line| line.key.clone());
    let Some(next) = next else {
        room.anchor = Anchor::End;
        stay_in_the_past(room);
        screen.focus = Focus::Composer;
        return newer(screen);
    };
    if next <= seen.start {
        room.anchor = timeline::up(room, canvas, canvas.height / 2);
    } else if next >= seen.end {
        room.anchor = timeline::down(room, canvas, canvas.height / 2);
    }
    screen.focus = Focus::Timeline;
    let mut effects = older(screen);
    effects.extend(newer(screen));
    effects
}
