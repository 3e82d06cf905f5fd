//! Parses what the arguments of several macros have in common.

use proc_macro2::{TokenStream, TokenTree};
use syn::Lit;

/// Splits at commas, so that a mistake in one argument does not hide those in the next.
pub(crate) fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut arguments = vec![Vec::new()];
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => arguments.push(Vec::new()),
            token => {
                arguments.last_mut().into_iter().for_each(|argument| argument.push(token.clone()));
            }
        }
    }
    arguments
        .into_iter()
        .filter(|argument| !argument.is_empty())
        .map(TokenStream::from_iter)
        .collect()
}

const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// Parses a number of bytes: `65536` or `"64KiB"`.
pub(crate) fn bytes(option: &str, value: &Lit) -> Result<u64, String> {
    let expected = || {
        format!(
            "`{option}` expects a number of bytes or a size in quotes: `\"64KiB\"`, `\"10MB\"`, `\"1GiB\"`"
        )
    };
    let text = match value {
        Lit::Int(number) if number.suffix().is_empty() => number.base10_digits().to_owned(),
        Lit::Str(text) => text.value(),
        _ => return Err(expected()),
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let factor = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None if digits > 0 && unit.starts_with(['.', ',', '_']) => {
            return Err(format!(
                "{option} `{text}`: expected a whole number, such as `1536KiB` for one and a half MiB"
            ));
        }
        None if digits > 0 => {
            let known: Vec<_> = UNITS.iter().map(|(name, _)| format!("`{name}`")).collect();
            return Err(format!(
                "{option} `{text}`: unknown unit `{unit}`; expected {}",
                known.join(", ")
            ));
        }
        None => return Err(format!("{option} `{text}`: {}", expected())),
    };
    if digits == 0 {
        return Err(format!("{option} `{text}`: {}", expected()));
    }
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    bytes.ok_or_else(|| format!("{option} `{text}`: more than {} bytes", u64::MAX))
}
