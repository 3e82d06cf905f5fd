//! Readings are tried until a type takes one.
//!
//! In a query all is text, so a type is asked what it wants, and gets that: `deserialize_u32`
//! parses. But serde reads `#[serde(flatten)]`, `tag` and `untagged` in two steps: first it keeps
//! whatever there is (`deserialize_any`), then it gives that to the fields, and a text is no number
//! there. So the first attempt hands out texts. Whatever a field refuses is noted ([`notes`]),
//! found by its address, and read in the next attempt as what the field wanted, until nothing is
//! refused that could be read. A type that asks for no such thing is read once.

use trine_core::param::clean_path;

use super::fields::Fields;
use super::notes::{self, Got, Note};
use super::plan::{Attempt, Left, Plan, is_empty, is_list};
use super::probe::{self, refused};
use super::{Error, Why};

/// Reads the fields by `run`, which makes the type of them under a plan.
pub(crate) fn read<T>(
    fields: Fields<'_>,
    run: impl Fn(&Attempt<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    notes::forget();
    let plan = Plan::default();
    let attempt = Attempt::of(&plan);
    let result = run(&attempt);
    let buffered = attempt.buffered.take();
    if result.is_ok() && buffered.is_empty() {
        return result;
    }
    let first = Tried::of(plan, result, buffered);
    Search { fields, run: &run, left: attempts(fields.pairs.len()) }.run(first)
}

/// How often a type is read at most. What a client sends decides how often that is and how much
/// each costs, so their product has a bound: a hundred flattened numbers are read in their hundred
/// attempts.
fn attempts(pairs: usize) -> usize {
    (20_000 / pairs.max(1)).clamp(16, 256)
}

struct Search<'s, 'f, T> {
    fields: Fields<'f>,
    run: &'s dyn Fn(&Attempt<'_>) -> Result<T, Error>,
    left: usize,
}

/// What became of a plan.
struct Tried<T> {
    plan: Plan,
    result: Result<T, Error>,
    notes: Vec<Note>,
    /// The names whose texts were handed to a type that takes anything.
    buffered: Vec<usize>,
    /// The next note to mend, and what is left to try of the one before.
    next: usize,
    mends: std::vec::IntoIter<Plan>,
    /// What went wrong behind a mend: that tells more than what the mend was for.
    further: Option<Error>,
}

impl<T> Tried<T> {
    fn of(plan: Plan, result: Result<T, Error>, buffered: Vec<usize>) -> Tried<T> {
        let mut notes = notes::take();
        // What is there comes first: a variant that misses something may be one that was not meant.
        notes.sort_by_key(|note| matches!(note.got, Got::Missing(_)));
        Tried {
            plan,
            result,
            notes,
            buffered,
            next: 0,
            mends: Vec::new().into_iter(),
            further: None,
        }
    }

    /// The next plan that mends one thing of this one.
    fn mend(&mut self, fields: Fields<'_>) -> Option<Plan> {
        loop {
            if let Some(plan) = self.mends.next() {
                return Some(plan);
            }
            let note = self.notes.get(self.next)?;
            self.next += 1;
            self.mends =
                self.plan.mends(note, fields, &self.buffered, self.result.is_err()).into_iter();
        }
    }
}

impl<T> Search<'_, '_, T> {
    #[cold]
    fn run(mut self, first: Tried<T>) -> Result<T, Error> {
        let (mut found, value) = self.follow(first)?;
        found.buffered.sort_unstable();
        found.buffered.dedup();
        let buffered = std::mem::take(&mut found.buffered);
        let (plan, value) = self.without_empty_texts(found, &buffered, value);
        self.without_hidden_paths(&plan, &buffered)?;
        Ok(value)
    }

    fn attempt(&mut self, plan: Plan) -> Tried<T> {
        self.left = self.left.saturating_sub(1);
        notes::take();
        let attempt = Attempt::of(&plan);
        let result = (self.run)(&attempt);
        let buffered = attempt.buffered.take();
        Tried::of(plan, result, buffered)
    }

    /// Mends what was refused, one after the other, in the order in which the type asked: the first
    /// that it can have is what it would have got of typed values, also where a later variant took
    /// the text. A mend that leads nowhere is taken back.
    fn follow(&mut self, first: Tried<T>) -> Result<(Tried<()>, T), Error> {
        let mut stack = vec![first];
        while let Some(top) = stack.last_mut() {
            if self.left > 0
                && let Some(plan) = top.mend(self.fields)
            {
                let tried = self.attempt(plan);
                stack.push(tried);
                continue;
            }
            let Some(Tried { plan, result, notes, buffered, next, mends, further }) = stack.pop()
            else {
                break;
            };
            let error = match result {
                Ok(value) => {
                    let found =
                        Tried { plan, result: Ok(()), notes, buffered, next, mends, further };
                    return Ok((found, value));
                }
                Err(error) => error,
            };
            if self.left == 0 {
                // One of those before may have been good enough.
                match stack.iter().any(|before| before.result.is_ok()) {
                    true => continue,
                    false => return Err(Error::of(Why::TooMany)),
                }
            }
            let error = further.unwrap_or_else(|| self.located(error, &plan, &notes, &buffered));
            let Some(before) = stack.last_mut() else { return Err(error) };
            let mended = before.next.checked_sub(1).and_then(|note| before.notes.get(note));
            if before.further.is_none() && !mended.is_some_and(|note| self.is_of(note, &error)) {
                before.further = Some(error);
            }
        }
        Err(Error::of(Why::TooMany))
    }

