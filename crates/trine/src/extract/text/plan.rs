//! The plan of an attempt: how each text is presented to a type that takes any value.

use std::cell::RefCell;

use trine_core::scalars::Scalar;

use super::fields::Fields;
use super::notes::{Got, Note, VARIANT};

/// The reading of each text. The default plan reads all of them as text.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    /// Indexed by the first pair of a name; names beyond the end are read as text.
    readings: Vec<Reading>,
    /// Fields that were not sent, and are presented nevertheless.
    pub(super) absent: Vec<(&'static str, Absent)>,
    /// Fields that are omitted, to find out whether they cause an error.
    pub(super) omitted: Vec<usize>,
}

/// A field that is omitted to find out whether it causes an error.
#[derive(Clone, Copy)]
pub(super) enum Omitted {
    /// A field that was sent, by its first pair.
    Sent(usize),
    /// A field that was not sent, by its index in `Plan::absent`.
    Absent(usize),
}

/// How the texts of one name are read.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) number: bool,
    pub(super) boolean: bool,
    /// Empty text is `None`.
    pub(super) nothing: bool,
    /// A single text is a list.
    pub(super) list: bool,
    /// Of several texts only the last is read.
    pub(super) last: bool,
    /// The text is replaced by a [`Probe`](super::probe::Probe), to find out whether it becomes a
    /// file path.
    pub(super) probe: bool,
}

/// How an absent field is presented to a type that takes any value.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Absent {
    List,
    False,
    /// It is omitted after all.
    Omitted,
}

/// One attempt to deserialize all texts, and what was learned from it.
pub(crate) struct Attempt<'p> {
    pub(super) plan: &'p Plan,
    /// The names whose texts were handed to a type that takes any value, by their first pair.
    pub(super) buffered: RefCell<Vec<usize>>,
}

impl<'p> Attempt<'p> {
    pub(super) fn of(plan: &'p Plan) -> Attempt<'p> {
        Attempt { plan, buffered: RefCell::default() }
    }
}

impl Plan {
    pub(super) fn reading(&self, head: usize) -> Reading {
        self.readings.get(head).copied().unwrap_or_default()
    }

    /// This plan with a changed reading for one name; `None` if nothing changes.
    pub(super) fn with(&self, head: usize, change: impl FnOnce(&mut Reading)) -> Option<Plan> {
        let mut plan = self.clone();
        if plan.readings.len() <= head {
            plan.readings.resize(head + 1, Reading::default());
        }
        change(&mut plan.readings[head]);
        (plan.readings[head] != self.reading(head)).then_some(plan)
    }

    pub(super) fn omit(&mut self, field: Omitted) {
        match field {
            Omitted::Sent(head) => self.omitted.push(head),
            Omitted::Absent(index) => {
                // It stays in the list, so that the indices of the others stay valid.
                if let Some(absent) = self.absent.get_mut(index) {
                    absent.1 = Absent::Omitted;
                }
            }
        }
    }

    fn with_absent(&self, name: &'static str, absent: Absent) -> Option<Plan> {
        if self.absent.iter().any(|(known, _)| *known == name) {
            return None;
        }
        let mut plan = self.clone();
        plan.absent.push((name, absent));
        Some(plan)
    }

    /// Plans under which the refused value may be accepted, the likeliest first.
    pub(super) fn corrections(
        &self,
        note: &Note,
        fields: Fields<'_>,
        buffered: &[usize],
        failed: bool,
    ) -> Vec<Plan> {
        let corrections: Vec<Option<Plan>> = match note.got {
            Got::Text(address) => match fields.at(address) {
                Some(index) => self.text_corrections(index, &note.wanted, fields),
                None => return Vec::new(),
            },
            // A checkbox after a hidden input, or several inputs that were left empty.
            Got::List => {
                let several = buffered.iter().filter(|&&head| fields.pairs[head].next.is_some());
                let all = |head: usize, of: fn(Fields<'_>, usize) -> bool| {
                    fields.from(head).all(|one| of(fields, one))
                };
                let correct = |&head: &usize| match () {
                    () if all(head, is_empty) => {
                        self.with(head, |it| (it.last, it.nothing) = (true, true))
                    }
                    () if note.wanted == BOOLEAN && all(head, is::<bool>) => {
                        self.with(head, |it| (it.last, it.boolean) = (true, true))
                    }
                    () => None,
                };
                several.map(correct).collect()
            }
            // If another variant matched, it is no mistake that this variant misses a field.
            Got::Missing(name)
                if failed && fields.location != trine_core::param::ParamLocation::Path =>
            {
                vec![self.with_absent(name, Absent::List), self.with_absent(name, Absent::False)]
            }
            Got::Missing(_) | Got::Other => return Vec::new(),
        };
        corrections.into_iter().flatten().collect()
    }

    fn text_corrections(
        &self,
        index: usize,
        wanted: &str,
        fields: Fields<'_>,
    ) -> Vec<Option<Plan>> {
        let head = fields.pairs[index].head;
        let is_integral = || is::<u64>(fields, index) || is::<i64>(fields, index);
        let is_number = || is_integral() || is::<f64>(fields, index);
        let number = || self.with(head, |it| it.number = true);
        let boolean = || self.with(head, |it| it.boolean = true);
        let list = || self.with(head, |it| it.list = true);
        let mut corrections = Vec::new();
        if is_empty(fields, index) {
            corrections.push(self.with(head, |it| it.nothing = true));
        }
        match wanted {
            VARIANT => {}
            BOOLEAN if is::<bool>(fields, index) => corrections.push(boolean()),
            wanted if is_list(wanted) => corrections.push(list()),
            wanted if is_integer(wanted) => corrections.extend(is_integral().then(number)),
            "f32" | "f64" => corrections.extend(is_number().then(number)),
            // The expectation is in the type's own words: try every reading of the text.
            wanted if !matches!(wanted, BOOLEAN | "a string" | "a character" | "string or map") => {
                if is_number() {
                    corrections.push(number());
                }
                if is::<bool>(fields, index) {
                    corrections.push(boolean());
                }
                corrections.push(list());
            }
            _ => {}
        }
        corrections
    }
}

const BOOLEAN: &str = "a boolean";

pub(super) fn is_list(wanted: &str) -> bool {
    ["a sequence", "a tuple", "an array", "tuple "].iter().any(|list| wanted.starts_with(list))
}

// `u8`, but also `a nonzero u8`.
fn is_integer(wanted: &str) -> bool {
    const INTEGERS: [&str; 10] =
        ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"];
    wanted.rsplit(' ').next().is_some_and(|word| INTEGERS.contains(&word))
}

pub(super) fn is_empty(fields: Fields<'_>, index: usize) -> bool {
    fields.pairs[index].text.as_ref().is_some_and(|text| text.is_empty())
}

fn is<T: Scalar>(fields: Fields<'_>, index: usize) -> bool {
    fields.pairs[index]
        .text
        .as_ref()
        .is_some_and(|text| trine_core::scalars::read::<T>(text).is_ok())
}
