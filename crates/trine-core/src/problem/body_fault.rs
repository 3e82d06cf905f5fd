//! The fault of the client behind an error of the request body, found through any wrapper.
//!
//! Wrappers hide the `BodyError` inside them: `std::io::Error::other` and the transparent errors of
//! `thiserror` show only the `source` of what they wrap. For that reason the chain of causes of
//! each `BodyError` that is the client's fault contains a [`BodyFault`] or a [`BodyRefusal`], which
//! survives such a wrapper.
//!
//! Only a body that is marked as the body of a request has errors that are the client's fault, see
//! `Body::mark_request`. If the response of an upstream or a stream of the server fails, the fault
//! is the server's, and the response is a 500.

use std::error::Error;
use std::io::{self, ErrorKind};

use http::StatusCode;
use http_body_util::LengthLimitError;

use super::Problem;
use crate::{BodyError, BoxError};

/// The fault of the client in the body of its request, with its status. It is the `source` of each
/// `BodyError` that has no other source.
#[derive(Debug)]
pub(crate) struct BodyFault {
    status: StatusCode,
    text: &'static str,
}

/// The reason why a layer refused the body of a request, in [`BodyError::Refused`]. Its `source` is
/// the error of the layer.
#[derive(Debug)]
pub struct BodyRefusal {
    fault: &'static BodyFault,
    error: BoxError,
}

impl BodyRefusal {
    /// The refusal that an error of a layer represents: a limit was exceeded, or a decoder does not
    /// understand its input.
    ///
    /// # Errors
    /// Returns the error unchanged if the client is not to blame for it.
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    /// use trine_core::body::BodyRefusal;
    ///
    /// let refusal = BodyRefusal::new(Error::new(ErrorKind::InvalidData, "not gzip")).unwrap();
    /// assert_eq!(refusal.status(), 400);
    /// assert!(BodyRefusal::new(Error::from(ErrorKind::NotFound)).is_err());
    /// ```
    pub fn new(error: impl Into<BoxError>) -> Result<BodyRefusal, BoxError> {
        let error = error.into();
        match find(&*error, false).is_none().then(|| layer_fault(&*error)).flatten() {
            Some(fault) => Ok(BodyRefusal { fault, error }),
            None => Err(error),
        }
    }

    /// The status that the client gets: 413 for a limit, 400 for an encoding.
    ///
    /// ```
    /// use http_body_util::{BodyExt as _, Full, Limited};
    /// use trine_core::body::BodyRefusal;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = Limited::new(Full::<bytes::Bytes>::from("hello"), 4);
    /// let error = body.collect().await.unwrap_err();
    /// assert_eq!(BodyRefusal::new(error).unwrap().status(), 413);
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.fault.status
    }

    /// The error of the layer.
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    /// use trine_core::body::BodyRefusal;
    ///
    /// let refusal = BodyRefusal::new(Error::new(ErrorKind::InvalidData, "not gzip")).unwrap();
    /// assert_eq!(refusal.into_inner().to_string(), "not gzip");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> BoxError {
        self.error
    }
}

/// The status for an error that was caused by an error of the request body; `None` for any other
/// error.
#[must_use]
pub fn body_status(error: &(dyn Error + 'static)) -> Option<StatusCode> {
    find(error, true).map(|(status, _)| status)
}

/// The problem of an error that was caused by an error of the request body.
///
/// # Errors
/// Returns the error unchanged if the request body did not cause it.
pub fn problem(error: BoxError) -> Result<Problem, BoxError> {
    match find(&*error, true) {
        Some((status, text)) => Ok(Problem::new(status).detail(text).source(error)),
        None => Err(error),
    }
}

/// Finds the fault of the client in the chain of causes.
///
/// A [`LengthLimitError`] comes from a layer that counts the bytes itself, and does not say which
/// body it counted. With `limits` it is treated as a limit on the request body. Inside a
/// `BodyError` of another body it is not.
fn find(error: &(dyn Error + 'static), limits: bool) -> Option<(StatusCode, String)> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(body) = error.downcast_ref::<BodyError>() {
            return client_fault(body);
        }
        let fault = if limits && error.is::<LengthLimitError>() {
            Some(&LIMIT_OF_A_LAYER)
        } else if let Some(refusal) = error.downcast_ref::<BodyRefusal>() {
            Some(refusal.fault)
        } else {
            error.downcast_ref::<BodyFault>()
        };
        if let Some(fault) = fault {
            return Some((fault.status, fault.text.to_owned()));
        }
        next = error.source();
    }
    None
}

/// The status and the text for the client; `None` if the client is not to blame.
fn client_fault(error: &BodyError) -> Option<(StatusCode, String)> {
    match error {
        BodyError::Other(inside) => find(&**inside, false),
        BodyError::Refused(refusal) => Some((refusal.status(), refusal.to_string())),
        own => own_fault(own).map(|fault| (fault.status, own.to_string())),
    }
}

/// The fault of an error that no other error caused.
fn own_fault(error: &BodyError) -> Option<&'static BodyFault> {
    match error {
        BodyError::TooLarge { of_request, .. } => of_request.then_some(&TOO_LARGE),
        BodyError::TimedOut => Some(&TIMED_OUT),
        BodyError::Incomplete => Some(&INCOMPLETE),
        BodyError::Malformed(_) => Some(&MALFORMED),
        BodyError::Refused(_) | BodyError::Other(_) => None,
    }
}

