//! Fields that contain others: options, lists and maps.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::node::{Node, Value};
use super::{Field, FromField, FromForm, Refused, Rule, name};

/// `None` if the field is absent or empty: browsers send an input that was left blank as empty
/// text.
impl<T: FromField> FromField for Option<T> {
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        T::rule(path, rule)
    }

    fn names(path: &[&str], names: &mut Vec<String>) {
        T::names(path, names);
    }

    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        if field.is_blank() { Ok(None) } else { T::from_field(field).map(Some) }
    }
}

/// The values of a repeated name, then the elements with an index, in the order of their indices.
/// Gaps are allowed, because a page may have removed a row. A large index allocates nothing.
impl<T: FromField> FromField for Vec<T> {
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        match path.split_first() {
            None => T::rule(path, rule),
            Some((index, rest)) if name::is_index(index) => T::rule(rest, rule),
            Some(_) => None,
        }
    }

    fn names(path: &[&str], names: &mut Vec<String>) {
        element_names::<T>(path, names);
    }

    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        let values = field.take_values().into_iter().enumerate();
        let mut elements: Vec<(String, Node)> =
            values.map(|(index, value)| (index.to_string(), Node::leaf(value))).collect();
        let mut indexed = field.take_children();
        // Compares as numbers of any length: without leading zeros, the longer one is larger.
        let order = |index: &str| {
            let digits = index.trim_start_matches('0').to_owned();
            (digits.len(), digits)
        };
        indexed.sort_by_cached_key(|(index, _)| order(index));
        elements.append(&mut indexed);
        all(elements.into_iter().map(|(index, node)| field.element(&index, node).read()))
    }
}

impl<K, V, S> FromField for HashMap<K, V, S>
where
    K: FromField + Eq + Hash,
    V: FromField,
    S: BuildHasher + Default + Send,
{
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        entry_rule::<V>(path, rule)
    }

    fn names(path: &[&str], names: &mut Vec<String>) {
        element_names::<V>(path, names);
    }

    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        entries(field)
    }
}

impl<K: FromField + Ord, V: FromField> FromField for BTreeMap<K, V> {
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        entry_rule::<V>(path, rule)
    }

    fn names(path: &[&str], names: &mut Vec<String>) {
        element_names::<V>(path, names);
    }

    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        entries(field)
    }
}

impl FromForm for Vec<(String, String)> {}

impl<V: FromField, S: BuildHasher + Default + Send> FromForm for HashMap<String, V, S> {}

impl<V: FromField> FromForm for BTreeMap<String, V> {}

/// All texts with their names as they were sent, sorted by name: for a form whose fields are not
/// known.
impl FromField for Vec<(String, String)> {
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        Some(rule.secret(path.iter().any(|key| name::is_secret(key))))
    }

    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        let mut pairs = Vec::new();
        let mut nodes: Vec<(String, Node)> = field.take_children();
        nodes.reverse();
        while let Some((name, mut node)) = nodes.pop() {
            let texts =
                std::mem::take(&mut node.values).into_iter().filter_map(|value| match value {
                    Value::Text(text) => Some((name.clone(), text)),
                    #[cfg(feature = "multipart")]
                    Value::File(_) => None,
                    Value::Refused => None,
                });
            pairs.extend(texts);
            let inside = std::mem::take(&mut node.children).into_iter().rev();
            nodes.extend(inside.map(|(key, node)| (name::join(&name, &key), node)));
        }
        Ok(pairs)
    }
}

fn element_names<T: FromField>(path: &[&str], names: &mut Vec<String>) {
    if let Some((&key, rest)) = path.split_first() {
        names.push(key.to_owned());
        T::names(rest, names);
    }
}

fn entry_rule<V: FromField>(path: &[&str], rule: Rule) -> Option<Rule> {
    let (key, rest) = path.split_first()?;
    V::rule(rest, rule.secret(name::is_secret(key)))
}

fn entries<K: FromField, V: FromField, M: FromIterator<(K, V)>>(
    field: &mut Field<'_>,
) -> Result<M, Refused> {
    let inside = field.take_children();
    all(inside.into_iter().map(|(key, node)| {
        let read = field.element(&key, Node::leaf(Value::Text(key.clone()))).read();
        let value = field.element(&key, node).read();
        Ok((read?, value?))
    }))
}

/// Reads all elements before it fails, so that all errors are reported.
fn all<T, M: FromIterator<T>>(
    read: impl Iterator<Item = Result<T, Refused>>,
) -> Result<M, Refused> {
    let read: Vec<Result<T, Refused>> = read.collect();
    read.into_iter().collect()
}
