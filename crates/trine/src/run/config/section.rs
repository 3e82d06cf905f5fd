//! Sections of the configuration that belong to the application.

use std::panic::Location;

use super::entry::Entry;
use super::names::is_section_name;
use super::sections::Sections;
use super::{Config, ConfigError, ConfigErrors, FromConfig, Profile, Source, Value, keys, secret};
use crate::run::process;

/// A part of the configuration as a type; [`#[derive(Config)]`](macro@crate::Config) writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no section of the configuration",
    label = "not a section",
    note = "put `#[derive(trine::Config)]` on the struct"
)]
pub trait Section: Send + Sync + Sized + 'static {
    /// The keys.
    const KEYS: &'static [SectionKey];

    /// Reads each key. `None` where one of them is wrong, which the reader has noted.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// A key of a section, as it is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionKey {
    /// The name in the section.
    pub name: &'static str,
    /// Whether no error may show the value.
    pub secret: bool,
    /// The fewest bytes under `prod`, where it is secret.
    pub min: usize,
    /// What it is where nothing is said, as the source says it; `None` where it has to be there or
    /// may be missing.
    pub default: Option<&'static str>,
    /// The doc comment of the field.
    pub doc: &'static str,
    /// Where the field stands.
    pub place: (&'static str, u32),
}

/// Reads the values of one section and notes all that is wrong with them.
#[derive(Debug)]
pub struct Reader<'a> {
    name: &'a str,
    place: Source,
    file: &'a str,
    profile: Profile,
    entries: &'a [Entry],
    incomplete: bool,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// The value of a key that has to be there, unless its type says otherwise.
    pub fn value<T: FromConfig>(&mut self, key: &SectionKey) -> Option<T> {
        match self.said(key)? {
            Some(value) => Some(value),
            None => T::absent().or_else(|| self.missing::<T>(key)),
        }
    }

    /// The value of a key, or another.
    pub fn value_or<T: FromConfig>(
        &mut self,
        key: &SectionKey,
        default: impl FnOnce() -> T,
    ) -> Option<T> {
        match self.said(key)? {
            Some(value) => Some(value),
            None if T::SECRET || key.secret => self.secret_by_default(key).then(default),
            None => Some(default()),
        }
    }

    /// The value of a key, or one that is read from `default` as if it stood in the configuration.
    pub fn value_or_text<T: FromConfig>(&mut self, key: &SectionKey, default: &str) -> Option<T> {
        match self.said(key)? {
            Some(value) => Some(value),
            None if (T::SECRET || key.secret) && !self.secret_by_default(key) => None,
            None => T::from_config(Value::of(default)).or_else(|| {
                let source = Source::Code { file: key.place.0.to_owned(), line: key.place.1 };
                let name = self.name_of(key);
                self.errors.push(ConfigError::wrong(source, &name, &T::expected(), Some(default)));
                None
            }),
        }
    }

    /// What the sources say, the last of them winning; the outer `None` where one is wrong.
    fn said<T: FromConfig>(&mut self, key: &SectionKey) -> Option<Option<T>> {
        let name = self.name_of(key);
        let secret = T::SECRET || key.secret;
        let (mut said, mut wrong, mut from) = (None, false, None);
        for entry in self.entries.iter().filter(|entry| entry.names(&name)) {
            match T::from_config(Value::new(&entry.value, entry.items.as_deref())) {
                Some(value) if entry.applies => (said, from) = (Some(value), Some(entry)),
                Some(_) => {}
                None => {
                    let shown = (!secret).then_some(entry.value.as_str());
                    let error =
                        ConfigError::wrong(entry.source.clone(), &name, &T::expected(), shown);
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
            self.errors.push(ConfigError::weak(entry.source.clone(), &name, &why));
            wrong = true;
        }
        (!wrong).then_some(said)
    }

    fn missing<T: FromConfig>(&mut self, key: &SectionKey) -> Option<T> {
        if self.incomplete {
            return None;
        }
        let name = self.name_of(key);
        let (section, file, expected) = (self.name, self.file, T::expected());
        let variable = Source::Variable(String::new()).spell(&name);
        let (what, secret) = match T::SECRET || key.secret {
            true => ("this secret", ", where it is not in the repository"),
            false => (key.name, ""),
        };
        let text = format!(
            "`{name}` is missing: expected {expected}; write {what} under `[{section}]` of {file}, or set {variable}{secret}"
        );
        self.errors.push(ConfigError::new(self.place.clone(), text));
        None
    }

    /// Whether a secret may come from its default.
    fn secret_by_default(&mut self, key: &SectionKey) -> bool {
        if self.profile == Profile::Dev || self.incomplete {
            return true;
        }
        let name = self.name_of(key);
        let variable = Source::Variable(String::new()).spell(&name);
        let why = format!(
            "its default stands in the source, where everybody can read it: set {variable}"
        );
        self.errors.push(ConfigError::weak(self.place.clone(), &name, &why));
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
    /// assert!(errors.contains("trine.toml:2: there is no key `mail.hots`; did you mean `mail.host`?"));
    /// # Ok::<_, trine::config::ConfigErrors>(())
    /// ```
    ///
    /// [`App::config_section`](crate::App::config_section) does the same as a part of the launch
    /// audit.
    ///
    /// # Errors
    /// All that is wrong, at once: values that cannot be read, keys that are missing or unknown,
    /// secrets that are none under `prod`. A value of a secret is never told.
    #[track_caller]
    pub fn section<T: Section>(&mut self, name: &str) -> Result<T, ConfigErrors> {
        let (read, mut errors) = self.read_section(name, Location::caller());
        if self.sections.loaded {
            process::remember_config_keys(&self.sections.known);
        }
        let of_section = |entry: &&Entry| {
            entry.in_section(name)
                // A variable may be of another section, `TRINE_MAIL_QUEUE_SIZE` of `mail_queue`
                // say.
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

    /// The same without the search for unknown keys, for the audit, which knows all sections.
    pub(crate) fn read_section<T: Section>(
        &mut self,
        name: &str,
        place: &Location<'_>,
    ) -> (Option<T>, Vec<ConfigError>) {
        let place = Source::Code { file: place.file().to_owned(), line: place.line() };
        if !is_section_name(name) {
            let text = format!(
                "`{name}` cannot be the name of a section: expected words of a to z, 0 to 9 and `_`, joined by dots; \
                 `dev`, `prod`, `limits` and `timeouts` are taken, and what is a letter away from the last two"
            );
            return (None, vec![ConfigError::new(place, text)]);
        }
        self.sections.claim(name, T::KEYS.iter().map(|key| key.name));
        let Config { profile, sections, .. } = &*self;
        let Sections { entries, file, incomplete, .. } = sections;
        let (profile, incomplete) = (*profile, *incomplete);
        let mut reader =
            Reader { name, place, file, profile, entries, incomplete, errors: Vec::new() };
        let read = T::read(&mut reader);
        (read, reader.errors)
    }

    /// What no key of the server and of any section that was read goes by.
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
