#![no_main]

#[path = "../../tests/fuzz_targets.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::card(bytes));
