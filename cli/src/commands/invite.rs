//! `invite` and `join`: the link, its code, and what happens on the way in.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{count, id_of, name_of, pick, short, the_group};
use crate::api::Api;
use crate::args::{Invite, Join, Role};
use crate::error::Diagnostic;
use crate::output::{Output, table};
use crate::{prompt, qr, text, when};

/// `invite …`.
///
/// # Errors
/// What the node says, or an id that fits nothing.
pub async fn run(api: &Api, output: &Output, verb: Invite) -> Result<u8, Diagnostic> {
    match verb {
        Invite::Create { group, expires, uses, role, short, no_qr } => {
            if role == Role::Guest {
                let not_yet = Diagnostic::new(
                    "policy_forbids",
                    4,
                    "guests can't be invited yet",
                    "guest sessions come with a later release",
                );
                return Err(not_yet.hint("coterie invite create --role member"));
            }
            let group = the_group(api, group.as_deref()).await?;
            let body = json!({ "uses": uses, "expires_in_ms": u64::try_from(expires.as_millis()).unwrap_or(u64::MAX), "role": "member" });
            let invite = api.post(&format!("/groups/{}/invites", id_of(&group)), &body).await?;
            show_link(output, &group, &invite, &Look { short, no_qr });
        }
        Invite::List { group } => {
            let group = the_group(api, group.as_deref()).await?;
            let page = api.get(&format!("/groups/{}/invites", id_of(&group))).await?;
            output.object(&page, || list(&page));
        }
        Invite::Show { id, group, no_qr } => {
            let group = the_group(api, group.as_deref()).await?;
            let invite = the_invite(api, &group, &id).await?;
            let path = format!("/groups/{}/invites/{}", id_of(&group), id_of(&invite));
            let invite = api.get(&path).await?;
            show_link(output, &group, &invite, &Look { short: false, no_qr });
        }
        Invite::Revoke { id, all, group } => {
            let group = the_group(api, group.as_deref()).await?;
            revoke(api, output, &group, (id.as_deref(), all)).await?;
        }
    }
    Ok(0)
}

async fn invites(api: &Api, group: &Value) -> Result<Vec<Value>, Diagnostic> {
    let page = api.get(&format!("/groups/{}/invites", id_of(group))).await?;
    Ok(page["items"].as_array().cloned().unwrap_or_default())
}

async fn the_invite(api: &Api, group: &Value, wanted: &str) -> Result<Value, Diagnostic> {
    let all = invites(api, group).await?;
    let all: Vec<&Value> = all.iter().collect();
    Ok(pick(&all, wanted, "invite", "coterie invite list")?.clone())
}

struct Look {
    short: bool,
    no_qr: bool,
}

/// The link alone on standard output, everything round it on standard error, so that `invite create > link.txt` works
/// (QR-3). On a terminal the link comes first: the code and two lines then fill a window of 80×24 to its last row.
fn show_link(output: &Output, group: &Value, invite: &Value, look: &Look) {
    if output.is_json() {
        return output.object(invite, String::new);
    }
    let short_link = invite["short_link"].as_str().unwrap_or_default();
    output.line(if look.short { short_link } else { invite["link"].as_str().unwrap_or(short_link) });
    let (columns, rows) = window();
    let shows_code = !look.no_qr && std::io::stderr().is_terminal();
    // One line more would push the link out of a window that the code fills.
    let has_room = !shows_code || rows > 26;
    if shows_code {
        match qr::draw(short_link).filter(|_| columns >= 41 && rows >= 24) {
            Some(code) => output.remark(&code),
            None => output.remark(&format!(
                "For the code, make the window at least 24 lines, then: coterie invite show {}",
                short(&invite["id"])
            )),
        }
    }
    output.remark(&format!(
        "Joins {} as {} · {} · until {}",
        name_of(group),
        invite["role"].as_str().unwrap_or("member"),
        count(invite["uses"].as_u64().unwrap_or_default(), "use", "uses"),
        when::day_and_clock(&invite["expires"])
    ));
    output.remark(match invite["kept_by"].as_u64() {
        Some(1..) => "Works while you are offline: any online member can let them in.",
        _ => "Keep this computer on until a member has a copy of this invite.",
    });
    if let Some(notice) = group["notice"].as_str().filter(|_| has_room) {
        output.remark(&text::line(notice));
    }
}

/// Columns and rows of the window that the code is drawn in.
fn window() -> (u16, u16) {
    rustix::termios::tcgetwinsize(std::io::stderr()).map_or((80, 24), |size| match (size.ws_col, size.ws_row) {
        (0, _) | (_, 0) => (80, 24),
        known => known,
    })
}

fn list(page: &Value) -> String {
    let invites: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
    if invites.is_empty() {
        return "No invites yet.\nnext: coterie invite create".to_owned();
    }
    let row = |invite: &&Value| {
        vec![
            short(&invite["id"]),
            invite["state"].as_str().unwrap_or_default().to_owned(),
            format!("{} of {} used", invite["used"], invite["uses"]),
            format!("until {}", when::day_and_clock(&invite["expires"])),
        ]
    };
    table(&invites.iter().map(row).collect::<Vec<_>>(), 40)
}

