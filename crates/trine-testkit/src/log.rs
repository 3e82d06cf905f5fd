//! The log of the thread of a test. It includes the tasks of its servers, but not the servers'
//! worker threads.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::wait;

/// The lines that this thread logs from [`Log::start`] until the drop.
#[derive(Debug)]
pub struct Log {
    text: Arc<Mutex<String>>,
    _guard: DefaultGuard,
}

impl Log {
    /// Collects the log of this thread. A line is `LEVEL target: message field=value`.
    pub fn start() -> Log {
        let text = Arc::default();
        let _guard = tracing::subscriber::set_default(Writer(Arc::clone(&text)));
        Log { text, _guard }
    }

    /// All lines so far.
    pub fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// The number of lines that contain a text.
    pub fn count(&self, text: &str) -> usize {
        self.text().lines().filter(|line| line.contains(text)).count()
    }

    /// Waits for a line that contains a text.
    pub async fn line(&self, text: &str) {
        wait::until(format_args!("a log line with {text:?}"), || self.count(text) > 0).await;
    }
}

struct Writer(Arc<Mutex<String>>);

impl Subscriber for Writer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG && metadata.target().starts_with("trine")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {}:", metadata.level(), metadata.target()));
        event.record(&mut line);
        self.0.lock().unwrap().push_str(&(line.0 + "\n"));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
