//! Parses the template of a route into a type that is always valid.
//!
//! ```text
//! template = path [ "?" query ]
//! path     = "/" | 1*( "/" segment ) [ "/" ]
//! segment  = [ text ] "{" name "}" [ text ] | "{*" name "}" | text        ; `{*name}` only at the end
//! query    = "{" name "}" *( "&" "{" name "}" )
//! text     = 1*( any character but `/` `?` `{` `}` | "{{" | "}}" )
//! ```

use std::fmt;
use std::ops::Range;

use syn::ext::IdentExt as _;
use syn::parse::Parser as _;

/// A path and the names of its query. Each name is unique in the whole template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Vec<Segment>,
    trailing_slash: bool,
    query: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Text(String),
    Capture { prefix: String, name: String, suffix: String },
    Rest(String),
}

/// A mistake in a template, with its byte range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
}

impl Template {
    /// The names in the path, in order. The position of a name is the index of its value at run
    /// time.
    pub(crate) fn path_names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Text(_) => None,
            Segment::Capture { name, .. } | Segment::Rest(name) => Some(name.as_str()),
        })
    }

    pub(crate) fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.iter().map(String::as_str)
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(crate) fn trailing_slash(&self) -> bool {
        self.trailing_slash || self.segments.is_empty()
    }

    /// The path without the query, in the syntax of the router.
    pub(crate) fn path(&self) -> String {
        let mut path: String = self.segments.iter().map(|segment| format!("/{segment}")).collect();
        if self.trailing_slash() {
            path.push('/');
        }
        path
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Text(text) => f.write_str(&escape(text)),
            Segment::Capture { prefix, name, suffix } => {
                write!(f, "{}{{{name}}}{}", escape(prefix), escape(suffix))
            }
            Segment::Rest(name) => write!(f, "{{*{name}}}"),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Parses a template, or returns all mistakes in it.
pub(crate) fn parse(text: &str) -> Result<Template, Vec<Mistake>> {
    let mut parser = Parser { text, mistakes: Vec::new(), names: Vec::new() };
    let template = parser.template();
    if parser.mistakes.is_empty() { Ok(template) } else { Err(parser.mistakes) }
}

/// A piece of a path or query. A mark is the separator: `/` in the path, `&` in the query.
#[derive(Debug)]
enum Piece<'a> {
    Mark,
    Text(String),
    Capture(&'a str),
}

struct Parser<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
    names: Vec<String>,
}

impl<'a> Parser<'a> {
    fn template(&mut self) -> Template {
        let (path, question) = self.pieces(0, '/', Some('?'));
        let mut template =
            Template { segments: Vec::new(), trailing_slash: false, query: Vec::new() };
        self.path(path, question.unwrap_or(self.text.len()), &mut template);
        if let Some(at) = question {
            let (query, _) = self.pieces(at + 1, '&', None);
            self.query(query, at, &mut template);
        }
        template
    }

