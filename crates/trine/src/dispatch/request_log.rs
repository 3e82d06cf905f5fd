//! One line in the log per request: the method and path, the response, and the duration.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use trine_core::{Problem, Request, Response, RouteCx, RouteMeta};

use crate::declare::names::layer_name;
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::next::{Next, Step};
use crate::dispatch::router::index::RouteIndex;

/// The outermost stage of an application that logs its requests.
pub(crate) struct RequestLog {
    pub(crate) inner: Next,
    pub(crate) dev: bool,
}

impl Step for RequestLog {
    fn run(&self, mut request: Request) -> BoxResponseFuture {
        if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            return self.inner.start(request);
        }
        let route_index = RouteIndexSlot::default();
        request.extensions_mut().insert(route_index.clone());
        let mut line = LogLine {
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get().cloned(),
            route_index,
            started: Instant::now(),
            dev: self.dev,
            is_written: false,
        };
        let response = self.inner.start(request);
        Box::pin(async move {
            let response = response.await;
            line.write(Some(&response));
            response
        })
    }
}

const TARGET: &str = "trine::request";

/// The index of the matched route, which routing stores. It is an extension of the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct RouteIndexSlot(pub(crate) Arc<OnceLock<RouteIndex>>);

/// A line of the log, with the data that is known before there is a response.
struct LogLine {
    method: Method,
    uri: Uri,
    route: Option<RouteCx>,
    route_index: RouteIndexSlot,
    started: Instant,
    dev: bool,
    is_written: bool,
}

impl LogLine {
    fn write(&mut self, response: Option<&Response>) {
        self.is_written = true;
        let duration = self.started.elapsed();
        let problem = response.and_then(Problem::of);
        let reason = match (response, problem) {
            (None, _) => {
                Some("no response: the client disconnected, or the handler panicked".to_owned())
            }
            (_, problem) => problem.map(|problem| self.reason(problem)),
        };
        tracing::info!(
            target: TARGET,
            method = %self.method,
            // The query is left out: it may contain secrets.
            path = self.uri.path(),
            status = response.map(|response| response.status().as_u16()),
            ms = duration.as_micros() as f64 / 1000.0,
            route = self.route().map(|route| route.path.as_str()),
            why = reason,
            by = problem.and_then(Problem::refused_by).map(layer_name),
            trace_id = problem.and_then(|problem| problem.member("trace_id")?.as_str()),
        );
    }

    fn route(&self) -> Option<&RouteMeta> {
        self.route.as_ref()?.app().routes.get(self.route_index.0.get()?.as_usize())
    }

    /// Why the request failed. The detail may repeat what the client sent, so it is only logged
    /// under the `dev` profile.
    fn reason(&self, problem: &Problem) -> String {
        match self.dev {
            true => without_values(problem.to_string(), self.uri.query().unwrap_or_default()),
            false => format!("{} {}", problem.status().as_u16(), problem.title_text()),
        }
    }
}

/// Writes the line of a request whose future was dropped.
impl Drop for LogLine {
    fn drop(&mut self) {
        if !self.is_written {
            self.write(None);
        }
    }
}

/// Masks the values of a query that a text quotes, whole or in part.
fn without_values(mut text: String, query: &str) -> String {
    for pair in query.split('&') {
        let Some((_, value)) = pair.split_once('=') else { continue };
        let plain = value.replace('+', " ");
        for value in [Cow::Borrowed(value), percent_decode_str(&plain).decode_utf8_lossy()] {
            for quote in ['`', '"'] {
                text = without(text, quote, &value);
            }
        }
    }
    text
}

/// Masks one value. Details shorten long values, so only the beginning of a long value is searched.
fn without(mut text: String, quote: char, value: &str) -> String {
    const BEGINNING: usize = 16;
    let (needle, is_whole) = match value.char_indices().nth(BEGINNING) {
        Some((end, _)) => (format!("{quote}{}", &value[..end]), false),
        None if value.is_empty() => return text,
        None => (format!("{quote}{value}{quote}"), true),
    };
    let mut from = 0;
    while let Some(at) = text[from..].find(&needle) {
        let start = from + at + quote.len_utf8();
        let end = match is_whole {
            true => start + value.len(),
            false => text[start..].find(quote).map_or(text.len(), |end| start + end),
        };
        text.replace_range(start..end, MASK);
        from = start + MASK.len();
    }
    text
}

const MASK: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_query_are_not_repeated() {
        for (text, query, expected) in [
            (
                "query `page`: expected a number, got `x`",
                "page=x",
                "query `page`: expected a number, got `…`",
            ),
            (
                "invalid type: string \"tok en\", expected u8",
                "token=tok+en",
                "invalid type: string \"…\", expected u8",
            ),
            ("got `a/b` and `a%2Fb`", "q=1&path=a%2Fb", "got `…` and `…`"),
            (
                "got `0123456789abcdefgh… (40 bytes)`",
                "k=0123456789abcdefghijklmnopqrstuvwxyz",
                "got `…`",
            ),
            ("got `0123456789abcdefgh", "k=0123456789abcdefghijklmnopqrstuvwxyz", "got `…"),
            ("at most 12 of them", "n=12", "at most 12 of them"),
            ("no route matches `/x`", "a=&b&=", "no route matches `/x`"),
        ] {
            assert_eq!(without_values(text.to_owned(), query), expected);
        }
    }
}
