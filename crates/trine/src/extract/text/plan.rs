//! In which way each text is handed to a type that takes anything.

use std::cell::RefCell;

use trine_core::scalars::Scalar;

use super::fields::Fields;
use super::notes::{Got, Note, VARIANT};

/// What the texts are read as. At first all are texts.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    /// By the first pair of a name; beyond the end, as text.
    readings: Vec<Reading>,
    /// Fields that are not there, and are handed out nevertheless.
    pub(super) absent: Vec<(&'static str, Absent)>,
    /// Fields that are left out, to see whether they are at fault.
    pub(super) hidden: Vec<usize>,
}

/// A field that is left out to see what becomes of the error.
#[derive(Clone, Copy)]
pub(super) enum Left {
    /// One that came, by its first pair.
    Out(usize),
    /// One of those that did not come.
    Absent(usize),
}

/// What the texts of one name are.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) number: bool,
    pub(super) boolean: bool,
    /// An empty text is nothing.
    pub(super) nothing: bool,
    /// A list, though there is but one.
    pub(super) list: bool,
    /// Of several the last, though they are a list.
    pub(super) last: bool,
    /// What no type takes, to learn whether one makes a path of it.
    pub(super) probe: bool,
}

/// What a field that is not there is, where its type takes anything.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Absent {
    List,
    False,
    /// It is left out after all.
    Left,
}

/// One reading of all texts, and what was learned on the way.
pub(crate) struct Attempt<'p> {
    pub(super) plan: &'p Plan,
    /// The names whose texts were handed to a type that takes anything.
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

    /// The same with another reading of one name, where it is another.
    pub(super) fn with(&self, head: usize, change: impl FnOnce(&mut Reading)) -> Option<Plan> {
        let mut plan = self.clone();
        if plan.readings.len() <= head {
            plan.readings.resize(head + 1, Reading::default());
        }
        change(&mut plan.readings[head]);
        (plan.readings[head] != self.reading(head)).then_some(plan)
    }

    pub(super) fn leave(&mut self, field: Left) {
        match field {
            Left::Out(head) => self.hidden.push(head),
            Left::Absent(index) => {
                // Those behind it keep their places.
                if let Some(absent) = self.absent.get_mut(index) {
                    absent.1 = Absent::Left;
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

    /// Plans under which what was refused may be taken, the likeliest first.
    pub(super) fn mends(
        &self,
        note: &Note,
        fields: Fields<'_>,
        buffered: &[usize],
        failed: bool,
    ) -> Vec<Plan> {
        let mends: Vec<Option<Plan>> = match note.got {
            Got::Text(address) => match fields.at(address) {
                Some(index) => self.text_mends(index, &note.wanted, fields),
                None => return Vec::new(),
            },
            // A checkbox behind a hidden input, or inputs that nobody touched.
            Got::List => {
                let several = buffered.iter().filter(|&&head| fields.pairs[head].next.is_some());
                let all = |head: usize, of: fn(Fields<'_>, usize) -> bool| {
                    fields.from(head).all(|one| of(fields, one))
                };
                let mend = |&head: &usize| match () {
                    () if all(head, is_empty) => {
                        self.with(head, |it| (it.last, it.nothing) = (true, true))
                    }
                    () if note.wanted == BOOLEAN && all(head, is::<bool>) => {
                        self.with(head, |it| (it.last, it.boolean) = (true, true))
                    }
                    () => None,
                };
                several.map(mend).collect()
            }
            // Where another variant was found, that this one misses something is no mistake.
            Got::Missing(name)
                if failed && fields.place != trine_core::param::ParamLocation::Path =>
            {
                vec![self.with_absent(name, Absent::List), self.with_absent(name, Absent::False)]
            }
            Got::Missing(_) | Got::Other => return Vec::new(),
        };
        mends.into_iter().flatten().collect()
    }

    fn text_mends(&self, index: usize, wanted: &str, fields: Fields<'_>) -> Vec<Option<Plan>> {
        let head = fields.pairs[index].head;
        let is_integral = || is::<u64>(fields, index) || is::<i64>(fields, index);
        let is_number = || is_integral() || is::<f64>(fields, index);
        let number = || self.with(head, |it| it.number = true);
        let boolean = || self.with(head, |it| it.boolean = true);
        let list = || self.with(head, |it| it.list = true);
        let mut mends = Vec::new();
        if is_empty(fields, index) {
            mends.push(self.with(head, |it| it.nothing = true));
        }
        match wanted {
            VARIANT => {}
            BOOLEAN if is::<bool>(fields, index) => mends.push(boolean()),
            wanted if is_list(wanted) => mends.push(list()),
            wanted if is_integer(wanted) => mends.extend(is_integral().then(number)),
            "f32" | "f64" => mends.extend(is_number().then(number)),
            // In words of a type's own: whatever the text may be.
            wanted if !matches!(wanted, BOOLEAN | "a string" | "a character" | "string or map") => {
                if is_number() {
                    mends.push(number());
                }
                if is::<bool>(fields, index) {
                    mends.push(boolean());
                }
                mends.push(list());
            }
            _ => {}
        }
        mends
    }
}

const BOOLEAN: &str = "a boolean";

pub(super) fn is_list(wanted: &str) -> bool {
    ["a sequence", "a tuple", "an array", "tuple "].iter().any(|list| wanted.starts_with(list))
}

// `u8`, but `a nonzero u8` too.
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
