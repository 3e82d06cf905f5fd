//! The query, typed.

use serde::de::DeserializeOwned;
use trine_core::extract::Parts;
use trine_core::param::Place;
use trine_core::{Cx, FromRequest, Problem, Rejection};

use super::text::{self, Error, QueryDeserializer, Texts};

/// The query as any type that `serde` can read from fields: mostly a struct.
///
/// A repeated name fills a `Vec`, which is empty where there is none; `Option` and
/// `#[serde(default)]` make a field optional; `+` is a space. How a text becomes a value is one
/// table for all of a request: `guide/extraction.md`.
///
/// Fields of `#[serde(flatten)]` and enums with `tag` or `untagged` are read as what they want to
/// be: `?page=2&q=12` is a number and a text where `Page { page: u32 }` and `Words { q: String }`
/// are flattened. Numbers of 128 bits are not kept by serde there: such a field is a 500 whose log
/// line says what to write. A `PathBuf` is a relative path of plain names there as anywhere; where
/// a map is flattened too, write it last, since a `PathBuf` behind it is not seen.
///
/// ```
/// use serde::Deserialize;
/// use trine::extract::Query;
///
/// #[derive(Deserialize)]
/// struct Search {
///     q: String,
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
/// - 400 that names the parameter, what was expected and what came, in the message and in the
///   member `errors`
/// - 500 where no query can be a `T`, since a field is a struct or a map: the log says how to mend
///   it
///
/// `Option` is `None` where the request has no query and `T` needs one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Query<T> {
    type Reads = Parts;

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
    match error.refuse(Place::Query) {
        Rejection::Problem(problem) if absent => problem.absent().into(),
        rejection => rejection,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::extract::testkit::{cx, member, problem, told};

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
        assert_eq!(told(read("/?size=1").await), (400, "query parameter `page` is missing".into()));
        let twice = "query parameter `page`: expected one value, got 2".to_owned();
        assert_eq!(told(read("/?page=1&page=2").await), (400, twice));
        assert_eq!(
            told(read("/?page=1&tag=%FF").await),
            (400, "query parameter `tag`: expected percent-encoded UTF-8, got `%FF`".into())
        );
        let large =
            "query parameter `size`: expected a whole number from 0 to 255, got `256`".to_owned();
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
