//! Where two JSON values differ.

use std::fmt::Write as _;

use serde_json::Value;

/// One line per difference, with the path to it; at most [`MOST`] lines.
pub(super) fn differences(expected: &Value, got: &Value) -> String {
    let mut lines = Vec::new();
    compare("$", expected, got, &mut lines);
    let more = lines.len().saturating_sub(MOST);
    let mut text = String::new();
    for line in lines.iter().take(MOST) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "  {line}");
    }
    if more > 0 {
        let _ = writeln!(text, "  … and {more} more");
    }
    text
}

const MOST: usize = 20;

fn compare(path: &str, expected: &Value, got: &Value, lines: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (name, value) in expected {
                match got.get(name) {
                    Some(other) => compare(&member(path, name), value, other, lines),
                    None => lines.push(format!(
                        "{}: missing, expected {}",
                        member(path, name),
                        short(value)
                    )),
                }
            }
            for (name, value) in got.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                lines.push(format!("{}: not expected, got {}", member(path, name), short(value)));
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            for (index, value) in expected.iter().enumerate() {
                match got.get(index) {
                    Some(other) => compare(&format!("{path}[{index}]"), value, other, lines),
                    None => {
                        lines.push(format!("{path}[{index}]: missing, expected {}", short(value)));
                    }
                }
            }
            for (index, value) in got.iter().enumerate().skip(expected.len()) {
                lines.push(format!("{path}[{index}]: not expected, got {}", short(value)));
            }
        }
        _ if expected == got => {}
        _ => lines.push(format!("{path}: expected {}, got {}", short(expected), short(got))),
    }
}

fn member(path: &str, name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain && !name.is_empty() { format!("{path}.{name}") } else { format!("{path}[{name:?}]") }
}

fn short(value: &Value) -> String {
    const SHOWN: usize = 200;
    let text = value.to_string();
    if text.len() <= SHOWN {
        text
    } else {
        format!("{}…", &text[..text.floor_char_boundary(SHOWN)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_path() {
        let expected =
            json!({ "user": { "name": "Ann", "tags": [1, 2] }, "old": true, "same": null });
        let got = json!({ "user": { "name": "Bob", "tags": [1, "2", 3] }, "a b": 1, "same": null });
        assert_eq!(
            differences(&expected, &got),
            "  $.old: missing, expected true\n  $.user.name: expected \"Ann\", got \"Bob\"\n  \
             $.user.tags[1]: expected 2, got \"2\"\n  $.user.tags[2]: not expected, got 3\n  \
             $[\"a b\"]: not expected, got 1\n"
        );
        let many = differences(&json!(vec![0; 30]), &json!(vec![1; 30]));
        assert!(many.ends_with("  … and 10 more\n"), "{many}");
    }
}
