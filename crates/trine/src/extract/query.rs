//! The query, typed.

use http::StatusCode;
use serde::de::DeserializeOwned;
use trine_core::extract::Parts;
use trine_core::{Cx, FromRequest, Rejection};

use super::fields::{self, Misfit};
use crate::validation::{FieldErrors, Location, Place};

/// The query as any type that `serde` can read from fields: mostly a struct.
///
/// A repeated name fills a `Vec`; `Option` and `#[serde(default)]` make a field optional; `+` is a space.
///
/// ```
/// use serde::Deserialize;
/// use trine::extract::Query;
///
/// #[derive(Deserialize)]
/// struct Search {
///     q: String,
///     #[serde(default)]
///     tag: Vec<String>,
/// }
///
/// async fn search(search: Query<Search>) -> String {
///     format!("{} in {} tags", search.q, search.tag.len())
/// }
/// ```
///
/// A single value needs no struct: `#[get("/search?{q}")]` binds it to the argument `q`.
///
/// # Errors
/// A 400 that names the parameter, what was expected and what came. `Option` is `None` where the request has no
/// query and `T` needs one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Query<T> {
    type Reads = Parts;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let query = cx.uri().query();
        match fields::read(query.unwrap_or_default()) {
            Ok(value) => Ok(Query(value)),
            Err(misfit) => Err(refuse(misfit, query.is_none())),
        }
    }
}

#[cold]
fn refuse(Misfit { field, message }: Misfit, absent: bool) -> Rejection {
    let mut errors = FieldErrors::of(Location::Query);
    let code = if message.starts_with("missing field") { "missing" } else { "type" };
    errors.refuse(
        field.as_deref().map_or_else(Place::whole, |field| Place::whole().then(field)),
        code,
        message,
    );
    let mut problem = errors.problem(StatusCode::BAD_REQUEST);
    if let Some(field) = field {
        problem = problem.with("parameter", field);
    }
    if absent { problem.absent().into() } else { problem.into() }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::extract::testkit::{cx, member, problem, told};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Page {
        page: u8,
        #[serde(default)]
        tag: Vec<String>,
        size: Option<u8>,
    }

    async fn read(uri: &str) -> Result<Page, Rejection> {
        Query::from_request(&mut cx("GET", uri, &[], ())).await.map(|Query(page)| page)
    }

    #[tokio::test]
    async fn repeated_names_fill_a_vec() {
        let page = read("/?page=7&tag=a+b&tag=%C3%A4").await.unwrap();
        assert_eq!(page, Page { page: 7, tag: vec!["a b".into(), "ä".into()], size: None });
        assert_eq!(read("/?page=7&tag=a").await.unwrap().tag, ["a"]);
    }

    #[tokio::test]
    async fn names_the_parameter() {
        let refused = problem(read("/?page=seven").await);
        assert_eq!(member(&refused, "parameter"), "page");
        assert_eq!(member(&refused, "errors")[0]["field"], "page");
        assert_eq!(
            refused.detail_text().unwrap(),
            "query parameter `page`: expected a whole number, got `seven`"
        );
        assert_eq!(told(read("/?size=1").await), (400, "query: missing field `page`".into()));
        let twice = "query parameter `page`: expected one value, got `1`, `2`".to_owned();
        assert_eq!(told(read("/?page=1&page=2").await), (400, twice));
        assert_eq!(
            told(read("/?page=1&tag=%FF").await),
            (400, "query: expected percent-encoded UTF-8".into())
        );
        let large = "query parameter `size`: expected a smaller number, got `256`".to_owned();
        assert_eq!(told(read("/?page=1&size=256").await), (400, large));
    }

    #[tokio::test]
    async fn is_absent_without_a_query() {
        let none = Option::<Query<Page>>::from_request(&mut cx("GET", "/", &[], ())).await;
        assert_eq!(none.unwrap(), None);
        let wrong = Option::<Query<Page>>::from_request(&mut cx("GET", "/?", &[], ())).await;
        assert_eq!(told(wrong).0, 400);
    }
}
