//! Tries several readings of buffered texts until the type accepts one.
//!
//! A query consists of text, and a type usually requests what it needs: `deserialize_u32` parses.
//! But serde deserializes `#[serde(flatten)]`, `tag` and `untagged` in two steps: it first buffers
//! whatever there is (`deserialize_any`) and then hands that to the fields, where text is not a
//! number. So the first attempt presents texts. Each text that a field refuses is noted
//! ([`notes`]), identified by its address, and presented in the next attempt as what the field
//! expected, until no refused text could be read in another way. A type without buffered fields is
//! deserialized once.

use trine_core::param::clean_path;

use super::fields::Fields;
use super::notes::{self, Got, Note};
use super::plan::{Attempt, Omitted, Plan, is_empty, is_list};
use super::probe::refused_path;
use super::{Error, Why};

/// Deserializes the fields with `run`, which makes one attempt under a plan.
pub(crate) fn read<T>(
    fields: Fields<'_>,
    run: impl Fn(&Attempt<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    notes::clear();
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

/// The maximum number of attempts. The client decides how many attempts are needed and how much
/// each costs, so the product is bounded; a hundred flattened numbers still get their hundred
/// attempts.
fn attempts(pairs: usize) -> usize {
    (20_000 / pairs.max(1)).clamp(16, 256)
}

struct Search<'s, 'f, T> {
    fields: Fields<'f>,
    run: &'s dyn Fn(&Attempt<'_>) -> Result<T, Error>,
    left: usize,
}

/// The result of an attempt under a plan.
struct Tried<T> {
    plan: Plan,
    result: Result<T, Error>,
    notes: Vec<Note>,
    /// The names whose texts were passed to a type that takes any value.
    buffered: Vec<usize>,
    /// The next note to correct, and the remaining corrections for the one before.
    next: usize,
    corrections: std::vec::IntoIter<Plan>,
    /// The error of an attempt that got further by a correction: it is more helpful than the error
    /// that was corrected.
    further: Option<Error>,
}

impl<T> Tried<T> {
    fn of(plan: Plan, result: Result<T, Error>, buffered: Vec<usize>) -> Tried<T> {
        let mut notes = notes::take();
        // Refused values come first: a variant that misses a field may not be the intended one.
        notes.sort_by_key(|note| matches!(note.got, Got::Missing(_)));
        Tried {
            plan,
            result,
            notes,
            buffered,
            next: 0,
            corrections: Vec::new().into_iter(),
            further: None,
        }
    }

    /// The next plan that corrects one of the notes.
    fn next_correction(&mut self, fields: Fields<'_>) -> Option<Plan> {
        loop {
            if let Some(plan) = self.corrections.next() {
                return Some(plan);
            }
            let note = self.notes.get(self.next)?;
            self.next += 1;
            self.corrections = self
                .plan
                .corrections(note, fields, &self.buffered, self.result.is_err())
                .into_iter();
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

    /// Corrects the refused values one by one, in the order in which the type requested them: the
    /// first that is accepted is what the type would have got from typed values, even if a later
    /// variant accepted the text. A correction that leads nowhere is undone.
    fn follow(&mut self, first: Tried<T>) -> Result<(Tried<()>, T), Error> {
        let mut stack = vec![first];
        while let Some(top) = stack.last_mut() {
            if self.left > 0
                && let Some(plan) = top.next_correction(self.fields)
            {
                let tried = self.attempt(plan);
                stack.push(tried);
                continue;
            }
            let Some(Tried { plan, result, notes, buffered, next, corrections, further }) =
                stack.pop()
            else {
                break;
            };
            let error = match result {
                Ok(value) => {
                    let found =
                        Tried { plan, result: Ok(()), notes, buffered, next, corrections, further };
                    return Ok((found, value));
                }
                Err(error) => error,
            };
            if self.left == 0 {
                // An earlier attempt may have succeeded.
                match stack.iter().any(|before| before.result.is_ok()) {
                    true => continue,
                    false => return Err(Error::of(Why::TooMany)),
                }
            }
            let error = further.unwrap_or_else(|| self.located(error, &plan, &notes, &buffered));
            let Some(before) = stack.last_mut() else { return Err(error) };
            let corrected = before.next.checked_sub(1).and_then(|note| before.notes.get(note));
            if before.further.is_none() && !corrected.is_some_and(|note| self.is_of(note, &error)) {
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

    /// Whether an error is about the noted text, or about no text.
    fn is_of(&self, note: &Note, error: &Error) -> bool {
        error.subject().is_none_or(|subject| self.noted(note) == Some(subject))
    }

    /// Presents empty text as `None` to fields that accept that. No field refuses the empty text
    /// first, so it has to be tried.
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

    /// Refuses buffered text that became a `PathBuf` and is not a relative path of plain names. In
    /// another attempt a [`Probe`](super::probe::Probe) takes its place, which every type refuses,
    /// so that the type reports what it expected.
    fn without_hidden_paths(&mut self, plan: &Plan, buffered: &[usize]) -> Result<(), Error> {
        self.left = attempts(self.fields.pairs.len());
        for &head in buffered {
            let is_nothing = plan.reading(head).nothing;
            let doubtful = self.fields.from(head).find_map(|index| {
                let text = self.fields.pairs[index].text.as_deref()?;
                let why = clean_path(text).err().filter(|_| !(is_nothing && text.is_empty()))?;
                Some((index, refused_path(text, why)))
            });
            let Some((index, why)) = doubtful else { continue };
            let Some(plan) = plan.with(head, |it| it.probe = true) else { continue };
            if self.left == 0 {
                return Err(Error::of(Why::TooMany));
            }
            notes::take_path_expected();
            self.attempt(plan);
            if notes::take_path_expected() {
                return Err(self.blame(Error::of(why), index));
            }
        }
        Ok(())
    }

    /// Finds the text that an error is about, if the error does not name it.
    fn located(&mut self, error: Error, plan: &Plan, notes: &[Note], buffered: &[usize]) -> Error {
        if error.field().is_some() || buffered.is_empty() {
            return error;
        }
        // For an untagged enum, use the error of the first variant.
        let untagged = matches!(&error.why, Why::Custom(text) if text.starts_with("data did not match any variant"));
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

    /// The text without which the error changes. It also changes if a text is omitted that is read
    /// earlier, so of all such texts the one that is read last is at fault.
    fn culprit(&mut self, error: Error, plan: &Plan, buffered: &[usize]) -> Error {
        let mut found: Option<(Omitted, Option<Why>)> = None;
        let absent = (0..plan.absent.len()).map(Omitted::Absent);
        for next in buffered.iter().map(|&head| Omitted::Sent(head)).chain(absent) {
            let mut without = plan.clone();
            without.omit(next);
            let changed = self.error_under(without.clone());
            if changed.as_ref() == Some(&error.why) {
                continue;
            }
            let later = match &found {
                None => true,
                Some((before, error_before)) => {
                    without.omit(*before);
                    self.error_under(without) == *error_before
                }
            };
            if later {
                found = Some((next, changed));
            }
        }
        match found {
            Some((Omitted::Sent(head), _)) if self.left > 0 => {
                let count = self.fields.from(head).count();
                let repeated =
                    count > 1 && matches!(&error.why, Why::Expected(wanted) if !is_list(wanted));
                self.blame(if repeated { Error::of(Why::Repeated(count)) } else { error }, head)
            }
            Some((Omitted::Absent(index), _)) if self.left > 0 => {
                Error::of(Why::MissingField(plan.absent[index].0))
            }
            _ => error,
        }
    }

    /// The error that an attempt under a plan ends with, if any.
    fn error_under(&mut self, plan: Plan) -> Option<Why> {
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
