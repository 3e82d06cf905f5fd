//! Arbitrary multipart bodies, for a toolchain that cannot fuzz: the corpus of the fuzz target
//! `multipart`, and mutations of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod check;

use proptest::prelude::*;

#[test]
fn the_corpus_of_the_fuzz_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/multipart");
    let files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 10, "{} files", files.len());
    for file in files {
        check::parts(&std::fs::read(file).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splitting_the_bytes_changes_nothing(
        cuts in any::<[u8; 2]>(),
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("--b"), Just("\r\n--b"), Just("\r\n"), Just("\n"), Just("--"), Just("--b--"), Just("\r\n--b--\r\n"),
                Just("Content-Disposition: form-data; name=\"a\"\r\n\r\n"),
                Just("content-disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n"),
                Just("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n"), Just("text"), Just("\r"), Just(" \t"), Just("-"),
            ],
            0..16,
        ),
    ) {
        check::parts(&[&cuts[..], pieces.concat().as_bytes()].concat());
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check::parts(&bytes);
    }
}
