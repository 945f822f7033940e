//! A person's node as a machine sees it: on a disk of choice, started without ceremony, perhaps refusing to.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Person;
use crate::socket::Socket;

/// How a start ended.
#[derive(Debug)]
pub enum Rise {
    /// It answers; how long that took.
    Up(Duration),
    /// It ended by itself; what it said.
    Refused(ExitStatus, String),
    /// Neither within the time.
    Stuck(String),
}

impl Person {
    /// Somebody whose home lies in this folder, with an identity.
    ///
    /// # Panics
    /// If there is no room.
    #[must_use]
    #[track_caller]
    pub fn new_in(folder: &Path, name: &str) -> Self {
        let home = tempfile::Builder::new().prefix("coterie-").tempdir_in(folder).expect("a temporary folder");
        let person = Self { name: name.to_owned(), home, node: None };
        person.block(&[]);
        person.ok(&["init", "--name", name]);
        person
    }

    /// Sets the data folder back to a copy of it. The folder itself stays, for a node knows its place by it (ST-101).
    ///
    /// # Panics
    /// If it can't be done.
    pub fn set_back(&self, copy: &Path) {
        for entry in std::fs::read_dir(self.data()).expect("a data folder").flatten() {
            let removed = Command::new("rm").arg("-rf").arg(entry.path()).status();
            assert!(removed.is_ok_and(|status| status.success()), "{} goes", entry.path().display());
        }
        super::copy_files(copy, &self.data());
    }

    /// The way to the node without the program.
    #[must_use]
    pub fn line(&self) -> Socket {
        Socket::at(self.socket())
    }

    /// Starts the node and waits until it answers or ends. What it prints goes to `log`, so that it can be read when the
    /// person's own disk is gone.
    ///
    /// # Panics
    /// If the program can't be started at all.
    pub fn rise(&mut self, log: &Path, patience: Duration) -> Rise {
        let command = self.command(&["up", "--foreground", "--json"]);
        self.rise_by(command, log, patience)
    }

    /// The same with so few file descriptors.
    ///
    /// # Panics
    /// As [`Self::rise`].
    pub fn rise_within(&mut self, descriptors: u32, log: &Path, patience: Duration) -> Rise {
        let node = self.command(&["up", "--foreground", "--json"]);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""));
        shell.arg(node.get_program()).args(node.get_args()).env_clear().stdin(Stdio::null());
        shell.envs(node.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.rise_by(shell, log, patience)
    }

    fn rise_by(&mut self, mut command: Command, log: &Path, patience: Duration) -> Rise {
        let begin = Instant::now();
        let file = std::fs::File::create(log).expect("a log file");
        let mut node = command.stdout(file.try_clone().expect("a handle")).stderr(file).spawn().expect("it starts");
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        let line = self.line();
        while begin.elapsed() < patience {
            if let Some(heard) = line.get("/v1/status")
                && heard.status == 200
                && heard.body["state"] != "starting"
            {
                self.node = Some(node);
                return Rise::Up(begin.elapsed());
            }
            if let Ok(Some(status)) = node.try_wait() {
                return Rise::Refused(status, said());
            }
            crate::let_pass(Duration::from_millis(2));
        }
        let _ = node.kill();
        let _ = node.wait();
        Rise::Stuck(said())
    }

    /// Starts the node for as long as it takes to get killed in the middle of it.
    ///
    /// # Panics
    /// If the program can't be started at all.
    pub fn rise_and_fall(&self, log: &Path, after: Duration) {
        let file = std::fs::File::create(log).expect("a log file");
        let mut command = self.command(&["up", "--foreground"]);
        let mut node = command.stdout(file.try_clone().expect("a handle")).stderr(file).spawn().expect("it starts");
        crate::let_pass(after);
        let _ = node.kill();
        let _ = node.wait();
    }

    /// Whether the node's process has ended by itself.
    pub fn has_fallen(&mut self) -> bool {
        self.node.as_mut().is_some_and(|node| !matches!(node.try_wait(), Ok(None)))
    }

    /// What the status tells a person to look at.
    #[must_use]
    pub fn alerts(&self) -> Vec<Value> {
        let status = self.line().get("/v1/status").map(|heard| heard.body);
        status.and_then(|status| status["alerts"].as_array().cloned()).unwrap_or_default()
    }
}
