//! What is printed, where, and how: one door to standard output and error.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;

use crate::args::{Color, Global};
use crate::error::Diagnostic;
use crate::text;

/// How this run prints.
pub struct Output {
    json: bool,
    quiet: bool,
    colour: bool,
    interactive: bool,
    yes: bool,
}

impl Output {
    /// From the flags, the environment's `NO_COLOR` and what standard output is.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let asked_off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !asked_off && !global.plain && !global.json,
        };
        let interactive = !global.no_input && !global.json && std::io::stdin().is_terminal() && terminal;
        Self { json: global.json, quiet: global.quiet, colour, interactive, yes: global.yes }
    }

    /// Whether JSON was asked for.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether remarks are unwanted.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a person can be asked.
    #[must_use]
    pub const fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Whether colours are wanted.
    #[must_use]
    pub const fn is_coloured(&self) -> bool {
        self.colour
    }

    /// Whether every question is answered with yes.
    #[must_use]
    pub const fn says_yes(&self) -> bool {
        self.yes
    }

    /// One object for a script, or a text for a person. Failing to print (a closed pipe) ends nothing.
    pub fn object(&self, value: &Value, human: impl FnOnce() -> String) {
        let text = if self.json { value.to_string() } else { human() };
        if !text.is_empty() {
            write_line(&mut std::io::stdout().lock(), text.trim_end_matches('\n'));
        }
    }

    /// A line to standard output as it is.
    pub fn line(&self, text: &str) {
        write_line(&mut std::io::stdout().lock(), text);
    }

    /// A remark beside the result: to standard error, not with `--json` or `--quiet`.
    pub fn remark(&self, text: &str) {
        if !self.json && !self.quiet {
            write_line(&mut std::io::stderr().lock(), text);
        }
    }

    /// An error, in the form that was asked for; gives its exit code.
    #[must_use]
    pub fn fail(&self, diagnostic: &Diagnostic) -> ExitCode {
        let text = if self.json { diagnostic.to_json().to_string() } else { render(diagnostic) };
        write_line(&mut std::io::stderr().lock(), &text);
        ExitCode::from(diagnostic.exit)
    }

    /// Emphasis, where colour is on.
    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Less important, where colour is on.
    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// What the parser of the command line says: help to standard output with 0, a mistake to standard error with 2, as an
/// object if one was asked for (JS-3).
pub fn explain(wrong: &clap::Error) -> ExitCode {
    let code = ExitCode::from(if wrong.use_stderr() { 2 } else { 0 });
    if wrong.use_stderr() && std::env::args_os().any(|word| word == "--json") {
        let said = wrong.to_string();
        let first = said.lines().next().unwrap_or_default();
        let what = first.strip_prefix("error: ").unwrap_or(first);
        let usage = Diagnostic::usage(what, "the command line is not complete, or has a part that is not known");
        write_line(&mut std::io::stderr().lock(), &usage.hint("coterie --help").to_json().to_string());
        return code;
    }
    let _ = wrong.print();
    code
}

fn render(diagnostic: &Diagnostic) -> String {
    let mut lines = vec![format!("error: {}", text::line(&diagnostic.what))];
    if !diagnostic.why.is_empty() {
        lines.push(format!(" why:  {}", text::line(&diagnostic.why)));
    }
    for (number, hint) in diagnostic.hints.iter().enumerate() {
        lines.push(format!(" {}  {}", if number == 0 { "try:" } else { "    " }, text::line(hint)));
    }
    lines.join("\n")
}

fn write_line(to: &mut impl Write, text: &str) {
    let _ = writeln!(to, "{text}");
    let _ = to.flush();
}

/// A table with columns as wide as needed, at most `max` each; cells are cleaned.
#[must_use]
pub fn table(rows: &[Vec<String>], max: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cleaned: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| text::line(cell)).collect()).collect();
    let widths: Vec<usize> = (0..columns)
        .map(|n| cleaned.iter().filter_map(|row| row.get(n)).map(|cell| text::width(cell).min(max)).max().unwrap_or(0))
        .collect();
    let render = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| text::pad(cell, width.max(1))).collect();
        cells.join("  ").trim_end().to_owned()
    };
    cleaned.iter().map(render).collect::<Vec<_>>().join("\n")
}
