//! An error in a template, with its line.

use std::error::Error as _;
use std::fmt::{Display, Formatter, Write as _};

use minijinja::ErrorKind;

use super::limits::TemplateLimits;

/// An error in a template. It displays the name and line of the template, and the lines around it:
///
/// ```text
/// home.html:3: `usr` is undefined: add it to the context, or use `default` if it may be missing
///   2 | <body>
/// > 3 | Hello, {{ usr.name }}!
///   4 | </body>
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    name: String,
    line: Option<usize>,
    what: String,
    excerpt: String,
}

impl TemplateError {
    pub(super) fn new(name: &str, what: impl Into<String>) -> TemplateError {
        TemplateError {
            name: name.to_owned(),
            line: None,
            what: what.into(),
            excerpt: String::new(),
        }
    }

    /// Converts an error of the template engine. The innermost error counts: if an included
    /// template fails, its line is reported.
    pub(super) fn of(
        asked: &str,
        error: &minijinja::Error,
        names: &[String],
        limits: &TemplateLimits,
    ) -> TemplateError {
        let mut error = error;
        while let Some(inner) =
            error.source().and_then(|source| source.downcast_ref::<minijinja::Error>())
        {
            error = inner;
        }
        let source = error.template_source();
        let line = error.line().filter(|_| source.is_some());
        let excerpt = match (source, line) {
            (Some(source), Some(line)) => excerpt(source, line),
            _ => String::new(),
        };
        TemplateError {
            name: error.name().unwrap_or(asked).to_owned(),
            line,
            what: what(asked, error, names, limits),
            excerpt,
        }
    }

    /// The name of the template.
    ///
    /// ```
    /// use trine::template::Templates;
    ///
    /// let files = &[("page.html", "{% include 'menu.html' %}"), ("menu.html", "{{ usr }}")];
    /// let error = Templates::embedded(files).try_render("page.html", ()).unwrap_err();
    /// assert_eq!(error.name(), "menu.html");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line in the template, starting at 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// What is wrong, in one line, without name and line number.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The lines around the error, numbered; empty if the line is not known.
    #[must_use]
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }
}

fn what(
    asked: &str,
    error: &minijinja::Error,
    names: &[String],
    limits: &TemplateLimits,
) -> String {
    match error.kind() {
        ErrorKind::TemplateNotFound => {
            // The engine mentions the name of the missing template only in its detail.
            let detail = error.detail().unwrap_or_default();
            let wanted = detail.split('"').nth(1).unwrap_or(asked);
            not_found(wanted, names)
        }
        ErrorKind::OutOfFuel => {
            format!("rendering takes more than {} steps (`TemplateLimits::steps`)", limits.steps)
        }
        ErrorKind::UndefinedError if error.detail().is_some() => {
            let detail = error.detail().unwrap_or_default();
            format!("{detail}: add it to the context, or use `default` if it may be missing")
        }
        kind => {
            let mut text = error
                .detail()
                .map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"));
            let part = error.range().and_then(|range| error.template_source()?.get(range));
            if let Some(part) =
                part.filter(|part| !part.contains('\n') && !text.contains(&format!("`{part}`")))
            {
                let _ = write!(text, ": `{part}`");
            }
            let mut cause = error.source();
            while let Some(error) = cause {
                let _ = write!(text, ": {error}");
                cause = error.source();
            }
            text
        }
    }
}

/// The message for a template that does not exist.
pub(super) fn not_found(wanted: &str, names: &[String]) -> String {
    format!("the template `{wanted}` does not exist{}", similar(wanted, names))
}

/// Names that may have been meant, or all of them if there are only a few.
fn similar(wanted: &str, names: &[String]) -> String {
    const MOST: usize = 8;
    let file = |name: &str| {
        name.rsplit('/').next().unwrap_or(name).split('.').next().unwrap_or("").to_lowercase()
    };
    let near: Vec<&String> = names.iter().filter(|name| file(name) == file(wanted)).collect();
    let (intro, names, end) = match near.is_empty() {
        false => ("did you mean", near, "?"),
        true => ("there is", names.iter().collect(), ""),
    };
    if names.is_empty() {
        return "; there are no templates".into();
    }
    let more = if names.len() > MOST { ", …" } else { "" };
    let names: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    format!(": {intro} {}{more}{end}", names.join(", "))
}

fn excerpt(source: &str, line: usize) -> String {
    const AROUND: usize = 2;
    let mut text = String::new();
    let first = line.saturating_sub(AROUND).max(1);
    let lines: Vec<&str> = source.lines().skip(first - 1).take(line + AROUND + 1 - first).collect();
    let width = (line + AROUND).to_string().len();
    for (number, content) in (first..).zip(lines) {
        let mark = if number == line { '>' } else { ' ' };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{mark} {number:>width$} | {content}");
    }
    text
}

impl Display for TemplateError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.name, self.what)?,
            None => write!(f, "{}: {}", self.name, self.what)?,
        }
        if !self.excerpt.is_empty() {
            write!(f, "\n{}", self.excerpt.trim_end())?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}
