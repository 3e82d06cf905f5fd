use super::*;

fn pairs(section: &[u8], most: usize) -> Result<Vec<(String, String)>, Unreadable> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let fields = decode(Bytes::copy_from_slice(section), most)?;
    Ok(fields.iter().map(|field| (text(field.name.as_bytes()), text(&field.value))).collect())
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

#[test]
fn encoded_fields_are_decoded() {
    let long = "v".repeat(5000);
    let fields = [
        (":status", "200"),
        (":status", "418"),
        ("content-type", "application/json"),
        ("content-type", "text/x-own"),
        ("x-frame-options", "sameorigin"),
        ("x-own-name", ""),
        ("a", &long),
    ];
    let mut encoder = Encoder::new();
    fields.iter().for_each(|(name, value)| encoder.field(name, value.as_bytes()));
    let expected: Vec<_> = fields.iter().map(|(name, value)| pair(name, value)).collect();
    assert_eq!(pairs(&encoder.finish(), 10_000), Ok(expected));
}

#[test]
fn the_example_of_the_rfc() {
    // RFC 9204, B.1
    let section = b"\x00\x00\x51\x0b/index.html";
    assert_eq!(pairs(section, 99), Ok(vec![pair(":path", "/index.html")]));
}

#[test]
fn a_section_is_as_large_as_rfc_9114_counts_it() {
    // `:path` and `/index.html` and 32.
    let section = b"\x00\x00\x51\x0b/index.html";
    assert!(pairs(section, 48).is_ok());
    assert_eq!(pairs(section, 47), Err(Unreadable::TooLarge));
    // `:method: GET`, which takes one byte here.
    let bomb = [&[0, 0][..], &[0xd1; 100]].concat();
    assert!(pairs(&bomb, 4200).is_ok());
    assert_eq!(pairs(&bomb, 4199), Err(Unreadable::TooLarge));
}

#[test]
fn a_compressed_text_that_is_too_long_is_never_unpacked() {
    // 64 bytes of Huffman code that decode to 102 zeros.
    let mut section = vec![0, 0, 0x51, 0x80 | 64];
    section.extend([0; 63]);
    section.push(0b0000_0001);
    assert_eq!(pairs(&section, 32 + 5 + 50), Err(Unreadable::TooLarge));
}

#[test]
fn references_to_an_empty_table_are_errors() {
    let broken = |section: &[u8]| matches!(pairs(section, 9999), Err(Unreadable::Broken(_)));
    for section in [
        &[][..],
        &[0],
        &[1, 0],
        // dynamic: indexed, post-base, named, post-base name
        &[0, 0, 0x80],
        &[0, 0, 0x10],
        &[0, 0, 0x40, 0],
        &[0, 0, 0x00, 0],
        // beyond the static table
        &[0, 0, 0xff, 36],
        // cut off
        &[0, 0, 0xff],
        &[0, 0, 0x51],
        &[0, 0, 0x51, 5, b'a'],
        &[0, 0, 0x23, b'a'],
        // an integer that is too large
        &[0, 0, 0x51, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        // Huffman: invalid padding
        &[0, 0, 0x51, 0x81, 0x00],
    ] {
        assert!(broken(section), "{section:x?}");
    }
}

#[test]
fn only_instructions_without_a_table_are_accepted() {
    assert!(check_instructions(&[0x20, 0x20]).is_ok());
    assert!(check_instructions(&[0x21]).is_err());
    assert!(check_instructions(&[0xc0, 0]).is_err());
    let mut inside = false;
    assert!(check_feedback(&[0x41, 0x7f, 0xff], &mut inside).is_ok());
    assert!(inside);
    assert!(check_feedback(&[0x01, 0x40], &mut inside).is_ok());
    assert!(check_feedback(&[0x80], &mut inside).is_err());
    assert!(check_feedback(&[0x01], &mut inside).is_err());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(section: Vec<u8>, most in 0..4096_usize) {
        let _ = decode(section.into(), most);
    }
}
