//! The grammar of the header fields of the handshake: lists of tokens with parameters (RFC 6455,
//! 9.1; RFC 9110, 5.6).

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

/// A field does not match its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// `name; parameter; parameter=value`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) name: &'a str,
    pub(crate) parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

/// All items of all lines of a field. An empty line is malformed; a missing field is an empty list.
pub(crate) fn items<'a>(
    headers: &'a HeaderMap,
    field: &HeaderName,
) -> Result<Vec<Item<'a>>, Malformed> {
    let mut items = Vec::new();
    for line in headers.get_all(field) {
        let mut rest = Parser(line.to_str().map_err(|_| Malformed)?);
        loop {
            items.push(rest.item()?);
            rest.space();
            if rest.0.is_empty() {
                break;
            }
            if !rest.eat(',') {
                return Err(Malformed);
            }
        }
    }
    Ok(items)
}

/// All items of a field without parameters.
pub(crate) fn tokens<'a>(
    headers: &'a HeaderMap,
    field: &HeaderName,
) -> Result<Vec<&'a str>, Malformed> {
    let name =
        |item: Item<'a>| if item.parameters.is_empty() { Ok(item.name) } else { Err(Malformed) };
    items(headers, field)?.into_iter().map(name).collect()
}

/// Whether a list contains this token, ignoring case. Unlike [`items`], it accepts other items of
/// any form, since the field may serve other protocols too.
pub(crate) fn contains(headers: &HeaderMap, field: &HeaderName, token: &str) -> bool {
    let mut items =
        headers.get_all(field).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    items.any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    fn item(&mut self) -> Result<Item<'a>, Malformed> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.eat(';') {
            let name = self.token()?;
            let value = if self.eat('=') { Some(self.value()?) } else { None };
            parameters.push((name, value));
        }
        Ok(Item { name, parameters })
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        self.space();
        let end = self.0.bytes().position(|byte| !is_token(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    /// A token, or a quoted token.
    fn value(&mut self) -> Result<Cow<'a, str>, Malformed> {
        if !self.eat('"') {
            return self.token().map(Cow::Borrowed);
        }
        let mut value = String::new();
        let mut chars = self.0.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    let token = !value.is_empty() && value.bytes().all(is_token);
                    return if token { Ok(Cow::Owned(value)) } else { Err(Malformed) };
                }
                '\\' => value.push(chars.next().ok_or(Malformed)?.1),
                char => value.push(char),
            }
        }
        Err(Malformed)
    }

    fn eat(&mut self, char: char) -> bool {
        self.space();
        let rest = self.0.strip_prefix(char);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &'static str) -> Result<String, Malformed> {
        let name = http::header::SEC_WEBSOCKET_EXTENSIONS;
        let headers = HeaderMap::from_iter([(name.clone(), http::HeaderValue::from_static(line))]);
        let items = items(&headers, &name)?.into_iter().map(|item| {
            let parameters = item.parameters.into_iter().map(|(name, value)| match value {
                None => format!(";{name}"),
                Some(value) => format!(";{name}={value}"),
            });
            parameters.fold(item.name.to_owned(), |text, parameter| text + &parameter)
        });
        Ok(items.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn lists_are_parsed_strictly() {
        for (line, expected) in [
            ("a", "a"),
            (" a ;b = 1 ; c , d", "a;b=1;c,d"),
            ("a; b=\"10\"", "a;b=10"),
            ("a; b=\"1\\0\"", "a;b=10"),
        ] {
            assert_eq!(parsed(line).as_deref(), Ok(expected), "{line}");
        }
        for line in [
            "",
            ",",
            "a,",
            ",a",
            "a;",
            "a;;b",
            "a;b=",
            "a b",
            "a;b=\"",
            "a;b=\"\"",
            "a;b=\"c d\"",
            "a;b=\"c\"d",
            "a=b",
        ] {
            assert_eq!(parsed(line), Err(Malformed), "{line}");
        }
    }
}
