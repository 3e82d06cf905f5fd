//! Path templates such as `/users/{id}/img-{n}.png/{*rest}`. They are parsed once into a type that
//! is always valid.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::spelling;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// The text of the declaration, with the prefixes of its groups.
    pub(crate) text: String,
    /// The form that the tree uses: static text is percent-encoded, parameters are named by their
    /// position.
    pub(crate) canonical: String,
    /// The names of the parameters, in order.
    pub(crate) params: Vec<String>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// Returns a text that says what is wrong and what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        if !text.starts_with('/') {
            return Err(format!("`{text}` must start with `/`"));
        }
        let mut template =
            Template { text: text.to_owned(), canonical: String::new(), params: Vec::new() };
        let mut segments = text[1..].split('/').peekable();
        while let Some(segment) = segments.next() {
            template.canonical.push('/');
            let last = segments.peek().is_none();
            if segment.is_empty() && !last {
                return Err(format!(
                    "`{text}` has an empty segment: write one slash between two segments"
                ));
            }
            template.segment(segment, last)?;
        }
        Ok(template)
    }

    fn segment(&mut self, segment: &str, last: bool) -> Result<(), String> {
        if segment == "." || segment == ".." {
            return Err(format!(
                "`{}` has a segment `{segment}`, which clients resolve before they send a path: \
                 write the resolved path",
                self.text
            ));
        }
        if let Some(hint) = foreign_parameter(segment) {
            return Err(format!("`{}` has the segment `{segment}`: {hint}", self.text));
        }
        let mut rest = segment;
        let mut captures = 0;
        while let Some(at) = rest.find(['{', '}']) {
            self.static_text(&rest[..at])?;
            let brace = &rest[at..];
            if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
                self.static_text(if brace.starts_with('{') { "%7B" } else { "%7D" })?;
                rest = after;
                continue;
            }
            let Some((name, after)) =
                brace.strip_prefix('{').and_then(|inner| inner.split_once('}'))
            else {
                return Err(format!(
                    "`{}` has a brace without its pair: write `{{{{` or `}}}}` for a literal one",
                    self.text
                ));
            };
            captures += 1;
            if captures > 1 {
                return Err(format!(
                    "segment `{segment}` of `{}` has two parameters: one is allowed",
                    self.text
                ));
            }
            self.capture(name, segment, last && after.is_empty() && at == 0)?;
            rest = after;
        }
        self.static_text(rest)
    }

    fn capture(&mut self, name: &str, segment: &str, whole_and_last: bool) -> Result<(), String> {
        let (star, name) = name.strip_prefix('*').map_or(("", name), |name| ("*", name));
        if star == "*" && !whole_and_last {
            return Err(format!("`{{*{name}}}` must be the whole last segment of `{}`", self.text));
        }
        let valid = name
            .chars()
            .enumerate()
            .all(|(at, c)| c == '_' || c.is_alphabetic() || (at > 0 && c.is_numeric()));
        if name.is_empty() || !valid {
            return Err(format!(
                "`{segment}` in `{}` has no valid name: write `{{name}}` or `{{*rest}}`",
                self.text
            ));
        }
        if self.params.iter().any(|other| other == name) {
            return Err(format!("`{}` names `{name}` twice: rename one of them", self.text));
        }
        self.canonical.push_str(&format!("{{{star}p{}}}", self.params.len()));
        self.params.push(name.to_owned());
        Ok(())
    }

    /// Adds text in the normalized spelling of request paths.
    fn static_text(&mut self, text: &str) -> Result<(), String> {
        let encoded = utf8_percent_encode(text, NOT_IN_PATHS).to_string();
        let Some(normalized) = spelling::normalize(&encoded) else {
            return Err(format!(
                "`{}` has a `%` without two hexadecimal digits: write `%25` for the character itself",
                self.text
            ));
        };
        self.canonical.push_str(&normalized);
        Ok(())
    }
}

/// What to write instead of a segment in which another framework would have a parameter. Taken as
/// text, no request would match it.
fn foreign_parameter(segment: &str) -> Option<String> {
    let angled = segment.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    match (segment.strip_prefix(':'), angled) {
        (Some(name), _) if !name.is_empty() => Some(format!("write `{{{name}}}`")),
        (_, Some((name, _))) => Some(match name.strip_suffix("..") {
            Some(rest) => format!("write `{{*{rest}}}`"),
            None => format!("write `{{{name}}}`"),
        }),
        _ => None,
    }
}

/// Joins the prefix of a group and the path of a route. The path `/` stands for the prefix itself.
pub(crate) fn join(prefix: &str, path: &str) -> String {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    match (prefix, path) {
        ("", path) => path.to_owned(),
        (prefix, "" | "/") => prefix.to_owned(),
        (prefix, path) => format!("{prefix}{path}"),
    }
}

// RFC 3986, section 3.3: everything but `pchar`. `%` is not encoded, so that a template may contain
// percent-encoded text.
pub(crate) const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'|');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_named_by_position() {
        let template = Template::parse("/a b/{id}/img-{n}.png/{*rest}").unwrap();
        assert_eq!(template.canonical, "/a%20b/{p0}/img-{p1}.png/{*p2}");
        assert_eq!(template.params, ["id", "n", "rest"]);
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, fragment) in [
            ("users", "must start with `/`"),
            ("/a//b", "empty segment"),
            ("/a/../b", "write the resolved path"),
            ("/{id", "brace without its pair"),
            ("/id}", "brace without its pair"),
            ("/{a}{b}", "two parameters"),
            ("/{*rest}/x", "whole last segment"),
            ("/{}", "no valid name"),
            ("/{1a}", "no valid name"),
            ("/{a}/{a}", "names `a` twice"),
            ("/100%", "write `%25`"),
            ("/users/:id", "the segment `:id`: write `{id}`"),
            ("/users/<id>", "the segment `<id>`: write `{id}`"),
            ("/<path..>", "the segment `<path..>`: write `{*path}`"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(fragment), "{text}: {error}");
        }
    }

    #[test]
    fn braces_and_trailing_slashes_are_kept() {
        assert_eq!(Template::parse("/{{x}}/").unwrap().canonical, "/%7Bx%7D/");
        assert_eq!(Template::parse("/").unwrap().canonical, "/");
        assert_eq!(Template::parse("/%7bx%7D/%61%2f").unwrap().canonical, "/%7Bx%7D/a%2F");
    }

    #[test]
    fn a_prefix_and_a_path_join_at_one_slash() {
        assert_eq!(join("/admin", "/"), "/admin");
        assert_eq!(join("/admin/", "/x"), "/admin/x");
        assert_eq!(join("", "/x"), "/x");
        assert_eq!(join("/", "/"), "/");
    }
}
