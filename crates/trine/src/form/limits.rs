//! The limits of a form.

use trine_core::Cx;

/// The limits of forms and of the parts of `multipart/form-data`, all finite.
///
/// They apply in addition to the body limit of the route, which bounds the request as a whole (2
/// MiB unless `#[post("/", limit = "20MiB")]` sets another). An application sets its limits as
/// state, a single form sets them in an attribute:
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
/// A value past `text` or `file` is an error of its field with the code `too_large`, reported with
/// all others; if there are no others, the form is refused with 413. Past every other limit the
/// body is not read further: the response is a 413, or a 422 for `depth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormLimits {
    /// The maximum number of fields, including files and unknown fields. It bounds the work that a
    /// small body can cause.
    ///
    /// Default: 1000.
    pub fields: usize,
    /// The maximum length of a field name, in bytes. It keeps messages and memory small.
    ///
    /// Default: 256.
    pub name: usize,
    /// The maximum number of keys in a name: `a.b[0]` has 3. Without it, building the value could
    /// exhaust the stack.
    ///
    /// Default: 8.
    pub depth: usize,
    /// The maximum length of the text of one field, in bytes; `#[form(max = "1KiB")]` on the field
    /// overrides it.
    ///
    /// Default: 256 KiB.
    pub text: u64,
    /// The maximum length of all texts together, in bytes: they are all held in memory.
    ///
    /// Default: 2 MiB.
    pub texts: u64,
    /// The maximum number of files.
    ///
    /// Default: 20.
    pub files: usize,
    /// The maximum size of one file, in bytes; `#[form(max = "2MiB")]` on the field overrides it.
    ///
    /// Default: 10 MiB.
    pub file: u64,
    /// The maximum size of the header fields of one multipart part, in bytes.
    ///
    /// Default: 8 KiB.
    pub part_head: usize,
}

impl FormLimits {
    /// The limits of the application: the state of this type, or the defaults.
    ///
    /// ```
    /// use trine::form::FormLimits;
    /// use trine::prelude::*;
    ///
    /// struct MaxFiles(usize);
    ///
    /// impl FromRequest for MaxFiles {
    ///     type Reads = Head;
    ///
    ///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
    ///         Ok(MaxFiles(FormLimits::of(cx).files))
    ///     }
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// # let index = async |max: MaxFiles| max.0.to_string();
    /// let app = App::new().state(FormLimits { files: 3, ..FormLimits::default() });
    /// app.route("/", get(index)).test().await.get("/").await.expect_text("3");
    /// # }
    /// ```
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
