//! A request that a test writes.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use serde::Serialize;
use trine_core::{Body, BoxError, Response};

use super::client::{Panicked, caught};
use super::{TestClient, TestResponse};
use crate::extract::encode_value;

/// A request on its way to be sent: await it, or call [`TestRequest::send`].
///
/// # Panics
/// Its methods panic at the line of the test that gives them what cannot be sent.
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct TestRequest {
    client: TestClient,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    content_type: Option<HeaderValue>,
    cookies: Vec<String>,
    body: Body,
}

impl TestRequest {
    #[track_caller]
    pub(super) fn new(client: TestClient, method: Method, target: &str) -> TestRequest {
        TestRequest {
            client,
            method,
            target: parse_target(target),
            headers: HeaderMap::new(),
            content_type: None,
            cookies: Vec::new(),
            body: Body::empty(),
        }
    }

    /// Adds a header field.
    #[track_caller]
    pub fn header<K, V>(mut self, name: K, value: V) -> TestRequest
    where
        K: TryInto<HeaderName, Error: Into<BoxError>>,
        V: TryInto<HeaderValue, Error: Into<BoxError>>,
    {
        let name = sendable("header name", name.try_into());
        let value = sendable("header value", value.try_into());
        self.headers.append(name, value);
        self
    }

    /// Adds a cookie to this request alone.
    pub fn cookie(mut self, name: &str, value: &str) -> TestRequest {
        self.cookies.push(format!("{name}={}", encode_value(value)));
        self
    }

    /// Adds fields to the query: a struct, a map or a list of pairs.
    #[track_caller]
    pub fn query<T: Serialize + ?Sized>(mut self, fields: &T) -> TestRequest {
        let added = sendable("query", serde_html_form::to_string(fields));
        let mark = if self.target.query().is_some() { '&' } else { '?' };
        self.target = parse_target(&format!("{}{mark}{added}", self.target));
        self
    }

    /// Sends JSON.
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> TestRequest {
        let text = sendable("JSON body", serde_json::to_vec(value));
        self.typed("application/json", text)
    }

    /// Sends the fields of a form: a struct, a map or a list of pairs.
    #[track_caller]
    pub fn form<T: Serialize + ?Sized>(self, fields: &T) -> TestRequest {
        let text = sendable("form body", serde_html_form::to_string(fields));
        self.typed("application/x-www-form-urlencoded", text)
    }

    /// Sends text.
    pub fn text(self, text: impl Into<String>) -> TestRequest {
        self.typed("text/plain; charset=utf-8", text.into())
    }

    /// Sends bytes, as `application/octet-stream` unless a header field says otherwise.
    pub fn bytes(self, bytes: impl Into<bytes::Bytes>) -> TestRequest {
        self.typed("application/octet-stream", bytes.into())
    }

    /// Sends any body, such as a stream, without a content type.
    pub fn body(mut self, body: impl Into<Body>) -> TestRequest {
        self.body = body.into();
        self.content_type = None;
        self
    }

    fn typed(mut self, content_type: &'static str, body: impl Into<Body>) -> TestRequest {
        self.content_type = Some(HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Sends it and reads the whole response.
    pub async fn send(self) -> TestResponse {
        let line = format!("{} {}", self.method, self.target);
        let (mut head, body) = self.send_streaming().await.into_parts();
        let panicked = head.extensions.remove().map(|Panicked(said)| format!("the handler panicked: {said}"));
        match caught(body.bytes()).await {
            Ok(Ok(bytes)) => TestResponse::new(line, head, bytes, panicked),
            Ok(Err(error)) => TestResponse::broken(line, head, &error),
            Err(said) => TestResponse::broken(line, head, &*BoxError::from(format!("it panicked: {said}"))),
        }
    }

    /// Sends it and leaves the body unread: for answers without an end, such as server-sent events.
    pub async fn send_streaming(self) -> Response {
        let client = self.client.clone();
        let is_head = self.method == Method::HEAD;
        let path = self.target.path().to_owned();
        let response = client.answer(self.into_request()).await;
        client.jar().receive(response.headers(), &path);
        // The server sends no body here either (RFC 9110 section 9.3.2).
        if is_head { response.map(|_| Body::empty()) } else { response }
    }

    fn into_request(mut self) -> Request<Body> {
        let mut cookies = self.client.jar().pairs(self.target.path());
        // Those of this request alone come first: of two with one name, the first counts.
        cookies.splice(0..0, self.cookies);
        if let Ok(cookies) = HeaderValue::try_from(cookies.join("; "))
            && !cookies.is_empty()
        {
            self.headers.append(header::COOKIE, cookies);
        }
        if let Some(content_type) = self.content_type {
            self.headers.entry(header::CONTENT_TYPE).or_insert(content_type);
        }
        let host = self.target.authority().map_or("localhost", |authority| authority.as_str());
        if let Ok(host) = HeaderValue::from_str(host) {
            self.headers.entry(header::HOST).or_insert(host);
        }
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target;
        *request.headers_mut() = self.headers;
        request
    }
}

impl IntoFuture for TestRequest {
    type Output = TestResponse;
    type IntoFuture = Pin<Box<dyn Future<Output = TestResponse> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

#[track_caller]
fn parse_target(target: &str) -> Uri {
    match target.parse::<Uri>() {
        Ok(uri) if uri.path().starts_with('/') => uri,
        Ok(_) => panic!("test request: expected a target such as `/todos?page=1`, got `{target}`"),
        Err(error) => {
            panic!("test request: expected a target such as `/todos?page=1`, got `{target}`: {error}")
        }
    }
}

// A closure would hide the line of the test: the place of the caller does not pass through one.
#[track_caller]
fn sendable<T>(what: &str, made: Result<T, impl Into<BoxError>>) -> T {
    match made {
        Ok(value) => value,
        Err(error) => panic!("test request: the {what} cannot be sent: {}", error.into()),
    }
}
