//! The walk of a request through the proxy: checked, an upstream chosen, sent, tried again where
//! that is safe, answered.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use trine_core::later::later;
use trine_core::{Body, BodyError, IntoResponse as _, Problem, RouteCx};

use crate::connection::Failed;
use crate::connection::pool::{Lease, Pool};
use crate::error::{Fault, ProxyError};
use crate::proxy::Inner;
use crate::request::Head;
use crate::request::body::Outgoing;
use crate::request::forwarded::Caller;
use crate::request::headers;
use crate::request::max_forwards;
use crate::response::{Answer, From};
use crate::retry::is_idempotent;
use crate::tunnel::{self, OnClient};
use crate::upstream::Protocol;
use crate::upstream::balance::{Tried, choose};
use crate::upstream::permit::Place;

/// Every request gets an answer: the upstream's, or a problem that says what is wrong with it.
pub(crate) async fn forward(
    proxy: Arc<Inner>,
    request: Request<Body>,
    caller: Option<Arc<Caller>>,
) -> Response<Body> {
    // An application logs its problems by itself.
    let logs = request.extensions().get::<RouteCx>().is_none();
    let last = proxy.settings.config.total_timeout.map(|total| later(Instant::now(), total));
    let answered = match last {
        None => exchange(&proxy, request, caller.as_deref(), None).await,
        Some(at) => timeout_at(at, Box::pin(exchange(&proxy, request, caller.as_deref(), last)))
            .await
            .unwrap_or_else(|_| Err(ProxyError::new(Fault::TotalTimeout))),
    };
    answered.unwrap_or_else(|error| {
        if logs {
            error.log();
        }
        Problem::from(error).into_response()
    })
}

async fn exchange(
    proxy: &Inner,
    request: Request<Body>,
    caller: Option<&Caller>,
    last: Option<Instant>,
) -> Result<Response<Body>, ProxyError> {
    let (mut parts, body) = request.into_parts();
    if let Some(answer) = max_forwards::count(&mut parts) {
        return Ok(answer);
    }
    check_length(&body, proxy.settings.config.max_body_bytes)?;
    let client = OnClient::take(&mut parts.extensions);
    let mut head = Head::new(parts, &body, caller, &proxy.settings).map_err(ProxyError::new)?;
    if client.is_none() {
        if head.extended.is_some() {
            return Err(ProxyError::new(Fault::Method));
        }
        head.upgrade = None;
    }
    proxy.budget.earn(&proxy.settings.config);
    let mut sending = Sending {
        proxy,
        head,
        body: Some(body),
        tried: Tried::default(),
        retries: 0,
        fresh: false,
        alone: false,
        failed: None,
        last,
    };
    loop {
        if let Some(answered) = sending.attempt().await? {
            return sending.answer(answered, client).await;
        }
    }
}

/// Refuses a body that says itself that it is too large, before an upstream hears of it.
fn check_length(body: &Body, most: u64) -> Result<(), ProxyError> {
    let declared = body.check_declared();
    let fits = declared.and_then(|()| match http_body::Body::size_hint(body).lower() > most {
        true => Err(BodyError::TooLarge { limit: most, of_request: true }),
        false => Ok(()),
    });
    fits.map_err(|error| ProxyError::because(Fault::Body, error))
}

/// A request that is being sent, to one upstream after the other if need be.
struct Sending<'a> {
    proxy: &'a Inner,
    head: Head,
    body: Option<Body>,
    tried: Tried,
    retries: usize,
    /// Only a new connection will do: an old one has just failed.
    fresh: bool,
    /// It has no body: the upstream answers with nothing still to come.
    alone: bool,
    /// Why it is tried again, to be told where there is nobody left to try.
    failed: Option<ProxyError>,
    last: Option<Instant>,
}

/// The head of an answer, with the connection that brings the rest of it.
struct Answered {
    response: Response<Incoming>,
    lease: Lease,
    place: Place,
}

