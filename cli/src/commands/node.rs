//! `init`, `up`, `down`, `status`, `doctor`, and the welcome of a first start.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coterie_node::config::Settings;
use coterie_node::daemon;
use serde_json::{Value, json};

use super::locking::{is_locked, open_if_locked};
use super::{count, name_of, profile_flags};
use crate::api::{Api, settings};
use crate::args::{Doctor, Global, Init, Up};
use crate::error::Diagnostic;
use crate::output::{Output, table};
use crate::{prompt, screen, text};

/// How long `up` waits for the node's first answer (SV-4).
const UP_MAX: Duration = Duration::from_secs(10);

/// `coterie` alone: the first start asks a name and starts the node; then the screen opens. Where there can be none,
/// it is said how things stand.
pub async fn welcome(global: &Global, output: &Output) -> Result<u8, Diagnostic> {
    if output.is_json() {
        let why = "with --json there is nobody to show a screen to";
        return Err(Diagnostic::usage("say what to do", why).hint("coterie --help"));
    }
    if !output.is_interactive() {
        let mut help = <crate::args::Arguments as clap::CommandFactory>::command();
        output.line(&help.render_help().to_string());
        return Ok(2);
    }
    let config = settings(global, &[])?;
    if !daemon::has_identity(&config) {
        output.line(&output.bold("Welcome to Coterie: group chat without a server."));
        let name = prompt::name(output)?;
        create(&config, &name, None)?;
        output.line("");
    }
    if Api::connect(global)?.get("/status").await.is_err() {
        let passphrase = if daemon::needs_passphrase(&config) { Some(ask_passphrase(output, UP)?) } else { None };
        start_detached(global, &[], passphrase).await?;
    }
    let api = Api::connect(global)?;
    let status = api.get("/status").await?;
    let status = open_if_locked(&api, output, status, None).await?;
    if !global.plain && !super::chat::is_dumb() {
        return screen::run(api, None, super::chat::look(output)).await;
    }
    output.line(&next_steps(output, &status));
    Ok(0)
}

fn next_steps(output: &Output, status: &Value) -> String {
    let mut lines = vec![table_of(status), String::new()];
    let steps: &[(&str, &str)] = if groups(status).is_empty() {
        &[
            ("coterie group create \"Harbour\"", "found a group"),
            ("coterie invite create --uses 3", "then: a link for three people"),
            ("coterie join LINK", "or join by a link you were given"),
        ]
    } else {
        &[
            ("coterie tail -f", "read along"),
            ("coterie send \"Good morning.\"", "say something"),
            ("coterie invite create", "let somebody in"),
        ]
    };
    lines.extend(steps.iter().map(|(command, what)| format!("  {command:<34}{}", output.dim(what))));
    lines.push(String::new());
    lines.push(format!("  {:<34}{}", "coterie --help", output.dim("everything else")));
    lines.push(format!("  {:<34}{}", "coterie down", output.dim("stop the node")));
    lines.join("\n")
}

fn groups(status: &Value) -> Vec<&Value> {
    status["groups"].as_array().into_iter().flatten().collect()
}

/// The sentence, a line for each group, and what should be looked at.
fn table_of(status: &Value) -> String {
    let row = |group: &&Value| {
        vec![
            name_of(group),
            format!("{} of 100 seats", group["seated"]),
            format!("{} in reach", group["online"]),
            match group["waiting"]["messages"].as_u64().unwrap_or_default() {
                0 => String::new(),
                waiting => format!("{} waiting", count(waiting, "message", "messages")),
            },
        ]
    };
    let rows: Vec<Vec<String>> = groups(status).iter().map(row).collect();
    let mut lines = vec![sentence(status)];
    if !rows.is_empty() {
        lines.push(table(&rows, 40));
    }
    for alert in status["alerts"].as_array().into_iter().flatten() {
        let word = |value: &Value| text::line(value.as_str().unwrap_or_default());
        lines.push(format!("! {}: {}", word(&alert["what"]), word(&alert["why"])));
        lines.push(format!("    try: {}", word(&alert["try"][0])));
    }
    lines.join("\n")
}

/// The one of `status`; "Alone" alone would sound sad on a first start.
fn sentence(status: &Value) -> String {
    if status["state"] == "alone" && groups(status).is_empty() {
        return "Your node is running. You are in no group yet.".to_owned();
    }
    text::line(status["sentence"].as_str().unwrap_or("Running."))
}

