//! What is known of a field before it is read.

/// What a field may bring: found by its name while the body is still on its way, so that nothing is
/// kept that no field asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub(crate) file: bool,
    pub(crate) max: Option<u64>,
    pub(crate) types: &'static [&'static str],
    pub(crate) secret: bool,
}

impl Rule {
    /// A text, as long as [`FormLimits`](super::FormLimits) allows, that may be shown.
    pub const TEXT: Rule = Rule { file: false, max: None, types: &[], secret: false };

    /// The same for a file.
    #[must_use]
    pub const fn file(self) -> Rule {
        Rule { file: true, ..self }
    }

    /// At most so many bytes.
    #[must_use]
    pub const fn max(self, bytes: u64) -> Rule {
        Rule { max: Some(bytes), ..self }
    }

    /// Only files that are declared as one of these media types; `image/*` is any image.
    #[must_use]
    pub const fn types(self, types: &'static [&'static str]) -> Rule {
        Rule { types, ..self }
    }

    /// Its value is never repeated, in no message and on no page. What lies in a secret is secret.
    #[must_use]
    pub const fn secret(self, secret: bool) -> Rule {
        Rule { secret: self.secret || secret, ..self }
    }

    /// The rule of a field in this one: secrecy is inherited, and nothing else.
    #[must_use]
    pub const fn inside(self) -> Rule {
        Rule { secret: self.secret, ..Rule::TEXT }
    }

    #[cfg(feature = "multipart")]
    pub(crate) fn allows(&self, media_type: &str) -> bool {
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        self.types.is_empty()
            || self.types.iter().any(|allowed| match allowed.strip_suffix("/*") {
                Some(main) => media_type
                    .split_once('/')
                    .is_some_and(|(given, _)| given.eq_ignore_ascii_case(main)),
                None => allowed.eq_ignore_ascii_case(media_type),
            })
    }
}
