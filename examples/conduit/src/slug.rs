//! Slugs: the names of articles in their paths.

/// Converts `How to train your Dragon!` to `how-to-train-your-dragon`.
///
/// Letters and digits of every script are kept, in lower case. Everything between them becomes one
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
        // `/articles/feed` is a route, so an article with this slug could not be reached.
        slug if slug == "feed" => "feed-article".to_owned(),
        slug => slug,
    }
}

/// The slug with a random suffix, for a title that is already in use.
///
/// # Errors
/// If the system has no randomness.
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