impl Sending<'_> {
    /// `None` where it is to be tried again.
    async fn attempt(&mut self) -> Result<Option<Answered>, ProxyError> {
        let Inner { nodes, turn, settings, .. } = self.proxy;
        let config = &settings.config;
        let index =
            choose(nodes, turn, settings.balance, &self.tried, config).ok_or_else(|| {
                self.failed.take().unwrap_or_else(|| ProxyError::new(Fault::NoUpstream))
            })?;
        let node = &nodes[index];
        let place = Place::take(node, config).await?;
        let http1_only = self.head.upgrade.is_some() && node.upstream.protocol != Protocol::H2c;
        let mut lease = match Pool::get(node, settings, http1_only, self.fresh).await {
            Ok(lease) => lease,
            Err(error) => {
                node.health.failed(&node.name, config);
                self.tried.add(index);
                // Nothing was sent, so every request may go elsewhere; there must be an elsewhere.
                return if nodes.len() > 1 {
                    self.again(error.at(&node.name))
                } else {
                    Err(error.at(&node.name))
                };
            }
        };
        match self.send(&mut lease, &place).await {
            Ok(response) => {
                match response.status() {
                    StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => node.health.failed(&node.name, config),
                    _ => node.health.succeeded(&node.name),
                }
                Ok(Some(Answered { response, lease, place }))
            }
            Err(failed) => {
                let error = failed.error.at(&node.name);
                let stale = matches!(lease, Lease::H1 { reused: true, .. } | Lease::H2 { .. })
                    && failed.broke;
                if stale {
                    // The upstream ended a connection that it was tired of; that says nothing about
                    // its health.
                    self.fresh = true;
                } else if error.fault().is_upstreams() {
                    node.health.failed(&node.name, config);
                    self.tried.add(index);
                }
                if self.may_repeat(failed.unsent, failed.broke) && (stale || nodes.len() > 1) {
                    self.again(error)
                } else {
                    Err(error)
                }
            }
        }
    }

    async fn send(
        &mut self,
        lease: &mut Lease,
        place: &Place,
    ) -> Result<Response<Incoming>, Failed> {
        let settings = &self.proxy.settings;
        let config = &settings.config;
        let h2 = matches!(lease, Lease::H2 { .. });
        let body = self.body.take().unwrap_or_default();
        let repeatable = http_body::Body::is_end_stream(&body)
            && is_idempotent(&self.head.method)
            && self.retries < config.max_retries;
        let holds = self.head.expects && !h2;
        let (body, progress) = Outgoing::new(body, config.max_body_bytes, holds);
        self.alone = progress.is_none();
        let headers = if repeatable {
            self.head.headers.clone()
        } else {
            std::mem::take(&mut self.head.headers)
        };
        let mut request = self
            .head
            .request(headers, body, place.node(), settings, h2)
            .map_err(|error| Failed { error, unsent: None, broke: false })?;
        if let (true, Some(progress)) = (holds, &progress) {
            let progress = Arc::clone(progress);
            hyper::ext::on_informational(&mut request, move |_| progress.release());
        }
        let response = match lease {
            Lease::H1 { conn, .. } => {
                conn.clock.set_last(self.last);
                conn.exchange(request, progress.as_deref(), config).await?
            }
            Lease::H2 { conn, clock, .. } => {
                clock.set_last(self.last);
                conn.exchange(request, progress.as_deref(), config, clock).await?
            }
        };
        match headers::check_answer(&response) {
            Ok(()) => Ok(response),
            Err(fault) => {
                let cause = "the answer says its length twice, or comes in a coding that is not `chunked` alone";
                Err(Failed { error: ProxyError::because(fault, cause), unsent: None, broke: false })
            }
        }
    }

    /// Whether the request is still whole, here or in what came back.
    fn may_repeat(&mut self, unsent: Option<Box<Request<Outgoing>>>, broke: bool) -> bool {
        if let Some(request) = unsent {
            let (parts, body) = request.into_parts();
            self.head.headers = parts.headers;
            // HTTP/2 has no `Host`.
            self.head.host_is_there = false;
            self.body = Some(body.into_inner());
            return true;
        }
        broke && is_idempotent(&self.head.method) && !self.head.headers.is_empty()
    }

    fn again(&mut self, error: ProxyError) -> Result<Option<Answered>, ProxyError> {
        let config = &self.proxy.settings.config;
        if self.retries >= config.max_retries || !self.proxy.budget.spend() {
            return Err(error);
        }
        self.retries += 1;
        tracing::debug!(%error, retry = self.retries, "a request is tried again");
        self.failed = Some(error);
        Ok(None)
    }

    async fn answer(
        self,
        Answered { response, lease, place }: Answered,
        client: Option<OnClient>,
    ) -> Result<Response<Body>, ProxyError> {
        let (mut parts, body) = response.into_parts();
        let said = headers::strip(&mut parts.headers);
        if parts.status == StatusCode::NO_CONTENT || parts.status.is_informational() {
            // Here it means nothing (RFC 9110, 8.6), and not to every reader.
            parts.headers.remove(CONTENT_LENGTH);
        }
        let from = match (lease, parts.status) {
            (Lease::H1 { conn, .. }, StatusCode::SWITCHING_PROTOCOLS) => {
                let (Some(client), Some(protocol), true) =
                    (client, said.upgrade, self.head.upgrade.is_some())
                else {
                    return Err(ProxyError::new(Fault::Malformed).at(&place.node().name));
                };
                match &self.head.extended {
                    Some(extended) => {
                        if !extended.accept(&mut parts, &protocol) {
                            return Err(ProxyError::new(Fault::Malformed).at(&place.node().name));
                        }
                    }
                    None => {
                        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                        parts.headers.insert(UPGRADE, protocol);
                    }
                }
                tunnel::join(client, conn, place, &self.proxy.settings);
                return Ok(Response::from_parts(head_only(parts), Body::empty()));
            }
            // To a CONNECT it would say that the WebSocket is open.
            (_, status) if self.head.extended.is_some() && status.is_success() => {
                return Err(ProxyError::new(Fault::Malformed).at(&place.node().name));
            }
            (Lease::H1 { conn, .. }, _) => From::H1(Some(conn)),
            (Lease::H2 { share, clock, .. }, _) => {
                From::H2 { _share: share, clock, alone: self.alone }
            }
        };
        let body = Answer::body(body, from, place, &self.proxy.settings).await;
        Ok(Response::from_parts(head_only(parts), body))
    }
}

/// What hyper attached is of no use to the client's server, and its upgrade type would mislead it.
fn head_only(mut parts: http::response::Parts) -> http::response::Parts {
    parts.extensions.clear();
    parts.version = http::Version::HTTP_11;
    parts
}
