//! State that is declared twice, or that no handler takes.

use super::{Finding, Kind, location};
use crate::declare::hooks::StateDeclaration;

/// The types of state that are declared more than once.
pub(crate) fn declared_twice(declared: &[StateDeclaration]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, first) in declared.iter().enumerate() {
        let same = |other: &&StateDeclaration| other.type_id == first.type_id;
        let locations: Vec<String> =
            declared.iter().filter(same).map(|it| location(it.location)).collect();
        if locations.len() > 1 && !declared[..index].iter().any(|it| it.type_id == first.type_id) {
            let text = format!(
                "state of type `{}` is declared {} times: keep one of them, or give each value a \
                 type of its own",
                first.type_name,
                locations.len()
            );
            findings.push(Finding { kind: Kind::StateTwice, text, locations });
        }
    }
    findings
}

/// A state that no handler takes.
pub(crate) fn unused(declared: &StateDeclaration) -> Finding {
    let text = format!(
        "no handler asks for state of type `{}`: remove it, or declare it in the `needs` of the \
         extractor that uses it",
        declared.type_name
    );
    Finding { kind: Kind::StateUnused, text, locations: vec![location(declared.location)] }
}
