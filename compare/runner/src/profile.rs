//! Parses the output of callgrind.

use std::collections::HashMap;

use crate::Error;

/// The sums of one dump.
#[derive(Debug, PartialEq)]
pub(crate) struct Profile {
    pub(crate) instructions: u64,
    /// Calls that request memory from an allocator: new, zeroed, or resized.
    pub(crate) allocations: u64,
}

/// The functions of mimalloc that Rust calls, and those of the C library for a server without
/// mimalloc. None of them calls another one of the list, so each request for memory counts once.
const ALLOCATORS: [&str; 9] = [
    "mi_malloc",
    "mi_zalloc",
    "mi_realloc",
    "mi_malloc_aligned",
    "mi_zalloc_aligned",
    "mi_realloc_aligned",
    "malloc",
    "calloc",
    "realloc",
];

/// Parses the callgrind format. `cfn=(7) name` names the function whose calls the next `calls=`
/// line counts. A name is written only at the first use of its number, either there or in a line
/// `fn=(7) name`.
pub(crate) fn parse(text: &str) -> Result<Profile, Error> {
    let mut names: HashMap<&str, bool> = HashMap::new();
    let mut called = "";
    let mut allocations = 0;
    let mut instructions = None;
    for line in text.lines() {
        if let Some(function) = line.strip_prefix("cfn=") {
            called = learn(&mut names, function);
        } else if let Some(function) = line.strip_prefix("fn=") {
            learn(&mut names, function);
        } else if let Some(calls) = line.strip_prefix("calls=")
            && names.get(called) == Some(&true)
        {
            allocations += number(calls)?;
        } else if let Some(totals) = line.strip_prefix("totals:") {
            instructions = Some(number(totals)?);
        }
    }
    let instructions = instructions.ok_or("the dump of callgrind has no line `totals:`")?;
    Ok(Profile { instructions, allocations })
}

/// Records whether a function is an allocator, and returns its number.
fn learn<'a>(names: &mut HashMap<&'a str, bool>, function: &'a str) -> &'a str {
    match function.split_once(' ') {
        Some((id, name)) => {
            names.insert(id, ALLOCATORS.contains(&name));
            id
        }
        None => function,
    }
}

fn number(text: &str) -> Result<u64, Error> {
    let digits = text.split_whitespace().next().unwrap_or_default();
    digits
        .parse()
        .map_err(|_| format!("expected a number in the dump of callgrind, got `{text}`").into())
}

#[cfg(test)]
mod tests {
    use super::{Profile, parse};

    #[test]
    fn calls_of_allocators_are_summed() {
        let dump = "events: Ir\nfn=(1) main\n16 4\ncfn=(2) mi_malloc_aligned\ncalls=3 0\n16 90\n\
                    cfn=(3) other\ncalls=5 0\n16 1\ncfn=(2)\ncalls=2 0\n16 60\n\nfn=(2)\n1 150\ntotals: 155\n";
        assert_eq!(parse(dump).unwrap(), Profile { instructions: 155, allocations: 5 });
    }
}
