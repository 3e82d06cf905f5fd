//! Translates Rust field names to the names that clients send.
//!
//! A rule refers to `home_town`, and the client sent `homeTown`. Only the type's `Deserialize`
//! implementation knows both. It is run with [`Probe`], a deserializer that holds only a path: at
//! each step it learns the field names of the type and continues with the one that the path refers
//! to. This runs only if there are errors.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess,
    SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::FieldPath;

/// The path with the names that `T` has on the wire, as far as they can be found:
/// `#[serde(rename_all)]` is followed; a field renamed to an unrelated name keeps its Rust name.
pub(super) fn path<T: DeserializeOwned>(path: &FieldPath) -> FieldPath {
    let keys: Vec<&str> = path.keys().collect();
    let found = RefCell::new(Vec::new());
    // This always ends in an error, since there is no value.
    let _ = T::deserialize(Probe { path: &keys, found: &found });
    let found = found.into_inner();
    let rest = keys.iter().skip(found.len()).map(|&key| key.to_owned());
    found.iter().cloned().chain(rest).fold(FieldPath::root(), FieldPath::child)
}

#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [&'a str],
    found: &'a RefCell<Vec<String>>,
}

type Error = serde::de::value::Error;

impl<'a> Probe<'a> {
    /// The next key in the type's spelling, and the probe for the rest of the path.
    fn step(self, spell: impl FnOnce(&'a str) -> String) -> Option<(String, Probe<'a>)> {
        let (first, rest) = self.path.split_first()?;
        let key = spell(first);
        self.found.borrow_mut().push(key.clone());
        Some((key, Probe { path: rest, ..self }))
    }
}

/// Whether two names differ only in case and in the characters between words.
fn is_same(a: &str, b: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    letters(a) == letters(b)
}

impl<'de, 'a> Deserializer<'de> for Probe<'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("the path ends here"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let spell = |key: &str| {
            let same = fields.iter().find(|&&field| field == key);
            let same = same.or_else(|| fields.iter().find(|field| is_same(field, key)));
            same.map_or(key, |field| field).to_owned()
        };
        visitor.visit_map(Steps(self.step(spell)))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Steps(self.step(str::to_owned)))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Steps(self.step(str::to_owned)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

/// One step of the path, as the only entry of a map or the only element of a list.
struct Steps<'a>(Option<(String, Probe<'a>)>);

impl<'de> MapAccess<'de> for Steps<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, _)) = &self.0 else { return Ok(None) };
        let key: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.0.take() {
            Some((_, probe)) => seed.deserialize(probe),
            None => Err(Error::custom("the path ends here")),
        }
    }
}

impl<'de> SeqAccess<'de> for Steps<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0.take().map(|(_, probe)| seed.deserialize(probe)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only its names matter")]
    struct Article {
        tag_list: Vec<Tag>,
        #[serde(default)]
        by_key: Option<BTreeMap<String, Box<Tag>>>,
        #[serde(rename = "type")]
        kind: u8,
        new_type: Wrapped,
        one_of: Either,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only its names matter")]
    struct Tag {
        long_name: String,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its names matter")]
    struct Wrapped(Tag);

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its names matter")]
    enum Either {
        Left { some_name: u8 },
    }

    #[test]
    fn names_are_the_serialized_ones() {
        for (rust, wire) in [
            ("tag_list", "/tagList"),
            ("tag_list[7].long_name", "/tagList/7/long-name"),
            ("tagList[0]", "/tagList/0"),
            ("by_key.long_name.long_name", "/byKey/long_name/long-name"),
            ("new_type.long_name", "/newType/long-name"),
            // Names that cannot be found stay as they are.
            ("kind", "/kind"),
            ("one_of.some_name", "/oneOf/some_name"),
            ("nothing.tag_list", "/nothing/tag_list"),
            ("", ""),
        ] {
            assert_eq!(path::<Article>(&FieldPath::parse(rust)).pointer(), wire, "{rust}");
        }
    }
}
