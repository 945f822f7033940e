//! A terminal of 80×24 for the program: what it shows is read, what a person types is written.
//!
//! A pseudo-terminal (`man 4 ptmx`), so that the program sees a real terminal on all three streams; nothing is emulated.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::cluster::SOON;
use crate::eventually;

/// Rows of the window.
pub const ROWS: usize = 24;
/// Columns of the window.
pub const COLUMNS: usize = 80;

/// One run of a command on a terminal.
pub struct Terminal {
    keyboard: File,
    shown: Arc<Mutex<Vec<u8>>>,
    child: Child,
}

impl Terminal {
    /// Starts a command with all three streams on a new terminal.
    ///
    /// # Panics
    /// If the system gives no terminal.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&near).expect("it is ours");
        unlockpt(&near).expect("it opens");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&near, size).expect("it has a size");
        let name = ptsname(&near, Vec::new()).expect("it has a name");
        let far = || -> OwnedFd {
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            rustix::fs::open(name.as_c_str(), flags, Mode::empty()).expect("its other end")
        };
        command.stdin(far()).stdout(far()).stderr(far());
        let child = command.spawn().expect("the program starts");
        // The command holds copies of the far end; the reader ends when the last one is closed.
        drop(command);
        let keyboard = File::from(near);
        let mut screen = keyboard.try_clone().expect("a handle");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                to.lock().expect("no panic elsewhere").extend_from_slice(&bytes[..count]);
            }
        });
        Self { keyboard, shown, child }
    }

    /// What was shown so far, without the colours.
    ///
    /// # Panics
    /// If the reader panicked.
    #[must_use]
    pub fn screen(&self) -> String {
        plain(&String::from_utf8_lossy(&self.shown.lock().expect("no panic elsewhere")))
    }

    /// Waits until this is shown.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        eventually(&format!("the terminal shows {text:?}"), SOON, || {
            let screen = self.screen();
            if screen.contains(text) { Ok(()) } else { Err(screen) }
        });
    }

    /// Types a line and Enter.
    ///
    /// # Panics
    /// If the terminal is gone.
    pub fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).expect("it takes what is typed");
    }

    /// Waits for the end; gives the exit code and all that was shown.
    #[track_caller]
    #[must_use]
    pub fn ends(mut self) -> (Option<i32>, String) {
        let child = &mut self.child;
        let status = eventually("the program ends", SOON, || match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        });
        // The last words are with the reader a moment later.
        let mut seen = String::new();
        eventually("the terminal is quiet", SOON, || {
            let screen = self.screen();
            let quiet = screen == seen && !screen.is_empty();
            seen.clone_from(&screen);
            if quiet { Ok(()) } else { Err(screen) }
        });
        (status.code(), self.screen())
    }
}

/// Without escape sequences and carriage returns.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {},
            '\r' => {}
            _ => out.push(c),
        }
    }
    out
}

/// How many rows a text takes in the window.
#[must_use]
pub fn rows(text: &str) -> usize {
    text.lines().map(|line| line.chars().count().div_ceil(COLUMNS).max(1)).sum()
}
