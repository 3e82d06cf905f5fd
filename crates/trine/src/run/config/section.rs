//! Sections of the configuration that belong to the application.

use std::panic;

use super::entry::Entry;
use super::location::variable_of;
use super::names::is_section_name;
use super::sections::Sections;
use super::{
    Config, ConfigError, ConfigErrors, FromConfig, Location, Profile, Value, keys, secret,
};
use crate::run::process;

/// A section of the configuration as a type. [`#[derive(Config)]`](macro@crate::Config) implements
/// it.
///
/// ```
/// use trine::config::{Config, Section};
///
/// #[derive(trine::Config)]
/// struct Mail {
///     /// The server to send by.
///     host: String,
/// }
///
/// assert_eq!((Mail::KEYS[0].name, Mail::KEYS[0].doc), ("host", "The server to send by."));
/// let mail: Mail = Config::read("mail.host = 'localhost'", [])?.section("mail")?;
/// assert_eq!(mail.host, "localhost");
/// # Ok::<_, trine::config::ConfigErrors>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a section of the configuration",
    label = "not a section",
    note = "put `#[derive(trine::Config)]` on the struct"
)]
pub trait Section: Send + Sync + Sized + 'static {
    /// The keys.
    const KEYS: &'static [SectionKey];

    /// Reads all keys. `None` if one of them is wrong; the reader has the errors.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// A key of a section, as it is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionKey {
    /// The name in the section.
    pub name: &'static str,
    /// Whether errors must not show the value.
    pub secret: bool,
    /// The minimum length of a secret under the profile `prod`, in bytes.
    pub min: usize,
    /// The default, as the attribute has it; `None` if the key is required or optional.
    pub default: Option<&'static str>,
    /// The doc comment of the field.
    pub doc: &'static str,
    /// The file and the line of the field.
    pub location: (&'static str, u32),
}

/// Reads the values of one section and collects the errors.
#[derive(Debug)]
pub struct Reader<'a> {
    name: &'a str,
    location: Location,
    file: &'a str,
    profile: Profile,
    entries: &'a [Entry],
    incomplete: bool,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// The value of a required key. A type such as `Option` makes the key optional.
    pub fn value<T: FromConfig>(&mut self, key: &SectionKey) -> Option<T> {
        match self.configured(key)? {
            Some(value) => Some(value),
            None => T::absent().or_else(|| self.missing::<T>(key)),
        }
    }

    /// The value of a key, or a default.
    pub fn value_or<T: FromConfig>(
        &mut self,
        key: &SectionKey,
        default: impl FnOnce() -> T,
    ) -> Option<T> {
        match self.configured(key)? {
            Some(value) => Some(value),
            None if T::SECRET || key.secret => self.secret_by_default(key).then(default),
            None => Some(default()),
        }
    }

    /// The value of a key, or a default that is parsed like a value of the configuration.
    pub fn value_or_text<T: FromConfig>(&mut self, key: &SectionKey, default: &str) -> Option<T> {
        match self.configured(key)? {
            Some(value) => Some(value),
            None if (T::SECRET || key.secret) && !self.secret_by_default(key) => None,
            None => T::from_config(Value::of(default)).or_else(|| {
                let location =
                    Location::Code { file: key.location.0.to_owned(), line: key.location.1 };
                let name = self.name_of(key);
                self.errors.push(ConfigError::wrong(
                    location,
                    &name,
                    &T::expected(),
                    Some(default),
                ));
                None
            }),
        }
    }

    /// The configured value. If there are several, the last one wins. The outer `None` means that
    /// one of them is wrong.
    fn configured<T: FromConfig>(&mut self, key: &SectionKey) -> Option<Option<T>> {
        let name = self.name_of(key);
        let secret = T::SECRET || key.secret;
        let (mut configured, mut wrong, mut from) = (None, false, None);
        for entry in self.entries.iter().filter(|entry| entry.names(&name)) {
            match T::from_config(Value::new(&entry.value, entry.items.as_deref())) {
                Some(value) if entry.applies => (configured, from) = (Some(value), Some(entry)),
                Some(_) => {}
                None => {
                    let shown = (!secret).then_some(entry.value.as_str());
                    let error =
                        ConfigError::wrong(entry.location.clone(), &name, &T::expected(), shown);
                    self.errors.push(error);
                    wrong = true;
                }
            }
        }
        if let Some(entry) = from
            && secret
            && self.profile == Profile::Prod
            && let Some(why) = secret::weakness(&entry.value, key.min)
        {
            self.errors.push(ConfigError::weak(entry.location.clone(), &name, &why));
            wrong = true;
        }
        (!wrong).then_some(configured)
    }

    fn missing<T: FromConfig>(&mut self, key: &SectionKey) -> Option<T> {
        if self.incomplete {
            return None;
        }
        let name = self.name_of(key);
        let (section, file, expected) = (self.name, self.file, T::expected());
        let variable = variable_of(&name);
        let (what, secret) = match T::SECRET || key.secret {
            true => ("this secret".to_owned(), ", which keeps it out of the repository"),
            false => (format!("`{} = …`", key.name), ""),
        };
        let text = format!(
            "`{name}` is missing: expected {expected}; add {what} under `[{section}]` in \
             {file}, or set {variable}{secret}"
        );
        self.errors.push(ConfigError::new(self.location.clone(), text));
        None
    }

    /// Whether a secret may have its default value.
    fn secret_by_default(&mut self, key: &SectionKey) -> bool {
        if self.profile == Profile::Dev || self.incomplete {
            return true;
        }
        let name = self.name_of(key);
        let variable = variable_of(&name);
        let why =
            format!("its default is in the source code, which others can read: set {variable}");
        self.errors.push(ConfigError::weak(self.location.clone(), &name, &why));
        false
    }

    fn name_of(&self, key: &SectionKey) -> String {
        format!("{}.{}", self.name, key.name)
    }
}