    fn noted(&self, note: &Note) -> Option<(&str, &str)> {
        match note.got {
            Got::Text(address) => self.fields.at(address).map(|index| self.named(index)),
            Got::Missing(name) => Some((name, "")),
            Got::List | Got::Other => None,
        }
    }

    fn named(&self, index: usize) -> (&str, &str) {
        let pair = &self.fields.pairs[index];
        (&pair.name, pair.text.as_deref().unwrap_or(pair.raw))
    }

    /// Whether an error is of the text that was noted, or of none.
    fn is_of(&self, note: &Note, error: &Error) -> bool {
        error.subject().is_none_or(|subject| self.noted(note) == Some(subject))
    }

    /// An empty text is nothing where the field may be nothing. No field refuses the text first, so
    /// it is asked.
    fn without_empty_texts(
        &mut self,
        found: Tried<()>,
        buffered: &[usize],
        mut value: T,
    ) -> (Plan, T) {
        let Tried { mut plan, notes, .. } = found;
        for &head in buffered {
            if !self.fields.from(head).all(|index| is_empty(self.fields, index)) || self.left == 0 {
                continue;
            }
            if let Some(next) = plan.with(head, |it| it.nothing = true) {
                let tried = self.attempt(next);
                if let Ok(other) = tried.result
                    && tried.notes.len() <= notes.len()
                {
                    (value, plan) = (other, tried.plan);
                }
            }
        }
        (plan, value)
    }

    /// Refuses what became a `PathBuf` and is no plain path. serde has kept it as text, so nobody
    /// saw what it was for: in another attempt there stands a value in its place that every type
    /// refuses, and says what it wanted.
    fn without_hidden_paths(&mut self, plan: &Plan, buffered: &[usize]) -> Result<(), Error> {
        self.left = attempts(self.fields.pairs.len());
        for &head in buffered {
            let is_nothing = plan.reading(head).nothing;
            let doubtful = self.fields.from(head).find_map(|index| {
                let text = self.fields.pairs[index].text.as_deref()?;
                let why = clean_path(text).err().filter(|_| !(is_nothing && text.is_empty()))?;
                Some((index, refused(text, why)))
            });
            let Some((index, why)) = doubtful else { continue };
            let Some(plan) = plan.with(head, |it| it.probe = true) else { continue };
            if self.left == 0 {
                return Err(Error::of(Why::TooMany));
            }
            probe::forget();
            self.attempt(plan);
            if probe::met_a_path() {
                return Err(self.blame(Error::of(why), index));
            }
        }
        Ok(())
    }

    /// Says which text an error is about, where the field that refused did not know.
    fn located(&mut self, error: Error, plan: &Plan, notes: &[Note], buffered: &[usize]) -> Error {
        if error.field().is_some() || buffered.is_empty() {
            return error;
        }
        // Of an untagged enum, what the first variant said.
        let untagged = matches!(&error.why, Why::Said(said) if said.starts_with("data did not match any variant"));
        let mut notes = notes.iter();
        let note = if untagged {
            notes.find(|note| self.noted(note).is_some())
        } else {
            notes.next_back()
        };
        match note.map(|note| note.got) {
            Some(Got::Missing(name)) if untagged => return Error::of(Why::MissingField(name)),
            Some(Got::Text(address)) => {
                if let (Some(index), Some(note)) = (self.fields.at(address), note) {
                    let error = if untagged {
                        Error::of(Why::Expected(note.wanted.clone()))
                    } else {
                        error
                    };
                    return self.blame(error, index);
                }
            }
            _ => {}
        }
        self.culprit(error, plan, buffered)
    }

    /// The text without which the error is another. So it is where a text is left out that is read
    /// before; of these the one at fault is read last.
    fn culprit(&mut self, error: Error, plan: &Plan, buffered: &[usize]) -> Error {
        let mut found: Option<(Left, Option<Why>)> = None;
        let absent = (0..plan.absent.len()).map(Left::Absent);
        for next in buffered.iter().map(|&head| Left::Out(head)).chain(absent) {
            let mut without = plan.clone();
            without.leave(next);
            let said = self.said(without.clone());
            if said.as_ref() == Some(&error.why) {
                continue;
            }
            let later = match &found {
                None => true,
                Some((before, said_before)) => {
                    without.leave(*before);
                    self.said(without) == *said_before
                }
            };
            if later {
                found = Some((next, said));
            }
        }
        match found {
            Some((Left::Out(head), _)) if self.left > 0 => {
                let count = self.fields.from(head).count();
                let repeated =
                    count > 1 && matches!(&error.why, Why::Expected(wanted) if !is_list(wanted));
                self.blame(if repeated { Error::of(Why::Repeated(count)) } else { error }, head)
            }
            Some((Left::Absent(index), _)) if self.left > 0 => {
                Error::of(Why::MissingField(plan.absent[index].0))
            }
            _ => error,
        }
    }

    /// What a type says under a plan, where it refuses it.
    fn said(&mut self, plan: Plan) -> Option<Why> {
        if self.left == 0 {
            return None;
        }
        self.attempt(plan).result.err().map(|error| error.why)
    }

    fn blame(&self, error: Error, index: usize) -> Error {
        let (name, text) = self.named(index);
        error.at(name, text)
    }
}
