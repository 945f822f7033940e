//! From views of the core to the shapes of the API. Nothing is decided here: fields are renamed, ids are spelled.

mod alerts;
mod chronicle;
mod files;
mod messages;
mod numbered;
mod people;
mod recovery;
mod told;

use self::alerts::{alert, alerts};
pub(crate) use self::chronicle::group_log;
pub(crate) use self::files::{file, kind_in, transfer};
pub(crate) use self::messages::{message, message_info, outbox};
pub(crate) use self::numbered::{find_join, find_outbox, join_id, outbox_id};
pub(crate) use self::people::{safe, straggler};
pub(crate) use self::recovery::{looked_at, recovery};
pub(crate) use self::told::{delivery_notice, notices};

use std::cell::OnceCell;
use std::collections::BTreeMap;

use coterie_protocol::{
    self as core, EntryId, GroupId, GroupView, InviteId, InviteView, JoinView, MemberView, MembershipId, Muted,
    PreviewView,
};

use super::types::*;
use super::{API_VERSION, sentence, words};
use crate::clock::Clock;
use crate::driver::View;
use crate::{history, network};

/// Below this much free space nothing new is written (ST-83).
const FLOOR_BYTES: u64 = 64 << 20;

/// How the node is.
pub(crate) fn status(view: &View<'_>) -> Status {
    let groups: Vec<GroupStatus> = view.account.groups().iter().map(|group| group_status(view, group)).collect();
    let state = sentence::state(view.health, &groups, view.listening.len());
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    for (reason, count) in view.account.refused().iter().chain(&view.facts.refused) {
        *refused.entry((*reason).to_owned()).or_default() += count;
    }
    let read_only = matches!(state, NodeState::DiskFull | NodeState::ReadOnly);
    let disk =
        view.free_bytes().map(|free| DiskStatus { free, floor: FLOOR_BYTES, used: view.disk_bytes(), read_only });
    Status {
        schema: StatusSchema::V1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: API_VERSION.to_owned(),
        profile: view.facts.profile.clone(),
        pid: std::process::id(),
        uptime_ms: view.facts.started.elapsed_ms(),
        state,
        sentence: sentence::sentence(state, &groups, Clock::now().wall_ms),
        groups,
        listen: view.listening.iter().filter_map(|bytes| network::address_text(bytes)).collect(),
        disk,
        alerts: alerts(view),
        refused,
        pieces: view.shelf.moved(),
    }
}

fn group_status(view: &View<'_>, group: &GroupView) -> GroupStatus {
    let members = view.account.members(&group.id).unwrap_or_default();
    let others: Vec<&MemberView> = members.iter().filter(|member| !member.me && member.online).collect();
    let relayed = others.iter().filter(|member| member.link == Some(core::Path::Relayed)).count();
    let direct = others.iter().filter(|member| member.link.is_some()).count() - relayed;
    GroupStatus {
        id: spell_id(group.id.as_ref()),
        name: group.name.clone(),
        seated: group.occupied,
        online: group.online,
        direct: small(direct),
        relayed: small(relayed),
        waiting: waiting(group),
        synced: group.synced_at_ms.map(Time),
    }
}

