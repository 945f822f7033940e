//! The one call to the allocator: what is free goes back to the system.
//!
//! glibc keeps freed memory between blocks that are in use; after a start that has read a large store that is half of what
//! the process holds. <https://man7.org/linux/man-pages/man3/malloc_trim.3.html>

/// Gives free memory back, where the allocator knows how. Takes some tens of milliseconds.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    trim();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "malloc_trim takes a number, touches only free memory, and nobody offers it safely")]
fn trim() {
    // SAFETY: it may be called at any time, from any thread (MT-Safe in its manual page).
    let gave = unsafe { libc::malloc_trim(0) };
    tracing::debug!(gave = gave == 1, "free memory was given back");
}
