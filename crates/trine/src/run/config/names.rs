//! Names of tables and keys: which of them belong to the server, how a section may be named, and
//! how near a misspelled name is to a known one.

/// Whether a section of the application may have this name.
pub(super) fn is_section_name(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    name.split('.').all(word) && !is_of_server(first)
}

/// Whether a table of this name belongs to the server, or is one letter away from one that does.
pub(super) fn is_of_server(section: &str) -> bool {
    let near = |name| distance(section, name) <= 1;
    PROFILES.contains(&section) || TABLES.into_iter().any(near)
}

/// Whether a key may be a misspelling of a name, or its last part without the section.
pub(super) fn is_near(key: &str, name: &str) -> bool {
    distance(key, name) <= 2.max(key.len() / 5) || name.rsplit('.').next() == key.rsplit('.').next()
}

/// The edit distance: how many letters must be added, removed or changed to turn one text into the
/// other.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The tables of the server.
const TABLES: [&str; 5] = ["acme", "http2", "http3", "limits", "timeouts"];
/// The tables of the profiles.
const PROFILES: [&str; 2] = ["dev", "prod"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("port", "port", 0),
            ("prot", "port", 2),
            ("", "abc", 3),
            ("bdy", "body", 1),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
