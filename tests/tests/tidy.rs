//! The house keeps itself: sizes, arrows, doors, words. Offline, in seconds (T1–T11). What is still owed
//! stands line by line in `tests/debts.txt`, which can only shrink: a new violation fails, and so does a paid debt.

use std::collections::{BTreeMap, BTreeSet};

use coterie_tests::house::{self, CRATES, Source};

/// Lines of code a file may have before its tests (H-17).
const FILE_LINES_MAX: usize = 400;

/// The layers of the core, lowest first; a room imports only from rooms below its own (H-3).
const LAYERS: &[&[&str]] = &[
    &["limits", "time", "marks"],
    &["ids"],
    &["wire"],
    &["crypto"],
    &["identity", "record", "error", "blob"],
    &["membership", "log"],
    &["timeline"],
    // What is told of messages speaks of what was done to them.
    &["encryption", "rendezvous", "event"],
    &["invite", "link", "push", "sync"],
    &["command", "input", "effects", "store"],
    &["group"],
    &["account"],
];

#[expect(clippy::expect_used, clippy::print_stderr, reason = "a check that says what it found and what is owed")]
fn assert_none(rule: &str, violations: &[String]) {
    let found: BTreeSet<String> = violations.iter().map(|violation| without_line(violation)).collect();
    let text = std::fs::read_to_string(house::root().join("tests/debts.txt")).expect("tests/debts.txt");
    let owed: BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix(rule)?.strip_prefix(" | ")).map(str::to_owned).collect();
    let new: Vec<&String> = found.difference(&owed).collect();
    assert!(new.is_empty(), "{rule}: mend this\n  {new:#?}\n");
    let paid: Vec<&String> = owed.difference(&found).collect();
    assert!(paid.is_empty(), "{rule}: paid, so take it out of tests/debts.txt\n  {paid:#?}\n");
    if !owed.is_empty() {
        eprintln!("{rule}: {} debts stand in tests/debts.txt", owed.len());
    }
}

/// A debt stays the same debt when lines move above it.
fn without_line(violation: &str) -> String {
    let is_number = |part: &&str| part.is_empty() || !part.chars().all(|c| c.is_ascii_digit());
    violation.split(':').filter(is_number).collect::<Vec<_>>().join(":")
}

fn in_core(source: &Source) -> bool {
    source.path.starts_with("protocol/src/") && !source.path.contains("/testing")
}

#[test]
fn t1_every_direct_dependency_is_listed_with_its_reason() {
    let text = std::fs::read_to_string(house::root().join("tests/allowed.toml")).expect("tests/allowed.toml");
    let allowed: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(&text).expect("allowed.toml is TOML");
    let mut violations = Vec::new();
    for (krate, dependencies) in house::direct_dependencies() {
        let list = allowed.get(&krate).cloned().unwrap_or_default();
        for name in &dependencies {
            if list.get(name).is_none_or(|why| why.len() < 20) {
                violations.push(format!("{krate} uses {name}: say why in tests/allowed.toml"));
            }
        }
        for name in list.keys().filter(|name| !dependencies.contains(name)) {
            violations.push(format!("tests/allowed.toml lists {name} for {krate}, which doesn't use it"));
        }
    }
    assert_none("T1", &violations);
}

#[test]
fn t2_the_core_and_the_simulator_hold_no_runtime_network_or_database() {
    let banned = ["tokio", "futures", "mio", "sled", "axum", "hyper"];
    let crypto = ["ed25519-dalek", "curve25519-dalek", "sha2", "chacha20poly1305", "hkdf", "hpke"];
    let mut violations = Vec::new();
    for krate in ["coterie-protocol", "coterie-simulations"] {
        let tree = house::cargo(&["tree", "-p", krate, "-e", "normal", "--prefix", "none"]);
        let lines: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        for line in &lines {
            let name = line.split(' ').next().unwrap_or_default();
            if banned.contains(&name) || name.starts_with("libp2p") || name.starts_with("async-") {
                violations.push(format!("{krate} pulls in {line}"));
            }
        }
        for name in crypto {
            let versions = lines.iter().filter(|line| line.split(' ').next() == Some(name)).count();
            if versions > 1 {
                violations.push(format!("{krate} holds {versions} versions of {name}"));
            }
        }
    }
    let tree = house::cargo(&["tree", "-p", "coterie", "-e", "normal", "--prefix", "none"]);
    violations.extend(tree.lines().filter(|line| line.contains("gossipsub")).map(|line| format!("coterie: {line}")));
    assert_none("T2", &violations);
}