/// The fault behind an error of a layer that reads the request body. Decoders report invalid input
/// as I/O errors that do not come from the operating system.
fn layer_fault(error: &(dyn Error + 'static)) -> Option<&'static BodyFault> {
    const OF_DECODERS: [ErrorKind; 4] = [
        ErrorKind::InvalidData,
        ErrorKind::InvalidInput,
        ErrorKind::UnexpectedEof,
        ErrorKind::Other,
    ];
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return Some(&LIMIT_OF_A_LAYER);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let of_decoder = error.raw_os_error().is_none() && OF_DECODERS.contains(&error.kind());
            return of_decoder.then_some(&UNDECODABLE);
        }
        next = error.source();
    }
    None
}

/// The `source` of a `BodyError`.
pub(crate) fn source(error: &BodyError) -> Option<&(dyn Error + 'static)> {
    match error {
        BodyError::Refused(refusal) => Some(refusal),
        BodyError::Other(inside) => Some(&**inside),
        own => own_fault(own).map(|fault| fault as _),
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        match (client_fault(&error), error) {
            (Some((status, text)), error) => Problem::new(status).detail(text).source(error),
            (None, BodyError::Other(inside)) => Problem::internal(inside),
            (None, error) => Problem::internal(error),
        }
    }
}

impl std::fmt::Display for BodyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl Error for BodyFault {}

impl std::fmt::Display for BodyRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.fault.text)
    }
}

impl Error for BodyRefusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

const fn fault(status: StatusCode, text: &'static str) -> BodyFault {
    BodyFault { status, text }
}

// Each text begins the text of its `BodyError`, so that a log that leaves out repetitions leaves it
// out.
static TOO_LARGE: BodyFault =
    fault(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than the limit");
static LIMIT_OF_A_LAYER: BodyFault =
    fault(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than this server allows");
static TIMED_OUT: BodyFault = fault(StatusCode::REQUEST_TIMEOUT, "the body stalled for too long");
static INCOMPLETE: BodyFault =
    fault(StatusCode::BAD_REQUEST, "the body ended before its last byte");
static MALFORMED: BodyFault = fault(StatusCode::BAD_REQUEST, "the body is malformed");
static UNDECODABLE: BodyFault =
    fault(StatusCode::BAD_REQUEST, "the body is not what its content encoding says");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::from_error;

    /// A transparent error, as thiserror generates it.
    #[derive(Debug)]
    struct Transparent(BodyError);

    impl std::fmt::Display for Transparent {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }

    impl Error for Transparent {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.source()
        }
    }

    fn told(error: impl Into<BoxError>) -> (u16, String) {
        let problem = from_error(error.into()).unwrap_or_else(Problem::internal);
        (problem.status().as_u16(), problem.detail_text().unwrap_or_default().to_owned())
    }

    fn refused(error: io::Error) -> BodyError {
        BodyError::Refused(BodyRefusal::new(error).unwrap())
    }

    #[test]
    fn a_body_error_keeps_its_status_inside_of_any_other_error() {
        let other = |inside: BoxError| BodyError::Other(inside);
        let makes: [(fn() -> BodyError, u16); 4] = [
            (|| BodyError::TooLarge { limit: 7, of_request: true }, 413),
            (|| BodyError::TimedOut, 408),
            (|| BodyError::Incomplete, 400),
            (|| BodyError::Malformed("how"), 400),
        ];
        for (make, status) in makes {
            let text = make().to_string();
            assert_eq!(told(make()), (status, text.clone()));
            assert_eq!(told(other(make().into())), (status, text));
            assert_eq!(told(io::Error::other(make())).0, status);
            assert_eq!(told(Transparent(make())).0, status);
            assert_eq!(
                told(io::Error::other(Transparent(other(io::Error::other(make()).into())))).0,
                status
            );
            let problem = Problem::from(other(io::Error::other(make()).into()));
            assert_eq!(problem.status().as_u16(), status);
            // The fault is the last cause, and the text of the error starts with its text.
            let fault = make().source().unwrap().downcast_ref::<BodyFault>().unwrap().to_string();
            assert!(make().to_string().starts_with(&fault), "{fault}");
            assert!(other(make().into()).source().unwrap().is::<BodyError>());
        }
    }

    #[test]
    fn decoder_errors_are_the_clients_fault_and_system_errors_are_not() {
        let decoder = || refused(io::Error::new(ErrorKind::InvalidData, "no gzip"));
        let expected = (400, "the body is not what its content encoding says".to_owned());
        assert_eq!(told(decoder()), expected);
        assert_eq!(told(Transparent(decoder())), expected);
        let disk = || BodyError::Other(io::Error::from_raw_os_error(28).into());
        assert_eq!(told(disk()).0, 500);
        assert_eq!(told(Transparent(disk())).0, 500);
        // An error of a body other than the request's.
        for kind in [
            ErrorKind::InvalidData,
            ErrorKind::InvalidInput,
            ErrorKind::UnexpectedEof,
            ErrorKind::Other,
        ] {
            let upstream = || BodyError::Other(io::Error::new(kind, "cut off").into());
            assert_eq!(told(upstream()).0, 500);
            assert_eq!(told(Transparent(upstream())).0, 500);
        }
        let large = || BodyError::TooLarge { limit: 7, of_request: false };
        assert_eq!(told(large()).0, 500);
        assert_eq!(told(BodyError::Other(large().into())).0, 500);
        assert_eq!(told(Transparent(large())).0, 500);
        // An error that concerns no body.
        assert_eq!(told(io::Error::new(ErrorKind::InvalidData, "the file is no TOML")).0, 500);
        assert_eq!(told(BodyError::Other("the queue is gone".into())).0, 500);
    }
}
