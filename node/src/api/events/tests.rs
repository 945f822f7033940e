//! The stream of events: resumed, bounded, ended.

use super::*;

fn hub() -> Arc<Hub> {
    Arc::new(Hub::new([0xab, 0xcd, 0, 1]))
}

fn say(hub: &Hub, kind: Kind, group: Option<&str>, n: u64) {
    hub.publish(Notice::new(kind, group.map(str::to_owned), &json!({ "n": n })));
}

async fn ready(follower: &mut Follower) -> String {
    let text = tokio::time::timeout(std::time::Duration::from_millis(200), follower.next()).await;
    text.expect("an event is there").expect("the stream goes on")
}

#[tokio::test]
async fn ev_01_events_carry_boot_and_number_and_one_line_of_json() {
    let hub = hub();
    let mut follower = hub.follow(None, Filter::default());
    say(&hub, Kind::Message, Some("g"), 7);
    assert_eq!(ready(&mut follower).await, "id: abcd0001.1\nevent: message\ndata: {\"n\":7}\n\n");
    assert_eq!(hub.position(), "abcd0001.1");
}

#[tokio::test]
async fn ev_03_a_known_position_is_replayed_from_the_next() {
    let hub = hub();
    (1..=100).for_each(|n| say(&hub, Kind::Status, None, n));
    let mut follower = hub.follow(Some("abcd0001.98"), Filter::default());
    let text = ready(&mut follower).await;
    assert!(text.starts_with("id: abcd0001.99\n") && text.contains("id: abcd0001.100\n"), "{text}");
}

#[tokio::test]
async fn st_110_ev_03_words_of_an_hour_ago_are_told_to_nobody_again() {
    let hub = hub();
    let mut reader = hub.follow(None, Filter::default());
    say(&hub, Kind::Message, None, 1);
    ready(&mut reader).await;
    let written_ms = Clock::now().mono_ms;
    hub.lock().let_go(written_ms);
    assert!(ready(&mut hub.follow(Some("abcd0001.0"), Filter::default())).await.contains("event: message"));
    hub.lock().let_go(written_ms + RING_MS_MAX + 1);
    assert_eq!(hub.lock().bytes, 0);
    assert!(ready(&mut hub.follow(Some("abcd0001.0"), Filter::default())).await.contains("event: reset"));
    say(&hub, Kind::Message, None, 2);
    assert!(ready(&mut reader).await.contains("abcd0001.2"), "who has read everything goes on");
}

#[tokio::test]
async fn ev_03_other_boots_older_and_future_positions_are_reset() {
    let hub = hub();
    (1..=10_050).for_each(|n| say(&hub, Kind::Status, None, n));
    for position in ["00000000.10050", "abcd0001.1", "abcd0001.99999", "nonsense", "abcd0001.", ""] {
        let mut follower = hub.follow(Some(position), Filter::default());
        let text = ready(&mut follower).await;
        assert!(text.contains("event: reset"), "{position}: {text}");
        say(&hub, Kind::Status, None, 0);
        assert!(ready(&mut follower).await.contains("event: status"), "it goes on after the reset");
    }
}

#[tokio::test]
async fn ev_03_a_reader_that_lags_1024_events_is_reset_and_closed() {
    let hub = hub();
    let mut slow = hub.follow(None, Filter::default());
    (1..=1_025).for_each(|n| say(&hub, Kind::Status, None, n));
    assert!(ready(&mut slow).await.contains("event: reset"));
    assert_eq!(slow.next().await, None);
    let mut quick = hub.follow(None, Filter::default());
    (1..=1_024).for_each(|n| say(&hub, Kind::Status, None, n));
    assert!(ready(&mut quick).await.contains("event: status"));
}

#[tokio::test]
async fn ev_04_filtering_leaves_out_and_never_renumbers() {
    let hub = hub();
    let kinds = Some([Kind::Message].into());
    let mut follower = hub.follow(None, Filter { group: Some("a".into()), kinds });
    say(&hub, Kind::Message, Some("b"), 1);
    say(&hub, Kind::Status, None, 2);
    say(&hub, Kind::Message, Some("a"), 3);
    assert!(ready(&mut follower).await.starts_with("id: abcd0001.3\n"));
    say(&hub, Kind::Bye, None, 4);
    assert!(ready(&mut follower).await.contains("event: bye"));
    assert_eq!(follower.next().await, None);
}

/// Rule EV-5 in small: whatever is cut, reading the snapshot on `reset` and resuming otherwise ends with the state.
#[tokio::test]
async fn ev_05_a_client_that_drops_a_thousand_times_ends_with_the_state() {
    let hub = hub();
    let mut truth = 0_u64;
    let mut seen = 0_u64;
    let mut last = hub.position();
    for round in 0_u64..1_000 {
        let burst = if round % 97 == 0 { 10_100 } else { round % 5 };
        for _ in 0..burst {
            truth += 1;
            say(&hub, Kind::Status, None, truth);
        }
        let mut follower = hub.follow(Some(&last), Filter::default());
        // Some connections are cut before a byte came, some after the first piece.
        if round % 3 == 0 || (burst == 0 && seen == truth) {
            continue;
        }
        let text = ready(&mut follower).await;
        last = text.rsplit("id: ").next().and_then(|tail| tail.lines().next()).unwrap().to_owned();
        if text.contains("event: reset") {
            seen = truth;
        } else {
            for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
                let n = serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap();
                assert_eq!(n, seen + 1, "no gap, nothing twice");
                seen = n;
            }
        }
    }
    let mut follower = hub.follow(Some(&last), Filter::default());
    while seen < truth {
        let text = ready(&mut follower).await;
        seen += text.lines().filter(|line| line.starts_with("data: ")).count() as u64;
    }
    assert_eq!(seen, truth);
}
