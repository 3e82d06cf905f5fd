//! What an attribute such as `#[get("/")]` declares about a handler.

use trine_core::{Cx, Needs, Rejection, Response};

/// A handler that an attribute declared on a function.
pub trait DeclaredHandler: 'static {
    /// The declaration in the attribute.
    const DECLARATION: Declaration;

    /// Collects what the arguments need from the application.
    fn needs(needs: &mut Needs);

    /// Extracts the arguments, calls the function and converts its result into a response.
    fn call(cx: &mut Cx) -> impl Future<Output = Result<Response, Rejection>> + Send;
}

/// The contents of an attribute such as `#[get("/")]`, and its location in the source.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The method, `None` for any.
    pub method: Option<&'static str>,
    /// The path of the template.
    pub path: &'static str,
    /// The name of the function.
    pub name: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line in the source file.
    pub line: u32,
    /// The doc comment.
    pub doc: Option<&'static str>,
    /// Whether the function is `#[deprecated]`.
    pub deprecated: bool,
    /// The limit of the request body in bytes, if the attribute sets one.
    pub limit: Option<u64>,
    /// The conditions that a request must fulfil, besides method and path.
    pub conditions: &'static [DeclaredCondition],
}

/// A condition of a declared handler, which the attribute has checked.
#[derive(Debug, Clone, Copy)]
pub enum DeclaredCondition {
    /// A header field, with this value if there is one.
    Header(&'static str, Option<&'static str>),
    /// A media type that the `Accept` of the request allows.
    Accepts(&'static str),
    /// The media type of the request body.
    ContentType(&'static str),
}
