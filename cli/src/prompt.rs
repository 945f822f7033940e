//! Questions to a person, only on a terminal; every question also has a flag (DG-1).

use std::io::Write;

use crate::error::Diagnostic;
use crate::output::Output;

/// Asks for one line.
///
/// # Errors
/// If nobody can be asked.
pub fn ask(output: &Output, question: &str, missing: &str) -> Result<String, Diagnostic> {
    if !output.is_interactive() {
        return Err(Diagnostic::usage(missing, "this isn't a terminal, so nobody could be asked"));
    }
    let _ = write!(std::io::stderr().lock(), "{question} ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|why| Diagnostic::internal(&why.to_string()))?;
    Ok(answer.trim().to_owned())
}

/// The name that groups will see; Enter alone takes the one this computer knows. Asks again for what can't be a name.
///
/// # Errors
/// If nobody can be asked, or nothing more comes.
pub fn name(output: &Output) -> Result<String, Diagnostic> {
    let missing =
        || Diagnostic::usage("a name is missing", "it is what groups will see").hint("coterie init --name NAME");
    if !output.is_interactive() {
        return Err(missing());
    }
    let usual = std::env::var("USER").ok().filter(|name| fits(name) && name != "root");
    let question = match &usual {
        Some(usual) => format!("What should people call you? [{usual}]"),
        None => "What should people call you?".to_owned(),
    };
    for _ in 0..NAME_TRIES {
        match (ask(output, &question, "a name")?, &usual) {
            (typed, Some(usual)) if typed.is_empty() => return Ok(usual.clone()),
            (typed, _) if fits(&typed) => return Ok(typed),
            _ => output.remark("A name has 1 to 64 bytes."),
        }
    }
    Err(missing())
}

/// How often a name is asked for.
const NAME_TRIES: usize = 3;

fn fits(name: &str) -> bool {
    (1..=64).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Danger levels 1 and 2: says what happens, then asks; Enter alone is no.
///
/// # Errors
/// If nobody can be asked and `--yes` is missing, or the answer is no.
pub fn confirm(output: &Output, what: &str, effect: &str) -> Result<(), Diagnostic> {
    if output.says_yes() {
        return Ok(());
    }
    if !output.is_interactive() {
        return Err(Diagnostic::needs_yes(what));
    }
    output.remark(effect);
    match ask(output, "Go on? [y/N]", what)?.to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Diagnostic::new("cancelled", 1, format!("{what}: not done"), "you said no")),
    }
}

/// Danger level 3: the name has to be typed, or given by `--confirm`.
///
/// # Errors
/// If it is missing or another name.
pub fn type_name(output: &Output, given: Option<&str>, name: &str, effect: &str) -> Result<(), Diagnostic> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if output.is_interactive() => {
            output.remark(effect);
            ask(output, &format!("Type {name:?} to go on:"), name)?
        }
        None => {
            let missing = Diagnostic::usage("this needs the name, typed", effect);
            return Err(missing.hint(format!("add --confirm {name:?}")));
        }
    };
    if typed == name {
        return Ok(());
    }
    Err(Diagnostic::usage("not done", format!("the name is {name:?}, not {typed:?}")))
}

/// Asks for a passphrase without showing it; nothing if nobody can be asked or the person gives up.
#[must_use]
pub fn secret(question: &str) -> Option<String> {
    use crossterm::event::{Event, KeyCode, KeyModifiers, read};
    let _ = write!(std::io::stderr().lock(), "{question} ");
    let _ = std::io::stderr().flush();
    crossterm::terminal::enable_raw_mode().ok()?;
    let mut typed = String::new();
    let answer = loop {
        match read() {
            Ok(Event::Key(key)) => match key.code {
                KeyCode::Enter => break Some(typed),
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => break None,
                KeyCode::Esc => break None,
                KeyCode::Backspace => drop(typed.pop()),
                KeyCode::Char(c) => typed.push(c),
                _ => {}
            },
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    let _ = crossterm::terminal::disable_raw_mode();
    let _ = writeln!(std::io::stderr().lock());
    answer.filter(|typed| !typed.is_empty())
}
