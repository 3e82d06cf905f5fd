//! Fields that are files.

use super::node::Value;
use super::{Field, FromField, Refused, Rule, TempFile};

/// Exactly one file.
impl FromField for TempFile {
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        path.is_empty().then(|| rule.file())
    }

    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        let mut values = field.take_values().into_iter();
        match (values.next(), values.next()) {
            (None, _) => Err(field.refuse("missing", "is missing")),
            (Some(Value::File(file)), None) => Ok(file),
            (Some(Value::Refused), _) | (_, Some(Value::Refused)) => Err(field.refused_already()),
            (Some(Value::Text(_)), None) => Err(field.refuse("type", "expected a file, got text")),
            (_, Some(_)) => {
                let count = values.count() + 2;
                Err(field.refuse("duplicate", format!("expected one file, got {count}")))
            }
        }
    }
}
