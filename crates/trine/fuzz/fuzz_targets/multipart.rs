#![no_main]

#[path = "../../tests/it/multiparts/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::parts(bytes));
