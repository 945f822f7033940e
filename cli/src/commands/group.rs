//! `group` and `leave`.

use serde_json::{Value, json};

use super::{count, id_of, name_of, the_group};
use crate::api::Api;
use crate::args::{Admittance, Group, Keep, Leave, MuteFor, Past, Setting};
use crate::error::Diagnostic;
use crate::output::{Output, table};
use crate::prompt;

/// `group …`.
///
/// # Errors
/// What the node says, or a name that fits nothing.
pub async fn run(api: &Api, output: &Output, verb: Group) -> Result<u8, Diagnostic> {
    match verb {
        Group::Create { name, about, recovery } => {
            let codes = recovery.map(|(threshold, codes)| json!({ "threshold": threshold, "codes": codes }));
            let group = api.post("/groups", &json!({ "name": name, "about": about, "recovery": codes })).await?;
            if let Some((threshold, _)) = recovery.filter(|_| !output.is_json()) {
                super::recovery::show_codes(output, &group, threshold);
            }
            output.object(&group, || {
                format!(
                    "{} is founded. You are in seat 0 of 100.\nnext: coterie invite create --uses 3",
                    output.bold(&name_of(&group))
                )
            });
        }
        Group::Recovery(verb) => super::recovery::run(api, output, verb).await?,
        Group::List => {
            let page = api.get("/groups").await?;
            output.object(&page, || list(&page));
        }
        Group::Info { group } => {
            let group = the_group(api, group.as_deref()).await?;
            let group = api.get(&format!("/groups/{}", id_of(&group))).await?;
            output.object(&group, || info(output, &group));
        }
        Group::Set { setting, group } => set(api, output, (group.as_deref(), setting)).await?,
        Group::Keep { days, group } => keep(api, output, (group.as_deref(), days)).await?,
        Group::Mute { group, span } => mute(api, output, (group.as_deref(), Some(span))).await?,
        Group::Unmute { group } => mute(api, output, (group.as_deref(), None)).await?,
        Group::Words { group } => {
            let group = the_group(api, group.as_deref()).await?;
            let found = api.get(&format!("/groups/{}/words", id_of(&group))).await?;
            output.object(&found, || {
                let words = output.bold(&super::spoken(&found["words"]));
                format!("{words}\nRead them out: who has the same words sees the same members with keys, and the same settings.")
            });
        }
        Group::Log(wish) => super::log::run(api, output, wish).await?,
        Group::Rename { name, group } => {
            let group = the_group(api, group.as_deref()).await?;
            let changed = api.patch(&format!("/groups/{}", id_of(&group)), &json!({ "name": name })).await?;
            output.object(&changed, || format!("The group is called {} now.", name_of(&changed)));
        }
    }
    Ok(0)
}

/// `group set`.
async fn set(api: &Api, output: &Output, (group, setting): (Option<&str>, Setting)) -> Result<(), Diagnostic> {
    let group = the_group(api, group).await?;
    let path = format!("/groups/{}", id_of(&group));
    match setting {
        Setting::History(past) => set_history(api, output, &path, past).await,
        Setting::Admittance(admittance) => {
            let waits = admittance == Admittance::AfterConfirm;
            let changed = api.patch(&path, &json!({ "require_confirm": waits })).await?;
            output.object(&changed, || said_of(admittance).to_owned());
            Ok(())
        }
    }
}

/// `group set history=…`, with what it costs before it is done (E-88).
async fn set_history(api: &Api, output: &Output, path: &str, wanted: Past) -> Result<(), Diagnostic> {
    let cost = "Everybody then keeps keys of what is said from now on, so a stolen computer opens all of it, and whoever \
                holds the keys can prove who wrote what. Nothing older is opened. Guests and people who are not confirmed \
                get nothing.";
    let (history, effect) = match wanted {
        Past::Nothing => (
            json!({ "mode": "none" }),
            "Newcomers read from their first moment on. Members' computers forget the kept keys as they hear of it; who \
             got them already may have read with them."
                .to_owned(),
        ),
        Past::Days(days) => (
            json!({ "mode": "days", "days": days }),
            format!("Newcomers can read back {} and up to a week more. {cost}", count(u64::from(days), "day", "days")),
        ),
        Past::All => (json!({ "mode": "all" }), format!("Newcomers can read all of it. {cost}")),
    };
    prompt::confirm(output, "changing what newcomers get", &effect)?;
    let changed = api.patch(path, &json!({ "history": history })).await?;
    output.object(&changed, || format!("Done: {}.", past(&changed)));
    Ok(())
}

/// `group keep`, with what goes before it goes (ST-110).
async fn keep(api: &Api, output: &Output, (group, keep): (Option<&str>, Keep)) -> Result<(), Diagnostic> {
    let group = the_group(api, group).await?;
    let days = match keep {
        Keep::All => None,
        Keep::Days(days) => Some(days),
    };
    if let Some(days) = days {
        let older = count(u64::from(days), "day", "days");
        let effect = format!(
            "What came to this computer more than {older} ago is erased here, now and from now on; it can't be brought \
             back. Others keep their own copies."
        );
        prompt::confirm(output, "erasing what is older", &effect)?;
    }
    let changed = api.put(&format!("/groups/{}/keeping", id_of(&group)), &json!({ "days": days })).await?;
    output.object(&changed, || match days {
        Some(_) => format!(
            "Done: {}.\n{}",
            kept(&changed),
            output.dim("remains on the disk go with the next: coterie store vacuum (with the node down)")
        ),
        None => format!("Done: {}.", kept(&changed)),
    });
    Ok(())
}

