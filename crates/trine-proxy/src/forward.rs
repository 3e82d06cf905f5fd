//! The path of a request through the proxy: it is checked, an upstream is chosen, the request is
//! sent (and sent again if that is safe), and the response is passed on.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use http::header::{CONNECTION, CONTENT_LENGTH, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use trine_core::later::later;
use trine_core::{Body, BodyError, IntoResponse as _, Problem, RouteCx};

use crate::config::settings::Settings;
use crate::connection::SendError;
use crate::connection::pool::{Lease, Pool};
use crate::error::{Fault, ProxyError};
use crate::request::RequestHead;
use crate::request::body::RequestBody;
use crate::request::forwarded::ClientConnection;
use crate::request::headers;
use crate::request::max_forwards;
use crate::response::{BodyConnection, ResponseBody};
use crate::retry::{RetryBudget, is_idempotent};
use crate::tunnel::{self, ClientUpgrade};
use crate::upstream::Node;
use crate::upstream::balance::{Tried, choose};
use crate::upstream::permit::UpstreamPermit;
use crate::upstream::url::UpstreamProtocol;

/// What all clones of a proxy share.
#[derive(Debug)]
pub(crate) struct ProxyInner {
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) settings: Arc<Settings>,
    /// The number of requests so far, for round robin.
    turn: AtomicUsize,
    retries: RetryBudget,
}

impl ProxyInner {
    pub(crate) fn new(nodes: Vec<Arc<Node>>, settings: Settings) -> ProxyInner {
        ProxyInner {
            nodes,
            settings: Arc::new(settings),
            turn: AtomicUsize::new(0),
            retries: RetryBudget::default(),
        }
    }
}

/// Forwards a request. Returns the response of the upstream, or a problem that describes the
/// failure.
pub(crate) async fn forward(
    proxy: Arc<ProxyInner>,
    request: Request<Body>,
    connection: Option<Arc<ClientConnection>>,
) -> Response<Body> {
    // A Trine application logs its problems itself.
    let logs = request.extensions().get::<RouteCx>().is_none();
    let connection = connection.as_deref();
    let deadline = proxy.settings.limits.total_timeout.map(|total| later(Instant::now(), total));
    let result = match deadline {
        None => exchange(&proxy, request, connection, None).await,
        Some(at) => timeout_at(at, Box::pin(exchange(&proxy, request, connection, deadline)))
            .await
            .unwrap_or_else(|_| Err(ProxyError::new(Fault::TotalTimeout))),
    };
    result.unwrap_or_else(|error| {
        if logs {
            error.log();
        }
        Problem::from(error).into_response()
    })
}

async fn exchange(
    proxy: &ProxyInner,
    request: Request<Body>,
    connection: Option<&ClientConnection>,
    deadline: Option<Instant>,
) -> Result<Response<Body>, ProxyError> {
    let (mut parts, body) = request.into_parts();
    if let Some(response) = max_forwards::respond_if_last(&mut parts) {
        return Ok(response);
    }
    check_length(&body, proxy.settings.limits.max_body_bytes)?;
    let client = ClientUpgrade::take(&mut parts.extensions);
    let mut head =
        RequestHead::new(parts, &body, connection, &proxy.settings).map_err(ProxyError::new)?;
    if client.is_none() {
        if head.extended.is_some() {
            return Err(ProxyError::new(Fault::Method));
        }
        head.upgrade = None;
    }
    proxy.retries.earn(&proxy.settings.limits);
    let mut exchange = Exchange {
        proxy,
        head,
        body: Some(body),
        tried: Tried::default(),
        retries: 0,
        new_connection_only: false,
        no_request_body: false,
        last_error: None,
        deadline,
    };
    loop {
        if let Some(received) = exchange.attempt().await? {
            return exchange.respond(received, client).await;
        }
    }
}

/// Refuses a body whose declared length exceeds the limit, before it is sent to an upstream.
fn check_length(body: &Body, limit: u64) -> Result<(), ProxyError> {
    let declared = body.check_declared();
    let fits = declared.and_then(|()| match http_body::Body::size_hint(body).lower() > limit {
        true => Err(BodyError::TooLarge { limit, of_request: true }),
        false => Ok(()),
    });
    fits.map_err(|error| ProxyError::with_source(Fault::Body, error))
}