#[test]
fn t3_rooms_of_the_core_import_only_from_below() {
    let layer = |room: &str| LAYERS.iter().position(|rooms| rooms.contains(&room));
    let mut violations = Vec::new();
    for source in house::rust_sources().iter().filter(|source| in_core(source)) {
        let inside = source.path.trim_start_matches("protocol/src/");
        let room = inside.split(['/', '.']).next().unwrap_or_default();
        let Some(own) = layer(room) else {
            if room != "lib" {
                violations.push(format!("{}: room {room} has no layer", source.path));
            }
            continue;
        };
        for (number, line) in source.statements() {
            for used in line.split("crate::").skip(1) {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if let Some(other) = layer(used)
                    && used != room
                    && other >= own
                {
                    violations
                        .push(format!("{}:{number}: {room} looks up at or beside itself, at {used}", source.path));
                }
            }
        }
    }
    assert_none("T3", &violations);
}

#[test]
fn t3_the_command_line_and_the_tests_see_only_the_doors_meant_for_them() {
    let mut violations = Vec::new();
    for source in house::rust_sources() {
        let wrong: &[&str] = match source.path.split('/').next() {
            Some("cli") => &["coterie_protocol", "sled::", "libp2p"],
            Some("simulations") => &["coterie_node", "tokio", "libp2p", "sled::"],
            Some("node") => &["ratatui", "clap::"],
            Some("tests") if source.path != "tests/tests/tidy.rs" => &["coterie_protocol::", "sled::"],
            _ => &[],
        };
        for (number, line) in source.text.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            for name in wrong.iter().filter(|name| line.contains(*name)) {
                violations.push(format!("{}:{}: {name}", source.path, number + 1));
            }
        }
    }
    assert_none("T3 doors", &violations);
}

#[test]
fn t4_each_power_has_one_door() {
    let doors: &[(&str, &[&str])] = &[
        ("automerge::", &["protocol/src/membership/document.rs", "protocol/src/membership/exchange.rs"]),
        ("ed25519_dalek", &["protocol/src/crypto"]),
        ("hpke::", &["protocol/src/crypto"]),
        ("chacha20poly1305", &["protocol/src/crypto", "protocol/src/store/sealed", "node/src/store/"]),
        ("argon2", &["protocol/src/crypto", "node/src/store/vault"]),
        ("sled::", &["node/src/store/sled", "node/src/store.rs"]),
        ("libp2p::", &["node/src/network"]),
        ("axum::", &["node/src/api"]),
        ("SystemTime::now", &["node/src/clock.rs", "tests/"]),
        ("Instant::now", &["node/src/clock.rs", "tests/", "cli/src/", "simulations/src/main.rs"]),
        ("getrandom", &["node/src/entropy.rs"]),
        ("env::var", &["node/src/config", "cli/src/", "tests/", "cli/tests/", "node/tests/"]),
    ];
    let mut violations = Vec::new();
    for source in house::rust_sources().iter().filter(|source| !source.path.contains("/benches/")) {
        for (number, line) in source.statements() {
            for (power, allowed) in doors {
                if line.contains(power) && !allowed.iter().any(|door| source.path.starts_with(door)) {
                    violations.push(format!("{}:{number}: {power} has another door", source.path));
                }
            }
        }
    }
    assert_none("T4", &violations);
}

#[test]
fn t5_files_are_short_and_none_is_dead() {
    let sources = house::rust_sources();
    let declared: BTreeSet<String> = house::declared_modules(&sources).into_iter().collect();
    let mut violations = Vec::new();
    for source in &sources {
        let lines = source.code().len();
        if lines > FILE_LINES_MAX {
            violations.push(format!("{}: more than {FILE_LINES_MAX} lines before the tests", source.path));
        }
        let name = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        let is_root = ["lib", "main"].contains(&name)
            || ["/tests/", "/benches/", "/bin/", "/examples/"].iter().any(|folder| {
                source.path.contains(folder) && !source.path.contains("/src/") || source.path.contains("/bin/")
            });
        if !is_root && !declared.contains(name) {
            violations.push(format!("{}: no `mod {name}` names it", source.path));
        }
    }
    assert_none("T5", &violations);
}

