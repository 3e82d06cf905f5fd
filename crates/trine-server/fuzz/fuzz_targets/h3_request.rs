#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trine_server::fuzzing::h3_request(bytes));
