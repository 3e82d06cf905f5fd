//! One line in the log for each request: what was asked, what became of it, how long it took.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use trine_core::{Problem, Request, Response, RouteCx, RouteMeta};

use crate::declare::names::layer_name;
use crate::dispatch::endpoint::Answer;
use crate::dispatch::next::{Next, Step};
use crate::dispatch::router::index::RouteIndex;

/// Stands around everything else of an application that logs its requests; in others there is
/// nothing of it.
pub(crate) struct RequestLog {
    pub(crate) inner: Next,
    pub(crate) dev: bool,
}

impl Step for RequestLog {
    fn run(&self, mut request: Request) -> Answer {
        if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            return self.inner.start(request);
        }
        let seen = Seen::default();
        request.extensions_mut().insert(seen.clone());
        let mut line = Line {
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get().cloned(),
            seen,
            began: Instant::now(),
            dev: self.dev,
            is_told: false,
        };
        let answer = self.inner.start(request);
        Box::pin(async move {
            let response = answer.await;
            line.tell(Some(&response));
            response
        })
    }
}

const TARGET: &str = "trine::request";

/// Where routing notes the index of the route.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(pub(crate) Arc<OnceLock<RouteIndex>>);

/// What is known of a request before it is answered.
struct Line {
    method: Method,
    uri: Uri,
    route: Option<RouteCx>,
    seen: Seen,
    began: Instant,
    dev: bool,
    is_told: bool,
}

impl Line {
    fn tell(&mut self, response: Option<&Response>) {
        self.is_told = true;
        let took = self.began.elapsed();
        let problem = response.and_then(Problem::of);
        let why = match (response, problem) {
            (None, _) => Some("no answer: the client left, or the handler panicked".to_owned()),
            (_, problem) => problem.map(|problem| self.why(problem)),
        };
        tracing::info!(
            target: TARGET,
            method = %self.method,
            // The query stays out: it may hold what opens something.
            path = self.uri.path(),
            status = response.map(|response| response.status().as_u16()),
            ms = took.as_micros() as f64 / 1000.0,
            route = self.route().map(|route| route.path.as_str()),
            why,
            by = problem.and_then(Problem::refused_by).map(layer_name),
            trace_id = problem.and_then(|problem| problem.member("trace_id")?.as_str()),
        );
    }

    fn route(&self) -> Option<&RouteMeta> {
        self.route.as_ref()?.app().routes.get(self.seen.0.get()?.as_usize())
    }

    /// Why it was refused. The detail may repeat what the client sent, so only developers read it.
    fn why(&self, problem: &Problem) -> String {
        match self.dev {
            true => without_values(problem.to_string(), self.uri.query().unwrap_or_default()),
            false => format!("{} {}", problem.status().as_u16(), problem.title_text()),
        }
    }
}

/// The future of the request was dropped.
impl Drop for Line {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(None);
        }
    }
}

/// A text without the values of a query that it quotes, whole or in part.
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

/// Details clip what is long, so of a long value the beginning is looked for.
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
            ("nothing stands at `/x`", "a=&b&=", "nothing stands at `/x`"),
        ] {
            assert_eq!(without_values(text.to_owned(), query), expected);
        }
    }
}
