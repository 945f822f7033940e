//! A whole node, asked over its socket as every face asks it.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use coterie_node::api::client::{Client, Follower, Lines};
use coterie_node::api::problem::{Code, Problem};
use coterie_node::api::types::{
    DeliveryState, Group, JoinState, LeaveGroup, Message, MessageKind, NewGroup, NewInvite, NewJoin, NewPreview,
    NodeState, Page, Role,
};
use coterie_node::config::{Environment, Flags, Settings};
use coterie_node::daemon;
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

/// Generous: test machines are small and busy.
const SOON: Duration = Duration::from_secs(30);

struct Home {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Home {
    fn new(name: &'static str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap(), name };
        daemon::init(&home.settings(), name, None).unwrap();
        home
    }

    /// Loopback only, nothing leaves the machine.
    fn settings(&self) -> Settings {
        let config = self.folder.path().join("config.toml");
        let text = "[node]\nlisten = [\"/ip4/127.0.0.1/udp/0/quic-v1\", \"/ip4/127.0.0.1/tcp/0\"]\nmdns = false\nupnp = false\npublic_lookup = false\n";
        std::fs::write(&config, text).unwrap();
        let environment = Environment { config: Some(config), ..Environment::default() };
        let flags = Flags { data_dir: Some(self.folder.path().join("data")), ..Flags::default() };
        Settings::load(&flags, &environment).unwrap()
    }

    async fn up(&self) -> Running {
        let settings = self.settings();
        let socket = settings.paths.socket.clone();
        let life = tokio::spawn(daemon::run(settings, None));
        let client = Client::new(&socket);
        client.wait_ready(SOON).await.unwrap_or_else(|problem| panic!("{}: {problem}", self.name));
        Running { client, socket, life }
    }
}

struct Running {
    client: Client,
    socket: PathBuf,
    life: JoinHandle<Result<(), Problem>>,
}

impl Running {
    async fn down(self) {
        self.client.shutdown().await.unwrap();
        tokio::time::timeout(SOON, self.life).await.expect("it stops").unwrap().unwrap();
    }

