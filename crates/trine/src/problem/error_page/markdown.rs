//! The report as short Markdown, for tools and for people without a browser.

use std::fmt::Write as _;

use super::near::NearMiss;
use super::report::Report;

pub(super) fn page(report: &Report) -> String {
    let mut text = format!("# {} {}\n", report.status.as_u16(), report.title);
    // Writing to a `String` cannot fail.
    let _ = write_page(&mut text, report);
    text
}

fn write_page(text: &mut String, report: &Report) -> std::fmt::Result {
    if let Some(detail) = &report.detail {
        write!(text, "\n{detail}\n")?;
    }
    let mut facts = Vec::new();
    facts.extend(report.causes.iter().map(|cause| format!("because: {cause}")));
    facts.extend(report.near.iter().map(NearMiss::text));
    facts.extend(report.refused_by.iter().map(|extractor| format!("refused by: `{extractor}`")));
    facts.extend(report.made_at.iter().map(|location| format!("made at: {location}")));
    facts.extend(report.handler.iter().map(|row| {
        format!("handler: `{}` ({} {}), {}", row.name, row.method, row.path, row.location)
    }));
    facts.extend(report.members.iter().map(|(name, value)| format!("{name}: {value}")));
    if !facts.is_empty() {
        writeln!(text, "\n- {}", facts.join("\n- "))?;
    }
    for note in &report.notes {
        write!(text, "\n## {}\n\n{}\n", note.title, indented(&note.text))?;
    }
    if let Some(location) = report.focus() {
        let lines = location.lines();
        if !lines.is_empty() {
            writeln!(text, "\n## {location}\n")?;
        }
        for (number, line) in lines {
            let mark = if number == location.line { '>' } else { ' ' };
            writeln!(text, "    {mark} {number:>4} | {line}")?;
        }
    }
    if !report.backtrace.is_empty() {
        writeln!(text, "\n## Backtrace\n")?;
    }
    for frame in &report.backtrace {
        writeln!(text, "- {}, {}", frame.function, frame.location)?;
    }
    if !report.routes.is_empty() {
        writeln!(text, "\n## Routes\n")?;
    }
    for row in &report.routes {
        writeln!(text, "- {} {} `{}`, {}", row.method, row.path, row.name, row.location)?;
    }
    let request = &report.request;
    write!(
        text,
        "\n## Request\n\n    {} {} {}\n",
        request.method, request.target, request.version
    )?;
    request.headers.iter().try_for_each(|(name, value)| writeln!(text, "    {name}: {value}"))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
