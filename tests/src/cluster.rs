//! People with the real program, each in a home of their own: start, stop, kill, cut off, ask.
//!
//! Every home is a temporary folder; ports are chosen by the system; mDNS, UPnP and public lookup are off and the
//! listen addresses are loopback, so that nothing leaves the machine. The program is built once, in the profile
//! of the tests.

mod machine;

pub use self::machine::Rise;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::eventually;

/// How long anything may take that people would call "at once". Generous: test machines are small and busy.
pub const SOON: Duration = Duration::from_secs(60);

/// The built program, or the one that `COTERIE_PROGRAM` names: one that is installed, or of another release.
///
/// # Panics
/// If it doesn't build.
#[must_use]
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("COTERIE_PROGRAM") {
            return PathBuf::from(given);
        }
        // A test lies in …/<profile>/deps, a measuring program one folder higher.
        let program = std::env::current_exe().expect("the program has a path");
        let beside = program.parent().expect("…/<profile>");
        let folder = if beside.ends_with("deps") { beside.parent().expect("…/<profile>") } else { beside };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "-p", "coterie", "--locked", "--offline", "--quiet"]).current_dir(crate::house::root());
        cargo.arg("--target-dir").arg(folder.parent().expect("…/target"));
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let built = cargo.output().expect("cargo runs");
        assert!(built.status.success(), "the program builds: {}", String::from_utf8_lossy(&built.stderr));
        folder.join("coterie")
    })
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.trim()).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    /// The error object that `--json` puts on standard error.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn error(&self) -> Value {
        let line = self.err.lines().rfind(|line| line.starts_with('{'));
        line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| panic!("no error object: {self:?}"))
    }
}

/// One person: a home, a name, perhaps a running node.
pub struct Person {
    /// Name given at `init`.
    pub name: String,
    home: TempDir,
    node: Option<Child>,
}

impl Person {
    /// A home and an identity, no node yet.
    #[must_use]
    #[track_caller]
    pub fn new(name: &str) -> Self {
        let person = Self::without_identity(name);
        person.ok(&["init", "--name", name]);
        person
    }

    /// An empty home.
    ///
    /// # Panics
    /// If there is no room for temporary files.
    #[must_use]
    pub fn without_identity(name: &str) -> Self {
        let home = tempfile::Builder::new().prefix("coterie-").tempdir().expect("a temporary folder");
        let person = Self { name: name.to_owned(), home, node: None };
        person.block(&[]);
        person
    }

    /// A person whose node is up.
    #[must_use]
    #[track_caller]
    pub fn online(name: &str) -> Self {
        let mut person = Self::new(name);
        person.up();
        person
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Puts the data folder on another disk, as somebody with a new laptop would: the same files, another folder.
    ///
    /// # Panics
    /// If it can't be copied.
    pub fn move_house(&mut self) {
        self.down();
        let (old, new) = (self.data(), self.home.path().join("copy"));
        std::fs::create_dir(&new).expect("a folder");
        copy_files(&old, &new);
        std::fs::remove_dir_all(&old).expect("the old folder goes");
        std::fs::rename(&new, &old).expect("the new one takes its name");
    }

    /// The node's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.data().join("run").join("api.sock")
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.home.path().join("config.toml")
    }

