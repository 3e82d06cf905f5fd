//! The invariants for any bytes that are sent as `multipart/form-data`. The fuzz target `multipart`
//! and a test both check them.

use std::convert::Infallible;

use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;
use trine::AppService;
use trine::extract::Multipart;
use trine::http::Request;
use trine::prelude::*;

thread_local! {
    static APP: (Runtime, AppService) = {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let app = runtime.block_on(App::new().route("/", post(tell)).build()).expect("a valid application");
        (runtime, app)
    };
}

/// Everything that a handler can read of the parts, including what precedes a fault.
async fn tell(mut parts: Multipart) -> (StatusCode, Vec<u8>) {
    let mut told = Vec::new();
    match read(&mut parts, &mut told).await {
        Ok(()) => (StatusCode::OK, told),
        Err(problem) => (problem.status(), told),
    }
}

async fn read(parts: &mut Multipart, told: &mut Vec<u8>) -> Result<(), Problem> {
    while let Some(mut part) = parts.next_part().await? {
        told.extend(
            format!("[{:?} {:?} {:?} ", part.name(), part.file_name(), part.headers()).bytes(),
        );
        while let Some(chunk) = part.chunk().await? {
            told.extend(chunk);
        }
        told.extend(b"]");
    }
    Ok(())
}

/// The parts and the result do not depend on how the bytes are split. The first two bytes of the
/// input say how to split the rest: at one position, and then into pieces of one size.
pub(crate) fn parts(bytes: &[u8]) {
    let [place, size, body @ ..] = bytes else { return };
    let (start, rest) = body.split_at(usize::from(*place).min(body.len()));
    let pieces = std::iter::once(start).chain(rest.chunks(usize::from(*size) + 1));
    let whole = verdict(Body::from(body.to_vec()));
    let cut: Vec<Result<Vec<u8>, Infallible>> = pieces.map(|piece| Ok(piece.to_vec())).collect();
    let cut = verdict(Body::stream(futures_util::stream::iter(cut)));
    assert!(matches!(whole.0, 200 | 400 | 413), "{}", whole.0);
    // Before a fault, one large piece may have yielded more content than many small ones.
    let (told, also) = if whole.0 == 200 { (&whole.1, &cut.1) } else { (&Vec::new(), &Vec::new()) };
    assert_eq!((whole.0, told), (cut.0, also), "{:?}", String::from_utf8_lossy(body));
}

fn verdict(body: Body) -> (u16, Vec<u8>) {
    let request = Request::post("/").header("content-type", "multipart/form-data; boundary=b");
    let request = request.body(body).expect("a valid request");
    APP.with(|(runtime, app)| {
        runtime.block_on(async {
            let Ok(response) = app.clone().oneshot(request).await;
            (
                response.status().as_u16(),
                response.into_body().bytes().await.expect("a complete body").to_vec(),
            )
        })
    })
}
