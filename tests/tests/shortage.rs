//! A machine that is short of something else than room: file descriptors, or the right to write.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use coterie_tests::cluster::{Person, Rise, SOON};
use coterie_tests::eventually;
use rustix::process::{Pid, Resource, Rlimit, getrlimit};

const PATIENCE: Duration = Duration::from_secs(60);

/// The name of the error that a start ended with; the node's own mistakes are none.
fn name_of(said: &str) -> Option<String> {
    let line = said.lines().rfind(|line| line.starts_with('{'))?;
    let error: serde_json::Value = serde_json::from_str(line).ok()?;
    error["code"].as_str().filter(|code| *code != "internal").map(str::to_owned)
}

#[cfg(target_os = "linux")]
/// Changes how many files another process may open; says how many it was.
fn allow_descriptors(pid: u32, limit: Rlimit) -> rustix::io::Result<Rlimit> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    rustix::process::prlimit(pid, Resource::Nofile, limit)
}

fn has_broken_store(data: &Path) -> bool {
    let is_broken = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("broken-");
    std::fs::read_dir(data).is_ok_and(|entries| entries.flatten().any(is_broken))
}

#[test]
fn st_136_with_too_few_descriptors_a_node_refuses_by_name_at_once_and_nothing_is_lost() {
    let mut ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    let group = ana.line().group().expect("a group");
    assert!(ana.line().say(&group, "in good times"));
    ana.down();
    let log = tempfile::NamedTempFile::new().expect("a file");
    // Below the runtime's own need, around what a quiet node has open (31), and up to the last that are too few.
    for descriptors in (5..40).chain([64, 128, 255]) {
        match ana.rise_within(descriptors, log.path(), PATIENCE) {
            Rise::Refused(_, said) => {
                assert_eq!(name_of(&said).as_deref(), Some("busy"), "{descriptors} descriptors: {said}");
                assert!(said.contains("ulimit -n"), "{descriptors} descriptors: {said}");
            }
            other => panic!("{descriptors} descriptors: {other:?}"),
        }
        assert!(!has_broken_store(&ana.data()), "a good store was put aside for want of {descriptors} descriptors");
    }
    match ana.rise_within(256, log.path(), PATIENCE) {
        Rise::Up(_) => assert_eq!(ana.line().texts(&group).expect("a timeline"), ["in good times"]),
        other => panic!("as many as it asks for are enough: {other:?}"),
    }
    assert!(ana.alerts().is_empty(), "{:?}", ana.alerts());
    ana.kill();
}

#[cfg(target_os = "linux")]
#[test]
fn st_136_a_node_that_runs_out_of_descriptors_works_on_once_there_are_some_and_keeps_what_it_promised() {
    let mut ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    let group = ana.line().group().expect("a group");
    let mut promised = vec!["in good times".to_owned()];
    assert!(ana.line().say(&group, &promised[0]));
    let pid = ana.pid().expect("a node");
    for spare in [0, 1, 2, 4, 8] {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(31, Iterator::count);
        let tight = Rlimit { current: Some((open + spare) as u64), ..getrlimit(Resource::Nofile) };
        let usual = allow_descriptors(pid, tight).expect("it is ours");
        // More faces than there is room for, and words beside them.
        let faces: Vec<_> = (0..spare + 4).map(|_| UnixStream::connect(ana.socket())).collect();
        let text = format!("with {spare} to spare");
        let (line, harbour, words) = (ana.line(), group.clone(), text.clone());
        let saying = std::thread::spawn(move || {
            line.post(&format!("/v1/groups/{harbour}/messages"), &serde_json::json!({ "text": words }))
        });
        // The words stand before a closed door: the faces hold what there is.
        coterie_tests::let_pass(Duration::from_millis(300));
        drop(faces);
        assert!(!ana.has_fallen(), "{spare} spare descriptors ended it");
        allow_descriptors(pid, usual).expect("it is ours");
        let heard = saying.join().expect("it ends").map(|heard| (heard.status, heard.body));
        if heard.as_ref().is_none_or(|(status, _)| *status != 202) {
            // The store found none either, and is opened again.
            eventually("it is said at another try", SOON, || match ana.line().say(&group, &text) {
                true => Ok(()),
                false => Err(format!("with {spare} to spare, first: {heard:?}")),
            });
        }
        promised.push(text);
    }
    assert!(ana.alerts().is_empty(), "{:?}", ana.alerts());
    ana.kill();
    ana.up();
    let texts = ana.line().texts(&group).expect("a timeline");
    assert!(promised.iter().all(|text| texts.contains(text)), "{promised:?} in {texts:?}");
    ana.kill();
}

/// A folder with a disk of its own, for as long as this lives. Needs root.
struct OwnDisk(tempfile::TempDir);

impl OwnDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=400m", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn remount(&self, mode: &str) {
        let options = format!("remount,{mode}");
        let done = Command::new("mount").args(["-o", &options]).arg(self.0.path()).status();
        assert!(done.is_ok_and(|status| status.success()), "{options}");
    }
}

impl Drop for OwnDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn st_136_a_disk_that_turns_read_only_is_named_at_the_start_and_costs_nothing() {
    let Some(disk) = OwnDisk::mount() else {
        println!("SKIPPED: mounting needs root");
        return;
    };
    let mut ana = Person::new_in(disk.0.path(), "Ana");
    ana.up();
    ana.ok(&["group", "create", "Harbour"]);
    let group = ana.line().group().expect("a group");
    assert!(ana.line().say(&group, "while it could be written"));
    ana.kill();
    disk.remount("ro");
    let log = tempfile::NamedTempFile::new().expect("a file");
    match ana.rise(log.path(), PATIENCE) {
        Rise::Refused(_, said) => assert_eq!(name_of(&said).as_deref(), Some("data_dir_unusable"), "{said}"),
        other => panic!("it must be refused: {other:?}"),
    }
    disk.remount("rw");
    ana.up();
    assert_eq!(ana.line().texts(&group).expect("a timeline"), ["while it could be written"]);
    assert!(ana.alerts().is_empty(), "{:?}", ana.alerts());
    ana.kill();
}
