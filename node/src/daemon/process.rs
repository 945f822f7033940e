//! What the process asks of the system before it begins: nobody else reads what it writes, its memory ends in no core
//! file, and it may open as many files as it needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::api::problem::{Code, Problem};
use crate::clock::Clock;

/// File descriptors that a busy node needs: 31 of its own (measured: store, lock, log, runtime, sockets that listen), 64
/// faces (AP-3), 64 connections and 96 that are about to be (`network/limits.rs`). Also what macOS gives unasked.
const DESCRIPTORS_MIN: u64 = 256;
/// What is taken if it is to be had: members' connections come on top of those 64.
const DESCRIPTORS_WANTED: u64 = 4_096;

/// Rules CF-1, ST-67.
pub(super) fn harden() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A panic's text may hold what a peer sent, or a secret; its place is enough (CF-4).
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, version = env!("CARGO_PKG_VERSION"), at_ms = Clock::now().wall_ms, "a panic");
            if cfg!(debug_assertions) {
                before(panic);
            }
        }));
    });
}

/// Takes as many descriptors as the system lets it. With too few a node would start and then be deaf: the last ones go
/// to its sockets, and nobody's call can be taken. So it says it at once.
pub(super) fn make_room() -> Result<(), Problem> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(DESCRIPTORS_WANTED, |maximum| maximum.min(DESCRIPTORS_WANTED));
    if limit.current.is_some_and(|current| current < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
    match getrlimit(Resource::Nofile).current {
        Some(current) if current < DESCRIPTORS_MIN => Err(too_few(current)),
        _ => Ok(()),
    }
}

fn too_few(current: u64) -> Problem {
    Problem::new(Code::Busy, "this computer gives Coterie too little")
        .because(format!("a program may open {current} files here, and a node needs up to {DESCRIPTORS_MIN}"))
        .advise(["ulimit -n 1024"])
}