#[test]
fn t6_every_file_says_what_it_is_for() {
    let violations: Vec<String> = house::rust_sources()
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| format!("{} doesn't open with //!", source.path))
        .collect();
    assert_none("T6", &violations);
}

#[test]
fn t8_banned_words_and_names() {
    let words = ["TODO", "FIXME", "XXX", "unbounded_channel", "todo!(", "unimplemented!(", "dbg!("];
    let names = ["utils.rs", "helpers.rs", "common.rs", "misc.rs", "manager.rs", "mod.rs"];
    let mut violations = Vec::new();
    for source in house::rust_sources().iter().filter(|source| source.path != "tests/tests/tidy.rs") {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        if names.contains(&name) {
            violations.push(format!("{}: a name that says nothing", source.path));
        }
        for (number, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}", source.path, number + 1);
            violations.extend(words.iter().filter(|word| line.contains(*word)).map(|word| format!("{place}: {word}")));
            if line.contains("#[allow") {
                violations.push(format!("{place}: exceptions are #[expect(…, reason = …)]"));
            }
            if line.contains("#[ignore]") {
                violations.push(format!("{place}: say why it is ignored"));
            }
            let lower = line.to_lowercase();
            if (lower.contains("hashtag") || lower.contains("mention_"))
                && (lower.contains("fn ") || lower.contains("struct ") || lower.contains("let "))
                && !lower.contains("fn at_")
                && !house::is_test_file(&source.path)
            {
                violations.push(format!("{place}: nothing here knows hashtags or mentions (H-9)"));
            }
        }
    }
    assert_none("T8", &violations);
}

#[test]
fn t8_tests_wait_with_a_deadline() {
    let violations: Vec<String> = house::rust_sources()
        .iter()
        .filter(|source| source.path.starts_with("tests/") || source.path.contains("/tests/"))
        .filter(|source| source.path != "tests/src/lib.rs" && source.path != "tests/tests/tidy.rs")
        .flat_map(|source| {
            source
                .text
                .lines()
                .enumerate()
                .filter(|(_, line)| line.contains("thread::sleep"))
                .map(|(number, _)| format!("{}:{}: wait by `eventually`", source.path, number + 1))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_none("T8 waits", &violations);
}

/// A rule is declared where it is enforced (`/// Rule MB-A7: …`), once, and broken by a test named after it (H-24).
#[test]
fn t7_every_declared_rule_is_declared_once_and_tested() {
    let sources = house::rust_sources();
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut tested = BTreeSet::new();
    for source in &sources {
        for line in source.text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("/// Rule ").or_else(|| line.strip_prefix("//! Rule "))
                && let Some((id, _)) = rest.split_once(':')
                && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            {
                declared.entry(id.to_owned()).or_default().push(source.path.clone());
            }
            if let Some(name) = line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn ")) {
                tested.insert(name.split('(').next().unwrap_or_default().to_owned());
            }
        }
    }
    let mut violations = Vec::new();
    for (id, places) in &declared {
        if places.len() > 1 {
            violations.push(format!("{id} is declared in {}", places.join(" and ")));
        }
        let stem = test_stem(id);
        if !tested.iter().any(|name| name.starts_with(&stem) || name.contains(&format!("_{stem}"))) {
            violations.push(format!("{id} ({}) has no test named {stem}…", places.join(", ")));
        }
    }
    assert_none("T7", &violations);
}

