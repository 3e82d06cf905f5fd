//! What a form knows about a field before it reads it.

/// What a field may contain. It is found by the field's name while the body is being received, so
/// that nothing is stored that the form does not declare.
///
/// ```
/// use trine::form::{FromField, Rule};
///
/// assert_eq!(String::rule(&[], Rule::TEXT), Some(Rule::TEXT));
/// assert_eq!(String::rule(&["street"], Rule::TEXT), None); // a text has no fields
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub(crate) file: bool,
    pub(crate) max: Option<u64>,
    pub(crate) types: &'static [&'static str],
    pub(crate) secret: bool,
}

impl Rule {
    /// Text that may be shown again, up to the length that [`FormLimits`](super::FormLimits)
    /// allows.
    pub const TEXT: Rule = Rule { file: false, max: None, types: &[], secret: false };

    /// The field is a file instead of text.
    ///
    /// ```
    /// # #[cfg(feature = "multipart")] {
    /// use trine::form::{FromField, Rule, TempFile};
    ///
    /// assert_eq!(TempFile::rule(&[], Rule::TEXT), Some(Rule::TEXT.file()));
    /// # }
    /// ```
    #[must_use]
    pub const fn file(self) -> Rule {
        Rule { file: true, ..self }
    }

    /// The maximum size in bytes.
    #[must_use]
    pub const fn max(self, bytes: u64) -> Rule {
        Rule { max: Some(bytes), ..self }
    }

    /// Only files declared as one of these media types; `image/*` allows any image.
    #[must_use]
    pub const fn types(self, types: &'static [&'static str]) -> Rule {
        Rule { types, ..self }
    }

    /// A secret value is never repeated, neither in messages nor on a page. Fields inside a secret
    /// field are secret, too.
    #[must_use]
    pub const fn secret(self, secret: bool) -> Rule {
        Rule { secret: self.secret || secret, ..self }
    }

    /// The rule for a field inside this one, which inherits only secrecy.
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
