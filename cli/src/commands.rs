//! The table of verbs: each goes to one small function, which asks the node and says what changed.

mod chat;
mod conversation;
mod export;
mod group;
mod identity;
mod invite;
mod locking;
mod log;
mod media;
mod member;
mod message;
mod node;
mod place;
mod recovery;
mod search;
mod store;

pub use log::Log;

use serde_json::Value;

use crate::api::Api;
use crate::args::{Arguments, Global, Verb};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::text;

/// Runs what was typed; gives the exit code.
///
/// # Errors
/// A [`Diagnostic`] for whatever keeps it from being done.
pub async fn run(arguments: Arguments, output: &Output) -> Result<u8, Diagnostic> {
    let global = &arguments.global;
    let Some(verb) = arguments.verb else { return node::welcome(global, output).await };
    match verb {
        Verb::Init(init) => node::init(global, output, init),
        Verb::Up(up) => node::up(global, output, up).await,
        Verb::Down => node::down(global, output).await,
        Verb::Status => node::status(global, output).await,
        Verb::Doctor(doctor) => node::doctor(global, output, &doctor).await,
        Verb::Identity(verb) => identity::run(global, output, verb).await,
        Verb::Store(verb) => store::run(global, output, verb),
        Verb::Group(verb) => group::run(&Api::connect(global)?, output, verb).await,
        Verb::Leave(leave) => group::leave(&Api::connect(global)?, output, leave).await,
        Verb::Invite(verb) => invite::run(&Api::connect(global)?, output, verb).await,
        Verb::Join(join) => invite::join(&Api::connect(global)?, output, join, global.timeout).await,
        Verb::Member(verb) => member::run(&Api::connect(global)?, output, verb).await,
        Verb::Chat(chat) => chat::run(Api::connect(global)?, output, (global, chat)).await,
        Verb::Send(send) => message::send(&Api::connect(global)?, output, send, global.timeout).await,
        Verb::Edit(edit) => conversation::edit(&Api::connect(global)?, output, edit).await,
        Verb::Delete(delete) => conversation::delete(&Api::connect(global)?, output, delete).await,
        Verb::React(react) => conversation::react(&Api::connect(global)?, output, react).await,
        Verb::Pin(which) => conversation::pin(&Api::connect(global)?, output, &which).await,
        Verb::Unpin(which) => conversation::unpin(&Api::connect(global)?, output, &which).await,
        Verb::Pins(pins) => conversation::pins(&Api::connect(global)?, output, pins).await,
        Verb::Tail(tail) => message::tail(&Api::connect(global)?, output, tail).await,
        Verb::Media(verb) => media::run(&Api::connect(global)?, output, verb).await,
        Verb::Export(wanted) => export::run(&Api::connect(global)?, output, (wanted, global.timeout)).await,
        Verb::Transfers => media::transfers(&Api::connect(global)?, output).await,
        Verb::History(history) => message::history(&Api::connect(global)?, output, history).await,
        Verb::Search(search) => search::run(&Api::connect(global)?, output, search).await,
    }
}

/// The group that is meant: by name or beginning of its id, else by `COTERIE_GROUP`, else the only one (CL-2).
async fn the_group(api: &Api, given: Option<&str>) -> Result<Value, Diagnostic> {
    let page = api.get("/groups").await?;
    let all: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
    let wanted = given.map(str::to_owned).or_else(|| std::env::var_os("COTERIE_GROUP")?.into_string().ok());
    let Some(wanted) = wanted else { return the_only_group(&all) };
    pick(&all, &wanted, "group", "coterie group list").cloned()
}

fn the_only_group(all: &[&Value]) -> Result<Value, Diagnostic> {
    let live: Vec<&&Value> = all.iter().filter(|group| is_live(group)).collect();
    match (live.as_slice(), all) {
        ([only], _) => Ok((**only).clone()),
        ([], [only]) => Ok((*only).clone()),
        ([], []) => {
            let none = Diagnostic::new("not_found", 5, "you are in no group yet", "none was founded or joined here");
            Err(none.hint("coterie group create \"NAME\"").hint("coterie join LINK"))
        }
        _ => {
            let names: Vec<String> = all.iter().map(|group| name_of(group)).collect();
            let several =
                Diagnostic::new("ambiguous", 5, "say which group", format!("you are in {}", names.join(", ")));
            Err(several.hint(format!("add -g {:?}", names.first().cloned().unwrap_or_default())))
        }
    }
}

