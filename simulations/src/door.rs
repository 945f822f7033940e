//! The one door to terminal, files and the real clock. Nothing in a run comes this way.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

/// A line for the person or the next program.
#[expect(clippy::print_stdout, reason = "the program's output goes through here")]
pub(crate) fn say(line: &str) {
    println!("{}", plain(line));
}

/// A line about trouble.
#[expect(clippy::print_stderr, reason = "the program's complaints go through here")]
pub(crate) fn complain(line: &str) {
    eprintln!("{}", plain(line));
}

/// Files are written by anybody: what would steer a terminal is shown, not obeyed (SEC-10).
fn plain(line: &str) -> String {
    let is_odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    line.chars().map(|c| if is_odd(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A line that the next one replaces; only where somebody watches.
pub(crate) fn progress(line: &str) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        // A terminal that went away is no reason to stop.
        let _ = write!(err, "\r\x1b[K{line}");
        let _ = err.flush();
    }
}

/// The text of a file, or of the standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let outcome = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(64 << 20).read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    outcome.map_err(|error| format!("{}: {error}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{}:1:1: SCN-01 not UTF-8", path.display()))
}

/// Writes a file, with the folders above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// How long a campaign has been going on.
pub(crate) struct Stopwatch(Start);

#[expect(clippy::disallowed_types, reason = "how long a campaign may take is real time; no run sees it")]
type Start = std::time::Instant;

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self(Start::now())
    }

    /// Milliseconds since the start.
    pub(crate) fn ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A seed as people write it: decimal or hex, with underscores.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    let plain = text.replace('_', "");
    let parsed = match plain.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => plain.parse(),
    };
    parsed.map_err(|_| format!("{text} is no seed"))
}

/// Milliseconds of processor time since the start: on a machine that does other things too, what a run takes is this.
pub(crate) struct Effort {
    began_ms: Option<u64>,
    watch: Stopwatch,
}

impl Effort {
    pub(crate) fn start() -> Self {
        Self { began_ms: Self::spent_ms(), watch: Stopwatch::start() }
    }

    /// Where the system does not say it, the time that has passed.
    pub(crate) fn ms(&self) -> u64 {
        let spent = self.began_ms.and_then(|began| Some(Self::spent_ms()?.saturating_sub(began)));
        spent.unwrap_or_else(|| self.watch.ms())
    }

    /// What the thread has had so far: the first of the numbers that Linux keeps of it is in nanoseconds.
    fn spent_ms() -> Option<u64> {
        let kept = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        kept.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|ns| ns / 1_000_000)
    }
}
