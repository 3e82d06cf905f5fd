//! A request that a test builds.

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri};
use serde::Serialize;
use trine_core::{Body, BoxError, Response};

use super::client::{Panicked, catch_panic};
use super::exchange::Sent;
use super::{Multipart, TestClient, TestResponse, redirect};
use crate::extract::encode_value;

/// A request that a test builds. Awaiting it, or [`TestRequest::send`], sends it.
///
/// ```
/// use trine::prelude::*;
/// use trine::testing::Multipart;
///
/// async fn upload(body: Bytes) -> String { format!("{} bytes", body.len()) }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let client = App::new().route("/avatar", post(upload)).test().await;
/// let avatar = Multipart::new()
///     .text("name", "Ann")
///     .file("avatar", "ann.png", "image/png", [1, 2, 3]);
/// client.post("/avatar").multipart(avatar).await.expect_status(200).expect_text("210 bytes");
/// # }
/// ```
///
/// # Panics
/// A method panics, at the line of the test, if it gets a value that cannot be sent.
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
    extensions: Extensions,
    location: &'static Location<'static>,
}

impl TestClient {
    /// Starts a `GET`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/todos", get(async || "[]")).test().await;
    /// client.get("/todos").await.expect_text("[]");
    /// # }
    /// ```
    #[track_caller]
    pub fn get(&self, target: impl AsRef<str>) -> TestRequest {
        self.request(Method::GET, target)
    }

    /// Starts a `HEAD`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || "hello")).test().await;
    /// client.head("/").await.expect_status(200).expect_text("");
    /// # }
    /// ```
    #[track_caller]
    pub fn head(&self, target: impl AsRef<str>) -> TestRequest {
        self.request(Method::HEAD, target)
    }

    /// Starts a `POST`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(async |name: String| name)).test().await;
    /// client.post("/").text("Ann").await.expect_text("Ann");
    /// # }
    /// ```
    #[track_caller]
    pub fn post(&self, target: impl AsRef<str>) -> TestRequest {
        self.request(Method::POST, target)
    }

    /// Starts a `PUT`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", put(async |title: String| title)).test().await;
    /// client.put("/").text("bread").await.expect_text("bread");
    /// # }
    /// ```
    #[track_caller]
    pub fn put(&self, target: impl AsRef<str>) -> TestRequest {
        self.request(Method::PUT, target)
    }

    /// Starts a `PATCH`.
    #[track_caller]
    pub fn patch(&self, target: impl AsRef<str>) -> TestRequest {
        self.request(Method::PATCH, target)
    }

    /// Starts a `DELETE`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/todos/{id}", delete(async || NoContent)).test().await;
    /// client.delete("/todos/7").await.expect_status(204);
    /// # }
    /// ```
    #[track_caller]
    pub fn delete(&self, target: impl AsRef<str>) -> TestRequest {
        self.request(Method::DELETE, target)
    }

    /// Starts an `OPTIONS`.
    #[track_caller]
    pub fn options(&self, target: impl AsRef<str>) -> TestRequest {
        self.request(Method::OPTIONS, target)
    }

    /// Starts a request with any method. The target is a path with an optional query, or a URI.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/", any(async |method: Method| method.to_string()));
    /// app.test().await.request(Method::TRACE, "/").await.expect_text("TRACE");
    /// # }
    /// ```
    #[track_caller]
    pub fn request(&self, method: Method, target: impl AsRef<str>) -> TestRequest {
        TestRequest::new(self.clone(), method, target.as_ref())
    }
}

impl TestRequest {
    #[track_caller]
    fn new(client: TestClient, method: Method, target: &str) -> TestRequest {
        TestRequest {
            client,
            method,
            target: parse_target(target),
            headers: HeaderMap::new(),
            content_type: None,
            cookies: Vec::new(),
            body: Body::empty(),
            extensions: Extensions::new(),
            location: Location::caller(),
        }
    }

    /// Adds a header field.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/", get(async || "beta").header("x-beta", "yes"));
    /// app.test().await.get("/").header("x-beta", "yes").await.expect_text("beta");
    /// # }
    /// ```
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

    #[cfg(feature = "ws")]
    pub(super) fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> TestRequest {
        self.extensions.insert(value);
        self
    }

