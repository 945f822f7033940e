//! `identity`: who one is, and what keeps that when the computer is lost: a backup, a restore, another passphrase.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use coterie_node::daemon;
use serde_json::{Value, json};

use super::node::read_passphrase;
use super::{count, locking, name_of};
use crate::api::{Api, settings};
use crate::args::{Backup, Global, Identity, Passphrase, Restore};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{prompt, text};

/// No backup is larger; what is, is not one.
const BACKUP_BYTES_MAX: u64 = 1 << 30;

/// `identity …`.
pub async fn run(global: &Global, output: &Output, verb: Identity) -> Result<u8, Diagnostic> {
    let api = || Api::connect(global);
    let identity = match verb {
        Identity::Show => api()?.get("/identity").await?,
        Identity::Fingerprint => {
            let found = api()?.get("/identity/fingerprint").await?;
            output.object(&found, || {
                format!(
                    "{}\nkey {}",
                    output.bold(&super::spoken(&found["words"])),
                    found["key"].as_str().unwrap_or_default()
                )
            });
            return Ok(0);
        }
        Identity::Here => {
            let effect = "This computer opens a new installation and goes on. A copy on another computer falls silent.";
            prompt::confirm(output, "going on here", effect)?;
            api()?.post("/identity/installation", &json!({})).await?
        }
        Identity::Rename { name } => api()?.patch("/identity", &json!({ "name": name })).await?,
        Identity::Backup(wanted) => return backup(&api()?, output, wanted).await,
        Identity::Restore(wanted) => return restore(global, output, &wanted),
        Identity::Passphrase(wanted) => return passphrase(&api()?, output, &wanted).await,
        Identity::Lock => return locking::lock(&api()?, output).await,
        Identity::Unlock(wanted) => return locking::unlock(&api()?, output, &wanted).await,
    };
    output.object(&identity, || {
        format!("{}\nkey {}", output.bold(&name_of(&identity)), identity["key"].as_str().unwrap_or_default())
    });
    Ok(0)
}

async fn backup(api: &Api, output: &Output, wanted: Backup) -> Result<u8, Diagnostic> {
    let Backup { file, with_history, passphrase_file } = wanted;
    if file.exists() {
        return Err(Diagnostic::usage("no backup was made", format!("{} exists already", file.display()))
            .hint("give it a name that is free"));
    }
    let chosen = match passphrase_file {
        Some(from) => read_passphrase(&from)?,
        None => new_passphrase(output, "A passphrase for this backup:", "--passphrase-file FILE")?,
    };
    let bytes = api.fetch("/identity/backup", &json!({ "passphrase": chosen, "history": with_history })).await?;
    write_new(&file, &bytes).map_err(|why| {
        let diagnostic = Diagnostic::usage("no backup was made", format!("{}: {why}", file.display()));
        diagnostic.hint("choose a folder that you may write to")
    })?;
    let made = json!({
        "schema": "coterie.backup/1", "file": file.display().to_string(), "bytes": bytes.len(), "history": with_history,
    });
    output.object(&made, || {
        let what = if with_history {
            "your identity, groups, contacts and what was said"
        } else {
            "your identity, groups and contacts"
        };
        format!(
            "{}: {what}, encrypted ({} KiB). Without its passphrase nobody can read it, you neither.\n{}",
            file.display(),
            bytes.len().div_ceil(1_024),
            output.dim("to come back: coterie identity restore FILE")
        )
    });
    Ok(0)
}

/// A file that others may not read, whole on the disk or not there.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a backup is worse than none.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn restore(global: &Global, output: &Output, wanted: &Restore) -> Result<u8, Diagnostic> {
    let config = settings(global, &[])?;
    let bytes = read_backup(&wanted.file)?;
    let given = match &wanted.passphrase_file {
        Some(from) => read_passphrase(from)?,
        None if output.is_interactive() => {
            prompt::secret("The backup's passphrase:").ok_or_else(|| missing("--passphrase-file FILE"))?
        }
        None => return Err(missing("--passphrase-file FILE")),
    };
    let new = wanted.new_passphrase_file.as_deref().map(read_passphrase).transpose()?;
    let restored =
        daemon::restore(&config, &bytes, &given, new.as_deref()).map_err(|problem| Api::explain(&problem))?;
    let restored = serde_json::to_value(restored).unwrap_or(Value::Null);
    output.object(&restored, || {
        let names: Vec<String> =
            restored["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).map(text::line).collect();
        let groups = match names.len() {
            0 => "You were in no group.".to_owned(),
            n => format!("{}: {}.", count(n as u64, "group", "groups"), names.join(", ")),
        };
        format!(
            "Welcome back, {}. {groups}\nThis is a new installation: others see that, and it speaks once a member was \
             in reach.\nIf the old computer still runs somewhere, stop it there: coterie down\nnext: coterie up",
            name_of(&restored)
        )
    });
    Ok(0)
}

fn read_backup(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let unreadable = |why: String| {
        Diagnostic::usage("nothing was restored", format!("{}: {why}", path.display()))
            .hint("coterie identity restore FILE")
    };
    match std::fs::metadata(path) {
        Ok(found) if found.len() > BACKUP_BYTES_MAX => return Err(unreadable("it is too large for a backup".into())),
        Ok(_) => {}
        Err(why) => return Err(unreadable(why.to_string())),
    }
    std::fs::read(path).map_err(|why| unreadable(why.to_string()))
}

async fn passphrase(api: &Api, output: &Output, wanted: &Passphrase) -> Result<u8, Diagnostic> {
    let identity = api.get("/identity").await?;
    let old = match &wanted.passphrase_file {
        Some(from) => Some(read_passphrase(from)?),
        None if identity["protected"] != "passphrase" => None,
        None if output.is_interactive() => {
            Some(prompt::secret("The passphrase in force:").ok_or_else(|| missing("--passphrase-file FILE"))?)
        }
        None => return Err(missing("--passphrase-file FILE")),
    };
    let new = match &wanted.new_passphrase_file {
        _ if wanted.remove => None,
        Some(from) => Some(read_passphrase(from)?),
        None => Some(new_passphrase(output, "The new passphrase:", "--new-passphrase-file FILE, or --remove")?),
    };
    let done = api.post("/identity/passphrase", &json!({ "old": old, "new": new })).await?;
    output.object(&done, || match new {
        Some(_) => "Done. From the next start on the new passphrase is asked for. Nobody can reset it.".to_owned(),
        None => "Done. No passphrase is asked for any more: whoever has this disk has your identity.".to_owned(),
    });
    Ok(0)
}

/// Asks twice, for nobody sees what is typed.
fn new_passphrase(output: &Output, question: &str, flag: &str) -> Result<String, Diagnostic> {
    if !output.is_interactive() {
        return Err(missing(flag));
    }
    let first = prompt::secret(question).ok_or_else(|| missing(flag))?;
    let second = prompt::secret("Once more:").ok_or_else(|| missing(flag))?;
    if first == second {
        return Ok(first);
    }
    Err(Diagnostic::usage("the passphrase was not taken", "the two are not the same"))
}

fn missing(flag: &str) -> Diagnostic {
    let missing = Diagnostic::new("locked", 8, "a passphrase is missing", "nobody could be asked");
    missing.hint(format!("add {flag}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_backup_is_for_its_owner_alone_and_never_overwrites() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("backup");
        write_new(&path, b"bytes").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_new(&path, b"other").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"bytes");
    }
}
