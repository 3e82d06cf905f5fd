//! Makes a [`Config`] of the file and the environment.

use super::variables::FILE;
use super::{Config, ConfigError, ConfigErrors, entries, keys};

impl Config {
    /// Reads `trine.toml` in the working directory, which may be missing, and the environment.
    ///
    /// ```
    /// use trine::config::Config;
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let app = App::new().config(Config::load()?).route("/", get(async || "hello"));
    /// app.test().await.get("/").await.expect_text("hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Tables and variables that do not belong to the server are kept for
    /// [`section`](Config::section). [`App::serve`](crate::App::serve) refuses a key that no
    /// section has read, from this `Config` or from one that this process loaded earlier.
    ///
    /// # Errors
    /// Returns all mistakes at once, each with its location and the expected value.
    pub fn load() -> Result<Config, ConfigErrors> {
        without_errors(Config::load_all())
    }

    /// Like [`Config::load`], but also returns the configuration as far as it could be read, so
    /// that the launch audit can check it.
    pub(crate) fn load_all() -> (Config, Vec<ConfigError>) {
        // `std::env::vars` panics if any variable of the process is not UTF-8.
        let env: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        let named = env.iter().any(|(name, _)| name == FILE);
        let path = entries::file_name(&env);
        let (mut config, errors) = match std::fs::read_to_string(path) {
            Ok(text) => Config::read_all(&text, &env),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => {
                Config::read_all("", &env)
            }
            Err(error) => {
                let unreadable = ConfigError::unreadable(path, named, &error);
                let (mut config, errors) = Config::read_all("", &env);
                config.sections.incomplete = true;
                (config, std::iter::once(unreadable).chain(errors).collect())
            }
        };
        config.sections.loaded = true;
        (config, errors)
    }

    /// Reads the text of a `trine.toml` and the variables of an environment. Variables that do not
    /// start with `TRINE_` are ignored.
    ///
    /// ```
    /// use trine::config::Config;
    ///
    /// let env = [("TRINE_PORT".to_owned(), "80".to_owned())];
    /// let config = Config::read("port = 8080\nlimits.body = '64KiB'", env)?;
    /// assert_eq!((config.server.port, config.body_limit), (80, 65536));
    ///
    /// let errors = Config::read("[limits]\nbdy = 1", []).unwrap_err();
    /// assert_eq!(
    ///     errors.to_string(),
    ///     "trine.toml:2: there is no key `limits.bdy`; did you mean `limits.body`?"
    /// );
    /// # Ok::<_, trine::config::ConfigErrors>(())
    /// ```
    ///
    /// # Errors
    /// Returns all mistakes at once, each with its location and the expected value.
    pub fn read(
        text: &str,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigErrors> {
        without_errors(Config::read_all(text, &env.into_iter().collect::<Vec<_>>()))
    }

    fn read_all(text: &str, env: &[(String, String)]) -> (Config, Vec<ConfigError>) {
        let mut errors = Vec::new();
        let mut config =
            Config { profile: entries::profile(env, &mut errors), ..Config::default() };
        entries::file_name(env).clone_into(&mut config.sections.file);
        let mut unused = config.clone();
        let before = errors.len();
        let entries = entries::entries(text, env, config.profile, &mut errors);
        config.sections.incomplete = errors.len() > before;
        for entry in entries {
            let target = if entry.applies { &mut config } else { &mut unused };
            target.tls.record(&entry);
            match keys::apply(target, entry) {
                Ok(of_section) => config.sections.entries.extend(of_section),
                Err(error) => errors.push(error),
            }
        }
        match std::mem::take(&mut config.tls).certificate() {
            Ok(certificate) => config.server.certificate = certificate,
            // A key may be in the part that could not be read.
            Err(_) if config.sections.incomplete => {}
            Err(error) => errors.push(error),
        }
        errors.sort_by_key(ConfigError::order);
        (config, errors)
    }
}

fn without_errors((config, errors): (Config, Vec<ConfigError>)) -> Result<Config, ConfigErrors> {
    if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors)) }
}
