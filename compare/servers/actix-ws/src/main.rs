//! actix-web with actix-ws, with one worker.
//!
//! The feed is a list of sessions behind a lock, as in the example `chat` of actix-ws. The text is
//! reference-counted, so it is not copied for each subscriber. actix-web has no event streams, so
//! they come from actix-web-lab, over tokio's broadcast channel.

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, Responder, get, post, rt};
use actix_web_lab::sse;
use actix_ws::{AggregatedMessage, Session};
use bytestring::ByteString;
use compare_common::{MAX_MESSAGE, QUEUE};
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Mutex, broadcast};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;

/// The sessions that listen.
struct Feed {
    sessions: Mutex<Vec<Session>>,
    events: broadcast::Sender<String>,
}

#[get("/ws")]
async fn echo(request: HttpRequest, body: Payload) -> Result<HttpResponse, Error> {
    let (response, mut session, stream) = actix_ws::handle(&request, body)?;
    let mut stream = stream.max_frame_size(MAX_MESSAGE).aggregate_continuations();
    rt::spawn(async move {
        while let Some(Ok(message)) = stream.recv().await {
            let sent = match message {
                AggregatedMessage::Text(text) => session.text(text).await,
                AggregatedMessage::Binary(bytes) => session.binary(bytes).await,
                AggregatedMessage::Ping(bytes) => session.pong(&bytes).await,
                AggregatedMessage::Pong(_) => Ok(()),
                AggregatedMessage::Close(reason) => return drop(session.close(reason).await),
            };
            if sent.is_err() {
                return;
            }
        }
        // The peer may be gone.
        let _ = session.close(None).await;
    });
    Ok(response)
}

#[get("/feed")]
async fn feed(request: HttpRequest, body: Payload, all: Data<Feed>) -> Result<HttpResponse, Error> {
    let (response, mut session, mut stream) = actix_ws::handle(&request, body)?;
    all.sessions.lock().await.push(session.clone());
    rt::spawn(async move {
        while let Some(Ok(message)) = stream.recv().await {
            match message {
                actix_ws::Message::Ping(bytes) if session.pong(&bytes).await.is_err() => return,
                actix_ws::Message::Close(reason) => return drop(session.close(reason).await),
                _ => {}
            }
        }
        let _ = session.close(None).await;
    });
    Ok(response)
}

#[get("/events")]
async fn events(all: Data<Feed>) -> impl Responder {
    let messages = BroadcastStream::new(all.events.subscribe()).filter_map(Result::ok);
    sse::Sse::from_infallible_stream(messages.map(|text| sse::Data::new(text).into()))
        .with_keep_alive(std::time::Duration::from_secs(15))
}

#[post("/publish")]
async fn publish(text: Bytes, all: Data<Feed>) -> Result<&'static str, Error> {
    let text = String::from_utf8(text.into()).map_err(actix_web::error::ErrorBadRequest)?;
    // There may be no listener for events.
    let _ = all.events.send(text.clone());
    let text = ByteString::from(text);
    let mut sessions = all.sessions.lock().await;
    let sending = FuturesUnordered::new();
    for mut session in sessions.drain(..) {
        let text = text.clone();
        sending.push(async move { session.text(text).await.is_ok().then_some(session) });
    }
    let mut sending = sending.filter_map(|session| session);
    while let Some(session) = sending.next().await {
        sessions.push(session);
    }
    Ok("published")
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let all = Data::new(Feed { sessions: Mutex::default(), events: broadcast::Sender::new(QUEUE) });
    let listener = compare_common::listen()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(all.clone())
            .service(echo)
            .service(feed)
            .service(events)
            .service(publish)
    });
    server.workers(1).listen(listener)?.run().await
}