/// Every invariant, scenario and rule of the membership page is shown by a test named after it.
#[test]
fn t7_every_id_of_the_membership_page_has_a_test() {
    let page = std::fs::read_to_string(house::root().join("protocol/docs/membership.md")).expect("the page");
    let ids: BTreeSet<&str> =
        page.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| is_membership_id(word)).collect();
    let sources = house::rust_sources();
    let names: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.text.lines())
        .filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next())
        .collect();
    let is_shown = |id: &str| {
        let stem = test_stem(id);
        names.iter().any(|name| name.starts_with(&stem) || name.contains(&format!("_{stem}")))
    };
    let counted = |letter: char| ids.iter().filter(|id| id.starts_with(letter)).count();
    assert_eq!((counted('P'), counted('S')), (27, 66), "the page lists P1 to P27 and S1 to S66");
    let violations: Vec<String> =
        ids.iter().filter(|id| !is_shown(id)).map(|id| format!("{id} has no test named {}…", test_stem(id))).collect();
    assert_none("T7 page", &violations);
}

/// Every attack of the catalogue is shown by a test that carries its number, or stands among those that say why not.
#[test]
fn t7_every_attack_of_the_catalogue_has_a_test_or_a_reason() {
    let page = std::fs::read_to_string(house::root().join("protocol/docs/attacks.md")).expect("the page");
    let (tables, elsewhere) = page.split_once("## Elsewhere, or not built").expect("the last section");
    let numbers = |text: &str| -> Vec<u32> {
        let ids = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter_map(|id| id.strip_prefix("AT-"));
        ids.filter_map(|number| number.parse().ok()).collect()
    };
    let first_cell =
        |line: &str| line.strip_prefix("| AT-").and_then(|rest| rest.split(" |").next()).map(str::to_owned);
    let rows: Vec<u32> =
        tables.lines().filter_map(first_cell).map(|number| number.parse().expect("one number a row")).collect();
    let reasons: Vec<u32> = elsewhere
        .lines()
        .filter(|line| line.starts_with("| AT-"))
        .flat_map(|line| numbers(line.split(" | ").next().unwrap_or_default()))
        .collect();
    let all: BTreeSet<u32> = rows.iter().chain(&reasons).copied().collect();
    assert_eq!(all.len(), rows.len() + reasons.len(), "each number stands once");
    assert!(all.iter().copied().eq(1..=169), "no number is missing");

    let sources = house::rust_sources();
    let mut shown: BTreeMap<u32, usize> = BTreeMap::new();
    for line in sources.iter().flat_map(|source| source.text.lines()) {
        let Some(name) = line.trim().strip_prefix("fn ").and_then(|rest| rest.split('(').next()) else { continue };
        for after in format!("_{name}").split("_at_").skip(1) {
            let number = after.split('_').next().unwrap_or_default();
            if number.len() >= 2
                && let Ok(number) = number.parse()
            {
                *shown.entry(number).or_default() += 1;
            }
        }
    }
    let mut violations: Vec<String> = rows
        .iter()
        .filter(|id| !shown.contains_key(id))
        .map(|id| format!("AT-{id:02} has no test named at_{id:02}_…"))
        .collect();
    // Those of the last section may have tests in the rooms that are named there.
    let unknown = shown.keys().filter(|id| !all.contains(id));
    violations.extend(unknown.map(|id| format!("a test carries at_{id:02}_, which the page doesn't know")));
    assert_none("T7 attacks", &violations);
}

/// What the two pages for reviewers claim can be checked: each rule they name stands in the code that keeps it, each has a
/// test named after it, and each attack has one or says why not.
#[test]
fn t7_every_rule_that_the_threat_model_and_the_encryption_page_name_is_kept_and_tested() {
    let pages = ["threat-model.md", "encryption.md"]
        .map(|name| (name, std::fs::read_to_string(house::root().join("protocol/docs").join(name)).expect("the page")));
    let attacks = std::fs::read_to_string(house::root().join("protocol/docs/attacks.md")).expect("the page");
    let (_, elsewhere) = attacks.split_once("## Elsewhere, or not built").expect("the last section");
    let sources = house::rust_sources();
    let mut kept = BTreeSet::new();
    let mut tests = Vec::new();
    for source in &sources {
        let is_product = ["protocol/src/", "node/src/", "cli/src/"].iter().any(|room| source.path.starts_with(room));
        if is_product && !house::is_test_file(&source.path) && !source.path.contains("/testing") {
            kept.extend(source.code().into_iter().flat_map(rule_ids));
        }
        tests.extend(source.text.lines().filter_map(test_name));
    }
    let is_tested = |id: &str| {
        let stem = test_stem(id);
        tests.iter().any(|name| name.starts_with(&stem) || name.contains(&format!("_{stem}")))
    };
    let mut violations = Vec::new();
    for (page, text) in &pages {
        let ids: BTreeSet<String> = text.lines().flat_map(rule_ids).collect();
        assert!(ids.len() > 50, "{page} names {} rules", ids.len());
        for id in ids {
            let is_attack = id.starts_with("AT-");
            // What the second implementation is for, and the vectors read by the tests, is no line of the product.
            if !is_attack && id != "E-106" && !kept.contains(&id) {
                violations.push(format!("{page}: {id} stands nowhere in the code"));
            }
            let is_shown = is_tested(&id) || (is_attack && elsewhere.contains(&id));
            if !is_shown {
                violations.push(format!("{page}: {id} has no test named {}…", test_stem(&id)));
            }
        }
    }
    assert_none("T7 pages", &violations);
}