    /// Adds a cookie to this request only.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let theme = get(async |sent: Cookies| sent.get("theme").unwrap_or("light").to_owned());
    /// let client = App::new().route("/", theme).test().await;
    /// client.get("/").cookie("theme", "dark").await.expect_text("dark");
    /// # }
    /// ```
    pub fn cookie(mut self, name: &str, value: &str) -> TestRequest {
        self.cookies.push(format!("{name}={}", encode_value(value)));
        self
    }

    /// Adds fields to the query, from a struct, a map or a list of pairs.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async |uri: Uri| uri.to_string())).test().await;
    /// client.get("/").query(&[("q", "a b")]).await.expect_text("/?q=a+b");
    /// # }
    /// ```
    #[track_caller]
    pub fn query<T: Serialize + ?Sized>(mut self, fields: &T) -> TestRequest {
        let added = sendable("query", serde_html_form::to_string(fields));
        let mark = if self.target.query().is_some() { '&' } else { '?' };
        self.target = parse_target(&format!("{}{mark}{added}", self.target));
        self
    }

    /// Sets a JSON body.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let sum = post(async |Json(list): Json<Vec<u32>>| list.iter().sum::<u32>().to_string());
    /// App::new().route("/", sum).test().await.post("/").json(&[1, 2]).await.expect_text("3");
    /// # }
    /// ```
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> TestRequest {
        let text = sendable("JSON body", serde_json::to_vec(value));
        self.typed("application/json", text)
    }

    /// Sets a form as the body, from a struct, a map or a list of pairs.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(async |body: Bytes| body)).test().await;
    /// client.post("/").form(&[("name", "Ann")]).await.expect_text("name=Ann");
    /// # }
    /// ```
    #[track_caller]
    pub fn form<T: Serialize + ?Sized>(self, fields: &T) -> TestRequest {
        let text = sendable("form body", serde_html_form::to_string(fields));
        self.typed("application/x-www-form-urlencoded", text)
    }

    /// Sets a form with texts and files as the body.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let form = trine::testing::Multipart::new().text("name", "Ann");
    /// let client = App::new().route("/", post(async |body: String| body)).test().await;
    /// client.post("/").multipart(form).await.expect_text_contains("Ann");
    /// # }
    /// ```
    pub fn multipart(mut self, form: Multipart) -> TestRequest {
        let (content_type, body) = form.encode();
        // A boundary is ASCII, so this never fails.
        self.content_type = HeaderValue::from_str(&content_type).ok();
        self.body = body.into();
        self
    }

    /// Sets a text as the body.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(async |body: String| body)).test().await;
    /// client.post("/").text("hello").await.expect_text("hello");
    /// # }
    /// ```
    pub fn text(self, text: impl Into<String>) -> TestRequest {
        self.typed("text/plain; charset=utf-8", text.into())
    }

    /// Sets bytes as the body, as `application/octet-stream` unless a header field sets another
    /// type.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let length = post(async |body: Bytes| body.len().to_string());
    /// App::new().route("/", length).test().await.post("/").bytes("hello").await.expect_text("5");
    /// # }
    /// ```
    pub fn bytes(self, bytes: impl Into<bytes::Bytes>) -> TestRequest {
        self.typed("application/octet-stream", bytes.into())
    }

    /// Sets any body, such as a stream, without a content type.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(async |body: String| body)).test().await;
    /// client.post("/").body("hello").await.expect_text("hello");
    /// # }
    /// ```
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

    /// Sends the request and reads the whole response.
    ///
    /// # Panics
    /// Panics if there is no response, for example because the server has stopped, or if there are
    /// more redirects than the client follows.
    pub async fn send(self) -> TestResponse {
        let (sent, response) = self.exchange().await;
        let (mut head, body) = response.into_parts();
        let panicked = head
            .extensions
            .remove()
            .map(|Panicked(message)| format!("the handler panicked: {message}"));
        match catch_panic(body.bytes()).await {
            Ok(Ok(bytes)) => TestResponse::new(sent, head, bytes, panicked),
            Ok(Err(error)) => TestResponse::broken(sent, head, &error),
            Err(message) => {
                let error = BoxError::from(format!("it panicked: {message}"));
                TestResponse::broken(sent, head, &*error)
            }
        }
    }

