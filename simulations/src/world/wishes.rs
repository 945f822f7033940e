//! What people want of their own machines, and what comes of it.

use std::collections::BTreeMap;

use coterie_protocol::{
    Ban, Command, CommandError, Consent, EntryId, GroupState, InviteLink, LastOrganiser, MembershipId, Reply, RoleView,
};

use super::World;
use crate::chance::{shuffle, stream};
use crate::host::{Purpose, Running, Wish};
use crate::network::HostId;
use crate::oracle::Mark;
use crate::scenario::{Act, Who};

/// Every text of the simulator begins like this, and no frame and no stored value may contain it (INV-C1).
pub const CANARY: &str = "coterie-canary: ";
/// A link is good for a week unless the story says otherwise.
const LINK_LIFE_MS: u64 = 7 * 86_400_000;

impl World {
    /// Carries out what a person does. Who cannot (off, not a member) is passed over with a line in the trace.
    pub(super) fn on_wish(&mut self, act: &Act, round: u32) {
        match act {
            Act::Say { who, text, size, label, .. } => {
                for host in self.resolve(who) {
                    self.say(host, round, (text.as_deref(), *size), label.as_deref());
                }
            }
            Act::Invite { who, links, uses, expires_us, label } => {
                for host in self.resolve(who) {
                    for number in 1..=*links {
                        let label = link_label(label.as_deref().unwrap_or("link"), *links, number);
                        let life_ms = expires_us.map_or(LINK_LIFE_MS, |us| us / 1_000);
                        self.invite(host, *uses, life_ms, label);
                    }
                }
            }
            Act::Join { who, label, via } => {
                for host in self.resolve(who) {
                    self.join(host, label, *via);
                }
            }
            Act::Confirm { who, whom } => {
                self.about(who, *whom, "confirm", |group, member| Command::Confirm { group, member })
            }
            Act::Promote { who, whom } => {
                self.about(who, *whom, "promote", |group, member| Command::Promote { group, member })
            }
            Act::Demote { who, whom } => {
                self.about(who, *whom, "demote", |group, member| Command::Demote { group, member })
            }
            Act::Remove { who, whom, ban } => {
                let ban = if *ban { Ban::Yes } else { Ban::No };
                self.oracle.on_end_wanted(*whom);
                self.about(who, *whom, "remove", |group, member| Command::Remove { group, member, ban });
            }
            Act::Leave { who } => {
                let Some(group) = self.gid else { return };
                for host in self.resolve(who) {
                    self.oracle.on_end_wanted(host);
                    let last_organiser = LastOrganiser::MayFreeze;
                    self.wish(host, Command::Leave { group, last_organiser }, Purpose::Other("leave"));
                }
            }
            Act::Revoke { who, label } => self.revoke(who, label),
            _ => {}
        }
    }

    fn resolve(&self, who: &Who) -> Vec<HostId> {
        let is_in = |world: &Self, id: HostId| world.role(id).is_some();
        let all: Vec<HostId> = (0..self.scenario.host_count()).collect();
        match who {
            Who::Hosts(hosts) => hosts.clone(),
            Who::Members => all.into_iter().filter(|&id| is_in(self, id)).collect(),
            Who::Admins => all
                .into_iter()
                .filter(|&id| matches!(self.role(id), Some(RoleView::Founder | RoleView::Admin)))
                .collect(),
            Who::Any(count) => {
                let mut rng = stream(self.scenario.seed, "any", self.events);
                let mut members: Vec<HostId> = all.into_iter().filter(|&id| is_in(self, id)).collect();
                shuffle(&mut rng, &mut members);
                members.truncate(usize::from(*count));
                members
            }
        }
    }

    /// The messages that the story names, with their names.
    #[must_use]
    pub const fn labelled(&self) -> &BTreeMap<String, EntryId> {
        &self.messages
    }

    /// What a host is in the group by its own view, if it sits there.
    #[must_use]
    pub fn role(&self, id: HostId) -> Option<RoleView> {
        let group = self.host(id).group(&self.gid?)?;
        matches!(group.state, GroupState::Member | GroupState::Frozen | GroupState::Waiting).then_some(group.role)
    }

    pub(super) fn wish(&mut self, host: HostId, command: Command, purpose: Purpose) {
        if self.host(host).running != Running::Up {
            let what = purpose_word(&purpose);
            self.trace.note(self.story_us(), "skipped", (Some(host), None), format_args!("{what}: not running"));
            return;
        }
        self.host_mut(host).wish(Wish { command, purpose });
        self.turn(host);
    }

    fn say(&mut self, host: HostId, round: u32, (words, size): (Option<&str>, Option<u64>), label: Option<&str>) {
        let Some(group) = self.gid else { return };
        let number = self.oracle.next_text();
        let mut text = format!("{CANARY}{number} {}", words.unwrap_or("hello"));
        let size = usize::try_from(size.unwrap_or(0)).unwrap_or(0);
        while text.len() < size {
            text.push('.');
        }
        let label = label.map(|label| if round == 0 { label.into() } else { format!("{label}.{}", round + 1) });
        self.oracle.on_wanted(host, &text);
        self.wish(
            host,
            Command::Send { group, text: text.clone(), reply_to: None, location: None, attachments: Vec::new() },
            Purpose::Say { text, label },
        );
    }

