//! How much memory something takes at most. Linux tells; elsewhere it is 0.

/// How much more memory the process had, at most, while something ran, KiB; and what that gave.
pub fn peak_kib<T>(run: impl FnOnce() -> T) -> (u64, T) {
    // The mark of the most memory starts anew.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    let before = status_kib("VmRSS:");
    let result = run();
    (status_kib("VmHWM:").saturating_sub(before), result)
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
