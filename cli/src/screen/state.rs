//! What the screen knows: plain data, changed by [`super::update()`] alone (TU-13). Words of other people are cleaned
//! where they come in ([`super::reading`]), so nothing here can hurt a terminal.

mod panel;

use std::collections::BTreeMap;

use coterie_node::api::types::spell_id;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui_textarea::{TextArea, WrapMode};

pub use self::panel::{Hit, Joining, Link, Notice, Panel, Preview, Question, Search};

/// Lines of one group that are kept: forty pages, some megabytes.
pub const LINES_MAX: usize = 4_000;

/// A box to type in.
pub type Field = TextArea<'static>;

/// Everything that is drawn, and nothing else.
pub struct Screen {
    /// Columns and rows.
    pub size: (u16, u16),
    /// How it may be drawn.
    pub look: Look,
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// Groups, as the node lists them.
    pub groups: Vec<Group>,
    /// Whether the list was read once: before that, "no group yet" would be a lie.
    pub is_read: bool,
    /// The group that is looked at.
    pub open: Option<String>,
    /// What is known of each group that was looked at.
    pub rooms: BTreeMap<String, Room>,
    /// Which pane the keys go to.
    pub focus: Focus,
    /// What lies over the panes.
    pub panel: Option<Panel>,
    /// One thing to be read in the last line, until the next key.
    pub notice: Option<Notice>,
    /// How the node is, in a sentence.
    pub sentence: String,
    /// Whether the node answers.
    pub reach: Reach,
    /// Whether the members' pane was asked for, or asked away.
    pub members: Members,
    /// The last search, to go back to.
    pub search: Option<Search>,
    /// A join that began here and isn't over.
    pub joining: Option<Joining>,
    /// Ctrl-C was pressed once.
    pub is_leaving: bool,
}

/// How it may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Colours, or bold and dim only.
    pub colour: Colour,
    /// Which characters serve as marks.
    pub marks: Marks,
}

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// The sixteen of the terminal.
    On,
    /// None (`NO_COLOR`).
    Off,
}

/// Which characters serve as marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// Ticks, stars, lines.
    Unicode,
    /// Letters and signs of ASCII only.
    Ascii,
}

/// Which pane the keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The box that is typed in.
    Composer,
    /// The list of groups.
    Groups,
    /// One line of the timeline is chosen.
    Timeline,
}

/// Whether the members' pane is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// If there is room for it.
    Fitting,
    /// Yes, instead of the timeline if need be.
    Shown,
    /// No.
    Hidden,
}

/// Whether the node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It does.
    Here,
    /// It went away; it is asked again.
    Lost,
}

/// A group in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub seated: u64,
    pub online: u64,
    /// Own texts that nobody else holds yet.
    pub waiting: u64,
    /// Why nothing can be said there, if so.
    pub closed: Option<&'static str>,
    /// The membership of the person at this screen.
    pub me: String,
    /// Lines that came since it was last looked at.
    pub unread: u64,
    /// Whether it is silent (CV-11).
    pub is_muted: bool,
}

/// What is known of a group that was looked at.
pub struct Room {
    /// A part of the timeline without holes, oldest first.
    pub lines: Vec<Line>,
    /// Where older lines go on.
    pub older: Option<String>,
    /// Whether newer lines were let go because somebody reads far back: they come again when that is over.
    pub is_cut: bool,
    /// Whether a page is on its way.
    pub is_loading: bool,
    /// The people, in the order of their seats.
    pub people: Vec<Person>,
    /// What is being written.
    pub draft: Field,
    /// The message that it is about, if it is about one.
    pub about: Option<About>,
    /// What was being written before a message was to be changed.
    pub laid_aside: Option<String>,
    /// Where the view stands.
    pub anchor: Anchor,
    /// The chosen line, by its key.
    pub chosen: Option<String>,
    /// The first line that came while nobody looked.
    pub first_new: Option<String>,
}

/// Where the view of a timeline stands. Lines that come never move it (TU-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At the newest line, and it stays there.
    End,
    /// The line of this key is the lowest one; so many of its rows are below the edge.
    At(String, usize),
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The entry, or its id in the outbox.
    pub key: String,
    /// Its place in the order; none while it is queued.
    pub place: Option<[u8; 16]>,
    pub author: String,
    pub name: String,
    pub mark: Mark,
    pub at: Option<Timestamp>,
    /// What it answers, in one row.
    pub answers: Option<String>,
    pub words: Words,
    /// That it was edited, or is pinned, in words.
    pub notes: String,
    pub is_pinned: bool,
    /// Emojis under it, in one row.
    pub emojis: Option<String>,
    /// Those of them that are one's own.
    pub mine: Vec<String>,
    /// Of one's own.
    pub delivery: Option<Delivery>,
}

