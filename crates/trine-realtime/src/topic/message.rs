//! One message, shared by everybody who gets it, with each form in which it was encoded.

use std::any::{Any, TypeId};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use trine_core::BoxError;

/// A message of a topic. It derefs to the value that was published; a clone counts a reference.
///
/// ```
/// # use trine::Topic;
/// # #[trine::main]
/// # async fn main() {
/// let topic = Topic::new();
/// let mut subscription = topic.subscribe();
/// topic.publish("hello".to_owned());
/// let message = subscription.recv().await.unwrap().unwrap();
/// assert_eq!(message.len(), 5);
/// # }
/// ```
pub struct Message<T>(Arc<Inner<T>>);

struct Inner<T> {
    id: MessageId,
    value: T,
    forms: OnceLock<Box<Encoded>>,
}

/// One form of a message, and the next.
struct Encoded {
    form: Form,
    made: Result<Box<dyn Any + Send + Sync>, Arc<str>>,
    next: OnceLock<Box<Encoded>>,
}

impl<T> Message<T> {
    pub(crate) fn new(id: MessageId, value: T) -> Message<T> {
        Message(Arc::new(Inner { id, value, forms: OnceLock::new() }))
    }

    /// One that its hub names.
    pub(super) fn unnamed(value: T) -> Message<T> {
        Message::new(MessageId { origin: Origin(0), number: 0 }, value)
    }

    /// Names it while nobody else holds it.
    pub(super) fn name(&mut self, id: MessageId) {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.id = id;
        }
    }

    /// Its name, for [`Since::After`](crate::topic::Since::After).
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.0.id
    }

    /// The value that was published.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.0.value
    }

    /// The message in one form, which is made at the first call and shared by all others:
    /// serialised once, compressed once, however many connections send it.
    ///
    /// `make` must not ask the message for another form: ask for it before.
    ///
    /// # Errors
    /// What `make` said, to everybody who asks for this form.
    ///
    /// ```
    /// # use trine::topic::{Form, Topic};
    /// # #[trine::main]
    /// # async fn main() {
    /// struct Upper;
    ///
    /// # let topic = Topic::new();
    /// # let mut subscription = topic.subscribe();
    /// # topic.publish("hello");
    /// # let message = subscription.recv().await.unwrap().unwrap();
    /// let bytes = message.encoded(Form::of::<Upper>(0), |text| Ok(text.to_uppercase().into()));
    /// assert_eq!(bytes.unwrap(), "HELLO");
    /// # }
    /// ```
    pub fn encoded(
        &self,
        form: Form,
        make: impl FnOnce(&Message<T>) -> Result<Bytes, BoxError>,
    ) -> Result<Bytes, BoxError> {
        self.shared(form, make)
    }

    /// The same for what is more than bytes. All who ask for a form expect the same type.
    pub(crate) fn shared<V: Clone + Send + Sync + 'static>(
        &self,
        form: Form,
        make: impl FnOnce(&Message<T>) -> Result<V, BoxError>,
    ) -> Result<V, BoxError> {
        let mut make = Some(make);
        let mut cell = &self.0.forms;
        loop {
            // A form that was there, or that another thread made meanwhile, may be another one: the
            // list goes on.
            let encoded = cell.get_or_init(|| {
                let made =
                    make.take().map_or_else(|| Err("asked for twice".into()), |make| make(self));
                let made = made
                    .map(|made| Box::new(made) as _)
                    .map_err(|error| Arc::from(error.to_string()));
                Box::new(Encoded { form, made, next: OnceLock::new() })
            });
            if encoded.form == form {
                let made =
                    encoded.made.as_ref().map_err(|text| BoxError::from(text.to_string()))?;
                return made.downcast_ref().cloned().ok_or_else(|| "made as another type".into());
            }
            cell = &encoded.next;
        }
    }
}

impl<T> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Clone for Message<T> {
    fn clone(&self) -> Message<T> {
        Message(Arc::clone(&self.0))
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.0.id).field("value", &self.0.value).finish()
    }
}

/// How a message is encoded: a type that names the codec, and a number for what else changes its
/// bytes, such as the window of a compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    codec: TypeId,
    parameters: u64,
}

impl Form {
    /// The form that the codec `C` makes with these parameters.
    #[must_use]
    pub fn of<C: 'static>(parameters: u64) -> Form {
        Form { codec: TypeId::of::<C>(), parameters }
    }
}

/// The name of a message: where it was published, and its number there, from 1 on.
///
/// As text it is `origin-number`, which is what `Last-Event-ID` carries. The origin is another one
/// after each start of the process, so that a number from before is never taken for one of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// Which topic of which process.
    pub origin: Origin,
    /// The number of the message among those that were published there.
    pub number: u64,
}

/// One topic of one process, told apart from all others by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(pub u64);

impl Origin {
    pub(super) fn random() -> Origin {
        Origin(RandomState::new().hash_one("origin"))
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.origin.0, self.number)
    }
}

impl FromStr for MessageId {
    type Err = NoMessageId;

    fn from_str(text: &str) -> Result<MessageId, NoMessageId> {
        let parts = text.split_once('-');
        let (origin, number) = parts.ok_or(NoMessageId(()))?;
        match (u64::from_str_radix(origin, 16), number.parse()) {
            (Ok(origin), Ok(number)) => Ok(MessageId { origin: Origin(origin), number }),
            _ => Err(NoMessageId(())),
        }
    }
}

/// A text that is no [`MessageId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoMessageId(());

impl std::fmt::Display for NoMessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected the id of a message, such as `c0ffee-7`")
    }
}

impl std::error::Error for NoMessageId {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct A;
    struct B;

    fn message() -> Message<u8> {
        Message::new(MessageId { origin: Origin::random(), number: 1 }, 7)
    }

    #[test]
    fn each_form_is_made_once_by_however_many_threads() {
        let message = message();
        let made = AtomicUsize::new(0);
        let forms = [Form::of::<A>(0), Form::of::<A>(1), Form::of::<B>(0)];
        std::thread::scope(|scope| {
            for turn in 0..8 {
                let (message, made) = (&message, &made);
                scope.spawn(move || {
                    for step in 0..forms.len() {
                        let which = (step + turn) % forms.len();
                        let bytes = message.encoded(forms[which], |value| {
                            made.fetch_add(1, Ordering::Relaxed);
                            Ok(Bytes::from(vec![**value, u8::try_from(which)?]))
                        });
                        assert_eq!(&bytes.unwrap()[..], [7, u8::try_from(which).unwrap()]);
                    }
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), forms.len());
    }

    #[test]
    fn a_form_that_failed_fails_for_all() {
        let message = message();
        for _ in 0..2 {
            let failed = message.encoded(Form::of::<A>(0), |_| Err("no JSON".into()));
            assert_eq!(failed.unwrap_err().to_string(), "no JSON");
        }
        assert_eq!(message.encoded(Form::of::<B>(0), |_| Ok("b".into())).unwrap(), "b");
    }

    #[test]
    fn an_id_is_what_it_reads() {
        let id = message().id();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "-", "7", "g-7", "c0ffee-", "c0ffee-x", "c0ffee--1", "1ffffffffffffffff-1"]
        {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
