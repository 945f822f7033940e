//! Fuzz target: see `targets::sync_gate`.
#![no_main]

#[allow(dead_code, reason = "each target uses one of the checks")]
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::sync_gate(bytes));