/// What the box is for, besides saying something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// An answer.
    Reply { message: String },
    /// Other words for an own message.
    Edit { message: String },
}

/// What somebody is besides a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Member,
    Organiser,
    Guest,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// Words of a person, cleaned.
    Said(String),
    /// Why there are none.
    Absent(String),
}

/// How far a message of one's own got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Queued,
    Saved,
    /// So many of so many have it.
    Reached(u64, u64),
}

/// Somebody in the members' pane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub mark: Mark,
    pub seat: u64,
    pub online: bool,
    pub me: bool,
}

impl Screen {
    /// Before anything was read.
    #[must_use]
    pub fn new(size: (u16, u16), look: Look, zone: TimeZone) -> Self {
        Self {
            size,
            look,
            zone,
            groups: Vec::new(),
            is_read: false,
            open: None,
            rooms: BTreeMap::new(),
            focus: Focus::Composer,
            panel: None,
            notice: None,
            sentence: String::new(),
            reach: Reach::Here,
            members: Members::Fitting,
            search: None,
            joining: None,
            is_leaving: false,
        }
    }

    /// The group that is looked at.
    #[must_use]
    pub fn group(&self) -> Option<&Group> {
        let open = self.open.as_ref()?;
        self.groups.iter().find(|group| group.id == *open)
    }

    /// What is known of it.
    #[must_use]
    pub fn room(&self) -> Option<&Room> {
        self.rooms.get(self.open.as_ref()?)
    }

    /// The same, to change it.
    pub fn room_mut(&mut self) -> Option<&mut Room> {
        self.rooms.get_mut(self.open.as_ref()?)
    }
}

impl Default for Room {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            older: None,
            is_cut: false,
            is_loading: true,
            people: Vec::new(),
            draft: field(),
            about: None,
            laid_aside: None,
            anchor: Anchor::End,
            chosen: None,
            first_new: None,
        }
    }
}

impl Room {
    /// Where a line stands.
    #[must_use]
    pub fn index_of(&self, key: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.key == key)
    }

    /// Puts a line in its place; one of the same key is replaced. Gives whether it is new.
    pub fn put(&mut self, line: Line) -> bool {
        if let Some(known) = self.lines.iter_mut().find(|known| known.key == line.key) {
            *known = line;
            return false;
        }
        let is_before = |known: &Line| match (known.place, line.place) {
            (Some(known), Some(new)) => known < new,
            (Some(_), None) => true,
            (None, _) => line.place.is_none(),
        };
        let at = self.lines.partition_point(is_before);
        // Older than all that is loaded: it comes with its page. Newer than a view that was cut: when it goes back there.
        if (at == 0 && self.older.is_some()) || (at == self.lines.len() && self.is_cut) {
            return false;
        }
        self.lines.insert(at, line);
        true
    }

    /// Lets lines go that are far from the view, so that a long day at the screen costs no more than a short one.
    pub fn shrink(&mut self) {
        let over = self.lines.len().saturating_sub(LINES_MAX);
        if over == 0 {
            return;
        }
        if self.anchor == Anchor::End {
            self.shrink_past();
        } else {
            self.lines.truncate(LINES_MAX);
            self.is_cut = true;
        }
    }

    /// Lets the oldest lines go, if there are too many.
    pub fn shrink_past(&mut self) {
        let over = self.lines.len().saturating_sub(LINES_MAX);
        if over > 0 {
            self.lines.drain(..over);
            self.older = self.lines.first().and_then(|line| line.place).map(|place| spell_id(&place));
        }
    }
}

/// An empty box to type in, which wraps and shows no cursor of its own: the terminal's stands there.
#[must_use]
pub fn field() -> Field {
    let mut field = TextArea::default();
    field.set_wrap_mode(WrapMode::WordOrGlyph);
    field.set_cursor_line_style(ratatui::style::Style::new());
    field.set_cursor_style(ratatui::style::Style::new());
    field
}
