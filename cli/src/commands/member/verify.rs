//! `member verify`: what two people compare, and the mark that they did (E-96, E-97).

use serde_json::{Value, json};

use super::super::{id_of, name_of, spoken};
use crate::api::Api;
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{qr, text};

/// What is shown.
pub(super) enum Look {
    /// Number, words and code.
    All,
    /// The words.
    Words,
    /// The code.
    Code,
}

/// What the person says.
pub(super) enum Verdict {
    /// Nothing yet.
    None,
    /// Both screens show the same.
    Same,
    /// What the other screen's code says.
    Code(String),
    /// An earlier comparison is worth nothing.
    Forget,
}

/// Shows what is to be compared, and notes what came out.
pub(super) async fn run(
    api: &Api,
    output: &Output,
    (group, member): (&Value, &Value),
    (look, verdict): (Look, Verdict),
) -> Result<(), Diagnostic> {
    let path = format!("/groups/{}/members/{}", id_of(group), id_of(member));
    let noted = match &verdict {
        Verdict::None => None,
        Verdict::Same => Some(json!({ "same": true })),
        Verdict::Code(code) => Some(json!({ "same": true, "code": code })),
        Verdict::Forget => Some(json!({ "same": false })),
    };
    let name = name_of(member);
    if let Some(noted) = noted {
        let found = api.post(&format!("{path}/verify"), &noted).await?;
        output.object(&found, || match verdict {
            Verdict::Forget => format!("{name} counts as not compared."),
            _ => format!("Noted: this is {name}'s key. If another key ever comes under this name, you are warned."),
        });
        return Ok(());
    }
    let found = api.get(&format!("{path}/safety")).await?;
    output.object(&found, || shown(output, &found, (&name, &look)));
    Ok(())
}

fn shown(output: &Output, found: &Value, (name, look): (&str, &Look)) -> String {
    let words = format!("{name}: {}\nyou: {}", output.bold(&spoken(&found["words"])), spoken(&found["own_words"]));
    let code = found["code"].as_str().unwrap_or_default();
    let drawn = qr::draw_text(code).unwrap_or_default();
    let mut parts = Vec::new();
    if let Some(notice) = found["notice"].as_str() {
        parts.push(output.bold(&text::line(notice)));
    }
    match look {
        Look::Words => parts.push(words),
        Look::Code => parts.push(code.to_owned()),
        Look::All => parts.extend([output.bold(found["number"].as_str().unwrap_or_default()), words]),
    }
    let state = if found["verified"].is_null() { "not compared yet" } else { "compared" };
    parts.push(format!(
        "{name} is {state}. {name} sees the same number and code with: coterie member verify (you)\nBoth the same, heard or \
         seen from them: coterie member verify {name:?} --same"
    ));
    // Last, so that nothing below pushes a part of it off a small terminal.
    if !matches!(look, Look::Words) {
        parts.push(drawn);
    }
    parts.join("\n")
}