/// `group mute` and, without a span, `group unmute` (CV-11).
async fn mute(api: &Api, output: &Output, (group, span): (Option<&str>, Option<MuteFor>)) -> Result<(), Diagnostic> {
    let group = the_group(api, group).await?;
    let wish = match span {
        None => json!({ "on": false }),
        Some(MuteFor::Always) => json!({ "on": true }),
        Some(MuteFor::Span(span)) => {
            json!({ "on": true, "for_ms": u64::try_from(span.as_millis()).unwrap_or(u64::MAX) })
        }
    };
    let changed = api.put(&format!("/groups/{}/mute", id_of(&group)), &wish).await?;
    output.object(&changed, || match muted(&changed) {
        Some(muted) => format!("{}: {muted}. Nobody else is told.", name_of(&changed)),
        None => format!("{} rings again.", name_of(&changed)),
    });
    Ok(())
}

/// Whether a group is muted, in words.
fn muted(group: &Value) -> Option<String> {
    let until = &group["muted_until"];
    match group["muted"].as_bool() {
        Some(true) if until.is_string() => Some(format!("muted until {}", crate::when::day_and_clock(until))),
        Some(true) => Some("muted until you unmute it".to_owned()),
        _ => None,
    }
}

/// For how long one keeps what is said, in words.
fn kept(group: &Value) -> String {
    match group["keep_days"].as_u64() {
        Some(days) => format!("this computer keeps what was said for {}", count(days, "day", "days")),
        None => "this computer keeps all that was said".to_owned(),
    }
}

const fn said_of(admittance: Admittance) -> &'static str {
    match admittance {
        Admittance::AfterConfirm => {
            "Newcomers wait without keys until an organiser confirms them: coterie member confirm MEMBER."
        }
        Admittance::ByLink => "Newcomers take part as soon as they come by a link.",
    }
}

/// What newcomers get, in words.
fn past(group: &Value) -> String {
    match group["history"]["mode"].as_str() {
        Some("all") => "newcomers get all that was said since this was set".to_owned(),
        Some("days") => {
            let days = group["history"]["days"].as_u64().unwrap_or_default();
            format!("newcomers get the last {}", count(days, "day", "days"))
        }
        _ => "newcomers get nothing that was said before they came".to_owned(),
    }
}

fn list(page: &Value) -> String {
    let groups: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
    if groups.is_empty() {
        return "No groups yet.\nnext: coterie group create \"NAME\", or coterie join LINK".to_owned();
    }
    let row = |group: &&Value| {
        vec![name_of(group), group["state"].as_str().unwrap_or_default().replace('_', " "), seats(group), online(group)]
    };
    table(&groups.iter().map(row).collect::<Vec<_>>(), 40)
}

fn seats(group: &Value) -> String {
    format!("{} of {} seats", group["seats"]["occupied"], group["seats"]["total"])
}

fn online(group: &Value) -> String {
    count(group["online"].as_u64().unwrap_or_default(), "member in reach", "members in reach")
}

fn info(output: &Output, group: &Value) -> String {
    let mut lines = vec![output.bold(&name_of(group))];
    if let Some(about) = group["about"].as_str().filter(|about| !about.is_empty()) {
        lines.push(crate::text::line(about));
    }
    let word = |key: &str| group[key].as_str().unwrap_or_default().replace('_', " ");
    lines.push(format!("{}; you are {} here ({})", seats(group), word("role"), word("state")));
    if group["policy"]["require_confirm"] == true {
        lines.push("Newcomers wait until an organiser confirms them.".to_owned());
    }
    lines.push(format!("{} free in your hands; {}", group["seats"]["mine"], online(group)));
    lines.push(past(group));
    lines.extend(group["notice"].as_str().map(|notice| output.bold(&crate::text::line(notice))));
    if group["keep_days"].is_u64() {
        lines.push(kept(group));
    }
    lines.extend(muted(group));
    lines.push(output.dim(&format!("id {}", id_of(group))));
    lines.join("\n")
}

/// `leave`.
///
/// # Errors
/// What the node says, or a missing word.
pub async fn leave(api: &Api, output: &Output, leave: Leave) -> Result<u8, Diagnostic> {
    let group = the_group(api, leave.group.as_deref()).await?;
    let name = group["name"].as_str().unwrap_or_default().to_owned();
    let path = format!("/groups/{}/leave", id_of(&group));
    let effect =
        format!("You give up your seat in {}. This computer forgets its keys; your lines stay.", name_of(&group));
    match leave.confirm.as_deref() {
        Some(typed) => prompt::type_name(output, Some(typed), &name, &effect)?,
        None => prompt::confirm(output, "leaving", &effect)?,
    }
    let left = match api.post(&path, &json!({})).await {
        // The last organiser freezes the group: level 3, the name has to be typed (WD-5).
        Err(mut refused) if refused.code == "last_organiser" => {
            if leave.confirm.is_none() && !output.is_interactive() {
                refused.hints =
                    vec!["coterie member promote MEMBER".into(), format!("coterie leave --confirm {name:?}")];
                return Err(refused);
            }
            prompt::type_name(output, leave.confirm.as_deref(), &name, &refused.why)?;
            api.post(&path, &json!({ "freeze": true })).await?
        }
        answer => answer?,
    };
    output.object(&left, || format!("You left {}.", name_of(&group)));
    Ok(0)
}
