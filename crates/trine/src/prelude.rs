//! Everything that a file of handlers needs: `use trine::prelude::*;`.

pub use bytes::Bytes;
pub use http::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use http::{Method, StatusCode, Uri};

#[cfg(feature = "multipart")]
pub use crate::extract::Multipart;
pub use crate::extract::{Cookies, Form, Json, MatchedPath, Path, Query, State, TypedHeader};
#[cfg(feature = "multipart")]
pub use crate::form::TempFile;
pub use crate::form::{FromForm, Submitted};
pub use crate::respond::{Created, Html, NoContent, Redirect};

pub use crate::problem::catch::{self, Caught};
pub use crate::problem::error::Context;
#[cfg(feature = "ws")]
pub use crate::realtime::ws::{WebSocket, Ws};
pub use crate::validation::Valid;
pub use crate::{
    App, Body, ConnInfo, Cx, FromParam, FromRequest, Group, IntoResponse, IntoResponseParts, Links,
    Needs, Next, Param, Problem, Rejection, Request, Response, ToParam, any, delete, get, head,
    middleware, options, patch, post, put, query, routes,
};
pub use trine_core::extract::Head;
pub use trine_macros::route;
