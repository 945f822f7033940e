//! An organiser is lost, and those who keep recovery codes name another one: with the real program.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends, and says where")]

use std::io::Write;
use std::process::{Command, Stdio};

use coterie_tests::cluster::{Answer, Person, SOON, invite};
use coterie_tests::eventually;

/// Runs a command with something on standard input.
fn run_with(person: &Person, arguments: &[&str], input: &str) -> Answer {
    let mut command: Command = person.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("its standard input").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Ana founds Harbour with codes for two of three; Ben and Cleo join. Then Ana's computer is gone.
fn orphans() -> (Vec<String>, Person, Person) {
    let ana = Person::online("Ana");
    let printed = ana.ok(&["group", "create", "Harbour", "--recovery", "2of3"]);
    let codes: Vec<String> = printed.out.lines().filter(|line| line.len() == 39).map(str::to_owned).collect();
    assert_eq!(codes.len(), 3, "{printed:?}");
    assert!(printed.err.contains("shown this once"), "{printed:?}");
    let (ben, cleo) = (Person::online("Ben"), Person::online("Cleo"));
    let link = invite(&ana, 2);
    ben.ok(&["join", "--yes", &link]);
    cleo.ok(&["join", "--yes", &link]);
    for person in [&ana, &ben, &cleo] {
        person.sees_seats(3);
    }
    for person in [&ben, &cleo] {
        person.sees_online(2);
        eventually("everybody is confirmed", SOON, || {
            let group = person.json(&["group", "info"]);
            if group["seats"]["provisional"] == 0 { Ok(()) } else { Err(group.to_string()) }
        });
    }
    drop(ana);
    (codes, ben, cleo)
}

#[test]
fn s58_two_who_keep_codes_name_a_new_organiser_who_lets_people_in() {
    let (codes, ben, cleo) = orphans();
    assert_eq!(ben.json(&["group", "recovery", "show"])["threshold"], 2);
    let request = ben.ok(&["group", "recovery", "request"]).out.trim().to_owned();
    assert!(request.starts_with("COTERIE:R/"), "{request}");

    let approve = ["group", "recovery", "approve", &request, "--yes", "--code-file", "-"];
    let by_ben = run_with(&ben, &approve, &codes[0]);
    assert_eq!(by_ben.code, 0, "{by_ben:?}");
    let mistyped = format!("{}{}", if codes[1].starts_with('2') { '3' } else { '2' }, codes[1].split_at(1).1);
    let wrong = run_with(&cleo, &[&approve[..], &["--json"]].concat(), &mistyped);
    assert_eq!((wrong.code, &wrong.error()["code"]), (8, &"wrong_code".into()), "{wrong:?}");
    let unasked = run_with(&cleo, &["group", "recovery", "approve", &request, "--code-file", "-"], &codes[1]);
    assert_eq!(unasked.code, 2, "a person, or --yes: {unasked:?}");

    let first = by_ben.out.trim();
    let too_few = ben.run(&["group", "recovery", "take", first, first, "--yes", "--json"]);
    assert_eq!((too_few.code, &too_few.error()["code"]), (4, &"too_few_approvals".into()), "{too_few:?}");

    let by_cleo = run_with(&cleo, &approve, &codes[2].to_lowercase().replace('-', " "));
    assert_eq!(by_cleo.code, 0, "{by_cleo:?}");
    let stolen = cleo.run(&["group", "recovery", "take", first, by_cleo.out.trim(), "--yes", "--json"]);
    assert_eq!((stolen.code, &stolen.error()["code"]), (2, &"bad_value".into()), "they were for Ben: {stolen:?}");
    ben.ok(&["group", "recovery", "take", first, by_cleo.out.trim(), "--yes"]);

    let info = ben.json(&["group", "info"]);
    assert_eq!((&info["role"], &info["seats"]["mine"]), (&"founder".into(), &97.into()), "{info}");
    eventually("Cleo sees that Ben took the place", SOON, || {
        let log = cleo.json(&["group", "log"]);
        let deposed =
            log["operations"].as_array().unwrap().iter().any(|op| op["kind"] == "depose" && op["verdict"] == "counts");
        let members = cleo.json(&["member", "list"]);
        let members = members["items"].as_array().unwrap();
        // Which free seat a newcomer takes is drawn by lot, so people are told by their names.
        let is_right = |member: &serde_json::Value| (member["role"] == "founder") == (member["name"] == "Ben");
        if deposed && members.len() == 3 && members.iter().all(is_right) {
            Ok(())
        } else {
            Err(format!("{log}\n{members:?}"))
        }
    });
    let dora = Person::online("Dora");
    dora.ok(&["join", "--yes", &invite(&ben, 1)]);
    for person in [&ben, &cleo, &dora] {
        person.sees_seats(4);
    }
    dora.ok(&["send", "Good to be here."]);
    cleo.sees("Good to be here.");
}

#[test]
fn mb_z01_without_codes_nobody_is_named() {
    let ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    let ben = Person::online("Ben");
    ben.ok(&["join", "--yes", &invite(&ana, 1)]);
    ben.sees_seats(2);
    let shown = ben.ok(&["group", "recovery", "show"]).out;
    assert!(shown.contains("has no recovery codes"), "{shown}");
    let refused = ben.run(&["group", "recovery", "request", "--json"]);
    assert_eq!((refused.code, &refused.error()["code"]), (4, &"policy_forbids".into()), "{refused:?}");
    assert_eq!(ben.run(&["group", "recovery", "take", "COTERIE:A/AAAA", "--yes"]).code, 2);
    assert_eq!(ana.run(&["group", "create", "Quay", "--recovery", "4of3"]).code, 2);
}