/// A request and its attempts.
struct Exchange<'a> {
    proxy: &'a ProxyInner,
    head: RequestHead,
    body: Option<Body>,
    tried: Tried,
    retries: usize,
    /// An idle connection has just failed, so the next attempt opens a new one.
    new_connection_only: bool,
    /// Whether the request has no body, so that it is complete with its head.
    no_request_body: bool,
    /// The error of the last attempt, for the response if no upstream is left to try.
    last_error: Option<ProxyError>,
    deadline: Option<Instant>,
}

/// A response head, with the connection that the body is read from.
struct Received {
    response: Response<Incoming>,
    lease: Lease,
    permit: UpstreamPermit,
}

impl Exchange<'_> {
    /// Sends the request once. `None` if it must be sent again.
    async fn attempt(&mut self) -> Result<Option<Received>, ProxyError> {
        let ProxyInner { nodes, turn, settings, .. } = self.proxy;
        let limits = &settings.limits;
        let index =
            choose(nodes, turn, settings.balance, &self.tried, limits).ok_or_else(|| {
                self.last_error.take().unwrap_or_else(|| ProxyError::new(Fault::NoUpstream))
            })?;
        let node = &nodes[index];
        let permit = UpstreamPermit::take(node, limits).await?;
        let upgrades = self.head.upgrade.is_some();
        let http1_only = upgrades && node.upstream.protocol != UpstreamProtocol::H2c;
        let leased =
            Pool::get(&node.pool, &node.upstream, settings, http1_only, self.new_connection_only);
        let mut lease = match leased.await {
            Ok(lease) => lease,
            Err(error) => {
                node.health.failed(&node.name, limits);
                self.tried.add(index);
                // Nothing was sent, so any request may be sent to another upstream, if there is
                // one.
                let error = error.at(&node.name);
                return if nodes.len() > 1 { self.retry(error) } else { Err(error) };
            }
        };
        match self.send(&mut lease, node).await {
            Ok(response) => {
                match response.status() {
                    StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => node.health.failed(&node.name, limits),
                    _ => node.health.succeeded(&node.name),
                }
                Ok(Some(Received { response, lease, permit }))
            }
            Err(failed) => self.failed(failed, &lease, index),
        }
    }

    /// Decides whether a request that failed is sent again.
    fn failed(
        &mut self,
        failed: SendError,
        lease: &Lease,
        index: usize,
    ) -> Result<Option<Received>, ProxyError> {
        let ProxyInner { nodes, settings, .. } = self.proxy;
        let node = &nodes[index];
        let error = failed.error.at(&node.name);
        let stale = matches!(lease, Lease::Http1 { reused: true, .. } | Lease::Http2 { .. })
            && failed.broke;
        if stale {
            // The upstream closed a connection that had been open for a long time. That is no sign
            // of bad health.
            self.new_connection_only = true;
        } else if error.fault().is_upstreams() {
            node.health.failed(&node.name, &settings.limits);
            self.tried.add(index);
        }
        if self.may_repeat(failed.unsent, failed.broke) && (stale || nodes.len() > 1) {
            self.retry(error)
        } else {
            Err(error)
        }
    }

    async fn send(
        &mut self,
        lease: &mut Lease,
        node: &Node,
    ) -> Result<Response<Incoming>, SendError> {
        let settings = &self.proxy.settings;
        let limits = &settings.limits;
        let http2 = matches!(lease, Lease::Http2 { .. });
        let body = self.body.take().unwrap_or_default();
        let repeatable = http_body::Body::is_end_stream(&body)
            && is_idempotent(&self.head.method)
            && self.retries < limits.max_retries;
        let awaits_continue = self.head.expects_continue && !http2;
        let (body, progress) = RequestBody::new(body, limits.max_body_bytes, awaits_continue);
        self.no_request_body = progress.is_none();
        let headers = if repeatable {
            self.head.headers.clone()
        } else {
            std::mem::take(&mut self.head.headers)
        };
        let mut request = self
            .head
            .request(headers, body, &node.upstream, settings, http2)
            .map_err(|error| SendError { error, unsent: None, broke: false })?;
        if let (true, Some(progress)) = (awaits_continue, &progress) {
            let progress = Arc::clone(progress);
            hyper::ext::on_informational(&mut request, move |_| progress.release());
        }
        let response = match lease {
            Lease::Http1 { conn, .. } => {
                conn.timer.set_deadline(self.deadline);
                conn.exchange(request, progress.as_deref(), limits).await?
            }
            Lease::Http2 { conn, timer, .. } => {
                timer.set_deadline(self.deadline);
                conn.exchange(request, progress.as_deref(), limits, timer).await?
            }
        };
        match headers::check_response_length(&response) {
            Ok(()) => Ok(response),
            Err(fault) => {
                let source = "the response states its length twice, or has a transfer coding other \
                              than `chunked`";
                let error = ProxyError::with_source(fault, source);
                Err(SendError { error, unsent: None, broke: false })
            }
        }
    }

    /// Whether the whole request is still available, here or in `unsent`.
    fn may_repeat(&mut self, unsent: Option<Box<Request<RequestBody>>>, broke: bool) -> bool {
        if let Some(request) = unsent {
            let (parts, body) = request.into_parts();
            self.head.headers = parts.headers;
            // The head for HTTP/2 has no `Host`.
            self.head.host_is_set = false;
            self.body = Some(body.into_inner());
            return true;
        }
        broke && is_idempotent(&self.head.method) && !self.head.headers.is_empty()
    }

    /// Counts a retry. An error if the request or the proxy has no retries left.
    fn retry(&mut self, error: ProxyError) -> Result<Option<Received>, ProxyError> {
        let limits = &self.proxy.settings.limits;
        if self.retries >= limits.max_retries || !self.proxy.retries.spend() {
            return Err(error);
        }
        self.retries += 1;
        tracing::debug!(%error, retry = self.retries, "a request is sent again");
        self.last_error = Some(error);
        Ok(None)
    }

    /// The response for the client.
    async fn respond(
        self,
        Received { response, lease, permit }: Received,
        client: Option<ClientUpgrade>,
    ) -> Result<Response<Body>, ProxyError> {
        let (mut parts, body) = response.into_parts();
        let options = headers::take_connection_options(&mut parts.headers);
        if parts.status == StatusCode::NO_CONTENT || parts.status.is_informational() {
            // The field means nothing here (RFC 9110, 8.6), but some clients obey it.
            parts.headers.remove(CONTENT_LENGTH);
        }
        let malformed =
            |permit: &UpstreamPermit| ProxyError::new(Fault::Malformed).at(&permit.node().name);
        let connection = match (lease, parts.status) {
            (Lease::Http1 { conn, .. }, StatusCode::SWITCHING_PROTOCOLS) => {
                let (Some(client), Some(protocol), true) =
                    (client, options.upgrade, self.head.upgrade.is_some())
                else {
                    return Err(malformed(&permit));
                };
                match &self.head.extended {
                    Some(extended) => {
                        if !extended.accept(&mut parts, &protocol) {
                            return Err(malformed(&permit));
                        }
                    }
                    None => {
                        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                        parts.headers.insert(UPGRADE, protocol);
                    }
                }
                tunnel::spawn(client, conn, permit, &self.proxy.settings);
                return Ok(Response::from_parts(head_only(parts), Body::empty()));
            }
            // As a response to CONNECT, it would mean that the WebSocket is open.
            (_, status) if self.head.extended.is_some() && status.is_success() => {
                return Err(malformed(&permit));
            }
            (Lease::Http1 { conn, .. }, _) => BodyConnection::Http1(Some(conn)),
            (Lease::Http2 { stream, timer, .. }, _) => {
                let no_request_body = self.no_request_body;
                BodyConnection::Http2 { _stream: stream, timer, no_request_body }
            }
        };
        let body = ResponseBody::wrap(body, connection, permit, &self.proxy.settings).await;
        Ok(Response::from_parts(head_only(parts), body))
    }
}

/// Removes what hyper attached to a response: it is of no use to the server in front, and the
/// upgrade type of hyper would mislead it.
fn head_only(mut parts: http::response::Parts) -> http::response::Parts {
    parts.extensions.clear();
    parts.version = http::Version::HTTP_11;
    parts
}
