#![allow(missing_docs, async_fn_in_trait)]
//! stub
use trine_core::{BoxError, ConnInfo};
pub trait MakeWorker: Send + Sync + 'static {
    type Worker: MakeConnection;
    fn worker(&self, index: usize) -> impl Future<Output = Result<Self::Worker, BoxError>>;
}
pub trait MakeConnection: 'static {
    type Service;
    fn connection(&self, info: &ConnInfo) -> Self::Service;
    fn foreign_upgrade(&self, head: &http::request::Parts) -> bool {
        let _ = head;
        false
    }
}
pub fn error_status(_: &BoxError) -> http::StatusCode {
    http::StatusCode::INTERNAL_SERVER_ERROR
}
