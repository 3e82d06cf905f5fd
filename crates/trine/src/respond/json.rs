//! A JSON response.

use http::HeaderValue;
use serde::Serialize;
use trine_core::respond::with_type;
use trine_core::{Body, IntoResponse, Problem, Response};

use crate::extract::Json;

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        // Most bodies fit into this; longer ones reallocate once or twice.
        let mut text = Vec::with_capacity(128);
        let written = serde_json::to_writer(&mut text, &self.0);
        respond(text, written)
    }
}

fn respond(text: Vec<u8>, written: Result<(), serde_json::Error>) -> Response {
    match written {
        Ok(()) => with_type(HeaderValue::from_static("application/json"), Body::from(text)),
        Err(error) => Problem::internal(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_compact_json() {
        let response = Json(["a", "b"]).into_response();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.body().as_whole().unwrap(), br#"["a","b"]"#);
    }

    #[test]
    fn a_failure_leaks_nothing() {
        struct Broken;
        impl Serialize for Broken {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("secret"))
            }
        }
        let mut response = Json(Broken).into_response();
        assert_eq!(response.status(), 500);
        assert!(!String::from_utf8_lossy(response.body().as_whole().unwrap()).contains("secret"));
        assert_eq!(
            Problem::take(&mut response).unwrap().source_error().unwrap().to_string(),
            "secret"
        );
    }
}
