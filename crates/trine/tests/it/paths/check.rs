//! The invariants for any path that a request can have. The fuzz target `path` and a test both
//! check them.

use percent_encoding::percent_decode_str;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;
use trine::AppService;
use trine::http::{Request, Uri};
use trine::prelude::*;

thread_local! {
    static APP: (Runtime, AppService) = {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let app = App::new()
            .route("/", get(|| async { "root" }))
            .route("/users/me", get(|| async { "me" }))
            .route("/users/{id}", get(|Path(id): Path<String>| async move { id }))
            .route("/users/{id}/posts/{post}", get(both))
            .route("/files/{*rest}", get(|Path(rest): Path<String>| async move { rest }))
            .route("/für uns", get(|| async { "us" }));
        let app = runtime.block_on(app.build()).expect("a valid application");
        (runtime, app)
    };
}

async fn both(Path((id, post)): Path<(String, String)>) -> String {
    format!("{id}\n{post}")
}

/// A path is malformed, or matches no route, or matches one apart from its trailing slash, or
/// reaches the one handler whose template it matches. That handler gets the segments decoded once.
pub(crate) fn path(bytes: &[u8]) {
    let Ok(uri) = Uri::try_from(bytes) else { return };
    let request = Request::get(uri.clone()).body(Body::empty()).expect("a valid request");
    let (status, text) = APP.with(|(runtime, app)| {
        runtime.block_on(async {
            let Ok(response) = app.clone().oneshot(request).await;
            (
                response.status().as_u16(),
                response.into_body().bytes().await.expect("a complete body"),
            )
        })
    });
    let path = uri.path();
    let slashed = || another(path).is_some_and(|path| expected(&path) != Err(404));
    match expected(path) {
        Err(404) if slashed() => assert_eq!(status, 308, "{uri}"),
        Ok(body) => {
            assert_eq!((status, &*text), (200, body.as_bytes()), "{uri}");
        }
        Err(expected) => assert_eq!(status, expected, "{uri}"),
    }
}

/// The path with its trailing slash added or removed, unless clients would resolve the last
/// segment.
fn another(path: &str) -> Option<String> {
    let shorter = path.strip_suffix('/');
    let last = shorter.unwrap_or(path).rsplit('/').next()?;
    let dots =
        percent_decode_str(last).all(|byte| byte == b'.') && percent_decode_str(last).count() <= 2;
    (!dots).then(|| shorter.map_or_else(|| format!("{path}/"), str::to_owned))
}

/// Derived from the rules without a router: a `%XX` for an unreserved character is that character,
/// and everything else is compared as written. `%2F` does not separate segments, and a segment may
/// be empty.
fn expected(path: &str) -> Result<String, u16> {
    let malformed = path.split('%').skip(1).any(|after| {
        !after
            .as_bytes()
            .first_chunk::<2>()
            .is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    });
    if malformed {
        return Err(400);
    }
    let value = |raw: &str| {
        let text = percent_decode_str(raw).decode_utf8().map(String::from).map_err(|_| 400_u16)?;
        // A text that would leave a folder is not a valid part of a path.
        let elsewhere = |segment: &str| {
            let decoded = percent_decode_str(segment).collect::<Vec<u8>>();
            decoded == b"."
                || decoded == b".."
                || decoded.iter().any(|byte| b"/\\\0".contains(byte))
        };
        if raw.starts_with('/') || raw.split('/').any(elsewhere) { Err(400) } else { Ok(text) }
    };
    let is =
        |raw: &str, name: &str| *percent_decode_str(raw).collect::<Vec<u8>>() == *name.as_bytes();
    let segments: Vec<&str> = path.strip_prefix('/').ok_or(404_u16)?.split('/').collect();
    match *segments {
        [""] => Ok("root".into()),
        [only] if is(only, "für uns") => Ok("us".into()),
        [users, me] if is(users, "users") && is(me, "me") => Ok("me".into()),
        [users, id] if is(users, "users") && !id.is_empty() => value(id),
        [users, id, posts, post]
            if is(users, "users") && is(posts, "posts") && !id.is_empty() && !post.is_empty() =>
        {
            Ok(format!("{}\n{}", value(id)?, value(post)?))
        }
        [files, ref rest @ ..] if is(files, "files") && !rest.is_empty() && rest != [""] => {
            value(&rest.join("/"))
        }
        _ => Err(404),
    }
}
