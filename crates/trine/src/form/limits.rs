//! What a form may bring.

use trine_core::Cx;

/// The limits of forms and of the parts of `multipart/form-data`, all finite.
///
/// They hold inside the body limit of the route, which bounds the request as a whole (2 MiB unless
/// `#[post("/", limit = "20MiB")]` says otherwise). An application sets its own as state, a type of
/// its own as an attribute:
///
/// ```
/// use trine::form::FormLimits;
/// use trine::prelude::*;
///
/// #[derive(FromForm)]
/// #[form(limits(fields = 20, text = "4KiB"))]
/// struct Vote { choice: Vec<u32> }
///
/// let app = App::new().state(FormLimits { fields: 5_000, ..FormLimits::default() });
/// ```
///
/// What is past `text` or `file` is an error of its field, with the code `too_large`, told with all
/// others; where there is no other, the form is refused with 413. Past every other limit reading
/// ends: 413, and for `depth` 422.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormLimits {
    /// How many fields a form may have, files and unknown ones among them. So that a small body
    /// cannot make much work.
    ///
    /// Default: 1000.
    pub fields: usize,
    /// How many bytes the name of a field may have. So that messages and memory stay small.
    ///
    /// Default: 256.
    pub name: usize,
    /// How many keys a name may go through: `a.b[0]` has 3. So that building the value cannot
    /// exhaust the stack.
    ///
    /// Default: 8.
    pub depth: usize,
    /// How many bytes the text of one field may have; `#[form(max = "1KiB")]` on the field says
    /// otherwise.
    ///
    /// Default: 256 KiB.
    pub text: u64,
    /// How many bytes all texts may have together, since they are in memory at once.
    ///
    /// Default: 2 MiB.
    pub texts: u64,
    /// How many files a form may bring.
    ///
    /// Default: 20.
    pub files: usize,
    /// How many bytes one file may have; `#[form(max = "2MiB")]` on the field says otherwise.
    ///
    /// Default: 10 MiB.
    pub file: u64,
    /// How many bytes the header fields of one part may have together.
    ///
    /// Default: 8 KiB.
    pub part_head: usize,
}

impl FormLimits {
    /// The limits of the application: its state of this type, or the defaults.
    #[must_use]
    pub fn of(cx: &Cx) -> FormLimits {
        cx.matched()
            .app()
            .states
            .get::<FormLimits>()
            .map_or_else(FormLimits::default, |set| (*set).clone())
    }
}

impl Default for FormLimits {
    fn default() -> FormLimits {
        FormLimits {
            fields: 1000,
            name: 256,
            depth: 8,
            text: 256 << 10,
            texts: 2 << 20,
            files: 20,
            file: 10 << 20,
            part_head: 8 << 10,
        }
    }
}
