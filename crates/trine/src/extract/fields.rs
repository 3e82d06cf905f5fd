//! The fields of a query, as a browser encodes them.

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_html_form::Deserializer;
use serde_html_form::de::Error;
use serde_path_to_error::Segment;
use trine_core::param::{Values, is_encoded};

/// Why fields do not fit a type.
pub(super) struct Misfit {
    /// The field that is at fault, where one is.
    pub(super) field: Option<String>,
    /// What was expected and what came.
    pub(super) message: String,
}

/// Reads `application/x-www-form-urlencoded`. A repeated name fills a `Vec`.
pub(super) fn read<T: DeserializeOwned>(fields: &str) -> Result<T, Misfit> {
    // The parser would put U+FFFD in place of what is not UTF-8, and keep a `%` that encodes nothing: the handler would
    // store both.
    if !is_encoded(fields) || percent_decode_str(fields).decode_utf8().is_err() {
        return Err(not_utf8());
    }
    serde_path_to_error::deserialize(Deserializer::from_bytes(fields.as_bytes()))
        .map_err(|error| misfit(fields, error))
}

#[cold]
fn not_utf8() -> Misfit {
    Misfit { field: None, message: "expected percent-encoded UTF-8".to_owned() }
}

#[cold]
fn misfit(fields: &str, error: serde_path_to_error::Error<Error>) -> Misfit {
    let field = error.path().iter().find_map(|segment| match segment {
        Segment::Map { key } => Some(key.clone()),
        Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
    });
    let said = error.into_inner().to_string();
    let mut message = said.clone();
    if let Some(field) = &field {
        message = expected(&said).to_owned();
        let got: Vec<_> =
            Values::new(field, fields).flatten().map(|param| format!("`{}`", param.value)).collect();
        if !got.is_empty() {
            message = format!("{message}, got {}", got.join(", "));
        }
    }
    Misfit { field, message: super::clip(&message).into_owned() }
}

// `serde_html_form` hands on what the parsers of the standard library say, which names no expectation.
fn expected(said: &str) -> &str {
    match said {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "expected a whole number"
        }
        "number too large to fit in target type" => "expected a smaller number",
        "number too small to fit in target type" => "expected a larger number",
        "invalid float literal" | "cannot parse float from empty string" => "expected a number",
        "unsupported value" => "expected one value",
        // Of `invalid value: string "x", expected a colour` what came is left out: it follows in our words.
        other => other.find(", expected ").map_or(other, |at| &other[at + 2..]),
    }
}
