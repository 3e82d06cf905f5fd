//! What an error of the request's body tells the client, wherever among the causes of another error
//! it stands.
//!
//! Only a body that is marked as that of a request gives errors that are the client's: see
//! `Body::mark_request`. An answer of an upstream, or a stream of the server's own, fails on the
//! account of the server.

use std::error::Error;
use std::io::{self, ErrorKind};

use http::StatusCode;
use http_body_util::LengthLimitError;

use super::Problem;
use super::conversion::{Derived, asking};
use crate::{BodyError, BoxError};

/// The status and the text for the client: what went wrong with the body of its request.
///
/// An error of the body gives it in the place of its `source` while somebody asks.
#[derive(Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    text: &'static str,
}

/// The status that an error of the request's body among the causes of an error asks for.
#[must_use]
pub fn body_status(error: &(dyn Error + 'static)) -> Option<StatusCode> {
    find(error, true).map(|found| found.0)
}

/// The problem of an error that an error of the request's body has caused.
///
/// # Errors
/// The error as it was, where none has.
pub fn problem(error: BoxError) -> Result<Problem, BoxError> {
    match find(&*error, true) {
        Some((status, text)) => Ok(Problem::new(status).detail(text).source(error)),
        None => Err(error),
    }
}

/// Layers that count by themselves have one error of their own, which says nothing of the body:
/// `limits` takes it for the request's. Inside of an error of a body that is not the request's it
/// is not.
fn find(error: &(dyn Error + 'static), limits: bool) -> Option<(StatusCode, String)> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(body) = error.downcast_ref::<BodyError>() {
            return told(body);
        }
        let fault =
            if limits && error.is::<LengthLimitError>() { Some(&OF_A_LAYER) } else { asked(error) };
        if let Some(fault) = fault {
            return Some((fault.status, fault.text.to_owned()));
        }
        next = error.source();
    }
    None
}

/// What a wrapper gives that passes on the `source` of an error of the body.
fn asked<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Fault> {
    asking(true, || error.source()?.downcast_ref())
}

fn told(error: &BodyError) -> Option<(StatusCode, String)> {
    match error {
        BodyError::Other(inside) => find(&**inside, false),
        BodyError::Refused(_) => fault(error).map(|fault| (fault.status, fault.text.to_owned())),
        own => fault(own).map(|fault| (fault.status, own.to_string())),
    }
}

/// The fault of the client behind an error; `None` where the client is not to blame.
fn fault(error: &BodyError) -> Option<&Fault> {
    match error {
        BodyError::TooLarge { of_request, .. } => of_request.then_some(&TOO_LARGE),
        BodyError::TimedOut => Some(&TIMED_OUT),
        BodyError::Incomplete => Some(&INCOMPLETE),
        BodyError::Malformed(_) => Some(&MALFORMED),
        BodyError::Refused(inside) => refusal(&**inside),
        BodyError::Other(inside) => match find(&**inside, false) {
            Some((StatusCode::PAYLOAD_TOO_LARGE, _)) => Some(&TOO_LARGE),
            Some((StatusCode::REQUEST_TIMEOUT, _)) => Some(&TIMED_OUT),
            Some(_) => Some(&MALFORMED),
            None => None,
        },
    }
}

/// Whether an error of what is wrapped around the body of a request blames the client.
pub(crate) fn is_refused(error: &(dyn Error + 'static)) -> bool {
    find(error, false).is_none() && refusal(error).is_some()
}

/// Why a layer refuses the body of a request. What decoders say are I/O errors that no system made.
fn refusal(error: &(dyn Error + 'static)) -> Option<&'static Fault> {
    const SAID: [ErrorKind; 4] = [
        ErrorKind::InvalidData,
        ErrorKind::InvalidInput,
        ErrorKind::UnexpectedEof,
        ErrorKind::Other,
    ];
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return Some(&OF_A_LAYER);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let said = error.raw_os_error().is_none() && SAID.contains(&error.kind());
            return said.then_some(&UNDECODABLE);
        }
        next = error.source();
    }
    None
}

/// The `source` of an error of the body.
pub(crate) fn source(error: &BodyError) -> Option<&(dyn Error + 'static)> {
    if Derived::is_asked_for()
        && let Some(fault) = asking(false, || fault(error))
    {
        return Some(fault);
    }
    match error {
        BodyError::Refused(inside) | BodyError::Other(inside) => Some(&**inside),
        _ => None,
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        match (told(&error), error) {
            (Some((status, text)), error) => Problem::new(status).detail(text).source(error),
            (None, BodyError::Other(inside)) => Problem::internal(inside),
            (None, error) => Problem::internal(error),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl Error for Fault {}

const fn of(status: StatusCode, text: &'static str) -> Fault {
    Fault { status, text }
}

static TOO_LARGE: Fault = of(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than the limit");
static OF_A_LAYER: Fault =
    of(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than this server allows");
static TIMED_OUT: Fault = of(StatusCode::REQUEST_TIMEOUT, "the body stalled for too long");
static INCOMPLETE: Fault = of(StatusCode::BAD_REQUEST, "the body ended before its last byte");
static MALFORMED: Fault = of(StatusCode::BAD_REQUEST, "the body is malformed");
static UNDECODABLE: Fault =
    of(StatusCode::BAD_REQUEST, "the body is not what its content encoding says");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::from_error;

    /// As thiserror writes a transparent error.
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

    #[test]
    fn an_error_of_the_body_keeps_its_status_inside_of_any_other() {
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
            // Who does not ask sees the chain as it is.
            assert!(
                make().source().is_none()
                    && other(make().into()).source().unwrap().is::<BodyError>()
            );
        }
    }

    #[test]
    fn what_a_decoder_says_is_the_clients_fault_and_what_the_system_says_is_not() {
        let decoder =
            || BodyError::Refused(io::Error::new(ErrorKind::InvalidData, "no gzip").into());
        let expected = (400, "the body is not what its content encoding says".to_owned());
        assert_eq!(told(decoder()), expected);
        assert_eq!(told(Transparent(decoder())), expected);
        let disk = || BodyError::Other(io::Error::from_raw_os_error(28).into());
        assert_eq!(told(disk()).0, 500);
        assert_eq!(told(Transparent(disk())).0, 500);
        // Of a body that is not the request's.
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
        // Not of a body at all.
        assert_eq!(told(io::Error::new(ErrorKind::InvalidData, "the file is no TOML")).0, 500);
        assert_eq!(told(BodyError::Other("the queue is gone".into())).0, 500);
    }
}
