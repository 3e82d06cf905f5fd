//! The query as a type.

use serde::de::DeserializeOwned;
use trine_core::extract::Head;
use trine_core::param::ParamLocation;
use trine_core::{Cx, FromRequest, Problem, Rejection};

use super::text::{self, Error, QueryDeserializer, Texts};

/// The query as a type that implements serde's `Deserialize`, usually a struct.
///
/// ```
/// use serde::Deserialize;
/// use trine::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Search {
///     q: String,
///     tag: Vec<String>,
/// }
///
/// #[get("/search")]
/// async fn search(search: Query<Search>) -> String {
///     format!("{} in {} tags", search.q, search.tag.len())
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![search]).test().await;
/// client.get("/search?q=a+b&tag=x&tag=y").await.expect_text("a b in 2 tags");
/// # }
/// ```
///
/// A single value needs no struct: `#[get("/search?{q}")]` binds it to the argument `q`.
///
/// A repeated name fills a `Vec`, which is empty if the name is absent. `Option` and
/// `#[serde(default)]` make a field optional. `+` is a space. The chapter `guide/extraction.md` has
/// the table of how text becomes a value, which is the same for all extractors.
///
/// Fields inside `#[serde(flatten)]` and enums with `tag` or `untagged` are read as the types that
/// they have: `?page=2&q=12` is a number and a text if `Page { page: u32 }` and
/// `Words { q: String }` are flattened. There serde does not support numbers of 128 bits; such a
/// field is a 500, and the log says what to write instead. A `PathBuf` is always a relative path of
/// plain names. If a map is flattened as well, declare it last: a `PathBuf` after it is not
/// checked.
///
/// # Errors
/// - 400 that names the parameter, the expected and the received value, in the message and in the
///   member `errors`
/// - 500 if no query can be a `T`, because a field is a struct or a map; the log says what to
///   change
///
/// `Option` is `None` if the request has no query and `T` requires one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Query<T> {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let query = cx.uri().query();
        read(query.unwrap_or_default())
            .map(Query)
            .map_err(|error| refuse::<T>(error, query.is_none()))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Error> {
    let texts = Texts::of_query(query)?;
    let fields = texts.fields();
    text::read(fields, |attempt| T::deserialize(QueryDeserializer::new(fields, attempt)))
}

#[cold]
fn refuse<T>(error: Error, absent: bool) -> Rejection {
    if let Some(mistake) =
        error.programming_mistake(&format!("`Query<{}>`", std::any::type_name::<T>()))
    {
        return Problem::internal(mistake).into();
    }
    match error.refuse(ParamLocation::Query) {
        Rejection::Problem(problem) if absent => problem.absent().into(),
        rejection => rejection,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::extract::testkit::{cx, member, problem, status_and_text};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Page {
        page: u8,
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
            "query parameter `page`: expected a whole number from 0 to 255, got `seven`"
        );
        assert_eq!(
            status_and_text(read("/?size=1").await),
            (400, "query parameter `page` is missing".into())
        );
        let twice = "query parameter `page`: expected one value, got 2".to_owned();
        assert_eq!(status_and_text(read("/?page=1&page=2").await), (400, twice));
        assert_eq!(
            status_and_text(read("/?page=1&tag=%FF").await),
            (400, "query parameter `tag`: expected percent-encoded UTF-8, got `%FF`".into())
        );
        let large =
            "query parameter `size`: expected a whole number from 0 to 255, got `256`".to_owned();
        assert_eq!(status_and_text(read("/?page=1&size=256").await), (400, large));
    }

    #[tokio::test]
    async fn is_absent_without_a_query() {
        let none = Option::<Query<Page>>::from_request(&mut cx("GET", "/", &[], ())).await;
        assert_eq!(none.unwrap(), None);
        let wrong = Option::<Query<Page>>::from_request(&mut cx("GET", "/?", &[], ())).await;
        assert_eq!(status_and_text(wrong).0, 400);
    }
}
