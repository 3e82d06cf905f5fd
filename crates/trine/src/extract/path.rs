//! The path parameters as a type. `de` deserializes them, and `shape` finds out how many of them a
//! type takes.

mod de;
mod shape;

use serde::de::DeserializeOwned;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Needs, Rejection};

use super::text::{self, Texts};

/// The path parameters as a type that implements serde's `Deserialize`, percent-decoded.
///
/// - A scalar, a newtype or an enum of unit variants takes the only parameter: `Path<u64>`.
/// - A tuple takes all parameters in the order of the template: `Path<(String, u64)>`.
/// - A struct or a map takes them by name, a `Vec` takes all of them.
///
/// ```
/// use trine::prelude::*;
///
/// async fn show(Path((user, post)): Path<(String, u64)>) -> String {
///     format!("post {post} of {user}")
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/users/{user}/posts/{post}", get(show)).test().await;
/// client.get("/users/Ann/posts/7").await.expect_text("post 7 of Ann");
/// client.get("/users/Ann/posts/x").await.expect_problem(400);
/// # }
/// ```
///
/// An attribute makes it unnecessary: `#[get("/users/{user}/posts/{post}")]` binds the parameters
/// to the arguments `user` and `post`.
///
/// # Errors
/// - 400 if a value does not fit; the problem names the parameter, the expected and the received
///   value
/// - 400 if a text contains an encoded `/`, a `\`, a NUL or a dot segment, or starts with a slash;
///   [`AnyText`](super::AnyText) accepts them. A `PathBuf` is a relative path of plain names
/// - 500 if `T` does not fit the template; the log says what to change. If `T` takes a different
///   number of parameters than the template has, the launch audit reports it
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Path<T> {
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        if let Some(count) = shape::params_of::<T>() {
            needs.path_params::<T>(count);
        }
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let matched = cx.matched();
        let texts = Texts::of_path(matched);
        let fields = texts.fields();
        text::read(fields, |attempt| T::deserialize(de::PathDeserializer::new(fields, attempt)))
            .map(Path)
            .map_err(|error| de::refuse(error, matched, std::any::type_name::<T>()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::extract::AnyText;
    use crate::extract::testkit::{cx, matched, member, problem, status_and_text};

    fn one(path: &str) -> Cx {
        matched("/{id}", &["id"], path, &[&path[1..]])
    }

    fn two() -> Cx {
        matched(
            "/{user}/posts/{post}",
            &["user", "post"],
            "/J%C3%A4n/posts/42",
            &["J%C3%A4n", "42"],
        )
    }

    async fn read<T: DeserializeOwned + Send>(mut cx: Cx) -> Result<T, Rejection> {
        Path::from_request(&mut cx).await.map(|Path(value)| value)
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Cat,
        Dog,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(u64);

    #[derive(Debug, Deserialize, PartialEq)]
    struct Place {
        post: Id,
        user: String,
        page: Option<u8>,
    }

    #[tokio::test]
    async fn one_value() {
        assert_eq!(read::<u8>(one("/7")).await.unwrap(), 7);
        assert_eq!(read::<i128>(one("/-7")).await.unwrap(), -7);
        assert_eq!(read::<Id>(one("/7")).await.unwrap(), Id(7));
        assert_eq!(read::<Option<f32>>(one("/7")).await.unwrap(), Some(7.0));
        assert_eq!(read::<(char,)>(one("/x")).await.unwrap(), ('x',));
        assert_eq!(read::<Kind>(one("/dog")).await.unwrap(), Kind::Dog);
        assert_eq!(read::<(Kind,)>(one("/cat")).await.unwrap(), (Kind::Cat,));
        assert_eq!(read::<String>(one("/a%3Fb%20c")).await.unwrap(), "a?b c");
        assert_eq!(read::<AnyText>(one("/a%2Fb%20c")).await.unwrap().0, "a/b c");
    }

    #[tokio::test]
    async fn several_values() {
        assert_eq!(read::<(String, u64)>(two()).await.unwrap(), ("Jän".into(), 42));
        assert_eq!(read::<Vec<String>>(two()).await.unwrap(), ["Jän", "42"]);
        let place = Place { post: Id(42), user: "Jän".into(), page: None };
        assert_eq!(read::<Place>(two()).await.unwrap(), place);
        let map = read::<BTreeMap<String, String>>(two()).await.unwrap();
        assert_eq!(
            map.into_iter().collect::<Vec<_>>(),
            [("post".into(), "42".into()), ("user".into(), "Jän".into())]
        );
    }

    #[tokio::test]
    async fn a_wrong_value_is_the_clients_fault() {
        let refused = problem(read::<u8>(one("/256")).await);
        let detail = "path parameter `id`: expected a whole number from 0 to 255, got `256`";
        assert_eq!((refused.status().as_u16(), refused.detail_text()), (400, Some(detail)));
        assert_eq!(member(&refused, "parameter"), "id");
        let kind = "path parameter `id`: expected one of `cat`, `dog`, got `cow`".to_owned();
        assert_eq!(status_and_text(read::<Kind>(one("/cow")).await), (400, kind));
        let user =
            "path parameter `user`: expected a whole number from 0 to 255, got `Jän`".to_owned();
        assert_eq!(status_and_text(read::<(u8, u8)>(two()).await), (400, user));
        let bytes = "path parameter `id`: expected percent-encoded UTF-8, got `%FF`".to_owned();
        assert_eq!(status_and_text(read::<String>(one("/%FF")).await), (400, bytes));
        let ip = status_and_text(read::<std::net::IpAddr>(one("/x")).await);
        assert_eq!(ip, (400, "path parameter `id`: invalid IP address syntax, got `x`".into()));
    }

    #[tokio::test]
    async fn a_wrong_type_is_the_handlers_fault() {
        let (status, text) = status_and_text(read::<u8>(two()).await);
        assert_eq!(status, 500);
        assert_eq!(
            text,
            "`Path<u8>` takes 1 path parameter, but `/{user}/posts/{post}` has 2 (user, post): take a tuple of 2 or \
             a struct with these names (the route is declared at src/main.rs:7)"
        );
        let (status, text) = status_and_text(read::<(u8, u8, u8)>(two()).await);
        assert!(status == 500 && text.contains("takes 3 path parameters"), "{text}");
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "never constructed")]
        struct Wrong {
            usr: String,
        }
        let (status, text) = status_and_text(read::<Wrong>(two()).await);
        assert!(status == 500 && text.contains("needs a path parameter `usr`"), "{text}");
        let (status, text) = status_and_text(read::<(Vec<u8>, u8)>(two()).await);
        assert!(status == 500 && text.contains("a path parameter is one value"), "{text}");
        assert_eq!(status_and_text(read::<u8>(cx("GET", "/", &[], ())).await).0, 500);
    }
}
