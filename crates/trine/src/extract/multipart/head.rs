//! The header fields of a multipart body and its parts.

use http::{HeaderMap, header};

/// The value of `Content-Disposition` (RFC 7578 section 4.2).
#[derive(Debug, PartialEq)]
pub(super) struct Disposition {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
}

/// The boundary parameter of a content type.
pub(super) fn boundary(content_type: &[u8]) -> Result<String, String> {
    const LONGEST: usize = 70; // RFC 2046 section 5.1.1
    let content_type = String::from_utf8_lossy(content_type);
    let parameters = content_type.split_once(';').map_or("", |(_, parameters)| parameters);
    match parameter(parameters, "boundary") {
        None => Err("header `content-type`: expected a parameter `boundary`".to_owned()),
        Some(boundary)
            if boundary.is_empty() || boundary.len() > LONGEST || !is_boundary(&boundary) =>
        {
            Err(format!(
                "header `content-type`: expected a boundary of 1 to {LONGEST} printable characters"
            ))
        }
        Some(boundary) => Ok(boundary),
    }
}

fn is_boundary(boundary: &str) -> bool {
    boundary.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && !boundary.ends_with(' ')
}

/// The names in the `Content-Disposition` of a part.
pub(super) fn disposition(headers: &HeaderMap) -> Result<Disposition, String> {
    let Some(value) = headers.get(header::CONTENT_DISPOSITION) else {
        return Err("a part has no `content-disposition` field with its name".to_owned());
    };
    let Ok(text) = std::str::from_utf8(value.as_bytes()) else {
        return Err("the `content-disposition` of a part: expected UTF-8".to_owned());
    };
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        let kind = crate::extract::clip(kind.trim());
        return Err(format!(
            "the `content-disposition` of a part: expected `form-data`, got `{kind}`"
        ));
    }
    // `filename*` is not allowed in forms (RFC 7578 section 4.2), and a second name for the same
    // file could contradict the first.
    match parameter(parameters, "name") {
        Some(name) => Ok(Disposition { name, file_name: parameter(parameters, "filename") }),
        None => Err("the `content-disposition` of a part has no `name`".to_owned()),
    }
}

/// The first parameter of this name among `; a=b; c="d"`.
fn parameter(mut rest: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, next) = value(after.trim_start());
        if name.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
}

/// Reads a token or quoted string, and returns it with the rest of the text.
///
/// Browsers escape a quote as `%22` and leave a backslash unescaped; other clients write `\"` and
/// `\\`. Both are accepted.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        return (token.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (unescape(&value), &quoted[at + 1..]),
            '\\' => {
                let escaped = chars.next_if(|&(_, next)| matches!(next, '"' | '\\'));
                value.push(escaped.map_or('\\', |(_, next)| next));
            }
            _ => value.push(c),
        }
    }
    (unescape(&value), "")
}

// Only the three escapes that the HTML standard defines for names: `100%25` stays as it is.
fn unescape(value: &str) -> String {
    value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Result<Disposition, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_DISPOSITION, value.parse().unwrap());
        disposition(&headers)
    }

    fn found(name: &str, file_name: Option<&str>) -> Result<Disposition, String> {
        Ok(Disposition { name: name.to_owned(), file_name: file_name.map(str::to_owned) })
    }

    #[test]
    fn names_are_read_as_clients_write_them() {
        assert_eq!(of(r#"form-data; name="a""#), found("a", None));
        assert_eq!(of(r#"Form-Data;name=a ; filename="b c.txt""#), found("a", Some("b c.txt")));
        assert_eq!(
            of(r#"form-data; filename="n=\";name=x"; name="a""#),
            found("a", Some("n=\";name=x"))
        );
        assert_eq!(of(r#"form-data; name="a%22b%0D%0A100%25""#), found("a\"b\r\n100%25", None));
        assert_eq!(
            of(r#"form-data; name="a"; filename="C:\dir\me.png""#),
            found("a", Some(r"C:\dir\me.png"))
        );
        assert_eq!(of(r#"form-data; name="a"; filename="\\\"""#), found("a", Some("\\\"")));
        assert_eq!(
            of(r#"form-data; name="a"; filename*=UTF-8''x; filename="""#),
            found("a", Some(""))
        );
        assert_eq!(of(r#"form-data; name="open"#), found("open", None));
    }

    #[test]
    fn parts_without_a_name_are_refused() {
        assert!(disposition(&HeaderMap::new()).is_err());
        for value in ["form-data", "form-data; filename=\"name=x\"", "attachment; name=a", ""] {
            assert!(of(value).is_err(), "{value}");
        }
    }

    #[test]
    fn boundaries() {
        let read = |text: &str| boundary(text.as_bytes());
        assert_eq!(read("multipart/form-data; boundary=----x"), Ok("----x".to_owned()));
        assert_eq!(
            read("multipart/form-data; charset=utf-8; BOUNDARY=\"a b\""),
            Ok("a b".to_owned())
        );
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        for wrong in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "m/f; boundary=\"a \"",
            "m/f; boundary=ä",
            &long,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