    /// Sends the request and leaves the body of the response unread: for responses without an end,
    /// such as server-sent events. [`Body::chunk`] reads the body.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || "hello")).test().await;
    /// let mut response = client.get("/").send_streaming().await;
    /// assert_eq!(response.body_mut().chunk().await.unwrap().unwrap(), "hello");
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics like [`TestRequest::send`].
    pub async fn send_streaming(self) -> Response {
        self.exchange().await.1
    }

    /// Sends the request and follows its redirects.
    async fn exchange(mut self) -> (Sent, Response) {
        let (location, most) = (self.location, self.client.redirects());
        let mut hops = Vec::new();
        loop {
            // A streamed body can be sent once. Bytes are shared by reference counting.
            let bytes = self.body.take_whole();
            let body = bytes.clone().map_or_else(|| std::mem::take(&mut self.body), Body::from);
            let (mut sent, response) = self.send_once(bytes.clone(), body).await;
            let Some(hop) = self.hop(&response).filter(|_| most > 0) else {
                sent.hops = hops;
                return (sent, response);
            };
            hops.push(format!("{} {} -> {}", sent.method, sent.target, response.status()));
            assert!(
                hops.len() <= most,
                "{location}: more than {most} redirects:\n{}",
                hops.join("\n")
            );
            (self.method, self.target) = (hop.method, hop.target);
            match (hop.keeps_body, bytes) {
                (true, Some(bytes)) => self.body = bytes.into(),
                (true, None) => {
                    panic!("{location}: a streamed body cannot be sent again:\n{}", hops.join("\n"))
                }
                (false, _) => {
                    self.content_type = None;
                    self.headers.remove(header::CONTENT_TYPE);
                    self.headers.remove(header::CONTENT_LENGTH);
                }
            }
        }
    }

    fn hop(&self, response: &Response) -> Option<redirect::Hop> {
        let location =
            response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        redirect::hop(response.status(), location, &self.method, &self.target, self.client.host())
    }

    async fn send_once(&self, bytes: Option<Bytes>, body: Body) -> (Sent, Response) {
        let headers = self.all_headers();
        let (method, target) = (self.method.clone(), self.target.clone());
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.clone();
        request.headers_mut().clone_from(&headers);
        request.extensions_mut().clone_from(&self.extensions);
        let response = match self.client.answer(request).await {
            Ok(response) => response,
            Err(error) => panic!("{}: {method} {target}: no response: {error}", self.location),
        };
        self.client.jar().receive(response.headers(), target.path());
        // A response to HEAD has no body (RFC 9110 section 9.3.2).
        let response =
            if method == Method::HEAD { response.map(|_| Body::empty()) } else { response };
        let route = self.client.route_of(&method, &target);
        (Sent { method, target, headers, body: bytes, route, hops: Vec::new() }, response)
    }

    fn all_headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        // The cookies of this request come first: of two with the same name, the first one wins.
        let mut cookies = self.cookies.clone();
        cookies.extend(self.client.jar().pairs(self.target.path()));
        if let Ok(cookies) = HeaderValue::try_from(cookies.join("; "))
            && !cookies.is_empty()
        {
            headers.append(header::COOKIE, cookies);
        }
        if let Some(content_type) = &self.content_type {
            headers.entry(header::CONTENT_TYPE).or_insert_with(|| content_type.clone());
        }
        let host =
            self.target.authority().map_or(self.client.host(), |authority| authority.as_str());
        if let Ok(host) = HeaderValue::from_str(host) {
            headers.entry(header::HOST).or_insert(host);
        }
        headers
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
            panic!(
                "test request: expected a target such as `/todos?page=1`, got `{target}`: {error}"
            )
        }
    }
}

// A closure would hide the line of the test: `#[track_caller]` does not pass through one.
#[track_caller]
fn sendable<T>(what: &str, made: Result<T, impl Into<BoxError>>) -> T {
    match made {
        Ok(value) => value,
        Err(error) => panic!("test request: the {what} cannot be sent: {}", error.into()),
    }
}
