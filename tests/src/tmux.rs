//! A real terminal of a known size, with `tmux`: what stands on its screen, not what was sent to it. A bare
//! pseudo-terminal would not do, because it answers no questions and places no cursor.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::SOON;
use crate::eventually;

/// Whether there is a `tmux` here.
#[must_use]
pub fn is_here() -> bool {
    Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success())
}

/// A program on a terminal of its own.
pub struct Screen {
    server: String,
}

impl Screen {
    /// Starts a program with exactly its environment.
    ///
    /// # Panics
    /// If `tmux` can't be started.
    #[must_use]
    pub fn start(command: &Command, (columns, rows): (u16, u16)) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = format!("coterie-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let screen = Self { server };
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy().replace('\'', r"'\''"));
        let mut line = "env -i TERM=tmux-256color LANG=C.UTF-8".to_owned();
        for (name, value) in command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            line.push_str(&format!(" {}={}", name.to_string_lossy(), quoted(value)));
        }
        for word in std::iter::once(command.get_program()).chain(command.get_args()) {
            line.push(' ');
            line.push_str(&quoted(word));
        }
        // What it prints last stays to be read.
        line.push_str("; echo \"ended with $?\"; sleep 600");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let begun = screen.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows, &line]);
        assert!(begun.status.success(), "tmux starts: {begun:?}");
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux").args(["-u", "-L", &self.server]).args(arguments).output().expect("tmux runs")
    }

    /// What stands on the screen now.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    /// Waits until a text stands on the screen.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        eventually(&format!("{text:?} on the screen"), SOON, || {
            let screen = self.text();
            if screen.contains(text) { Ok(()) } else { Err(screen) }
        });
    }

    /// Types a text as it is.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Presses a key by `tmux`'s name for it: `Enter`, `Escape`, `C-n`, `M-Down`.
    pub fn presses(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Makes the window another size.
    pub fn resizes(&self, columns: u16, rows: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
