//! A few rounds of the programs that cut the power, kill, flip bits and fill disks. The long runs and their figures stand
//! in the README.

use std::process::Command;

#[expect(clippy::print_stderr, clippy::expect_used, reason = "a test that cannot go on fails; a skipped one says so")]
fn run(program: &str, rounds: u32) {
    let output = Command::new(program)
        .args(["--rounds", &rounds.to_string()])
        .env("COTERIE_PROGRAM", coterie_tests::cluster::program())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        return eprintln!("{said}");
    }
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn st_132_nothing_promised_is_lost_when_the_power_goes() {
    run(env!("CARGO_BIN_EXE_power_cut"), 3);
}

#[test]
fn st_133_nothing_promised_is_lost_or_doubled_when_a_node_is_killed() {
    run(env!("CARGO_BIN_EXE_kill_loop"), 5);
}

#[test]
fn st_134_no_flipped_bit_goes_by_in_silence() {
    run(env!("CARGO_BIN_EXE_bit_flips"), 4);
}

#[test]
fn st_135_nothing_promised_is_lost_when_the_disk_is_full() {
    run(env!("CARGO_BIN_EXE_disk_full"), 2);
}
