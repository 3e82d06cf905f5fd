//! The response that a problem becomes. It also carries the problem itself.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

use super::{Format, Problem};
use crate::{Body, IntoResponse, Response};

impl Problem {
    /// Renders the problem in the format that `accept`, the `Accept` of the request, prefers.
    ///
    /// `Vary` names `Accept` (RFC 9110, section 12.5.5), so that caches do not confuse the formats.
    /// The response carries the problem, so that a layer further out can read it with
    /// [`Problem::of`] or take it with [`Problem::take`].
    ///
    /// ```
    /// use http::HeaderValue;
    /// use trine_core::Problem;
    ///
    /// let accept = HeaderValue::from_static("text/html");
    /// let response = Problem::not_found("no such page").render(Some(&accept));
    /// assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    /// assert_eq!(Problem::of(&response).unwrap().status(), 404);
    /// ```
    #[must_use]
    pub fn render(self, accept: Option<&HeaderValue>) -> Response {
        let format = Format::negotiate(accept);
        let mut response = Response::new(Body::from(self.text(format)));
        *response.status_mut() = self.0.status;
        response.headers_mut().clone_from(&self.0.headers);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        vary(response.headers_mut(), header::ACCEPT);
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }

    /// Whether a response carries a problem.
    #[must_use]
    #[inline]
    pub fn is_in(response: &Response) -> bool {
        response.extensions().get::<Carried>().is_some()
    }

    /// The problem that a response carries.
    ///
    /// ```
    /// use trine_core::{IntoResponse as _, Problem};
    ///
    /// let response = Problem::not_found("no such page").into_response();
    /// assert_eq!(Problem::of(&response).unwrap().detail_text(), Some("no such page"));
    /// assert!(Problem::of(&"hello".into_response()).is_none());
    /// ```
    #[must_use]
    pub fn of(response: &Response) -> Option<&Problem> {
        response.extensions().get::<Carried>().map(|Carried(problem)| &**problem)
    }

    /// Takes the problem out of the response. It is `None` if the response carries none, or if a
    /// clone of the response carries it too.
    ///
    /// ```
    /// use trine_core::{IntoResponse as _, Problem};
    ///
    /// let mut response = Problem::not_found("no such page").into_response();
    /// assert_eq!(Problem::take(&mut response).unwrap().status(), 404);
    /// assert!(Problem::take(&mut response).is_none());
    /// ```
    pub fn take(response: &mut Response) -> Option<Problem> {
        let Carried(problem) = response.extensions_mut().remove()?;
        Arc::into_inner(problem)
    }

    /// The problem that a response carries. The response keeps it.
    #[doc(hidden)]
    #[must_use]
    pub fn shared(response: &Response) -> Option<Arc<Problem>> {
        response.extensions().get::<Carried>().map(|Carried(problem)| Arc::clone(problem))
    }

    fn text(&self, format: Format) -> String {
        match format {
            // A map with string keys can always be serialized.
            Format::Json => serde_json::to_string(self).unwrap_or_default(),
            Format::Html => self.html(),
            Format::Markdown => self.lines("# ", "\n"),
            Format::Plain => self.lines("", ""),
        }
    }

    fn lines(&self, heading: &str, gap: &str) -> String {
        let mut text = format!("{heading}{} {}\n", self.0.status.as_u16(), self.title_text());
        for line in self.0.detail.as_deref().into_iter().chain(self.trace_line().as_deref()) {
            text.push_str(gap);
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    fn html(&self) -> String {
        let title = format!("{} {}", self.0.status.as_u16(), escape(self.title_text()));
        let trace = self.trace_line();
        let lines = self.0.detail.as_deref().into_iter().chain(trace.as_deref());
        let lines: String = lines.map(|line| format!("<p>{}</p>", escape(line))).collect();
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>:root{{color-scheme:light dark}}\
             body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem;\
             overflow-wrap:anywhere}}</style><h1>{title}</h1>{lines}</html>"
        )
    }

    /// The trace id, which a user can quote in a report.
    fn trace_line(&self) -> Option<String> {
        let id = self.member("trace_id").and_then(Value::as_str)?;
        Some(format!("Trace id: {id}"))
    }
}

/// Adds a name to `Vary`, unless `Vary` has it or `*`.
pub fn vary(headers: &mut HeaderMap, name: HeaderName) {
    let known = headers.get_all(header::VARY).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
    if !known.any(|known| known == "*" || known.eq_ignore_ascii_case(name.as_str())) {
        headers.append(header::VARY, name.into());
    }
}

#[derive(Clone)]
struct Carried(Arc<Problem>);

/// Escapes text for HTML, including attribute values.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// The JSON object of RFC 9457. The standard members come first. Extension members cannot replace
/// them.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const STANDARD: [&str; 4] = ["type", "title", "status", "detail"];
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("type", self.0.type_uri.as_deref().unwrap_or("about:blank"))?;
        object.serialize_entry("title", self.title_text())?;
        object.serialize_entry("status", &self.0.status.as_u16())?;
        if let Some(detail) = &self.0.detail {
            object.serialize_entry("detail", detail)?;
        }
        for (name, value) in
            self.0.members.iter().filter(|(name, _)| !STANDARD.contains(&name.as_str()))
        {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.render(None)
    }
}