pub(super) fn read_passphrase(from: &Path) -> Result<String, Diagnostic> {
    let read = if from == Path::new("-") {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    } else {
        std::fs::read_to_string(from)
    };
    let text = read.map_err(|why| {
        Diagnostic::usage(format!("can't read the passphrase from {}", from.display()), why.to_string())
    })?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    if line.is_empty() {
        return Err(Diagnostic::usage("the passphrase is empty", format!("the first line of {} is", from.display())));
    }
    Ok(line)
}

fn create(config: &Settings, name: &str, passphrase: Option<&str>) -> Result<Value, Diagnostic> {
    let made = daemon::init(config, name, passphrase).map_err(|problem| Api::explain(&problem))?;
    Ok(serde_json::to_value(made).unwrap_or(Value::Null))
}

/// `init`: identity and folder, nothing else.
pub fn init(global: &Global, output: &Output, init: Init) -> Result<u8, Diagnostic> {
    let config = settings(global, &[])?;
    let name = match init.name {
        Some(name) => name,
        None => prompt::name(output)?,
    };
    let passphrase = init.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    let made = create(&config, &name, passphrase.as_deref())?;
    output.object(&made, || {
        let protected = match passphrase {
            Some(_) => "Your identity is locked with your passphrase. Nobody can reset it.",
            None => "No passphrase: whoever can read your files can be you.",
        };
        format!("Hello, {}. Your identity is on this computer.\n{protected}\nnext: coterie up", name_of(&made))
    });
    Ok(0)
}

/// `up`: in the foreground, or as a process of its own.
pub async fn up(global: &Global, output: &Output, up: Up) -> Result<u8, Diagnostic> {
    if up.foreground {
        return foreground(global, &up).await;
    }
    let api = Api::connect(global)?;
    if let Ok(status) = api.get("/status").await {
        let given = up.passphrase_file.as_deref().map(read_passphrase).transpose()?;
        let status = open_if_locked(&api, output, status, given).await?;
        output.object(&status, || format!("already running (pid {})", status["pid"]));
        return Ok(0);
    }
    let config = settings(global, &up.listen)?;
    if !daemon::has_identity(&config) {
        let none =
            Diagnostic::new("not_found", 5, "there is no identity here yet", config.paths.data.display().to_string());
        return Err(none.hint("coterie init --name NAME"));
    }
    let passphrase = up.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    let passphrase = match passphrase {
        None if daemon::needs_passphrase(&config) => Some(ask_passphrase(output, UP)?),
        given => given,
    };
    let status = start_detached(global, &up.listen, passphrase).await?;
    output.object(&status, || {
        let next =
            if groups(&status).is_empty() { "\nnext: coterie group create \"NAME\", or coterie join LINK" } else { "" };
        format!("{}\n{}{next}", sentence(&status), output.dim(&format!("pid {}", status["pid"])))
    });
    Ok(0)
}

/// What to type where nobody can be asked.
const UP: &str = "coterie up --passphrase-file FILE";

/// Asks for the passphrase in force; `instead` is what to type where nobody can be asked.
pub(super) fn ask_passphrase(output: &Output, instead: &str) -> Result<String, Diagnostic> {
    let locked = || {
        let locked = Diagnostic::new(
            "locked",
            8,
            "your identity is locked",
            "its passphrase is needed, and nobody could be asked",
        );
        locked.hint(instead)
    };
    if !output.is_interactive() {
        return Err(locked());
    }
    prompt::secret("Passphrase:").ok_or_else(locked)
}

async fn foreground(global: &Global, up: &Up) -> Result<u8, Diagnostic> {
    if up.detached {
        // A session of its own, so that closing the terminal doesn't end the node (SV-4).
        let _ = rustix::process::setsid();
    }
    let config = settings(global, &up.listen)?;
    let passphrase = up.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    daemon::run(config, passphrase).await.map_err(|problem| Api::explain(&problem))?;
    Ok(0)
}