/// Nothing waits for others while there are none.
const fn waiting(group: &GroupView) -> Waiting {
    Waiting { messages: if group.occupied > 1 { group.waiting } else { 0 } }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A group as its own screen shows it.
pub(crate) fn group(view: &View<'_>, group: &GroupView) -> Group {
    let last = history::newest(view, &group.id).map(|line| {
        let names = Names::of(view, &group.id);
        message(view, &names, &line)
    });
    Group {
        schema: GroupSchema::V1,
        id: spell_id(group.id.as_ref()),
        name: group.name.clone(),
        about: group.about.clone(),
        me: spell_id(group.me.as_ref()),
        role: role(group.role),
        state: group_state(group.state),
        policy: GroupPolicy { require_confirm: group.require_confirm },
        seats: Seats {
            total: SEATS,
            occupied: group.occupied,
            provisional: group.provisional,
            guests: group.guests,
            free: SEATS.saturating_sub(group.occupied),
            mine: group.mine,
        },
        online: group.online,
        waiting: waiting(group),
        last,
        synced: group.synced_at_ms.map(Time),
        log: LogState {
            operations: group.operations,
            state_hash: group.state_hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        },
        history: history(group.history_days),
        keep_days: group.keep_days,
        muted: group.muted.is_some(),
        muted_until: match group.muted {
            Some(Muted::UntilMs(until_ms)) => Some(Time(until_ms)),
            Some(Muted::Always) | None => None,
        },
        notice: words::group_notice(group),
        recovery_codes: None,
    }
}

const fn history(days: Option<u64>) -> History {
    match days {
        None => History::None,
        Some(0) => History::All,
        Some(days) => History::Days { days },
    }
}

/// Seats of every group.
const SEATS: u32 = 100;

const fn role(role: core::RoleView) -> Role {
    match role {
        core::RoleView::Founder => Role::Founder,
        core::RoleView::Admin => Role::Admin,
        core::RoleView::Member => Role::Member,
        core::RoleView::Guest => Role::Guest,
    }
}

const fn group_state(state: core::GroupState) -> GroupState {
    match state {
        core::GroupState::Member => GroupState::Member,
        core::GroupState::Waiting => GroupState::Joining,
        core::GroupState::Frozen => GroupState::Frozen,
        core::GroupState::Left => GroupState::Left,
        core::GroupState::Removed => GroupState::Removed,
        core::GroupState::SeatLost => GroupState::SeatLost,
        core::GroupState::Newer => GroupState::Newer,
    }
}

/// A person in a group.
pub(crate) fn member(group: &GroupId, member: &MemberView, change: Option<Change>) -> Member {
    Member {
        schema: MemberSchema::V1,
        id: spell_id(member.id.as_ref()),
        group: spell_id(group.as_ref()),
        key: spell_id(member.key.as_ref()),
        name: member.name.clone(),
        role: role(member.role),
        seat: member.seat.0,
        provisional: member.provisional,
        contested: member.contested,
        me: member.me,
        online: member.online,
        link: match member.link {
            Some(core::Path::Relayed) => Way::Relayed,
            Some(core::Path::DirectQuic | core::Path::DirectTcp) => Way::Direct,
            None => Way::None,
        },
        unsealed: member.unsealed.map(people::unsealed),
        verified: member.verified_at_ms.map(Time),
        other_key: member.other_key,
        notice: words::member_notice(member),
        change,
    }
}

/// A seat that waits for a Confirm, if it does.
pub(crate) fn request(group: &GroupId, member: &MemberView) -> Option<Request> {
    let sentence = words::seat_notice(member)?;
    Some(Request {
        schema: RequestSchema::V1,
        id: spell_id(member.id.as_ref()),
        group: spell_id(group.as_ref()),
        member: reference(member),
        contested: member.contested,
        sentence,
    })
}

fn reference(member: &MemberView) -> MemberRef {
    let id = spell_id(member.id.as_ref());
    MemberRef { id, name: member.name.clone(), role: Some(role(member.role)), seat: Some(member.seat.0) }
}

/// Who is called what in one group, and, if somebody asks, what is pinned there; read once for a page of lines.
pub(crate) struct Names {
    group: GroupId,
    me: Option<MembershipId>,
    members: BTreeMap<MembershipId, MemberRef>,
    pins: OnceCell<Vec<EntryId>>,
}

impl Names {
    pub(crate) fn of(view: &View<'_>, group: &GroupId) -> Self {
        let members = view.account.members(group).unwrap_or_default();
        let me = members.iter().find(|member| member.me).map(|member| member.id);
        let me = me.or_else(|| view.account.group(group).map(|group| group.me));
        let members = members.iter().map(|member| (member.id, reference(member))).collect();
        Self { group: *group, me, members, pins: OnceCell::new() }
    }

    /// What is pinned, the newest pin first.
    pub(crate) fn pins(&self, view: &View<'_>) -> &[EntryId] {
        self.pins.get_or_init(|| history::pins(view, &self.group))
    }

    /// Who is gone keeps a name beside their lines.
    pub(crate) fn get(&self, view: &View<'_>, id: &MembershipId) -> MemberRef {
        self.members.get(id).cloned().unwrap_or_else(|| {
            let name = view.account.author_name(&self.group, id).unwrap_or_default();
            MemberRef { id: spell_id(id.as_ref()), name, role: None, seat: None }
        })
    }
}

pub(crate) fn delivery(found: core::Delivery) -> Delivery {
    Delivery {
        state: match found.state {
            core::DeliveryState::Queued => DeliveryState::Queued,
            core::DeliveryState::Saved => DeliveryState::Saved,
            core::DeliveryState::Sent => DeliveryState::Sent,
            core::DeliveryState::All => DeliveryState::All,
        },
        reached: found.reached,
        due: found.due,
    }
}

/// How far a message of one's own got.
pub(crate) fn deliveries(view: &View<'_>, group: &GroupId, entry: &EntryId) -> Option<Deliveries> {
    let found = view.account.delivery(group, entry)?;
    Some(Deliveries {
        schema: DeliverySchema::V1,
        group: spell_id(group.as_ref()),
        message: spell_id(entry.as_ref()),
        delivery: delivery(found),
    })
}

/// An invite; with its link only where that one invite was asked for.
pub(crate) fn invite(view: &View<'_>, group: &GroupId, invite: &InviteView, link: Secrecy) -> Invite {
    let found = match link {
        Secrecy::WithLink => view.account.invite_link(group, &invite.id),
        Secrecy::WithoutLink => None,
    };
    Invite {
        schema: InviteSchema::V1,
        id: spell_id(invite.id.as_ref()),
        group: spell_id(group.as_ref()),
        role: Role::Member,
        uses: invite.uses,
        used: invite.used,
        expires: Time(invite.not_after_ms),
        created: Time(invite.created_at_ms),
        state: match invite.state {
            core::InviteState::Open => InviteState::Open,
            core::InviteState::Used => InviteState::Used,
            core::InviteState::Expired => InviteState::Expired,
            core::InviteState::Revoked => InviteState::Revoked,
        },
        kept_by: invite.kept_by,
        seats: invite.seats.iter().map(|seat| seat.0).collect(),
        short_link: found.as_ref().map(core::InviteLink::to_short),
        link: found.as_ref().map(core::InviteLink::to_long),
        sentence: words::invite_sentence(invite).to_owned(),
    }
}

/// Whether an answer shows the secret of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    WithLink,
    WithoutLink,
}

