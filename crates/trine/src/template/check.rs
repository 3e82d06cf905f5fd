//! The launch audit of templates: each is read once, and each template that it refers to has to
//! exist.

use trine_core::needs::Fault;

use super::error::not_found;
use super::{TemplateError, Templates};

impl Templates {
    /// Every mistake in the templates, with its line.
    pub(super) fn check(&self) -> Vec<Fault> {
        let names = match self.names() {
            Ok(names) => names,
            Err(error) => return vec![fault(error.name(), error.what().to_owned())],
        };
        let mut faults = Vec::new();
        for name in &names {
            match self.0.environment.get_template(name) {
                Ok(template) => {
                    for Reference { line, wanted } in references(template.source()) {
                        if !names.iter().any(|name| name == wanted) {
                            let text = not_found(wanted, &names);
                            let location = format!("{}:{line}", self.0.source.location(name));
                            faults.push(fault(&location, text));
                        }
                    }
                }
                Err(error) => faults.push(self.unreadable(name, &self.error(name, &error))),
            }
        }
        faults
    }

    fn unreadable(&self, name: &str, error: &TemplateError) -> Fault {
        let file = self.0.source.location(name);
        let location = error.line().map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
        fault(&location, format!("the template `{name}`: {}", error.what()))
    }
}

fn fault(location: &str, text: String) -> Fault {
    Fault { text, place: Some(location.to_owned()) }
}

/// A reference from one template to another.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    line: usize,
    wanted: &'a str,
}

/// The literal names after `extends`, `include`, `import` and `from`. Computed names, and includes
/// that may be missing, are only checked when the template is rendered.
fn references(source: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find('{').map(|open| at + open) {
        at = match source.as_bytes().get(open + 1) {
            Some(b'#') => after(source, open, "#}"),
            Some(b'{') => after(source, open, "}}"),
            Some(b'%') => {
                let end = after(source, open, "%}");
                let tag =
                    source[open + 2..end].trim_end_matches("%}").trim_matches(['-', '+']).trim();
                if tag == "raw" {
                    raw_end(source, end)
                } else {
                    name_in(tag, source, open, &mut found, end)
                }
            }
            _ => open + 1,
        };
    }
    found
}

fn name_in<'a>(
    tag: &'a str,
    source: &str,
    open: usize,
    found: &mut Vec<Reference<'a>>,
    end: usize,
) -> usize {
    let (keyword, rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let rest = rest.trim_start();
    if matches!(keyword, "extends" | "include" | "import" | "from")
        && let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\''))
        && let Some((wanted, after)) = rest[1..].split_once(quote)
        && matches!(
            after.split_whitespace().next(),
            None | Some("as" | "import" | "with" | "without")
        )
    {
        let line = source[..open].matches('\n').count() + 1;
        found.push(Reference { line, wanted });
    }
    end
}

fn raw_end(source: &str, mut at: usize) -> usize {
    while at < source.len() {
        let Some(open) = source[at..].find("{%") else { return source.len() };
        let end = after(source, at + open, "%}");
        if source[at + open..end].contains("endraw") {
            return end;
        }
        at = end;
    }
    at
}

fn after(source: &str, from: usize, mark: &str) -> usize {
    source[from + 2..].find(mark).map_or(source.len(), |found| from + 2 + found + mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_in_tags_are_found() {
        let source = "{% extends 'a.html' %}\n{# {% include \"no\" %} #}{{ \"{% include 'no' %}\" }}\n\
             {%- include \"b.html\" with context -%}\n{% include \"no\" ignore missing %}{% include [\"no\"] %}\n\
             {% include kind ~ \".html\" %}{% raw %}{% include 'no' %}{% endraw %}\n\
             {% from \"c.html\" import x %}{% import \"d.html\" as d %}{% include \"no\" ~ kind %} { {%";
        let found: Vec<_> =
            references(source).iter().map(|found| (found.line, found.wanted)).collect();
        assert_eq!(found, [(1, "a.html"), (3, "b.html"), (6, "c.html"), (6, "d.html")]);
    }
}
