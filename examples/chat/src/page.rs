//! The files that the browser loads.

use trine::prelude::*;

use crate::words::Room;

/// Redirects to the first room.
#[get("/")]
pub(crate) async fn lobby() -> Redirect {
    Redirect::to("/rooms/lobby")
}

/// The page of a room. The script reads the name of the room from the address.
#[get("/rooms/{room}")]
pub(crate) async fn room(room: Room) -> Html<&'static str> {
    let _ = room;
    Html(include_str!("page/chat.html"))
}

/// The script and the style sheet of the page.
#[get("/assets/{file}")]
pub(crate) async fn asset(file: String) -> Result<impl IntoResponse, StatusCode> {
    let (content_type, text) = match &*file {
        "chat.css" => ("text/css; charset=utf-8", include_str!("page/chat.css")),
        "chat.js" => ("text/javascript; charset=utf-8", include_str!("page/chat.js")),
        _ => return Err(StatusCode::NOT_FOUND),
    };
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], text))
}

/// Forbids content from other origins and inline scripts, so the text of a message can never run.
pub(crate) async fn secured(request: Request, next: Next) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
