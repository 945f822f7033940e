//! `member`: who is here, and what organisers do.

use serde_json::{Value, json};

use super::{id_of, name_of, pick, short, the_group};
mod verify;

use crate::api::Api;
use crate::args::Member;
use crate::error::Diagnostic;
use crate::output::{Output, table};
use crate::prompt;

/// `member …`.
///
/// # Errors
/// What the node says, or a name that fits nobody.
pub async fn run(api: &Api, output: &Output, verb: Member) -> Result<u8, Diagnostic> {
    match verb {
        Member::List { group } => {
            let group = the_group(api, group.as_deref()).await?;
            let page = api.get(&format!("/groups/{}/members", id_of(&group))).await?;
            let lagging = api.get(&format!("/groups/{}/stragglers", id_of(&group))).await?;
            let mut both = page.clone();
            both["stragglers"] = lagging["items"].clone();
            output.object(&both, || list(output, &page) + &lag(&lagging));
        }
        Member::Verify { member, words, qr, same, code, forget, group } => {
            let (group, member) = the_member(api, group.as_deref(), &member).await?;
            let look = match (words, qr) {
                (true, _) => verify::Look::Words,
                (_, true) => verify::Look::Code,
                _ => verify::Look::All,
            };
            let verdict = match (code, same, forget) {
                (Some(code), ..) => verify::Verdict::Code(code),
                (None, true, _) => verify::Verdict::Same,
                (None, _, true) => verify::Verdict::Forget,
                (None, false, false) => verify::Verdict::None,
            };
            verify::run(api, output, (&group, &member), (look, verdict)).await?;
        }
        Member::Show { member, group } => {
            let (_, member) = the_member(api, group.as_deref(), &member).await?;
            output.object(&member, || show(output, &member));
        }
        Member::Promote { member, group } => {
            let changed = set_role(api, output, group.as_deref(), (&member, "admin")).await?;
            output.object(&changed, || format!("{} can invite and remove people now.", name_of(&changed)));
        }
        Member::Demote { member, group } => {
            let changed = set_role(api, output, group.as_deref(), (&member, "member")).await?;
            output.object(&changed, || format!("{} is a member without office now.", name_of(&changed)));
        }
        Member::Remove { member, ban, group, confirm } => {
            remove(api, output, group.as_deref(), &Removal { member, ban, confirm }).await?;
        }
        Member::Confirm { member, group } => {
            let (group, member) = the_member(api, group.as_deref(), &member).await?;
            let path = format!("/groups/{}/requests/{}/approve", id_of(&group), id_of(&member));
            let changed = api.post(&path, &json!({})).await?;
            output.object(&changed, || format!("{} is confirmed.", name_of(&member)));
        }
    }
    Ok(0)
}

/// The group and the member that are meant (CL-2).
async fn the_member(api: &Api, group: Option<&str>, wanted: &str) -> Result<(Value, Value), Diagnostic> {
    let group = the_group(api, group).await?;
    let page = api.get(&format!("/groups/{}/members", id_of(&group))).await?;
    let all: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
    let member = pick(&all, wanted, "member", "coterie member list")?.clone();
    Ok((group, member))
}

fn list(output: &Output, page: &Value) -> String {
    let members: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
    let row = |member: &&Value| {
        vec![format!("seat {}", member["seat"]), name_of(member), marks(member), reach(member), short(&member["id"])]
    };
    let rows: Vec<Vec<String>> = members.iter().map(row).collect();
    format!("{}\n{}", table(&rows, 32), output.dim(&format!("{} of 100 seats", members.len())))
}

fn marks(member: &Value) -> String {
    let mut marks = vec![member["role"].as_str().unwrap_or_default().to_owned()];
    if member["contested"] == true {
        marks.push("two people used one link".to_owned());
    } else if member["provisional"] == true {
        marks.push("new, not confirmed".to_owned());
    }
    if member["me"] == true {
        marks.push("you".to_owned());
    }
    if member["other_key"] == true {
        marks.push("NOT THE KEY YOU COMPARED".to_owned());
    } else if !member["verified"].is_null() {
        marks.push("compared".to_owned());
    }
    match member["unsealed"].as_str() {
        Some("no_key") => marks.push("gets no keys: not heard of yet".to_owned()),
        Some("stale_key") => marks.push("gets no keys: away for 90 days".to_owned()),
        Some("forked") => marks.push("gets no keys: two programs write in their name".to_owned()),
        _ => {}
    }
    marks.join(", ")
}

/// E-85: who has not heard that somebody is out.
fn lag(page: &Value) -> String {
    let sentences = page["items"].as_array().into_iter().flatten().filter_map(|found| found["sentence"].as_str());
    sentences.map(|sentence| format!("\n{}", crate::text::line(sentence))).collect()
}

fn reach(member: &Value) -> String {
    match (member["me"] == true, member["online"] == true) {
        (true, _) => String::new(),
        (_, true) => "in reach".to_owned(),
        (_, false) => "not in reach".to_owned(),
    }
}

fn show(output: &Output, member: &Value) -> String {
    format!(
        "{}\nseat {}: {}\n{}\nkey {}\nid  {}",
        output.bold(&name_of(member)),
        member["seat"],
        marks(member),
        reach(member),
        member["key"].as_str().unwrap_or_default(),
        id_of(member)
    )
}

async fn set_role(
    api: &Api,
    output: &Output,
    group: Option<&str>,
    (wanted, role): (&str, &str),
) -> Result<Value, Diagnostic> {
    let (group, member) = the_member(api, group, wanted).await?;
    if role == "member" {
        let effect =
            format!("{} can no longer invite or remove people; invites of theirs stop working.", name_of(&member));
        prompt::confirm(output, "demoting", &effect)?;
    }
    let path = format!("/groups/{}/members/{}", id_of(&group), id_of(&member));
    api.patch(&path, &json!({ "role": role })).await
}

struct Removal {
    member: String,
    ban: bool,
    confirm: Option<String>,
}

async fn remove(api: &Api, output: &Output, group: Option<&str>, removal: &Removal) -> Result<(), Diagnostic> {
    let (group, member) = the_member(api, group, &removal.member).await?;
    let name = name_of(&member);
    let effect = format!(
        "{name} stops receiving new messages from members who have heard of this. {name} keeps what they have."
    );
    if removal.ban {
        let effect = format!("{effect}\nTheir key is shut out of later links too.");
        prompt::type_name(output, removal.confirm.as_deref(), &name, &effect)?;
    } else {
        prompt::confirm(output, "removing", &effect)?;
    }
    let path = format!("/groups/{}/members/{}/remove", id_of(&group), id_of(&member));
    let removed = api.post(&path, &json!({ "ban": removal.ban })).await?;
    output.object(&removed, || format!("{name} is out. Members in reach know; others learn it when they come online."));
    Ok(())
}
