//! What people in the room do and see.

use std::string::String;
use std::vec::Vec;

use super::Party;
use crate::{
    Aggregate, Command, Consent, Deed, EntryId, GroupId, GroupState, InviteLink, JoinState, MembershipId, MessageKind,
    MessageView, Reply, aggregate, pinned,
};

impl Party {
    /// So many people; the first founded a group, and as many as are seated came by one link of hers.
    #[must_use]
    pub fn with_group(people: u8, seated: u8) -> (Self, GroupId) {
        let mut party = Self::new(people);
        let group = party.found(0, "Harbour");
        if people > 1 {
            let link = party.invite(0, group, people - 1);
            (1..usize::from(seated)).for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated, "{who}"));
        }
        party.pass(5_000);
        (party, group)
    }

    /// `who` founds a group.
    pub fn found(&mut self, who: usize, group: &str) -> GroupId {
        match self.ask(who, Command::CreateGroup { name: group.into(), about: String::new(), recovery: None }) {
            Ok(Reply::Group(gid)) => gid,
            other => panic!("founding: {other:?}"),
        }
    }

    /// `who` makes a link for so many people.
    pub fn invite(&mut self, who: usize, group: GroupId, uses: u8) -> InviteLink {
        let not_after_ms = self.now_ms + 86_400_000;
        match self.ask(who, Command::CreateInvite { group, uses, not_after_ms }) {
            Ok(Reply::Invite(id)) => self.hosts[who].account.invite_link(&group, &id).unwrap(),
            other => panic!("inviting: {other:?}"),
        }
    }

    /// `who` redeems a link; gives how far it got.
    pub fn join(&mut self, who: usize, link: &InviteLink) -> JoinState {
        let link = InviteLink::parse(&link.to_long()).unwrap();
        let command = Command::Join { link, name: String::new(), via: Vec::new(), consent: Consent::Given };
        match self.ask(who, command) {
            Ok(Reply::Join(id)) => {
                self.pass(2_000);
                // A life that began anew meanwhile lists only joins that are still open.
                let joins = self.hosts[who].account.joins();
                joins.into_iter().find(|join| join.id == id).map_or(JoinState::Searching, |join| join.state)
            }
            other => panic!("joining: {other:?}"),
        }
    }

    /// `who` says something.
    pub fn say(&mut self, who: usize, group: GroupId, text: &str) -> Reply {
        self.ask(
            who,
            Command::Send { group, text: text.into(), reply_to: None, location: None, attachments: Vec::new() },
        )
        .unwrap()
    }

    /// `who` does something to a message.
    pub fn annotate(&mut self, who: usize, group: GroupId, target: EntryId, deed: Deed) -> Reply {
        self.ask(who, Command::Annotate { group, target, deed }).unwrap()
    }

    /// What `who` sees of a message besides its first words.
    #[must_use]
    pub fn aggregate(&self, who: usize, group: &GroupId, post: &MessageView) -> Aggregate {
        let deeds = self.annotations(who, group, Some(&post.entry));
        aggregate((post.entry, post.author), deeds.iter().filter_map(MessageView::said))
    }

    /// What is pinned for `who`, the newest first.
    #[must_use]
    pub fn pinned(&self, who: usize, group: &GroupId) -> Vec<EntryId> {
        pinned(self.annotations(who, group, None).iter().filter_map(MessageView::said))
    }

    fn annotations(&self, who: usize, group: &GroupId, post: Option<&EntryId>) -> Vec<MessageView> {
        let Some((from, to)) = self.hosts[who].account.annotation_range(group, post) else { return Vec::new() };
        self.hosts[who].disk.range(from..=to).filter_map(|(_, bytes)| MessageView::from_record(bytes)).collect()
    }

    /// The lines that `who` sees, in order.
    #[must_use]
    pub fn lines(&self, who: usize, group: &GroupId) -> Vec<MessageView> {
        let Some((from, to)) = self.hosts[who].account.view_range(group) else { return Vec::new() };
        let lines = self.hosts[who].disk.range(from..=to);
        lines.filter_map(|(_, bytes)| MessageView::from_record(bytes)).collect()
    }

    /// The words that `who` sees and that count.
    #[must_use]
    pub fn texts(&self, who: usize, group: &GroupId) -> Vec<String> {
        let lines = self.lines(who, group).into_iter();
        lines.filter(|line| line.kind == MessageKind::Text && line.counts).map(|line| line.text).collect()
    }

    /// Seats taken in `who`'s view.
    #[must_use]
    pub fn seats(&self, who: usize, group: &GroupId) -> u32 {
        self.hosts[who].account.group(group).map_or(0, |group| group.occupied)
    }

    /// The membership of `whom`, as `by` sees it.
    #[must_use]
    pub fn member(&self, by: usize, group: &GroupId, whom: usize) -> MembershipId {
        let key = self.hosts[whom].account.me();
        let members = self.hosts[by].account.members(group).unwrap();
        members.into_iter().find(|member| member.key == key).unwrap().id
    }

    /// What `who` is in the group, by its own view.
    #[must_use]
    pub fn state(&self, who: usize, group: &GroupId) -> GroupState {
        self.hosts[who].account.group(group).unwrap().state
    }
}
