//! The name of an article in its address.

/// Makes `how-to-train-your-dragon` of `How to train your Dragon!`.
///
/// Letters and digits of every script stay, in lower case; whatever stands between them becomes one
/// dash.
#[must_use]
pub fn slugify(title: &str) -> String {
    let words: Vec<String> = title
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.replace(['\'', '’'], "").to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    match words.join("-") {
        slug if slug.is_empty() => "article".to_owned(),
        // `/articles/feed` is a route: an article of that name could not be reached.
        slug if slug == "feed" => "feed-article".to_owned(),
        slug => slug,
    }
}

/// The same slug with an ending that is hard to hit twice, for a title that is taken.
///
/// # Errors
/// When the system has no randomness to give.
pub fn with_suffix(slug: &str) -> Result<String, getrandom::Error> {
    Ok(format!("{slug}-{:08x}", getrandom::u32()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_by_single_dashes() {
        assert_eq!(slugify("How to train your Dragon!"), "how-to-train-your-dragon");
        assert_eq!(slugify("  a -- b\t/ c  "), "a-b-c");
        assert_eq!(slugify("Don't panic"), "dont-panic");
    }

    #[test]
    fn letters_of_every_script_stay() {
        assert_eq!(slugify("Größe zählt"), "größe-zählt");
        assert_eq!(slugify("東京 2026"), "東京-2026");
    }

    #[test]
    fn a_slug_is_never_empty_and_never_a_route() {
        assert_eq!(slugify("?!"), "article");
        assert_eq!(slugify("Feed"), "feed-article");
    }
}
