//! Arbitrary paths, for a toolchain that cannot fuzz: the corpus of the fuzz target `path`, and
//! mutations of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod check;

use proptest::prelude::*;

#[test]
fn the_corpus_of_the_fuzz_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/path");
    let files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 10, "{} files", files.len());
    for file in files {
        check::path(&std::fs::read(file).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_path_reaches_the_handler_that_the_rules_require(
        segments in proptest::collection::vec(
            prop_oneof![
                Just("users".to_owned()), Just("us%65rs".to_owned()), Just("posts".to_owned()), Just("me".to_owned()),
                Just("files".to_owned()), Just("f%C3%bcr%20uns".to_owned()), Just(String::new()), Just("..".to_owned()),
                "[a-z0-9._~!$&'()*+,;=:@{}-]{0,6}", "(%[0-9a-fA-F]{2}|a){0,4}", "[%a-f0-9]{0,4}",
            ],
            0..6,
        ),
        query in prop_oneof![Just(""), Just("?a=%zz"), Just("?/users/1")],
    ) {
        check::path(format!("/{}{query}", segments.join("/")).as_bytes());
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        check::path(&bytes);
        check::path(&[b"/users/", &*bytes].concat());
    }
}