    async fn raw(&self, request: String) -> String {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn harbour(&self) -> Group {
        self.client
            .create_group(&NewGroup { name: "Harbour".into(), about: "The port".into(), recovery: None })
            .await
            .unwrap()
    }
}

async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let until = Instant::now() + SOON;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_03_a_life_begins_is_private_and_ends_at_once() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    let status = running.client.status().await.unwrap();
    assert!(matches!(status.state, NodeState::Alone | NodeState::Offline), "{status:?}");
    assert_eq!((status.pid, status.profile.as_str()), (std::process::id(), "default"));
    assert!(status.position.is_some(), "AP-17");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&running.socket), mode(running.socket.parent().unwrap())), (0o600, 0o700));
    let identity = running.client.identity().await.unwrap();
    assert_eq!((identity.name.as_str(), identity.key.len(), identity.instance.len()), ("Ana", 52, 26));
    assert!(running.client.doctor().await.unwrap().checks.iter().any(|check| check.name == "store"));
    let begun = Instant::now();
    running.down().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "SV-3 with room for a busy machine: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn if_02_a_second_node_on_the_same_profile_is_refused_and_the_first_goes_on() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    let problem = daemon::run(ana.settings(), None).await.unwrap_err();
    assert_eq!(problem.code, Code::ProfileInUse, "{problem}");
    assert!(running.client.status().await.is_ok());
    running.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_23_a_passphrase_is_asked_for_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home { folder, name: "Ana" };
    daemon::init(&home.settings(), "Ana", Some("correct horse")).unwrap();
    assert!(daemon::needs_passphrase(&home.settings()));
    let none = daemon::run(home.settings(), None).await.unwrap_err();
    let wrong = daemon::run(home.settings(), Some("wrong horse".into())).await.unwrap_err();
    assert_eq!((none.code, wrong.code), (Code::Locked, Code::WrongPassphrase));
    let again = daemon::init(&home.settings(), "Ana", None).unwrap_err();
    assert_eq!(again.code, Code::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn ap_13_unknown_fields_and_ap_06_other_types_are_refused_by_name() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    let client = &running.client;
    let unknown =
        client.change::<Value>(Method::POST, "/groups", &json!({ "name": "x", "colour": 1 })).await.unwrap_err();
    assert_eq!((unknown.code, unknown.details["field"].as_str()), (Code::UnknownField, Some("colour")));
    let query = client.get::<Value>("/events?since=1").await.unwrap_err();
    assert_eq!(query.code, Code::UnknownField);
    let plain = "POST /v1/groups HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"name\":\"x\"}";
    assert!(running.raw(plain.to_owned()).await.starts_with("HTTP/1.1 400"));
    let large = "x".repeat((1 << 20) + 1);
    let large = client.change::<Value>(Method::POST, "/groups", &json!({ "name": large })).await.unwrap_err();
    assert_eq!(large.status, Some(413));
    for path in ["/groups/xyz", "/groups/aaaa/members", "/nothing", "/joins/1"] {
        assert_eq!(client.get::<Value>(path).await.unwrap_err().status, Some(404), "{path}");
    }
    let put = running.raw("PUT /v1/groups HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned()).await;
    assert!(put.starts_with("HTTP/1.1 405"), "{put}");
    running.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_one_keeps_what_it_said_over_a_restart() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    let harbour = running.harbour().await;
    assert_eq!((harbour.role, harbour.seats.occupied, harbour.id.len()), (Role::Founder, 1, 52));
    let client = &running.client;
    for n in 0..5 {
        let said = client.send_message(&harbour.id, &format!("#{n} @ana"), Some(&format!("once-{n}"))).await.unwrap();
        let again = client.send_message(&harbour.id, &format!("#{n} @ana"), Some(&format!("once-{n}"))).await.unwrap();
        assert_eq!(said.id, again.id, "AP-14");
    }
    let renamed = client.rename_group(&harbour.id, "Harbour North").await.unwrap();
    assert_eq!(renamed.name, "Harbour North");
    running.down().await;
    let running = ana.up().await;
    let client = &running.client;
    let found = client.group(&harbour.id).await.unwrap();
    assert_eq!(
        (found.name.as_str(), found.log.state_hash.as_str()),
        ("Harbour North", renamed.log.state_hash.as_str())
    );
    let newest = client.messages(&harbour.id, &Lines::default()).await.unwrap();
    assert_eq!(newest.items.len(), 5);
    assert!(newest.items.iter().all(|line| line.kind == MessageKind::Text && line.author.name == "Ana"));
    running.down().await;
}

fn words(page: &Page<Message>) -> Vec<&str> {
    page.items.iter().map(|line| line.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ap_15_pages_follow_each_other_both_ways_and_what_is_no_page_is_refused() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    let harbour = running.harbour().await;
    let client = &running.client;
    for n in 0..5 {
        client.send_message(&harbour.id, &n.to_string(), None).await.unwrap();
    }
    let page = async |lines: Lines<'_>| client.messages(&harbour.id, &lines).await;
    let newest = page(Lines { limit: Some(2), ..Lines::default() }).await.unwrap();
    assert_eq!(words(&newest), ["3", "4"]);
    let before = newest.prev.as_deref();
    let older = page(Lines { limit: Some(3), before, ..Lines::default() }).await.unwrap();
    assert_eq!((words(&older), older.prev.as_deref()), (vec!["0", "1", "2"], None));
    let after = older.next.as_deref();
    let newer = page(Lines { limit: Some(10), after, ..Lines::default() }).await.unwrap();
    assert_eq!(words(&newer), ["3", "4"]);
    for bad in [
        Lines { limit: Some(0), ..Lines::default() },
        Lines { limit: Some(201), ..Lines::default() },
        Lines { before, after, ..Lines::default() },
        Lines { before: Some("not-a-cursor"), ..Lines::default() },
    ] {
        assert_eq!(page(bad).await.unwrap_err().code, Code::BadValue);
    }
    running.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_shows_its_link_only_where_it_is_asked_for_and_ends_when_withdrawn() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    let client = &running.client;
    let harbour = running.harbour().await;
    let made =
        client.create_invite(&harbour.id, &NewInvite { uses: 2, ..NewInvite::default() }, Some("k")).await.unwrap();
    let link = made.link.clone().unwrap();
    let short = made.short_link.clone().unwrap();
    assert!(link.to_uppercase().starts_with("COTERIE:J/") && short.len() < link.len(), "{link} {short}");
    let again =
        client.create_invite(&harbour.id, &NewInvite { uses: 2, ..NewInvite::default() }, Some("k")).await.unwrap();
    assert_eq!(again.id, made.id, "AP-14");
    let listed = client.invites(&harbour.id).await.unwrap();
    assert!(listed.items.len() == 1 && listed.items[0].link.is_none());
    assert_eq!(client.invite(&harbour.id, &made.id).await.unwrap().link.as_deref(), Some(link.as_str()));
    let own = client.join(&NewJoin { link: link.clone(), ..NewJoin::default() }).await.unwrap_err();
    assert_eq!(own.code, Code::OwnLink, "R-19");
    let guest = client.create_invite(&harbour.id, &NewInvite { role: Role::Guest, ..NewInvite::default() }, None).await;
    assert_eq!(guest.unwrap_err().code, Code::BadValue, "R-21");
    client.revoke_invite(&harbour.id, &made.id).await.unwrap();
    let shown = client.invite(&harbour.id, &made.id).await.unwrap();
    assert_eq!(serde_json::to_value(shown.state).unwrap(), "revoked");
    running.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qr_05_a_broken_link_says_what_is_broken() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    for (text, code) in [
        ("hello", Code::NotALink),
        ("https://example.org/", Code::LinkForeign),
        ("coterie:J/AAAA", Code::LinkTruncated),
    ] {
        let problem = running.client.join(&NewJoin { link: text.into(), ..NewJoin::default() }).await.unwrap_err();
        assert!(problem.exit == 2 && (problem.code == code || text.starts_with("https")), "{text}: {problem:?}");
    }
    running.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_meet_by_a_link_and_read_each_other() {
    let (ana, ben) = (Home::new("Ana"), Home::new("Ben"));
    let (at_ana, at_ben) = (ana.up().await, ben.up().await);
    let harbour = at_ana.harbour().await;
    let group = harbour.id.as_str();
    let invite = at_ana.client.create_invite(group, &NewInvite::default(), None).await.unwrap();
    let link = invite.link.unwrap();
    let seen = at_ben.client.preview(&NewPreview { link: link.clone(), ..NewPreview::default() }).await.unwrap();
    assert_eq!((seen.group.as_str(), seen.members), ("Harbour", 1));
    let position = at_ana.client.status().await.unwrap().position;
    let mut heard = at_ana.client.follow(position, Some(group), &["message"]);
    let begun = at_ben.client.join(&NewJoin { link, ..NewJoin::default() }).await.unwrap();
    eventually("Ben has a seat", async || {
        let join = at_ben.client.join_state(&begun.id).await.ok()?;
        assert_ne!(join.state, JoinState::Refused, "{join:?}");
        at_ben.client.group(group).await.ok()
    })
    .await;
    eventually("both are online", async || {
        let both = (at_ana.client.status().await.ok()?, at_ben.client.status().await.ok()?);
        (both.0.state == NodeState::Online && both.1.state == NodeState::Online).then_some(())
    })
    .await;
    let said =
        eventually("Ben may speak", async || at_ben.client.send_message(group, "Good morning.", None).await.ok()).await;
    let found = tokio::time::timeout(SOON, async {
        loop {
            let event = heard.next().await.unwrap();
            if event.kind == "message" {
                return event.data;
            }
        }
    });
    let Ok(found) = found.await else {
        let (here, there) = (at_ana.client.status().await.unwrap(), at_ben.client.status().await.unwrap());
        let lines = at_ana.client.messages(group, &Lines::default()).await.unwrap();
        panic!("Ana does not hear Ben.\nBen said {said:?}\nAna: {here:?}\n{lines:?}\nBen: {there:?}");
    };
    assert_eq!((found["text"].as_str(), found["author"]["name"].as_str()), (Some("Good morning."), Some("Ben")));
    eventually("Ben learns that Ana has it", async || {
        let page = at_ben.client.messages(group, &Lines::default()).await.ok()?;
        let id = said.id.clone().or_else(|| page.items.last()?.id.clone())?;
        let reached = at_ben.client.deliveries(group, &id).await.ok()?;
        (reached.delivery.state == DeliveryState::All).then_some(())
    })
    .await;
    at_ben.client.leave(group, &LeaveGroup::default()).await.unwrap();
    eventually("Ana sees that Ben left", async || {
        let members = at_ana.client.members(group).await.ok()?;
        (members.items.len() == 1).then_some(())
    })
    .await;
    at_ana.down().await;
    at_ben.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ev_03_a_follower_comes_back_over_a_restart_and_is_told_to_read_again() {
    let ana = Home::new("Ana");
    let running = ana.up().await;
    let position = running.client.status().await.unwrap().position;
    let mut heard = running.client.follow(position, None, &[]).with_patience(SOON);
    assert_eq!(heard.next().await.unwrap().kind, "hello");
    running.harbour().await;
    hear(&mut heard, "group").await;
    running.down().await;
    let running = ana.up().await;
    hear(&mut heard, "reset").await;
    running.down().await;
}

/// Follows until an event of this type comes.
async fn hear(heard: &mut Follower, kind: &str) {
    let following = async { while heard.next().await.unwrap().kind != kind {} };
    tokio::time::timeout(SOON, following).await.unwrap_or_else(|_| panic!("{kind} is told"));
}