/// The name of the function that a line begins.
fn test_name(line: &str) -> Option<&str> {
    let line = line.trim();
    line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn "))?.split('(').next()
}

/// `E-41`, `MB-C1`, `N-206`, `ST-40`, `R-36`, `AT-15`: the ids of rules and attacks that a line names. A range (`E-87 to
/// E-90`) names its ends.
fn rule_ids(line: &str) -> Vec<String> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_id = |word: &&str| {
        let Some((family, number)) = word.split_once('-') else { return false };
        let digits = if family == "MB" { number.trim_start_matches(|c: char| c.is_ascii_uppercase()) } else { number };
        ["E", "MB", "N", "ST", "R", "AT"].contains(&family)
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_ascii_digit())
    };
    words.filter(is_id).map(str::to_owned).collect()
}

/// `P14`, `S37`, `R-31` to `R-36`, `MB-A7`.
fn is_membership_id(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let after_letter =
        |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase()) && is_number(text.get(1..).unwrap_or_default());
    match word.strip_prefix("MB-") {
        Some(rest) => after_letter(rest),
        None => (word.starts_with(['P', 'S']) && after_letter(word)) || word.strip_prefix("R-3").is_some_and(is_number),
    }
}

/// `MB-A7` → `mb_a07_`, `E-23` → `e_23_`, `N-504` → `n_504_`.
fn test_stem(id: &str) -> String {
    let lower = id.to_lowercase();
    let letters_end = lower.find(|c: char| c.is_ascii_digit()).unwrap_or(lower.len());
    let (prefix, number) = lower.split_at(letters_end);
    format!("{}{number:0>2}_", prefix.replace('-', "_"))
}

#[test]
fn t9_numbers_on_wire_and_disk_are_append_only() {
    let text = std::fs::read_to_string(house::root().join("protocol/tests/data/kinds.txt")).expect("kinds.txt");
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let mut fields = line.split_whitespace();
        let place = (fields.next().expect("a table"), fields.next().expect("a number"));
        assert!(fields.next().is_some() && fields.next().is_some(), "name and release: {line}");
        assert!(seen.insert(place), "{} {} stands twice", place.0, place.1);
    }
    assert!(seen.len() > 60, "the list holds every kind");
}

#[test]
fn t11_every_crate_inherits_edition_version_and_lints() {
    let mut violations = Vec::new();
    for (_, folder) in CRATES {
        let text = std::fs::read_to_string(house::root().join(folder).join("Cargo.toml")).expect("a manifest");
        for line in ["edition.workspace = true", "version.workspace = true", "[lints]\nworkspace = true"] {
            if !text.contains(line) {
                violations.push(format!("{folder}/Cargo.toml lacks {line:?}"));
            }
        }
        if text.contains("git = ") {
            violations.push(format!("{folder}/Cargo.toml has a git dependency"));
        }
    }
    assert_none("T11", &violations);
}

#[test]
fn the_project_names_no_machine_of_its_makers() {
    let mut violations = Vec::new();
    let words = [concat!("/wo", "rk/"), concat!("sha", "red/design"), concat!("/ro", "ot/")];
    for source in house::rust_sources() {
        for (number, line) in source.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                violations.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert_none("paths", &violations);
}
