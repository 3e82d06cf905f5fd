//! What must hold for any path that comes to an application: the fuzz target `path` and a test both
//! call it.

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
        let app = runtime.block_on(app.build()).expect("the application is sound");
        (runtime, app)
    };
}

async fn both(Path((id, post)): Path<(String, String)>) -> String {
    format!("{id}\n{post}")
}

/// A path is malformed, or nothing stands there, or something does with another slash at its end,
/// or it reaches the one handler whose template it matches, which gets what the segments say,
/// decoded once.
pub(crate) fn path(bytes: &[u8]) {
    let Ok(uri) = Uri::try_from(bytes) else { return };
    let request = Request::get(uri.clone()).body(Body::empty()).expect("a valid request");
    let (status, text) = APP.with(|(runtime, app)| {
        runtime.block_on(async {
            let Ok(response) = app.clone().oneshot(request).await;
            (response.status().as_u16(), response.into_body().bytes().await.expect("a whole body"))
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

/// The path with a slash more or less at its end, unless clients resolve that away.
fn another(path: &str) -> Option<String> {
    let shorter = path.strip_suffix('/');
    let last = shorter.unwrap_or(path).rsplit('/').next()?;
    let dots =
        percent_decode_str(last).all(|byte| byte == b'.') && percent_decode_str(last).count() <= 2;
    (!dots).then(|| shorter.map_or_else(|| format!("{path}/"), str::to_owned))
}

/// Told without a router, straight from the rules: `%XX` of what needs none is that byte, and
/// everything else is compared as it stands; `%2F` separates nothing, and an empty segment is one.
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
        // What would lead out of a folder is no text of a path.
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
