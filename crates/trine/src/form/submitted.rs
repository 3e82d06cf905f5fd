//! A form that the handler can show again with error messages.

use trine_core::{Body, Cx, FromRequest, Rejection};

use super::FromForm;
use super::filled::Filled;
use super::read::read;

/// A form whose errors the handler handles: it has the value, or everything that a page needs to
/// show the form again.
///
/// ```
/// use trine::form::{Filled, Submitted};
/// use trine::prelude::*;
///
/// #[derive(FromForm)]
/// struct Signup { name: String, age: u8 }
///
/// #[post("/signup")]
/// async fn signup(mut form: Submitted<Signup>) -> trine::Result<Response> {
///     match form.value.take() {
///         Some(new) if new.name == "root" => form.form.refuse("name", "taken", "is taken"),
///         Some(_) => return Ok(Redirect::to("/welcome").into_response()),
///         None => {}
///     }
///     Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page(&form.form))).into_response())
/// }
///
/// fn page(form: &Filled) -> String {
///     let messages: Vec<_> = form.errors("age").map(|error| error.message.as_str()).collect();
///     format!("<input name=age value={:?}> {}", form.value("age"), messages.join(", "))
/// }
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![signup]).test().await;
/// let page = client.post("/signup").form(&[("name", "Ann"), ("age", "old")]).await;
/// page.expect_text_contains("value=\"old\"> expected a whole number from 0 to 255");
/// # }
/// ```
///
/// `Valid<Submitted<T>>` adds the errors of validation to the same list.
///
/// # Errors
/// A body that is not a form is still refused: 400, 413, 415, and 422 past the limit of depth.
#[derive(Debug)]
pub struct Submitted<T> {
    /// The value, if there are no errors.
    pub value: Option<T>,
    /// The submitted texts and their errors.
    pub form: Filled,
}

impl<T: FromForm> FromRequest for Submitted<T> {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let outcome = read(cx, true).await?;
        let form = Filled::new(outcome.texts, outcome.errors);
        Ok(Submitted { value: outcome.value, form })
    }
}
