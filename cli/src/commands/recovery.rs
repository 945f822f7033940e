//! `group recovery`: a new organiser in the place of one who is lost.
//!
//! Whoever is to come after asks; each who keeps a code agrees on the own computer; the answers make the change. A code
//! is never an argument, so it stands in no shell history, and it never leaves the computer it was typed on.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::{count, id_of, name_of, the_group};
use crate::api::Api;
use crate::args::Recovery;
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{prompt, text};

/// Nobody's file of codes or approvals is longer.
const INPUT_BYTES_MAX: u64 = 16 * 1_024;

/// `group recovery …`.
///
/// # Errors
/// What the node says, or a missing word.
pub async fn run(api: &Api, output: &Output, verb: Recovery) -> Result<(), Diagnostic> {
    match verb {
        Recovery::Show { group } => {
            let group = the_group(api, group.as_deref()).await?;
            let found = api.get(&format!("/groups/{}/recovery", id_of(&group))).await?;
            output.object(&found, || state(&group, &found));
        }
        Recovery::Request { group, until } => {
            let group = the_group(api, group.as_deref()).await?;
            // An id is hex digits; whatever else was typed names nothing.
            let digits = |id: String| id.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect::<String>();
            let until = until.map(|id| format!("?until={}", digits(id))).unwrap_or_default();
            let made = api.get(&format!("/groups/{}/recovery/request{until}", id_of(&group))).await?;
            output.object(&made, || line(&made, "request"));
            output.remark(&format!(
                "Send this line to people who keep a recovery code of {}; {} must agree.\n\
                 each of them: coterie group recovery approve REQUEST",
                name_of(&group),
                count(made["threshold"].as_u64().unwrap_or_default(), "code", "codes")
            ));
        }
        Recovery::Approve { request, code_file, anyway } => {
            approve(api, output, (&request, anyway), code_file.as_deref()).await?;
        }
        Recovery::Take { approvals, group } => take(api, output, approvals, group.as_deref()).await?,
    }
    Ok(())
}

/// The codes of a group that was founded just now, on standard output: one a line, to be written down or printed.
pub fn show_codes(output: &Output, group: &Value, threshold: u8) {
    let codes: Vec<&str> = group["recovery_codes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for code in &codes {
        output.line(code);
    }
    output.remark(&format!(
        "These are the recovery codes of {}, shown this once. Give each to another person, on paper.\n\
         If you are lost, {threshold} of the {} can name a new organiser; so choose people who would not do it lightly.",
        name_of(group),
        codes.len()
    ));
}

fn line(value: &Value, key: &str) -> String {
    text::line(value[key].as_str().unwrap_or_default())
}

fn state(group: &Value, found: &Value) -> String {
    let codes = found["codes"].as_u64().unwrap_or_default();
    if codes == 0 {
        return format!(
            "{} has no recovery codes: if its organisers are lost, nobody can be named in their place.\n\
             next: coterie member promote MEMBER",
            name_of(group)
        );
    }
    let organiser = name_of(&found["organiser"]);
    let stands = if found["standing"].as_bool() == Some(true) { "" } else { ", who has left" };
    format!(
        "{} of {} recovery codes can name a new organiser in {} in the place of {organiser}{stands}.",
        found["threshold"],
        codes,
        name_of(group)
    )
}

async fn approve(
    api: &Api,
    output: &Output,
    (request, anyway): (&str, bool),
    code_file: Option<&Path>,
) -> Result<(), Diagnostic> {
    let request = if request == "-" { read(Path::new("-"))? } else { request.to_owned() };
    let asked = api.post("/recovery/look", &json!({ "request": request })).await?;
    let (successor, organiser) = (name_of(&asked["successor"]), name_of(&asked["organiser"]));
    let mut effect =
        format!("{successor} asks to become the organiser of {} in the place of {organiser}.", name_of(&asked));
    effect.push_str("\nAsk them in person whether it is really them, and whether it is true.");
    if let Some(lost) = asked["leaves_out"].as_u64().filter(|lost| *lost > 0) {
        let things = count(lost, "thing that they did would", "things that they did would");
        effect.push_str(&format!("\n{things} not count any more."));
    }
    prompt::confirm(output, "approving", &effect)?;
    let code = match code_file {
        Some(file) => read(file)?,
        None => prompt::secret("Recovery code:").ok_or_else(|| {
            let missing = Diagnostic::usage("a recovery code is needed", "nobody could be asked for it");
            missing.hint("coterie group recovery approve REQUEST --code-file FILE")
        })?,
    };
    let body = json!({ "request": request, "code": code.trim(), "anyway": anyway });
    let approval = api.post("/recovery/approve", &body).await?;
    output.object(&approval, || line(&approval, "approval"));
    output.remark(&format!("Send this line to {successor}. Your code can be used again, so keep it."));
    Ok(())
}

async fn take(api: &Api, output: &Output, given: Vec<String>, group: Option<&str>) -> Result<(), Diagnostic> {
    let group = the_group(api, group).await?;
    let approvals: Vec<String> = if given.iter().any(|one| one == "-") {
        read(Path::new("-"))?.split_whitespace().map(str::to_owned).collect()
    } else {
        given
    };
    let found = api.get(&format!("/groups/{}/recovery", id_of(&group))).await?;
    let organiser = name_of(&found["organiser"]);
    let effect = format!(
        "You become the organiser of {} in the place of {organiser}, who stays a member. Everybody is told.",
        name_of(&group)
    );
    prompt::confirm(output, "taking the organiser's place", &effect)?;
    let path = format!("/groups/{}/recovery/take", id_of(&group));
    let taken = api.post(&path, &json!({ "approvals": approvals })).await?;
    output.object(&taken, || {
        format!(
            "You are the organiser of {} now.\nif {organiser}'s computer was stolen: coterie member remove {organiser:?}",
            name_of(&taken)
        )
    });
    Ok(())
}

/// A small file, or standard input.
fn read(file: &Path) -> Result<String, Diagnostic> {
    let unreadable =
        |why: std::io::Error| Diagnostic::usage(format!("{} can't be read", file.display()), why.to_string());
    let mut found = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut found).map_err(unreadable)?;
    } else {
        let opened = std::fs::File::open(file).map_err(unreadable)?;
        opened.take(INPUT_BYTES_MAX).read_to_string(&mut found).map_err(unreadable)?;
    }
    Ok(found)
}
