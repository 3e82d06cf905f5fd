//! The samples of a run, by row and server.

use crate::report;

use super::SERVERS;

/// Rows, in the order in which they were first written.
#[derive(Default)]
pub(super) struct Sheet(Vec<Row>);

struct Row {
    section: Section,
    title: String,
    samples: [Vec<f64>; SERVERS.len()],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Microseconds of CPU time.
    Cpu,
    /// Instructions in user space.
    Instructions,
    /// Calls of the allocator.
    Allocations,
    /// KiB per connection.
    Memory,
}

impl Sheet {
    pub(super) fn note(&mut self, section: Section, title: &str, server: &str, sample: f64) {
        let known = self.0.iter().position(|row| row.section == section && row.title == title);
        let at = known.unwrap_or_else(|| {
            self.0.push(Row { section, title: title.to_owned(), samples: Default::default() });
            self.0.len() - 1
        });
        if let Some(server) = SERVERS.iter().position(|name| *name == server) {
            self.0[at].samples[server].push(sample);
        }
    }

    pub(super) fn median(&self, section: Section, title: &str, server: &str) -> Option<f64> {
        let row = self.0.iter().find(|row| row.section == section && row.title == title)?;
        let server = SERVERS.iter().position(|name| *name == server)?;
        spread(&row.samples[server]).map(|(_, median)| median)
    }

    /// A Markdown table of the rows of a section.
    pub(super) fn table(&self, section: Section) -> String {
        let head = std::iter::once(section.unit()).chain(SERVERS);
        let mut lines =
            vec![head.map(str::to_owned).collect(), vec!["---".to_owned(); SERVERS.len() + 1]];
        for row in self.0.iter().filter(|row| row.section == section) {
            let base = spread(&row.samples[0]).map(|(_, median)| median);
            let mut line = vec![row.title.clone()];
            line.extend(row.samples.iter().map(|samples| cell(samples, base, section.digits())));
            lines.push(line);
        }
        report::align(&lines)
    }
}

impl Section {
    fn unit(self) -> &'static str {
        match self {
            Section::Cpu => "CPU µs",
            Section::Instructions => "instructions",
            Section::Allocations => "allocations",
            Section::Memory => "KiB each",
        }
    }

    fn digits(self) -> usize {
        match self {
            Section::Cpu | Section::Memory => 2,
            Section::Instructions => 0,
            Section::Allocations => 1,
        }
    }
}

/// `least / median (ratio to the first server)`.
fn cell(samples: &[f64], base: Option<f64>, digits: usize) -> String {
    let Some((least, median)) = spread(samples) else { return "-".to_owned() };
    let ratio = base
        .filter(|base| *base > 0.0)
        .map_or_else(String::new, |base| format!(" ({:.2})", median / base));
    if samples.len() == 1 {
        return format!("{median:.digits$}{ratio}");
    }
    format!("{least:.digits$} / {median:.digits$}{ratio}")
}

/// The smallest sample and the median.
fn spread(samples: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some((*sorted.first()?, sorted[sorted.len() / 2]))
}

#[cfg(test)]
mod tests {
    use super::{Section, Sheet};

    #[test]
    fn a_row_has_a_cell_for_each_server() {
        let mut sheet = Sheet::default();
        for (server, sample) in
            [("trine-ws", 3.0), ("trine-ws", 2.0), ("trine-ws", 4.0), ("actix-ws", 6.0)]
        {
            sheet.note(Section::Cpu, "echo", server, sample);
        }
        let table = sheet.table(Section::Cpu);
        assert!(
            table.contains("| echo   | 2.00 / 3.00 (1.00) | -       | 6.00 (2.00) |"),
            "{table}"
        );
        assert_eq!(sheet.median(Section::Cpu, "echo", "axum-ws"), None);
        assert_eq!(sheet.median(Section::Memory, "echo", "trine-ws"), None);
    }
}