    /// Splits the text from `start` into pieces, up to the character `end`, and also returns its
    /// position.
    fn pieces(
        &mut self,
        start: usize,
        mark: char,
        end: Option<char>,
    ) -> (Vec<(Range<usize>, Piece<'a>)>, Option<usize>) {
        let mut pieces: Vec<(Range<usize>, Piece<'a>)> = Vec::new();
        let mut at = start;
        while let Some(next) = self.text[at..].chars().next() {
            let from = at;
            at += next.len_utf8();
            let doubled = self.text[at..].starts_with(next);
            match next {
                _ if Some(next) == end => return (pieces, Some(from)),
                _ if next == mark => pieces.push((from..at, Piece::Mark)),
                '{' if !doubled => match self.text[at..].find(['{', '}', '/']) {
                    Some(length) if self.text[at + length..].starts_with('}') => {
                        pieces.push((
                            from..at + length + 1,
                            Piece::Capture(&self.text[at..at + length]),
                        ));
                        at += length + 1;
                    }
                    _ => {
                        self.mistake(
                            from..at,
                            "this `{` is not closed; for the character itself write `{{`",
                        );
                    }
                },
                '}' if !doubled => {
                    self.mistake(
                        from..at,
                        "this `}` has no opening brace; for the character itself write `}}`",
                    );
                }
                _ => {
                    if matches!(next, '{' | '}') {
                        at += 1;
                    }
                    match pieces.last_mut() {
                        Some((range, Piece::Text(text))) => {
                            text.push(next);
                            range.end = at;
                        }
                        _ => pieces.push((from..at, Piece::Text(next.into()))),
                    }
                }
            }
        }
        (pieces, None)
    }

    fn path(
        &mut self,
        pieces: Vec<(Range<usize>, Piece<'a>)>,
        end: usize,
        template: &mut Template,
    ) {
        if !self.text.starts_with('/') {
            let path = &self.text[..end];
            self.mistake(0..end, format!("a path starts with `/`: write `/{path}`"));
            return;
        }
        let mut pieces = pieces.into_iter().peekable();
        while let Some((slash, _)) = pieces.next() {
            let mut segment = Vec::new();
            while let Some(piece) = pieces.next_if(|(_, piece)| !matches!(piece, Piece::Mark)) {
                segment.push(piece);
            }
            let last = pieces.peek().is_none();
            match segment.is_empty() {
                true if last => template.trailing_slash = slash.start > 0,
                true => {
                    self.mistake(slash.start..slash.end + 1, "an empty segment: write `/` once");
                }
                false => template.segments.extend(self.segment(segment, last)),
            }
        }
    }

    fn segment(&mut self, pieces: Vec<(Range<usize>, Piece<'a>)>, last: bool) -> Option<Segment> {
        let at = pieces.first()?.0.start..pieces.last()?.0.end;
        let whole = &self.text[at.clone()];
        let mut captures = pieces.iter().filter(|(_, piece)| matches!(piece, Piece::Capture(_)));
        let capture = captures.next().map(|(range, _)| range.clone());
        if captures.next().is_some() {
            let message = format!(
                "segment `{whole}`: a segment can contain only one `{{name}}`; put a `/` between them"
            );
            self.mistake(at, message);
            return None;
        }
        let Some(capture) = capture else { return self.text_segment(at, pieces) };

        let (mut prefix, mut name, mut suffix) = (String::new(), None, String::new());
        for (_, piece) in pieces {
            match piece {
                Piece::Capture(inner) => name = Some(inner),
                Piece::Text(text) if name.is_none() => prefix = text,
                Piece::Text(text) => suffix = text,
                Piece::Mark => {}
            }
        }
        let inner = name?;
        let Some(rest) = inner.strip_prefix('*') else {
            let name = self.name(capture, inner)?;
            return Some(Segment::Capture { prefix, name, suffix });
        };
        if !prefix.is_empty() || !suffix.is_empty() {
            let message = format!(
                "segment `{whole}`: `{{{inner}}}` takes the rest of the path, so it has to be a whole segment"
            );
            self.mistake(at, message);
        } else if !last {
            self.mistake(
                at,
                format!("`{{{inner}}}` takes the rest of the path, so nothing can follow it"),
            );
        }
        self.name(capture, rest).map(Segment::Rest)
    }

    fn text_segment(
        &mut self,
        at: Range<usize>,
        pieces: Vec<(Range<usize>, Piece<'a>)>,
    ) -> Option<Segment> {
        let text = pieces.into_iter().find_map(|(_, piece)| match piece {
            Piece::Text(text) => Some(text),
            Piece::Mark | Piece::Capture(_) => None,
        })?;
        let hint = match (&*text, text.chars().next(), in_braces(&text)) {
            ("." | "..", _, _) => {
                "clients remove `.` and `..` from a path before they send it; write the resolved path".into()
            }
            (_, Some(':'), _) if text.len() > 1 => format!("write `{{{}}}`", &text[1..]),
            (_, Some('*'), _) => {
                format!("write `{{*{}}}`", if text.len() > 1 { &text[1..] } else { "rest" })
            }
            (_, _, Some(braced)) => format!("write `{braced}`"),
            _ => return Some(Segment::Text(text)),
        };
        self.mistake(at, format!("segment `{text}`: {hint}"));
        None
    }

    fn query(
        &mut self,
        pieces: Vec<(Range<usize>, Piece<'a>)>,
        question: usize,
        template: &mut Template,
    ) {
        let mut expects_name = true;
        // What directly follows a mistake belongs to it, such as the name after `key=`.
        let mut in_mistake = false;
        for (range, piece) in pieces {
            let written = &self.text[range.clone()];
            match piece {
                Piece::Capture(inner) if inner.starts_with('*') || inner.ends_with("..") => {
                    let hint = match inner.ends_with("..") {
                        true => ALL_VALUES,
                        false => {
                            "`*` is only allowed in the path; a `Vec` argument for `?{q}` takes all values"
                        }
                    };
                    self.mistake(range, format!("query `{written}`: {hint}"));
                    expects_name = false;
                }
                Piece::Capture(inner) if expects_name => {
                    template.query.extend(self.name(range, inner));
                    expects_name = false;
                }
                Piece::Capture(_) => {
                    self.mistake(range, format!("query: write `&` before `{written}`"));
                }
                Piece::Mark if !expects_name || in_mistake => expects_name = true,
                Piece::Mark => self.mistake(range, "query: `&` separates two names: `?{a}&{b}`"),
                Piece::Text(text) => {
                    let hint = match text.contains("..>") {
                        true => ALL_VALUES.to_owned(),
                        false => {
                            format!("the query only contains names, such as `?{{{}}}`", key(&text))
                        }
                    };
                    self.mistake(range, format!("query `{text}`: {hint}"));
                    (expects_name, in_mistake) = (true, true);
                    continue;
                }
            }
            in_mistake = false;
        }
        if expects_name && self.mistakes.is_empty() {
            self.mistake(
                question..self.text.len(),
                "query: a name is missing at the end; write `?{name}`",
            );
        }
    }

    /// Parses the name between two braces: a Rust identifier that has not been used yet.
    fn name(&mut self, at: Range<usize>, inner: &str) -> Option<String> {
        let hint = match inner.trim() {
            "" => "a name is missing: `{id}`".into(),
            name if name.contains(':') => {
                let (name, _) = name.split_once(':').unwrap_or((name, ""));
                format!(
                    "the type comes from the argument: write `{{{name}}}` and `{name}: …` in the function"
                )
            }
            name if name.ends_with('?') => {
                let name = name.trim_end_matches('?');
                format!(
                    "an optional value is an `Option`: write `{{{name}}}` and `{name}: Option<…>` in the function"
                )
            }
            name if name.contains('*') || name.contains("..") => {
                format!("the rest of a path is written `{{*{}}}`", name.trim_matches(['*', '.']))
            }
            name if name.starts_with("r#") => {
                format!("write `{{{}}}`, even if the argument is `{name}`", &name[2..])
            }
            name => match identifier(name) {
                Some(_) if name != inner => format!("write `{{{name}}}` without spaces"),
                Some(name) => return self.unique(at, name),
                None => format!(
                    "`{name}` cannot be the name of an argument; a name is a Rust identifier"
                ),
            },
        };
        self.mistake(at, format!("`{{{inner}}}`: {hint}"));
        None
    }

    fn unique(&mut self, at: Range<usize>, name: String) -> Option<String> {
        if self.names.contains(&name) {
            self.mistake(at, format!("`{{{name}}}` appears twice; a name binds to one argument"));
            return None;
        }
        self.names.push(name.clone());
        Some(name)
    }

    fn mistake(&mut self, at: Range<usize>, message: impl Into<String>) {
        self.mistakes.push(Mistake { at, message: message.into() });
    }
}

/// Translates a segment with names in angle brackets: `img-<n>.png` is `img-{n}.png`, `<rest..>` is
/// `{*rest}`.
fn in_braces(text: &str) -> Option<String> {
    let (before, rest) = text.split_once('<')?;
    let (name, after) = rest.split_once('>')?;
    let (star, name) = name.strip_suffix("..").map_or(("", name), |name| ("*", name));
    // An argument needs a name, even if it is ignored.
    let name = if name == "_" { "_any" } else { name };
    let after = in_braces(after).unwrap_or_else(|| after.to_owned());
    identifier(name).map(|name| format!("{before}{{{star}{name}}}{after}"))
}

/// The name in another notation of a query parameter: `page=`, `page=1`, `<page>`, `:page`.
fn key(text: &str) -> &str {
    let key = text.split('=').next().unwrap_or(text);
    key.trim_matches(|c| matches!(c, '<' | '>' | ':'))
}

/// The identifier as rustc normalizes it. Keywords are allowed, since an argument can be `r#type`.
fn identifier(name: &str) -> Option<String> {
    match name {
        "_" | "self" | "Self" | "super" | "crate" => None,
        _ => Some(syn::Ident::parse_any.parse_str(name).ok()?.to_string()),
    }
}
const ALL_VALUES: &str = "to read all parameters into a struct, take an argument `Query<…>`; \
                          it is not part of the template";