impl Config {
    /// Reads a section that belongs to the application: the table of this name (`mail`, or
    /// `mail.smtp` for one inside another), and variables such as `TRINE_MAIL_HOST`.
    ///
    /// ```
    /// use trine::config::{Config, Secret};
    ///
    /// #[derive(trine::Config)]
    /// struct Mail {
    ///     host: String,
    ///     #[config(default = 25)]
    ///     port: u16,
    ///     password: Option<Secret>,
    /// }
    ///
    /// let mut config = Config::read("[mail]\nhost = 'mail.example.org'", [])?;
    /// let mail: Mail = config.section("mail")?;
    /// assert_eq!((mail.host.as_str(), mail.port), ("mail.example.org", 25));
    ///
    /// let mut config = Config::read("[mail]\nhots = 'mail.example.org'", [])?;
    /// let errors = config.section::<Mail>("mail").err().unwrap().to_string();
    /// assert!(errors.contains("there is no key `mail.hots`; did you mean `mail.host`?"));
    /// # Ok::<_, trine::config::ConfigErrors>(())
    /// ```
    ///
    /// [`App::config_section`](crate::App::config_section) does the same as a part of the launch
    /// audit.
    ///
    /// # Errors
    /// Returns all mistakes at once: values that cannot be parsed, missing and unknown keys, and
    /// weak secrets under the profile `prod`. An error never shows the value of a secret.
    #[track_caller]
    pub fn section<T: Section>(&mut self, name: &str) -> Result<T, ConfigErrors> {
        let (read, mut errors) = self.read_section(name, panic::Location::caller());
        if self.sections.loaded {
            process::remember_config_keys(&self.sections.known);
        }
        let of_section = |entry: &&Entry| {
            entry.in_section(name)
                // A variable may belong to another section, such as `TRINE_MAIL_QUEUE_SIZE` to
                // `mail_queue`.
                && (!entry.is_variable() || T::KEYS.iter().any(|key| entry.is_near(&format!("{name}.{}", key.name))))
        };
        let unknown = self.unknown_entries().filter(of_section);
        errors.extend(unknown.map(|entry| ConfigError::unknown(entry, self.known_names())));
        errors.sort_by_key(ConfigError::order);
        match read {
            Some(section) if errors.is_empty() => Ok(section),
            _ => Err(ConfigErrors(errors)),
        }
    }

    /// Reads a section without looking for unknown keys. The launch audit does that, once it knows
    /// all sections.
    pub(crate) fn read_section<T: Section>(
        &mut self,
        name: &str,
        at: &panic::Location<'_>,
    ) -> (Option<T>, Vec<ConfigError>) {
        let location = Location::Code { file: at.file().to_owned(), line: at.line() };
        if !is_section_name(name) {
            let text = format!(
                "`{name}` cannot be the name of a section: expected words of a to z, 0 to 9 and \
                 `_`, joined by dots; \
                 `dev`, `prod` and the tables of the server (`acme`, `http2`, `http3`, `limits`, \
                 `timeouts`) are reserved, \
                 and so are names that differ from these tables by one letter"
            );
            return (None, vec![ConfigError::new(location, text)]);
        }
        self.sections.claim(name, T::KEYS.iter().map(|key| key.name));
        let Config { profile, sections, .. } = &*self;
        let Sections { entries, file, incomplete, .. } = sections;
        let (profile, incomplete) = (*profile, *incomplete);
        let mut reader =
            Reader { name, location, file, profile, entries, incomplete, errors: Vec::new() };
        let read = T::read(&mut reader);
        (read, reader.errors)
    }

    /// An error for each entry that is neither a key of the server nor of a section that was read.
    pub(crate) fn unknown(&self) -> Vec<ConfigError> {
        self.unknown_entries()
            .map(|entry| ConfigError::unknown(entry, self.known_names()))
            .collect()
    }

    fn unknown_entries(&self) -> impl Iterator<Item = &Entry> {
        let mut known: Vec<String> = self.sections.known.clone();
        if self.sections.loaded {
            known.extend(process::remembered_config_keys());
        }
        self.sections
            .entries
            .iter()
            .filter(move |entry| !known.iter().any(|name| entry.names(name)))
    }

    fn known_names(&self) -> impl Iterator<Item = &str> {
        let own = self.sections.known.iter().map(String::as_str);
        keys::names().map(|name| name as &str).chain(own)
    }
}
