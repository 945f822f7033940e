//! `identity lock` and `unlock`: the node goes on running and knows nothing until the passphrase is given (ST-67).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::node::{ask_passphrase, read_passphrase};
use crate::api::Api;
use crate::args::Unlock;
use crate::error::Diagnostic;
use crate::output::Output;

/// How long the node may take to close its store, or to open it.
const TURN_MAX: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// `identity lock`.
pub async fn lock(api: &Api, output: &Output) -> Result<u8, Diagnostic> {
    if is_locked(&api.get("/status").await?) {
        output.object(&locked(), || "It is locked already.".to_owned());
        return Ok(0);
    }
    api.post("/identity/lock", &json!({})).await?;
    until(api, "the node still has your keys", is_locked).await?;
    output.object(&locked(), || {
        "Locked. Nothing is read, sent or fetched until the passphrase is given.\nnext: coterie identity unlock"
            .to_owned()
    });
    Ok(0)
}

/// `identity unlock`.
pub async fn unlock(api: &Api, output: &Output, wanted: &Unlock) -> Result<u8, Diagnostic> {
    let status = api.get("/status").await?;
    if !is_locked(&status) {
        output.object(&open(), || "It isn't locked.".to_owned());
        return Ok(0);
    }
    let given = wanted.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    open_if_locked(api, output, status, given).await?;
    output.object(&open(), || "Unlocked.".to_owned());
    Ok(0)
}

/// Asks for the passphrase where the node waits for it; gives the status behind it.
pub async fn open_if_locked(
    api: &Api,
    output: &Output,
    status: Value,
    given: Option<String>,
) -> Result<Value, Diagnostic> {
    if !is_locked(&status) {
        return Ok(status);
    }
    let passphrase = match given {
        Some(given) => given,
        None => ask_passphrase(output, "coterie identity unlock --passphrase-file FILE")?,
    };
    api.post("/identity/unlock", &json!({ "passphrase": passphrase })).await?;
    until(api, "the store is still being opened", |status| !is_locked(status) && status["state"] != "starting").await
}

/// Whether the node waits for the passphrase.
pub fn is_locked(status: &Value) -> bool {
    status["state"] == "locked"
}

async fn until(api: &Api, why: &str, reached: impl Fn(&Value) -> bool) -> Result<Value, Diagnostic> {
    let start = Instant::now();
    loop {
        let status = api.get("/status").await?;
        if reached(&status) {
            return Ok(status);
        }
        if start.elapsed() > TURN_MAX {
            let late = Diagnostic::new("node_starting", 3, "the node takes longer than 10 seconds", why);
            return Err(late.hint("coterie status"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn locked() -> Value {
    json!({ "schema": "coterie.lock/1", "locked": true })
}

fn open() -> Value {
    json!({ "schema": "coterie.lock/1", "locked": false })
}