    pub(super) fn invite(&mut self, host: HostId, uses: u8, life_ms: u64, label: String) {
        let Some(group) = self.gid else { return };
        let not_after_ms = self.host(host).now(self.now_us).wall_ms.saturating_add(life_ms);
        self.wish(host, Command::CreateInvite { group, uses, not_after_ms }, Purpose::Invite(label));
    }

    pub(super) fn join(&mut self, host: HostId, label: &str, via: Option<HostId>) {
        let link = self.links.get(label).map(|text| InviteLink::parse(text));
        let Some(Ok(link)) = link else {
            self.trace.note(self.story_us(), "skipped", (Some(host), None), format_args!("join: no link {label}"));
            return;
        };
        let name = self.scenario.host_name(host);
        // Somebody told the newcomer where a member is to be found (N-909).
        let via = via.map(|via| self.host(via).address()).into_iter().collect();
        let command = Command::Join { link, name, via, consent: Consent::Given };
        self.wish(host, command, Purpose::Join(label.into()));
    }

    fn about(
        &mut self,
        who: &Who,
        whom: HostId,
        verb: &'static str,
        command: impl Fn(coterie_protocol::GroupId, MembershipId) -> Command,
    ) {
        let Some(group) = self.gid else { return };
        let key = self.host(whom).key;
        for host in self.resolve(who) {
            let member =
                self.host(host).members(&group).iter().find(|member| member.key == key).map(|member| member.id);
            match member {
                Some(member) => self.wish(host, command(group, member), Purpose::Other(verb)),
                None => {
                    let at = self.story_us();
                    self.trace.note(at, "skipped", (Some(host), Some(whom)), format_args!("{verb}: not seated there"));
                }
            }
        }
    }

    fn revoke(&mut self, who: &Who, label: &str) {
        let (Some(group), Some(&invite)) = (self.gid, self.invites.get(label)) else { return };
        for host in self.resolve(who) {
            self.wish(host, Command::RevokeInvite { group, invite }, Purpose::Other("revoke"));
        }
    }

    /// The core has answered, and what it did is durable.
    pub(super) fn on_answer(&mut self, id: HostId, purpose: Purpose, answer: Result<Reply, CommandError>) {
        let at = self.story_us();
        let what = purpose_word(&purpose);
        match &answer {
            Ok(reply) => self.trace.note(at, "wish", (Some(id), None), format_args!("{what}: {}", reply_text(reply))),
            Err(error) => self.trace.note(at, "refused", (Some(id), None), format_args!("{what}: {error}")),
        }
        match (purpose, answer) {
            (Purpose::Found, Ok(Reply::Group(gid))) => self.gid = Some(gid),
            (Purpose::Say { text, label }, Ok(Reply::Saved(entry))) => {
                if let Some(label) = label {
                    self.messages.insert(label, entry);
                }
                if self.tried.remove(&(id, Mark::ClockJumpSurvived)) {
                    self.oracle.mark(Mark::ClockJumpSurvived);
                }
                self.oracle.on_saved(&self.hosts[usize::from(id)], self.gid, (self.now_us, at), entry, text);
            }
            (Purpose::Say { text, label }, Ok(Reply::Queued(outbox))) => {
                if let Some(label) = label {
                    self.queued_labels.insert((id, outbox), label);
                }
                self.oracle.on_queued(id, outbox, text);
            }
            (Purpose::Invite(label), Ok(Reply::Invite(invite))) => {
                let account = self.host(id).account();
                let link = account.zip(self.gid).and_then(|(account, gid)| account.invite_link(&gid, &invite));
                if let Some(link) = link {
                    self.links.insert(label.clone(), link.to_long());
                    self.invites.insert(label, invite);
                }
            }
            (Purpose::Say { .. } | Purpose::Found | Purpose::Invite(_) | Purpose::Join(_) | Purpose::Other(_), _) => {}
        }
    }
}

fn link_label(base: &str, links: u32, number: u32) -> String {
    if links == 1 { base.into() } else { format!("{base}.{number}") }
}

const fn purpose_word(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Found => "found",
        Purpose::Say { .. } => "say",
        Purpose::Invite(_) => "invite",
        Purpose::Join(_) => "join",
        Purpose::Other(word) => word,
    }
}

fn reply_text(reply: &Reply) -> String {
    match reply {
        Reply::Done => "done".into(),
        Reply::Group(gid) | Reply::Recoverable { group: gid, .. } => format!("group {gid:?}"),
        Reply::Approval(_) => "approved".into(),
        Reply::Invite(invite) => format!("invite {invite:?}"),
        Reply::Join(join) => format!("join {join}"),
        Reply::AlreadyMember(_) => "already a member".into(),
        Reply::Saved(entry) => format!("saved {entry:?}"),
        Reply::Queued(outbox) => format!("queued {outbox}"),
    }
}
