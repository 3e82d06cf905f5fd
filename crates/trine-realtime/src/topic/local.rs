//! The carrier that never leaves its process.

use std::sync::{Mutex, PoisonError};

use super::carrier::{Carrier, Inbox, Parcel};

/// Carries between the topics of one process: several applications in one program, or in one test.
///
/// ```
/// use std::sync::Arc;
/// use trine::topic::{Local, Topic};
///
/// # #[trine::main]
/// # async fn main() {
/// let local = Arc::new(Local::default());
/// let [here, there] = [0, 1].map(|_| Topic::new().carried("news", local.clone()));
/// let mut subscription = there.subscribe();
/// here.publish("hello".to_owned());
/// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "hello");
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Local(Mutex<Vec<Inbox>>);

impl Carrier for Local {
    fn attach(&self, inbox: Inbox) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(inbox);
    }

    fn send(&self, parcel: &Parcel) {
        let mut inboxes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inboxes.retain(|inbox| !inbox.is_closed());
        let to: Vec<Inbox> =
            inboxes.iter().filter(|inbox| inbox.topic() == &*parcel.topic).cloned().collect();
        drop(inboxes);
        for inbox in to {
            if let Err(error) = inbox.deliver(parcel) {
                tracing::error!(topic = &*parcel.topic, %error, "a message of another topic of this name");
            }
        }
    }
}
