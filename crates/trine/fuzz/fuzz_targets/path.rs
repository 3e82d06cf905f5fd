#![no_main]

#[path = "../../tests/it/paths/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::path(bytes));