    /// Writes the configuration; `blocked` are member keys that this node refuses.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn block(&self, blocked: &[String]) {
        let text = format!(
            "[node]\nlisten = [\"/ip4/127.0.0.1/udp/0/quic-v1\", \"/ip4/127.0.0.1/tcp/0\"]\nmdns = false\nupnp = false\n\
             public_lookup = false\nblock = {blocked:?}\n[media]\nkeep_free = \"16 MiB\"\n"
        );
        std::fs::write(self.config(), text).expect("the configuration is written");
        if let Some(node) = &self.node {
            let hang_up = Command::new("kill").args(["-HUP", &node.id().to_string()]).status();
            assert!(hang_up.expect("kill runs").success());
        }
    }

    /// The program with this home, not started yet.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).arg("--data-dir").arg(self.data()).env_clear();
        command.env("HOME", self.home.path()).env("COTERIE_CONFIG", self.config()).env("NO_COLOR", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// If the program can't be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().expect("the program starts");
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed.
    ///
    /// # Panics
    /// If it doesn't.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Answer {
        let answer = self.run(arguments);
        assert_eq!(answer.code, 0, "{}: {arguments:?}: {answer:?}", self.name);
        answer
    }

    /// Runs a command that must succeed and gives its JSON.
    ///
    /// # Panics
    /// If it fails or prints something else.
    #[track_caller]
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.ok(&[arguments, &["--json"]].concat()).json()
    }

    /// Starts the node in the foreground of a child process and waits until it answers.
    ///
    /// # Panics
    /// If it doesn't come up.
    #[track_caller]
    pub fn up(&mut self) {
        assert!(self.node.is_none(), "{} is up already", self.name);
        let log = std::fs::File::create(self.home.path().join("up.log")).expect("a log file");
        let mut command = self.command(&["up", "--foreground"]);
        self.node = Some(command.stdout(log.try_clone().expect("a handle")).stderr(log).spawn().expect("it starts"));
        eventually(&format!("{}'s node answers", self.name), SOON, || {
            let answer = self.run(&["status", "--json"]);
            let is_open = answer.code == 0 && answer.json()["state"] != "starting";
            if is_open { Ok(()) } else { Err(format!("{answer:?}\n{}", self.log())) }
        });
    }

    /// What the node printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("up.log")).unwrap_or_default()
    }

    /// Stops the node cleanly.
    ///
    /// # Panics
    /// If it doesn't stop.
    #[track_caller]
    pub fn down(&mut self) {
        self.ok(&["down"]);
        if let Some(mut node) = self.node.take() {
            eventually(&format!("{}'s node ends", self.name), SOON, || match node.try_wait() {
                Ok(Some(_)) => Ok(()),
                other => Err(format!("{other:?}")),
            });
        }
    }

    /// SIGKILL, as a crash would.
    ///
    /// # Panics
    /// If there is no node.
    pub fn kill(&mut self) {
        let mut node = self.node.take().expect("a running node");
        node.kill().expect("it can be killed");
        node.wait().expect("it ends");
    }

    /// The process number of the node.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.node.as_ref().map(Child::id)
    }

    /// One's own member key, as the API writes it.
    #[must_use]
    #[track_caller]
    pub fn key(&self) -> String {
        self.json(&["identity", "show"])["key"].as_str().expect("a key").to_owned()
    }

    /// Texts of the newest lines of the only group, oldest first.
    #[must_use]
    #[track_caller]
    pub fn texts(&self) -> Vec<String> {
        let page = self.json(&["history", "--limit", "200"]);
        let items = page["items"].as_array().expect("items").iter();
        items
            .filter(|line| line["kind"] == "text")
            .filter_map(|line| line["text"].as_str().map(str::to_owned))
            .collect()
    }

    /// Waits until a line with exactly this text is on the screen.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        eventually(&format!("{} sees {text:?}", self.name), SOON, || {
            let texts = self.texts();
            if texts.iter().any(|line| line == text) { Ok(()) } else { Err(format!("{texts:?}\n{}", self.status())) }
        });
    }

    /// Waits until this many seats are taken in one's view.
    #[track_caller]
    pub fn sees_seats(&self, occupied: u64) {
        eventually(&format!("{} sees {occupied} seats", self.name), SOON, || {
            let group = self.json(&["group", "info"]);
            if group["seats"]["occupied"] == occupied { Ok(()) } else { Err(format!("{group}\n{}", self.status())) }
        });
    }

    /// Waits until this many other members are in reach.
    #[track_caller]
    pub fn sees_online(&self, others: u64) {
        eventually(&format!("{} sees {others} online", self.name), SOON, || {
            let status = self.json(&["status"]);
            if status["groups"][0]["online"] == others { Ok(()) } else { Err(status.to_string()) }
        });
    }

    /// The status, for the message of a failed test.
    #[must_use]
    pub fn status(&self) -> String {
        self.run(&["status", "--json"]).out
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        if let Some(mut node) = self.node.take() {
            let _ = node.kill();
            let _ = node.wait();
        } else if self.data().exists() {
            // A node that was started in the background would outlive its folder.
            let _ = self.run(&["down"]);
        }
    }
}

/// A group of people who are all online: the first founds it, the others join by one link.
///
/// # Panics
/// If anything on the way fails.
#[must_use]
#[track_caller]
pub fn group_of(names: &[&str]) -> Vec<Person> {
    let people: Vec<Person> = names.iter().map(|name| Person::online(name)).collect();
    let (founder, others) = people.split_first().expect("somebody");
    founder.ok(&["group", "create", "Harbour"]);
    if !others.is_empty() {
        let link = invite(founder, others.len());
        for person in others {
            person.ok(&["join", "--yes", &link]);
        }
    }
    for person in &people {
        person.sees_seats(names.len() as u64);
    }
    people
}

/// Copies what lies in a folder, as a snapshot of the file system would: with times and rights.
///
/// # Panics
/// If it can't be copied.
pub fn copy_files(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().expect("cp runs");
    assert!(copied.success(), "{} is copied to {}", from.display(), to.display());
}

/// Makes a link for so many uses and gives its long form.
#[must_use]
#[track_caller]
pub fn invite(person: &Person, uses: usize) -> String {
    let invite = person.json(&["invite", "create", "--uses", &uses.to_string()]);
    invite["link"].as_str().expect("a link").to_owned()
}
