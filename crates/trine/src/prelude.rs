//! Everything that a file of handlers needs: `use trine::prelude::*;`.

pub use bytes::Bytes;
pub use http::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use http::{Method, StatusCode, Uri};

pub use crate::extract::{Cookies, Form, Json, MatchedPath, Path, Query, State, TypedHeader};
pub use crate::respond::{Created, Html, NoContent, Redirect};

pub use crate::{
    App, Body, ConnInfo, Cx, FromParam, FromRequest, Group, IntoResponse, IntoResponseParts, Links, Needs,
    Next, Param, Problem, Rejection, Request, Response, ToParam, any, delete, get, head, middleware, options,
    patch, post, put, routes,
};
pub use trine_core::extract::{Parts, Whole};
pub use trine_macros::route;
