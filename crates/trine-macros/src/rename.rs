//! `rename_all`: how the name of a field or variant is spelled.

use syn::LitStr;

/// A way to spell a name of several words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

/// The names that serde uses for them.
const CASES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    /// Parses the value of `rename_all`.
    pub(crate) fn parse(text: &LitStr) -> syn::Result<Case> {
        let wanted = text.value();
        let known = CASES.iter().find(|(name, _)| *name == wanted);
        known.map(|(_, case)| *case).ok_or_else(|| {
            let names: Vec<_> = CASES.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("unknown case `{wanted}`; expected one of {}", names.join(", "));
            syn::Error::new(text.span(), message)
        })
    }

    /// Spells an identifier, which is in `snake_case` or in `PascalCase`.
    pub(crate) fn spell(self, ident: &str) -> String {
        let words = words(ident);
        match self {
            Case::Lower => words.concat(),
            Case::Upper => words.concat().to_uppercase(),
            Case::Pascal => words.iter().map(|word| capitalized(word)).collect(),
            Case::Camel => {
                let later = words.iter().skip(1).map(|word| capitalized(word));
                words.iter().take(1).cloned().chain(later).collect()
            }
            Case::Snake => words.join("_"),
            Case::ScreamingSnake => words.join("_").to_uppercase(),
            Case::Kebab => words.join("-").replace('_', "-"),
            Case::ScreamingKebab => words.join("-").replace('_', "-").to_uppercase(),
        }
    }
}

/// The words of an identifier in lower case. Each capital starts a word. In the `snake_case` of a
/// field, each underscore does too; in the `PascalCase` of a variant, it belongs to its word, as
/// for serde.
fn words(ident: &str) -> Vec<String> {
    let is_variant = ident.starts_with(char::is_uppercase);
    let mut words: Vec<String> = Vec::new();
    for part in ident.split(|c| c == '_' && !is_variant).filter(|part| !part.is_empty()) {
        let mut first = true;
        for c in part.chars() {
            if first || c.is_uppercase() {
                words.push(String::new());
            }
            first = false;
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
    }
    words
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::CASES;

    #[test]
    fn each_case_joins_two_words_as_serde_does() {
        let written: Vec<_> = CASES.iter().map(|(_, case)| case.spell("MostRecent")).collect();
        let wanted =
            ["mostrecent", "MOSTRECENT", "MostRecent", "mostRecent", "most_recent", "MOST_RECENT"];
        assert_eq!(written[..6], wanted);
        assert_eq!(written[6..], ["most-recent", "MOST-RECENT"]);
        let one: Vec<_> = CASES.iter().map(|(_, case)| case.spell("Top")).collect();
        assert_eq!(one, ["top", "TOP", "Top", "top", "top", "TOP", "top", "TOP"]);
        let dotted: Vec<_> = CASES.iter().map(|(_, case)| case.spell("V1_0")).collect();
        assert_eq!(dotted, ["v1_0", "V1_0", "V1_0", "v1_0", "v1_0", "V1_0", "v1-0", "V1-0"]);
        let field: Vec<_> = CASES.iter().map(|(_, case)| case.spell("page_size")).collect();
        assert_eq!(field[2..6], ["PageSize", "pageSize", "page_size", "PAGE_SIZE"]);
        assert_eq!(field[6..], ["page-size", "PAGE-SIZE"]);
    }
}
