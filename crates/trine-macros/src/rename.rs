//! `rename_all`: how the name of a variant is written.

use syn::LitStr;

/// One way to write several words.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    first: Letters,
    later: Letters,
    between: &'static str,
}

#[derive(Clone, Copy)]
enum Letters {
    Lower,
    Upper,
    Title,
}

/// The names that serde has for them.
const CASES: [(&str, Case); 8] = [
    ("lowercase", Case::new(Letters::Lower, Letters::Lower, "")),
    ("UPPERCASE", Case::new(Letters::Upper, Letters::Upper, "")),
    ("PascalCase", Case::new(Letters::Title, Letters::Title, "")),
    ("camelCase", Case::new(Letters::Lower, Letters::Title, "")),
    ("snake_case", Case::new(Letters::Lower, Letters::Lower, "_")),
    ("SCREAMING_SNAKE_CASE", Case::new(Letters::Upper, Letters::Upper, "_")),
    ("kebab-case", Case::new(Letters::Lower, Letters::Lower, "-")),
    ("SCREAMING-KEBAB-CASE", Case::new(Letters::Upper, Letters::Upper, "-")),
];

impl Case {
    const fn new(first: Letters, later: Letters, between: &'static str) -> Case {
        Case { first, later, between }
    }

    pub(crate) fn parse(text: &LitStr) -> syn::Result<Case> {
        let wanted = text.value();
        let known = CASES.iter().find(|(name, _)| *name == wanted);
        known.map(|(_, case)| *case).ok_or_else(|| {
            let names: Vec<_> = CASES.iter().map(|(name, _)| format!("`{name}`")).collect();
            syn::Error::new(
                text.span(),
                format!("`{wanted}` is not known; expected one of {}", names.join(", ")),
            )
        })
    }

    /// Writes a name in PascalCase, as variants have it, in this way: each capital starts a word.
    pub(crate) fn apply(self, name: &str) -> String {
        let mut written = String::new();
        let mut letters = self.first;
        for (at, letter) in name.char_indices() {
            let starts = letter.is_uppercase();
            if at > 0 && starts {
                written.push_str(self.between);
                letters = self.later;
            }
            match letters {
                Letters::Upper => written.extend(letter.to_uppercase()),
                Letters::Title if starts || at == 0 => written.extend(letter.to_uppercase()),
                Letters::Lower | Letters::Title => written.extend(letter.to_lowercase()),
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::CASES;

    #[test]
    fn each_case_writes_two_words_as_serde_does() {
        let written: Vec<_> = CASES.iter().map(|(_, case)| case.apply("MostRecent")).collect();
        let wanted =
            ["mostrecent", "MOSTRECENT", "MostRecent", "mostRecent", "most_recent", "MOST_RECENT"];
        assert_eq!(written[..6], wanted);
        assert_eq!(written[6..], ["most-recent", "MOST-RECENT"]);
        let one: Vec<_> = CASES.iter().map(|(_, case)| case.apply("Top")).collect();
        assert_eq!(one, ["top", "TOP", "Top", "top", "top", "TOP", "top", "TOP"]);
    }
}
