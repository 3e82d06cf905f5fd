//! The carrier that stays within its process.

use std::sync::{Mutex, PoisonError};

use super::carrier::{Carrier, Inbox, Parcel};

/// Connects topics of the same process: of several applications in one program, or in one test.
///
/// ```
/// use std::sync::Arc;
/// use trine::topic::{LocalCarrier, Topic};
///
/// # #[trine::main]
/// # async fn main() {
/// let carrier = Arc::new(LocalCarrier::default());
/// let [first, second] = [0, 1].map(|_| Topic::new().carried("news", carrier.clone()));
/// let mut subscription = second.subscribe();
/// first.publish("hello".to_owned());
/// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "hello");
/// # }
/// ```
#[derive(Debug, Default)]
pub struct LocalCarrier(Mutex<Vec<Inbox>>);

impl Carrier for LocalCarrier {
    fn attach(&self, inbox: Inbox) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(inbox);
    }

    fn send(&self, parcel: &Parcel) {
        let mut inboxes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inboxes.retain(|inbox| !inbox.is_closed());
        let recipients: Vec<Inbox> =
            inboxes.iter().filter(|inbox| inbox.topic() == &*parcel.topic).cloned().collect();
        drop(inboxes);
        for inbox in recipients {
            if let Err(error) = inbox.deliver(parcel) {
                tracing::error!(
                    topic = &*parcel.topic,
                    %error,
                    "two topics have the same name and different types"
                );
            }
        }
    }
}
