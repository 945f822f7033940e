//! The main job, as people do it: found, invite, join, chat; also when the one who invited is away.

use std::collections::BTreeSet;

use coterie_tests::cluster::{Person, SOON, group_of, invite};
use coterie_tests::eventually;

#[test]
fn five_people_found_join_and_chat() {
    let people = group_of(&["Ana", "Ben", "Cy", "Dee", "Eli"]);
    for person in &people {
        person.ok(&["send", &format!("hello from {}", person.name)]);
    }
    for reader in &people {
        for writer in &people {
            reader.sees(&format!("hello from {}", writer.name));
        }
    }
    let orders: BTreeSet<Vec<String>> = people.iter().map(Person::texts).collect();
    assert_eq!(orders.len(), 1, "everyone sees the same lines in the same order");
}

#[test]
fn a_link_works_through_another_member_while_the_inviter_is_away() {
    let mut people = group_of(&["Ana", "Ben"]);
    let link = invite(&people[0], 1);
    // The link works without Ana as soon as another member keeps its envelope.
    eventually("Ben keeps a copy of the invite", SOON, || {
        let invites = people[0].json(&["invite", "list"]);
        let kept = invites["items"]
            .as_array()
            .expect("items")
            .iter()
            .any(|invite| invite["state"] == "open" && invite["kept_by"].as_u64().unwrap_or_default() >= 1);
        if kept { Ok(()) } else { Err(invites.to_string()) }
    });
    let ben_at = people[1].json(&["status"])["listen"][0].as_str().expect("an address").to_owned();
    people[0].down();
    let cy = Person::online("Cy");
    cy.ok(&["join", "--yes", &link, "--via", &ben_at]);
    cy.sees_seats(3);
    cy.ok(&["send", "in without Ana"]);
    people[1].sees("in without Ana");
    people[0].up();
    people[0].sees("in without Ana");
    cy.sees_seats(3);
}

#[test]
fn words_with_signs_in_them_are_plain_text_end_to_end() {
    let people = group_of(&["Ana", "Ben"]);
    for text in ["@Ben and #harbour are plain text", "#", "@", "@everyone #x"] {
        people[0].ok(&["send", text]);
        people[1].sees(text);
    }
}

#[test]
fn a_removed_member_reads_nothing_that_is_sent_after_the_sender_knows() {
    let people = group_of(&["Ana", "Ben", "Cy"]);
    people[0].ok(&["send", "before"]);
    people[2].sees("before");
    people[0].ok(&["member", "remove", "Cy", "--yes"]);
    people[0].sees_seats(2);
    people[1].sees_seats(2);
    people[0].ok(&["send", "after, by Ana"]);
    people[1].ok(&["send", "after, by Ben"]);
    people[0].sees("after, by Ben");
    people[1].sees("after, by Ana");
    eventually("Cy learns of it", SOON, || {
        let groups = people[2].json(&["group", "list"]);
        if groups["items"][0]["state"] == "removed" { Ok(()) } else { Err(groups.to_string()) }
    });
    let texts = people[2].texts();
    assert!(texts.contains(&"before".to_owned()), "what he had stays his: {texts:?}");
    assert!(!texts.iter().any(|text| text.starts_with("after")), "{texts:?}");
    let refused = people[2].run(&["send", "still here?", "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (4, Some("removed")), "{refused:?}");
}

#[test]
fn mb_d17_where_newcomers_wait_for_a_word_nobody_who_is_in_loses_the_keys() {
    let people = group_of(&["Ana", "Ben"]);
    let (ana, ben) = (&people[0], &people[1]);
    let refused = ben.run(&["group", "set", "require-confirm=on", "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (4, Some("not_admin")), "{refused:?}");
    let set = ana.json(&["group", "set", "require-confirm=on"]);
    assert_eq!(set["policy"]["require_confirm"], true, "{set}");
    eventually("Ben sees the setting", SOON, || {
        let group = ben.json(&["group", "info"]);
        if group["policy"]["require_confirm"] == true { Ok(()) } else { Err(group.to_string()) }
    });
    ben.ok(&["send", "still here"]);
    ana.sees("still here");

    let cy = Person::online("Cy");
    let joined = cy.json(&["join", "--yes", &invite(ana, 1)]);
    assert_eq!(joined["state"], "waiting_admin", "{joined}");
    ana.sees_seats(3);
    ana.ok(&["send", "before Cy was confirmed"]);
    ben.sees("before Cy was confirmed");
    assert_eq!(ana.json(&["group", "info"])["seats"]["provisional"], 1, "no program gives the word by itself");
    assert_eq!(cy.texts(), [""; 0]);

    ana.ok(&["member", "confirm", "Cy"]);
    eventually("Cy has the keys", SOON, || {
        let group = cy.json(&["group", "info"]);
        if group["state"] == "member" { Ok(()) } else { Err(group.to_string()) }
    });
    cy.ok(&["send", "good evening"]);
    ben.sees("good evening");

    ana.ok(&["group", "set", "require-confirm=off"]);
    let dee = Person::online("Dee");
    dee.ok(&["join", "--yes", &invite(ana, 1)]);
    dee.sees_seats(4);
    eventually("a link is enough again", SOON, || {
        let group = dee.json(&["group", "info"]);
        if group["state"] == "member" { Ok(()) } else { Err(group.to_string()) }
    });
}
