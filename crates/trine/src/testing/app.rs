//! An application before its test starts.

use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;

use super::TestClient;
use crate::AppService;
use crate::declare::app::App;
use crate::run::config::Config;

/// An application before its test starts. Awaiting it starts the application and returns a
/// [`TestClient`].
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
/// client.shutdown().await; // runs the shutdown hooks
/// # }
/// ```
///
/// Hooks and background tasks run as on a server. The configuration is the default one, unless
/// [`with_config`](TestApp::with_config) or [`App::config`] sets another: `trine.toml` and the
/// environment are not read. The default profile depends on the build: `dev` for debug builds,
/// `prod` for release builds.
#[derive(Debug)]
#[must_use = "the application starts when this is awaited"]
pub struct TestApp {
    pub(super) app: App,
    location: &'static Location<'static>,
}

impl App {
    /// Starts the application for a test, without a socket. See [`TestApp`] for what a test can
    /// replace before.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || "hello")).test().await;
    /// client.get("/").await.expect_status(200).expect_text("hello");
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics when it is awaited, if the application does not start. The message has the findings
    /// of the [audit](App::audit), or the error of a state or a hook.
    #[track_caller]
    pub fn test(self) -> TestApp {
        TestApp::new(self)
    }
}

impl TestApp {
    #[track_caller]
    fn new(app: App) -> TestApp {
        TestApp { app, location: Location::caller() }
    }

    /// Replaces the application's state of this type by a value. It does not matter how the
    /// application declares the state: by value, by a function, which then does not run, as a
    /// section of the configuration, or per worker.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// struct Price { cents: u32 }
    /// let price = get(async |price: State<Price>| price.cents.to_string());
    /// let app = App::new().state(Price { cents: 5 }).route("/", price);
    /// let client = app.test().with_state(Price { cents: 7 }).await;
    /// client.get("/").await.expect_text("7");
    /// # }
    /// ```
    ///
    /// To replace one implementation by another, use a type that can hold both, such as
    /// `struct Mailer(Arc<dyn SendMail>)`.
    ///
    /// # Panics
    /// Panics if the application has no state of this type.
    #[track_caller]
    pub fn with_state<T: Send + Sync + 'static>(mut self, value: T) -> TestApp {
        if let Err(types) = self.app.replace_state(value) {
            let (name, there) = (std::any::type_name::<T>(), types.join("`, `"));
            panic!(
                "with_state: the application has no state of type `{name}` to replace; it has \
                 `{there}`"
            );
        }
        self
    }

    /// Sets the configuration.
    ///
    /// ```
    /// use trine::config::Config;
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let app = App::new().route("/", post(async |body: String| body));
    /// let client = app.test().with_config(Config::read("limits.body = '4B'", [])?).await;
    /// client.post("/").text("hello").await.expect_status(413);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_config(mut self, config: Config) -> TestApp {
        self.app = self.app.config(config);
        self
    }
}

impl TestApp {
    pub(super) async fn start(self) -> AppService {
        let TestApp { app, location } = self;
        match app.build().await {
            Ok(service) => service,
            Err(audit) => {
                panic!("the application of the test at {location} does not start: {audit}")
            }
        }
    }
}

impl IntoFuture for TestApp {
    type Output = TestClient;
    type IntoFuture = Pin<Box<dyn Future<Output = TestClient> + Send>>;

    /// # Panics
    /// Panics if the application does not start. The message has the findings of the
    /// [audit](App::audit), or the error of a state or a hook.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { TestClient::of_app(self.start().await) })
    }
}
