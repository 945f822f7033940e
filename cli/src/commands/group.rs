//! `group` and `leave`.

use serde_json::{Value, json};

use super::{count, id_of, name_of, the_group};
use crate::api::Api;
use crate::args::{Group, Leave};
use crate::error::Diagnostic;
use crate::output::{Output, table};
use crate::prompt;

/// `group …`.
///
/// # Errors
/// What the node says, or a name that fits nothing.
pub async fn run(api: &Api, output: &Output, verb: Group) -> Result<u8, Diagnostic> {
    match verb {
        Group::Create { name, about } => {
            let group = api.post("/groups", &json!({ "name": name, "about": about })).await?;
            output.object(&group, || {
                format!(
                    "{} is founded. You are in seat 0 of 100.\nnext: coterie invite create --uses 3",
                    output.bold(&name_of(&group))
                )
            });
        }
        Group::List => {
            let page = api.get("/groups").await?;
            output.object(&page, || list(&page));
        }
        Group::Info { group } => {
            let group = the_group(api, group.as_deref()).await?;
            let group = api.get(&format!("/groups/{}", id_of(&group))).await?;
            output.object(&group, || info(output, &group));
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
    lines.push(format!("{} free in your hands; {}", group["seats"]["mine"], online(group)));
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