/// Starts `up --foreground` as a process of its own and waits for its first answer.
async fn start_detached(global: &Global, listen: &[String], passphrase: Option<String>) -> Result<Value, Diagnostic> {
    let program = std::env::current_exe().map_err(|why| Diagnostic::internal(&why.to_string()))?;
    let mut command = Command::new(program);
    command.args(["up", "--foreground", "--detached", "--json"]).args(profile_flags(global));
    command.args(listen.iter().flat_map(|address| ["--listen", address.as_str()]));
    command.stdout(Stdio::null()).stderr(Stdio::piped()).stdin(Stdio::null());
    if passphrase.is_some() {
        command.args(["--passphrase-file", "-"]).stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(|why| Diagnostic::internal(&why.to_string()))?;
    if let (Some(passphrase), Some(mut stdin)) = (passphrase, child.stdin.take()) {
        let _ = writeln!(stdin, "{passphrase}");
    }
    let api = Api::connect(global)?;
    let start = Instant::now();
    loop {
        if let Ok(status) = api.get("/status").await
            && status["state"] != "starting"
        {
            return Ok(status);
        }
        if let Ok(Some(_)) = child.try_wait() {
            return Err(why_it_ended(child));
        }
        if start.elapsed() > UP_MAX {
            let why = "it may still be opening its store";
            let late = Diagnostic::new("node_starting", 3, "the node didn't answer in 10 seconds", why);
            return Err(late.hint("coterie status").hint("coterie up --foreground"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn why_it_ended(child: Child) -> Diagnostic {
    let said = child.wait_with_output().map(|output| output.stderr).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rfind(|line| line.starts_with('{')).and_then(|line| serde_json::from_str(line).ok());
    last.map_or_else(|| Diagnostic::internal(said.trim()), |body: Value| Diagnostic::from_api(&body))
}

/// `down`: stops the node and waits until its process is gone, so that the next `up` finds the
/// profile free: the socket falls silent a little earlier than the store is closed.
pub async fn down(global: &Global, output: &Output) -> Result<u8, Diagnostic> {
    let api = Api::connect(global)?;
    let status = match api.get("/status").await {
        Err(gone) if gone.code == "node_down" => {
            let answer = json!({ "schema": "coterie.down/1", "was_running": false });
            output.object(&answer, || "It isn't running.".to_owned());
            return Ok(0);
        }
        status => status?,
    };
    let answer = api.post("/shutdown", &json!({})).await?;
    let pid = status["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    let start = Instant::now();
    while (api.get("/status").await.is_ok() || is_running(pid)) && start.elapsed() < UP_MAX {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if is_running(pid) {
        let late = Diagnostic::new("busy", 1, "the node didn't stop in 10 seconds", "it is still ending what it does");
        return Err(late.hint("coterie down").hint("coterie status"));
    }
    output.object(&answer, || "Stopped.".to_owned());
    Ok(0)
}

/// Whether the process still runs. One that has ended and waits for its parent to notice (state
/// `Z` in Linux's `/proc`) holds nothing any more.
fn is_running(pid: Option<i32>) -> bool {
    let Some(process) = pid.and_then(rustix::process::Pid::from_raw) else { return false };
    let state = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    let ended = state.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')));
    !ended && rustix::process::test_kill_process(process).is_ok()
}

/// `status`.
pub async fn status(global: &Global, output: &Output) -> Result<u8, Diagnostic> {
    let status = Api::connect(global)?.get("/status").await?;
    output.object(&status, || match groups(&status).len() {
        _ if is_locked(&status) => format!("{}\nnext: coterie identity unlock", table_of(&status)),
        0 => format!("{}\nnext: coterie group create \"NAME\", or coterie join LINK", table_of(&status)),
        _ => table_of(&status),
    });
    Ok(0)
}

/// `doctor`: exit 0 if nothing is wrong, 1 if something is.
pub async fn doctor(global: &Global, output: &Output, wanted: &Doctor) -> Result<u8, Diagnostic> {
    let path = if wanted.deep { "/doctor?deep=true" } else { "/doctor" };
    let report = Api::connect(global)?.get(path).await?;
    let checks: Vec<&Value> = report["checks"].as_array().into_iter().flatten().collect();
    output.object(&report, || {
        let line = |check: &&Value| {
            let mark = match check["state"].as_str() {
                Some("ok") => "✓",
                Some("warn") => "!",
                _ => "✗",
            };
            let fix = check["fix"].as_str().map(|fix| format!("\n    try: {fix}")).unwrap_or_default();
            format!("{mark} {}{fix}", check["text"].as_str().unwrap_or_default())
        };
        checks.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(u8::from(checks.iter().any(|check| check["state"] == "fail")))
}
