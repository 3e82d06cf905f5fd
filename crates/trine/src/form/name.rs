//! The names of fields: `address.street`, `address[street]`, `tags[]`, `items[0].price`.

/// Splits a name into keys. `[]` at the end marks a repeated field; every field may repeat, so it
/// adds no key.
///
/// A name that does not follow the grammar is a single key: it names no field of a struct, but a
/// map may contain it.
pub(crate) fn keys(name: &str) -> Vec<&str> {
    parse(name).unwrap_or_else(|| vec![name])
}

fn parse(name: &str) -> Option<Vec<&str>> {
    let name = name.strip_suffix("[]").unwrap_or(name);
    let (head, mut rest) = name.split_at(name.find(['.', '[', ']']).unwrap_or(name.len()));
    let mut keys = vec![head];
    while !rest.is_empty() {
        let key;
        if let Some(after) = rest.strip_prefix('[') {
            (key, rest) = after.split_once(']')?;
        } else {
            let after = rest.strip_prefix('.')?;
            (key, rest) = after.split_at(after.find(['.', '[', ']']).unwrap_or(after.len()));
        }
        keys.push(key);
    }
    // `a..b`, `a[][b]` and `[a]` are not names: several `a[][b]` would not show where one element
    // ends.
    if keys.iter().any(|key| key.is_empty()) { None } else { Some(keys) }
}

/// The name of `key` inside the field `outer`, which [`keys`] splits again.
pub(crate) fn join(outer: &str, key: &str) -> String {
    if outer.is_empty() {
        key.to_owned()
    } else if is_index(key) || key.contains(['.', '[']) {
        format!("{outer}[{key}]")
    } else {
        format!("{outer}.{key}")
    }
}

/// The name for these keys as [`join`] writes it.
pub(crate) fn canonical(keys: &[&str]) -> String {
    keys.iter().fold(String::new(), |outer, key| join(&outer, key))
}

pub(crate) fn is_index(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an undeclared key names a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    key.to_ascii_lowercase().contains("password")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_split_into_keys() {
        for (name, expected) in [
            ("a", vec!["a"]),
            ("a.b", vec!["a", "b"]),
            ("a[b]", vec!["a", "b"]),
            ("a[b].c[0]", vec!["a", "b", "c", "0"]),
            ("a[b.c]", vec!["a", "b.c"]),
            ("a[]", vec!["a"]),
            ("a.b[]", vec!["a", "b"]),
            ("a[4294967295]", vec!["a", "4294967295"]),
        ] {
            assert_eq!(keys(name), expected, "{name}");
        }
    }

    #[test]
    fn an_invalid_name_is_one_key() {
        for name in
            ["", ".", "a.", ".a", "a..b", "a[", "a]", "a]b", "[a]", "[]", "a[][b]", "a[b]c", "a[b"]
        {
            assert_eq!(keys(name), [name]);
        }
        assert_eq!(canonical(&keys("a[b].c[0][x]")), "a.b.c[0].x");
    }

    proptest! {
        #[test]
        fn any_text_has_keys_and_no_byte_is_invented(name in "[ab0.\\[\\]é]{0,24}") {
            let keys = keys(&name);
            prop_assert!(!keys.is_empty());
            prop_assert!(keys.iter().map(|key| key.len()).sum::<usize>() <= name.len());
        }

        #[test]
        fn a_joined_name_splits_into_its_keys(
            head in "[a-z]{1,4}",
            more in prop::collection::vec("[a-z0-9.é ]{1,6}", 0..6),
        ) {
            let mut given = vec![head.as_str()];
            given.extend(more.iter().map(String::as_str));
            let name = canonical(&given);
            prop_assert_eq!(keys(&name), given);
        }
    }
}