pub(crate) fn find_invite(view: &View<'_>, group: &GroupId, id: &InviteId) -> Option<InviteView> {
    view.account.invites(group, Clock::now().wall_ms)?.into_iter().find(|invite| invite.id == *id)
}

/// What a member showed of a group.
pub(crate) fn preview(found: &PreviewView) -> Preview {
    Preview {
        schema: PreviewSchema::V1,
        group: found.name.clone(),
        about: found.about.clone(),
        inviter: spell_id(found.inviter.as_ref()),
        members: found.members,
        role: Role::Member,
    }
}

/// A join.
pub(crate) fn join(view: &View<'_>, found: &JoinView) -> Join {
    let name = found.preview.as_ref().map(|preview| preview.name.as_str());
    let error = found.refused.as_ref().map(|reason| words::join_refusal(reason, name));
    let already = matches!(found.refused, Some(core::JoinRefusal::AlreadyMember));
    Join {
        schema: JoinSchema::V1,
        id: join_id(view, found.id),
        state: match found.state {
            core::JoinState::Searching => JoinState::Searching,
            core::JoinState::Proving => JoinState::Proving,
            core::JoinState::Asking => JoinState::Asking,
            core::JoinState::Syncing => JoinState::Syncing,
            core::JoinState::Seated => JoinState::Seated,
            core::JoinState::WaitingForAdmin => JoinState::WaitingAdmin,
            core::JoinState::Refused => JoinState::Refused,
        },
        preview: found.preview.as_ref().map(preview),
        group: found.group.map(|group| spell_id(group.as_ref())),
        already_member: already,
        sentence: words::join_sentence(found.state, name),
        error,
    }
}

/// Who one is.
pub(crate) fn identity(view: &View<'_>) -> Identity {
    Identity {
        schema: IdentitySchema::V1,
        key: spell_id(view.account.me().as_ref()),
        name: view.account.name().to_owned(),
        instance: spell_id(view.home.instance().as_ref()),
        protected: match crate::store::key_needed(view.home.directory().path()) {
            Ok(crate::store::KeyNeeded::KeyFile) | Err(_) => Protection::None,
            Ok(crate::store::KeyNeeded::Passphrase) => Protection::Passphrase,
        },
    }
}
