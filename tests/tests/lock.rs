//! A locked identity: the node runs on, says only that it is locked, and goes on where it was (ST-67, AP-11).
#![expect(clippy::expect_used, reason = "a test that cannot go on fails, and says where")]

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use coterie_tests::cluster::{Person, SOON, invite};
use coterie_tests::eventually;
use tempfile::TempDir;

/// Somebody whose identity has a passphrase, in a process of her own.
struct Guarded {
    person: Person,
    node: Child,
    folder: TempDir,
}

impl Guarded {
    fn new(name: &str) -> Self {
        let person = Person::without_identity(name);
        let folder = tempfile::tempdir().expect("a folder");
        let right = write(&folder, "right", "quarrel obelisk 9157");
        person.ok(&["init", "--name", name, "--passphrase-file", &right]);
        let mut command = person.command(&["up", "--foreground", "--passphrase-file", &right]);
        let node = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let guarded = Self { person, node, folder };
        eventually("the node answers", SOON, || match guarded.state().as_deref() {
            None | Some("starting") => Err("not yet".to_owned()),
            Some(_) => Ok(()),
        });
        guarded
    }

    fn state(&self) -> Option<String> {
        let answer = self.person.run(&["status", "--json"]);
        (answer.code == 0).then(|| answer.json()["state"].as_str().unwrap_or_default().to_owned())
    }

    fn right(&self) -> String {
        self.folder.path().join("right").display().to_string()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn st_67_ap_11_a_locked_node_knows_nothing_and_goes_on_where_it_was() {
    let ana = Guarded::new("Ana");
    let ben = Person::online("Ben");
    ana.person.ok(&["group", "create", "Harbour"]);
    ben.ok(&["join", &invite(&ana.person, 1), "--yes"]);
    ana.person.ok(&["send", "before the lock"]);
    ben.sees("before the lock");

    assert_eq!(ana.person.json(&["identity", "lock"])["locked"], true);
    assert_eq!(ana.state().as_deref(), Some("locked"));
    assert_eq!(ana.person.json(&["identity", "lock"])["locked"], true, "twice is once");
    for refused in [
        &["history", "--json"][..],
        &["send", "x", "--json"],
        &["identity", "show", "--json"],
        &["member", "list", "--json"],
        &["invite", "create", "--json"],
        &["doctor", "--json"],
    ] {
        let answer = ana.person.run(refused);
        assert_eq!((answer.code, answer.error()["code"].as_str()), (8, Some("locked")), "{refused:?}: {answer:?}");
        assert!(answer.out.is_empty() && !answer.err.contains("Harbour"), "{answer:?}");
    }
    // The folder stays held: nobody opens it behind the node's back (ST-81).
    let behind = ana.person.run(&["store", "vacuum", "--passphrase-file", &ana.right(), "--json"]);
    assert_eq!(behind.error()["code"], "profile_in_use", "{behind:?}");

    ben.ok(&["send", "while she was away"]);
    let wrong = write(&ana.folder, "wrong", "quarrel obelisk 9158");
    let answer = ana.person.run(&["identity", "unlock", "--passphrase-file", &wrong, "--json"]);
    assert_eq!((answer.code, answer.error()["code"].as_str()), (8, Some("wrong_passphrase")), "{answer:?}");
    assert_eq!(ana.state().as_deref(), Some("locked"));

    let nobody = ana.person.run(&["identity", "unlock", "--json"]);
    assert_eq!((nobody.code, nobody.error()["code"].as_str()), (8, Some("locked")), "{nobody:?}");
    let opened = ana.person.json(&["identity", "unlock", "--passphrase-file", &ana.right()]);
    assert_eq!(opened["locked"], false);
    assert_eq!(ana.person.texts()[0], "before the lock");
    ana.person.sees("while she was away");
    ana.person.ok(&["send", "back again"]);
    ben.sees("back again");
    assert_eq!(ana.person.json(&["identity", "unlock"])["locked"], false, "an open one needs no passphrase");

    // A locked node can be stopped, and the next start finds everything.
    ana.person.ok(&["identity", "lock"]);
    ana.person.ok(&["down"]);
    let up = ana.person.json(&["up", "--passphrase-file", &ana.right()]);
    assert_ne!(up["state"], "locked");
    assert_eq!(ana.person.texts(), ["before the lock", "while she was away", "back again"]);
    ana.person.ok(&["down"]);
}

#[test]
fn sv_03_who_says_stop_is_heard_while_locked_and_while_somebody_unlocks() {
    for unlocking in [false, true] {
        let mut ana = Guarded::new("Ana");
        ana.person.ok(&["identity", "lock"]);
        let right = ana.right();
        let mut unlock = unlocking.then(|| {
            let mut command = ana.person.command(&["identity", "unlock", "--passphrase-file", &right]);
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            // The passphrase is being tried: that takes longer than all before it.
            coterie_tests::let_pass(Duration::from_millis(100));
            child
        });
        let pid = rustix::process::Pid::from_child(&ana.node);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
        eventually("the node ends", SOON, || match ana.node.try_wait() {
            Ok(Some(status)) if status.success() => Ok(()),
            other => Err(format!("{other:?}, unlocking: {unlocking}")),
        });
        if let Some(unlock) = &mut unlock {
            assert!(unlock.wait().is_ok());
        }
        let up = ana.person.json(&["up", "--passphrase-file", &right]);
        assert_ne!(up["state"], "locked", "the next start is a good one");
        ana.person.ok(&["down"]);
    }
}

#[test]
fn without_a_passphrase_there_is_nothing_to_lock() {
    let ben = Person::online("Ben");
    let answer = ben.run(&["identity", "lock", "--json"]);
    assert_eq!((answer.code, answer.error()["code"].as_str()), (1, Some("conflict")), "{answer:?}");
    assert!(answer.err.contains("coterie identity passphrase"), "{answer:?}");
    assert_ne!(ben.status(), "", "it still serves");
}
