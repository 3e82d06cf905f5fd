//! Reads the file and the environment into one list of entries. A later entry wins.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::entry::Entry;
use super::variables::{DEFAULT_FILE, FILE, NOT_KEYS, PREFIX, PROFILE};
use super::{ConfigError, Location, Profile};

/// The profile that the environment names, or else the default of the build.
pub(super) fn profile(env: &[(String, String)], errors: &mut Vec<ConfigError>) -> Profile {
    match env.iter().find(|(name, _)| name == PROFILE) {
        None => Profile::default(),
        Some((_, value)) if value == "dev" => Profile::Dev,
        Some((_, value)) if value == "prod" => Profile::Prod,
        Some(variable) => {
            errors.push(ConfigError::value(of_variable(variable), "profile", "`dev` or `prod`"));
            Profile::default()
        }
    }
}

/// The file that the environment names, or else the default.
pub(super) fn file_name(env: &[(String, String)]) -> &str {
    env.iter().find(|(name, _)| name == FILE).map_or(DEFAULT_FILE, |(_, path)| path)
}

/// Every entry: the file, its sections for the profiles, the environment.
pub(super) fn entries(
    text: &str,
    env: &[(String, String)],
    profile: Profile,
    errors: &mut Vec<ConfigError>,
) -> Vec<Entry> {
    let file = File { text, path: file_name(env) };
    let (root, broken) = DeTable::parse_recoverable(text);
    if !broken.is_empty() {
        // Around a syntax error, the parsed file is incomplete, so nothing else is reported about
        // it.
        errors.extend(
            broken
                .iter()
                .map(|error| ConfigError::syntax(file.location(error.span()), error.message())),
        );
        return variables(env).collect();
    }
    let sections = [("dev", Profile::Dev), ("prod", Profile::Prod)];
    let mut entries = Vec::new();
    for (name, value) in root.get_ref() {
        if !sections.iter().any(|(section, _)| section == name.get_ref()) {
            file.value(name.get_ref(), name.span(), value.get_ref(), true, &mut entries);
        }
    }
    // The section of the other profile is checked too, so that a mistake in it is found before it
    // is deployed.
    for (section, of) in sections {
        if let Some(table) =
            root.get_ref().get(section).and_then(|value| value.get_ref().as_table())
        {
            file.table("", table, of == profile, &mut entries);
        }
    }
    entries.extend(variables(env));
    entries
}

fn variables(env: &[(String, String)]) -> impl Iterator<Item = Entry> {
    env.iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && !NOT_KEYS.contains(&name.as_str()))
        .map(of_variable)
}

fn of_variable((name, value): &(String, String)) -> Entry {
    let location = Location::Variable(name.clone());
    Entry { key: name.clone(), value: value.clone(), items: None, location, applies: true }
}

struct File<'a> {
    text: &'a str,
    path: &'a str,
}

impl File<'_> {
    fn table(&self, prefix: &str, table: &DeTable<'_>, applies: bool, entries: &mut Vec<Entry>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            self.value(&key, name.span(), value.get_ref(), applies, entries);
        }
    }

    fn value(
        &self,
        key: &str,
        span: Range<usize>,
        value: &DeValue<'_>,
        applies: bool,
        entries: &mut Vec<Entry>,
    ) {
        match value {
            DeValue::Table(table) => self.table(&format!("{key}."), table, applies, entries),
            scalar => {
                let location = self.location(Some(span));
                let items = scalar
                    .as_array()
                    .map(|items| items.iter().map(|item| text(item.get_ref())).collect());
                entries.push(Entry {
                    key: key.to_owned(),
                    value: text(scalar),
                    items,
                    location,
                    applies,
                });
            }
        }
    }

    fn location(&self, span: Option<Range<usize>>) -> Location {
        let before = span.and_then(|span| self.text.get(..span.start)).unwrap_or_default();
        Location::File { path: self.path.to_owned(), line: before.matches('\n').count() + 1 }
    }
}

// A variable is always text. So all values are parsed from text.
fn text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.clone().into_owned(),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "[…]".to_owned(),
        DeValue::Table(_) => "{…}".to_owned(),
    }
}
