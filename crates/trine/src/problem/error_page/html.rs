//! The report as an HTML page that loads no scripts, files or other resources.

use trine_core::problem::escape;

use super::location::SourceLocation;
use super::near::NearMiss;
use super::report::{Report, RouteSummary};

pub(super) fn page(report: &Report) -> String {
    let title = format!("{} {}", report.status.as_u16(), escape(&report.title));
    let style = include_str!("page.css");
    let (banner, request) = (banner(report), request(report));
    let (hints, facts, source) = (hints(report), facts(report), source(report));
    let (notes, backtrace, routes) = (notes(report), backtrace(report), routes(report));
    let line = escape(&format!("{} {}", report.request.method, report.request.target));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{title} · {line}</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
         {banner}<main>\n{hints}{facts}{source}{notes}{backtrace}{routes}{request}</main>\n\
         <footer>You see this page because the profile is <code>dev</code>. Under <code>prod</code> clients get the \
         status, the title and the detail. Tools get this page as Markdown: \
         <code>curl -H 'Accept: text/markdown'</code></footer>\n</body>\n</html>\n"
    )
}

/// The problem as a client gets it, and its causes.
fn banner(report: &Report) -> String {
    let class = if report.status.is_server_error() { "server" } else { "client" };
    let request = &report.request;
    let line = format!("<b>{}</b> {}", escape(&request.method), breakable(&request.target));
    let detail = report
        .detail
        .as_ref()
        .map(|detail| format!("<p class=\"detail\">{}</p>\n", code_in(detail)));
    let causes: String =
        report.causes.iter().map(|cause| format!("<li>{}</li>\n", code_in(cause))).collect();
    let causes = wrap("<ol class=\"causes\">\n", &causes, "</ol>\n");
    format!(
        "<header class=\"{class}\">\n<div>\n<p class=\"request-line\">{line}</p>\n\
         <h1><span>{}</span> {}</h1>\n{}{causes}</div>\n</header>\n",
        report.status.as_u16(),
        escape(&report.title),
        detail.unwrap_or_default(),
    )
}

fn hints(report: &Report) -> String {
    let hints: String = report
        .near
        .iter()
        .map(NearMiss::text)
        .map(|hint| format!("<li>{}</li>\n", code_in(&hint)))
        .collect();
    wrap("<ul class=\"hints\">\n", &hints, "</ul>\n")
}

fn facts(report: &Report) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, value: &str| {
        facts.push_str(&format!("<dt>{}</dt><dd>{value}</dd>\n", escape(name)));
    };
    if let Some(extractor) = &report.refused_by {
        fact("Refused by", &format!("<code>{}</code>", breakable(extractor)));
    }
    if let Some(location) = &report.made_at {
        fact("Made at", &link(location));
    }
    if let Some(RouteSummary { method, path, name, location }) = &report.handler {
        let route = breakable(&format!("{method} {path}"));
        fact(
            "Handler",
            &format!("<code>{}</code> <span>{route}</span><br>{}", escape(name), link(location)),
        );
    }
    for (name, value) in &report.members {
        let name = if name == "trace_id" { "Trace id" } else { name };
        fact(name, &format!("<code>{}</code>", breakable(value)));
    }
    wrap("<section class=\"facts\"><dl>\n", &facts, "</dl></section>\n")
}

fn source(report: &Report) -> String {
    let Some(location) = report.focus() else { return String::new() };
    let lines = location.lines().into_iter().map(|(number, line)| {
        let class = if number == location.line { " class=\"here\"" } else { "" };
        format!("<span{class}><i>{number}</i>{}\n</span>", escape(&line))
    });
    let lines: String = lines.collect();
    wrap(
        &format!("<section>\n<h2>{}</h2>\n<pre class=\"source\">", link(location)),
        &lines,
        "</pre>\n</section>\n",
    )
}

fn notes(report: &Report) -> String {
    let note = |title: &str, text: &str| {
        format!("<section>\n<h2>{}</h2>\n<pre>{}</pre>\n</section>\n", escape(title), escape(text))
    };
    report.notes.iter().map(|each| note(&each.title, &each.text)).collect()
}

fn backtrace(report: &Report) -> String {
    let frames = report.backtrace.iter().map(|frame| {
        format!(
            "<li><code>{}</code><br>{}</li>\n",
            breakable(&frame.function),
            link(&frame.location)
        )
    });
    let frames: String = frames.collect();
    wrap(
        "<section>\n<h2>Backtrace, without the framework</h2>\n<ol class=\"frames\">\n",
        &frames,
        "</ol>\n</section>\n",
    )
}

fn routes(report: &Report) -> String {
    let rows = report.routes.iter().map(|RouteSummary { method, path, name, location }| {
        let (method, path, name) = (escape(method), breakable(path), breakable(name));
        let location = link(location);
        format!("<tr><th>{method}</th><td><code>{path}</code></td><td>{name}</td><td>{location}</td></tr>\n")
    });
    let rows: String = rows.collect();
    let count = report.routes.len();
    wrap(
        &format!("<section>\n<h2>Routes ({count})</h2>\n<table class=\"routes\">\n"),
        &rows,
        "</table>\n</section>\n",
    )
}

fn request(report: &Report) -> String {
    let request = &report.request;
    let fields: String = request
        .headers
        .iter()
        .map(|(name, value)| {
            format!("<tr><th>{}</th><td>{}</td></tr>\n", escape(name), breakable(value))
        })
        .collect();
    let line = breakable(&format!("{} {} {}", request.method, request.target, request.version));
    format!(
        "<section>\n<h2>Request</h2>\n<p class=\"line\"><code>{line}</code></p>\n<table>\n{fields}</table>\n</section>\n"
    )
}

/// A source location with a link to the editor.
fn link(location: &SourceLocation) -> String {
    let text = breakable(&location.to_string());
    match location.link() {
        Some(link) => format!("<a href=\"{}\">{text}</a>", escape(&link)),
        None => format!("<span>{text}</span>"),
    }
}

/// Allows line breaks after the separators in long names.
fn breakable(text: &str) -> String {
    escape(text).replace('/', "/<wbr>").replace("::", "::<wbr>")
}

/// Text with `code` between backticks.
fn code_in(text: &str) -> String {
    if text.matches('`').count() % 2 == 1 {
        return breakable(text);
    }
    let parts = text.split('`').map(breakable).enumerate();
    parts
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part })
        .collect()
}

/// Wraps `inside`, if it is not empty.
fn wrap(before: &str, inside: &str, after: &str) -> String {
    if inside.is_empty() { String::new() } else { format!("{before}{inside}{after}") }
}