/// Words to be read out.
fn spoken(words: &Value) -> String {
    words.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn is_live(group: &Value) -> bool {
    !matches!(group["state"].as_str(), Some("left" | "removed" | "seat_lost"))
}

/// The one of `all` that `wanted` names: its name in any letter case, or at least six characters of its id.
fn pick<'a>(all: &[&'a Value], wanted: &str, what: &str, list: &str) -> Result<&'a Value, Diagnostic> {
    let folded = wanted.to_lowercase();
    let by_name = |value: &&&Value| value["name"].as_str().is_some_and(|name| name.to_lowercase() == folded);
    let by_id = |value: &&&Value| folded.len() >= 6 && value["id"].as_str().is_some_and(|id| id.starts_with(&folded));
    let mut found: Vec<&&Value> = all.iter().filter(by_name).collect();
    if found.is_empty() {
        found = all.iter().filter(by_id).collect();
    }
    match found.as_slice() {
        [only] => Ok(**only),
        [] => {
            let near: Vec<String> =
                all.iter().map(|value| name_of(value)).filter(|name| is_near(name, wanted)).collect();
            let known: Vec<String> = all.iter().take(8).map(|value| name_of(value)).collect();
            let why = match near.first() {
                Some(near) => format!("did you mean {near:?}?"),
                None if known.is_empty() => "there is none".to_owned(),
                None => format!("there are {}", known.join(", ")),
            };
            Err(Diagnostic::new("not_found", 5, format!("no {what} {wanted:?}"), why).hint(list))
        }
        several => {
            let ids: Vec<String> = several.iter().map(|value| short(&value["id"])).collect();
            let why = format!("{} {what}s fit: {}", several.len(), ids.join(", "));
            Err(Diagnostic::new("ambiguous", 5, format!("{wanted:?} is not one {what}"), why).hint(list))
        }
    }
}

/// Edit distance of at most two, letter case aside (ER-3).
fn is_near(name: &str, wanted: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) =
        (name.to_lowercase().chars().collect(), wanted.to_lowercase().chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for ((y, diagonal), up) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != y)).min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().is_some_and(|&distance| distance <= 2)
}

fn name_of(value: &Value) -> String {
    text::line(value["name"].as_str().unwrap_or("?"))
}

/// Enough of an id to type it again.
fn short(id: &Value) -> String {
    id.as_str().unwrap_or("?").chars().take(8).collect()
}

fn id_of(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

/// One thing, several things.
fn count(number: u64, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {several}") }
}

/// A global flag that a verb passes on to the process it starts.
fn profile_flags(global: &Global) -> Vec<std::ffi::OsString> {
    let mut flags = Vec::new();
    if let Some(profile) = &global.profile {
        flags.extend(["--profile".into(), profile.into()]);
    }
    if let Some(folder) = &global.data_dir {
        flags.extend(["--data-dir".into(), folder.into()]);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_found_in_any_letter_case_and_ids_by_their_beginning() {
        let (ana, ben) = (json!({"name": "Ana", "id": "abcdefgh"}), json!({"name": "Ben", "id": "abcdefxy"}));
        let all = [&ana, &ben];
        assert_eq!(pick(&all, "ANA", "member", ""), Ok(&ana));
        assert_eq!(pick(&all, "abcdefx", "member", ""), Ok(&ben));
        assert_eq!(pick(&all, "abcdef", "member", "").unwrap_err().code, "ambiguous");
        let near = pick(&all, "Bem", "member", "coterie member list").unwrap_err();
        assert_eq!((near.code.as_str(), near.exit, near.why.as_str()), ("not_found", 5, "did you mean \"Ben\"?"));
    }

    #[test]
    fn one_group_is_meant_without_being_named_and_several_are_listed() {
        let (live, gone) = (json!({"name": "A", "state": "member"}), json!({"name": "B", "state": "left"}));
        assert_eq!(the_only_group(&[&live, &gone]), Ok(live.clone()));
        assert_eq!(the_only_group(&[&live, &live]).unwrap_err().code, "ambiguous");
        assert_eq!(the_only_group(&[]).unwrap_err().exit, 5);
    }
}
