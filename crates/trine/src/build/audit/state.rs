//! State that is declared twice, or that no handler asks for.

use super::{Finding, Kind, location};
use crate::declare::hooks::Declared;

/// Types of which state is declared more than once.
pub(crate) fn declared_twice(declared: &[Declared]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, first) in declared.iter().enumerate() {
        let same = |other: &&Declared| other.type_id == first.type_id;
        let places: Vec<String> =
            declared.iter().filter(same).map(|it| location(it.place)).collect();
        if places.len() > 1 && !declared[..index].iter().any(|it| it.type_id == first.type_id) {
            let text = format!(
                "state of type `{}` is given twice: wrap one of the two in a type of its own",
                first.type_name
            );
            findings.push(Finding { kind: Kind::StateTwice, text, places });
        }
    }
    findings
}

pub(crate) fn unused(declared: &Declared) -> Finding {
    let text = format!(
        "no handler asks for state of type `{}`: remove it, or declare it in the `needs` of the extractor that does",
        declared.type_name
    );
    Finding { kind: Kind::StateUnused, text, places: vec![location(declared.place)] }
}