async fn revoke(api: &Api, output: &Output, group: &Value, (id, all): (Option<&str>, bool)) -> Result<(), Diagnostic> {
    let open: Vec<Value> = invites(api, group).await?.into_iter().filter(|invite| invite["state"] == "open").collect();
    let targets = match (id, all, open.as_slice()) {
        (Some(id), _, _) => vec![the_invite(api, group, id).await?],
        (None, true, _) => open,
        (None, false, [only]) => vec![only.clone()],
        (None, false, []) => {
            let none = Diagnostic::new("not_found", 5, "there is no open invite", "all are used, expired or revoked");
            return Err(none.hint("coterie invite list"));
        }
        (None, false, _) => {
            let several = Diagnostic::new("ambiguous", 5, "say which invite", format!("{} are open", open.len()));
            return Err(several.hint("coterie invite list").hint("coterie invite revoke --all"));
        }
    };
    prompt::confirm(output, "revoking", "Nobody can join by this link any more. Who is in stays in.")?;
    let mut revoked = Vec::new();
    for invite in &targets {
        revoked.push(api.delete(&format!("/groups/{}/invites/{}", id_of(group), id_of(invite))).await?);
    }
    let answer = json!({ "schema": "coterie.invites/1", "items": revoked, "next": null, "prev": null });
    output.object(&answer, || format!("{} revoked.", count(targets.len() as u64, "invite", "invites")));
    Ok(())
}

/// `join`: preview first, then ask, then tell the steps as they happen (PR-4).
///
/// # Errors
/// One named reason for each way a link can be wrong or useless.
pub async fn join(api: &Api, output: &Output, join: Join, timeout: Option<Duration>) -> Result<u8, Diagnostic> {
    let link = if join.link == "-" { read_link()? } else { join.link.clone() };
    if !join.dry_run && !output.is_interactive() && !output.says_yes() {
        return Err(Diagnostic::needs_yes("joining"));
    }
    let ask_first = join.dry_run || !output.says_yes();
    let body = json!({ "link": link, "name": join.name, "via": join.via, "ask_first": ask_first });
    let started = api.post("/joins", &body).await?;
    if started["already_member"] == true {
        output.object(&started, || text::line(started["sentence"].as_str().unwrap_or_default()));
        return Ok(0);
    }
    if join.no_wait {
        output.object(&started, || "Saved. You'll be in as soon as a member is online.".to_owned());
        return Ok(0);
    }
    let deadline = Instant::now() + timeout.unwrap_or(Duration::from_secs(60));
    follow(api, output, started, &Follow { dry_run: join.dry_run, deadline }).await
}

fn read_link() -> Result<String, Diagnostic> {
    let mut link = String::new();
    std::io::stdin().read_line(&mut link).map_err(|why| Diagnostic::internal(&why.to_string()))?;
    Ok(link)
}

struct Follow {
    dry_run: bool,
    deadline: Instant,
}

/// A step that is over sooner is not worth a line (PR-1).
const STEP_SHOWN_AFTER: Duration = Duration::from_millis(300);

async fn follow(api: &Api, output: &Output, mut join: Value, how: &Follow) -> Result<u8, Diagnostic> {
    let path = format!("/joins/{}", join["id"].as_str().unwrap_or_default());
    let mut step = Step::new();
    loop {
        match join["state"].as_str().unwrap_or_default() {
            "seated" | "waiting_admin" => {
                output.object(&join, || done(&join));
                return Ok(0);
            }
            "refused" => return Err(Diagnostic::from_api(&join["error"])),
            "asking" if how.dry_run => {
                api.delete(&path).await?;
                output.object(&join, || format!("{}\nNothing was joined.\nnext: coterie join LINK", preview(&join)));
                return Ok(0);
            }
            "asking" => {
                if let Err(no) = prompt::confirm(output, "joining", &preview(&join)) {
                    api.delete(&path).await?;
                    return Err(no);
                }
                join = api.post(&format!("{path}/agree"), &json!({})).await?;
                continue;
            }
            _ => step.tell(output, join["sentence"].as_str().unwrap_or_default()),
        }
        if Instant::now() >= how.deadline {
            return Err(not_yet(&join));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        join = api.get(&path).await?;
    }
}

/// The step that a join is at, and since when.
struct Step {
    sentence: String,
    since: Instant,
    told: bool,
}

impl Step {
    fn new() -> Self {
        Self { sentence: String::new(), since: Instant::now(), told: false }
    }

    fn tell(&mut self, output: &Output, sentence: &str) {
        if sentence != self.sentence {
            *self = Self { sentence: sentence.to_owned(), ..Self::new() };
        }
        if !self.told && self.since.elapsed() >= STEP_SHOWN_AFTER {
            output.remark(&text::line(sentence));
            self.told = true;
        }
    }
}

fn not_yet(join: &Value) -> Diagnostic {
    let why = match join["state"].as_str() {
        Some("searching") => "nobody from the group is in reach; your node goes on trying by itself",
        _ => "a member was found, but it takes long; your node goes on by itself",
    };
    let kept = Diagnostic::new("not_delivered_yet", 6, "saved; you are not in yet", why);
    kept.hint("coterie status").hint("coterie join LINK --via ADDRESS")
}

fn group_name(join: &Value) -> String {
    let name = join["preview"]["group"].as_str();
    text::line(name.unwrap_or("the group"))
}

fn done(join: &Value) -> String {
    let name = group_name(join);
    if join["state"] == "waiting_admin" {
        return format!("You have a seat in {name}. An organiser has to confirm you before you can read and write.");
    }
    format!("You are in {name}. You read what is said from here on.\nnext: coterie tail -f")
}

fn preview(join: &Value) -> String {
    let seen = &join["preview"];
    let mut lines = vec![group_name(join)];
    if let Some(about) = seen["about"].as_str().filter(|about| !about.is_empty()) {
        lines.push(text::line(about));
    }
    lines.push(format!("{} of 100 seats taken", seen["members"]));
    lines.join("\n")
}
