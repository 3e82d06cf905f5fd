//! An application that is about to be tested.

use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;

use super::TestClient;
use crate::AppService;
use crate::declare::app::App;
use crate::run::config::Config;

/// An application with some of its state replaced; awaited, it is started and gives its client.
///
/// ```
/// use trine::prelude::*;
///
/// struct Clock { now: fn() -> u64 }
///
/// async fn now(clock: State<Clock>) -> String {
///     (clock.now)().to_string()
/// }
///
/// fn app() -> App {
///     App::new().state_with(|_| async { Ok(Clock { now: || panic!("no network in tests") }) }).route("/now", get(now))
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = app().test().with_state(Clock { now: || 7 }).await;
/// assert_eq!(client.get("/now").await.text(), "7");
/// client.shutdown().await; // runs the hooks of the end
/// # }
/// ```
///
/// Hooks and background tasks run as they do on a server. The configuration is the default, never
/// that of the machine; [`with_config`](TestApp::with_config) or [`App::config`] sets another. Its
/// profile is that of the build.
#[derive(Debug)]
#[must_use = "it is started when it is awaited"]
pub struct TestApp {
    pub(super) app: App,
    place: &'static Location<'static>,
}

impl App {
    /// Builds the application for tests: a client that needs no socket. See [`TestApp`] for what
    /// can be replaced.
    ///
    /// # Panics
    /// When it is awaited, with the findings of the [audit](App::audit).
    #[track_caller]
    pub fn test(self) -> TestApp {
        TestApp::new(self)
    }
}

impl TestApp {
    #[track_caller]
    fn new(app: App) -> TestApp {
        TestApp { app, place: Location::caller() }
    }

    /// Puts a value in place of the application's state of this type, wherever that comes from: a
    /// constructor, which does not run then, a section of the configuration, a worker.
    ///
    /// To replace one implementation by another, hold a type that can be both, such as
    /// `struct Mailer(Arc<dyn Send…>)`.
    ///
    /// # Panics
    /// When the application has no state of this type: the test would replace nothing.
    #[track_caller]
    pub fn with_state<T: Send + Sync + 'static>(mut self, value: T) -> TestApp {
        if let Err(types) = self.app.replace_state(value) {
            let (name, there) = (std::any::type_name::<T>(), types.join("`, `"));
            panic!(
                "with_state: the application has no state of type `{name}` to replace; it has `{there}`"
            );
        }
        self
    }

    /// Sets the configuration, such as `Config::read("[mail]\nhost = 'localhost'", [])`.
    pub fn with_config(mut self, config: Config) -> TestApp {
        self.app = self.app.config(config);
        self
    }
}

impl TestApp {
    pub(super) async fn start(self) -> AppService {
        let TestApp { app, place } = self;
        match app.build().await {
            Ok(service) => service,
            Err(audit) => panic!("the application of the test at {place} does not start: {audit}"),
        }
    }
}

impl IntoFuture for TestApp {
    type Output = TestClient;
    type IntoFuture = Pin<Box<dyn Future<Output = TestClient> + Send>>;

    /// # Panics
    /// With the findings of the [audit](App::audit), and with what a state or a hook says that
    /// fails.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { TestClient::of_app(self.start().await) })
    }
}
