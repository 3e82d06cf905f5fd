//! The path template of the matched route.

use std::ops::Deref;
use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::route::AppCx;
use trine_core::{Cx, FromRequest, Problem, Rejection};

/// The path template of the matched route, such as `/users/{id}`: a label for logs and metrics of
/// which there are only as many as routes.
///
/// ```
/// use trine::extract::MatchedPath;
/// use trine::prelude::*;
///
/// async fn show(path: MatchedPath) -> String {
///     format!("matched by {path}")
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/users/{id}", get(show)).test().await;
/// client.get("/users/7").await.expect_text("matched by /users/{id}");
/// # }
/// ```
///
/// # Errors
/// A 500 if no route has matched: in a fallback, or in a layer outside of routing. `Option` is
/// `None` instead.
#[derive(Clone)]
pub struct MatchedPath {
    app: Arc<AppCx>,
    route: usize,
}

impl FromRequest for MatchedPath {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let matched = cx.matched();
        match matched.index().map(|index| index as usize) {
            Some(route) if route < matched.app().routes.len() => {
                Ok(MatchedPath { app: Arc::clone(matched.app()), route })
            }
            _ => Err(not_routed()),
        }
    }
}

#[cold]
fn not_routed() -> Rejection {
    Problem::internal(
        "`MatchedPath`: no route has matched; in a fallback or an outer layer take `Option<MatchedPath>`",
    )
    .absent()
    .into()
}

impl Deref for MatchedPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.app.routes[self.route].path
    }
}

impl std::fmt::Display for MatchedPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}

impl std::fmt::Debug for MatchedPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MatchedPath").field(&&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testkit::{cx, matched, status_and_text};

    #[tokio::test]
    async fn is_the_template() {
        let mut cx = matched("/users/{id}", &["id"], "/users/7", &["7"]);
        assert_eq!(&*MatchedPath::from_request(&mut cx).await.unwrap(), "/users/{id}");
    }

    #[tokio::test]
    async fn is_absent_outside_routing() {
        let mut cx = cx("GET", "/", &[], ());
        assert!(Option::<MatchedPath>::from_request(&mut cx).await.unwrap().is_none());
        assert_eq!(status_and_text(MatchedPath::from_request(&mut cx).await).0, 500);
    }
}
