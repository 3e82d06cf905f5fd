//! The HTTP client for the authority. It opens one connection per request, since there are only a
//! dozen requests in two months.
//!
//! The client of `instant-acme` is not used, so that the connection has the cryptography of the
//! listener and each response has a size limit.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use trine_core::BoxError;
use trine_core::later::later;

use crate::config::Acme;
use crate::tls::error::TlsError;
use crate::tls::pem::Pem;

/// Sends requests to one authority.
#[derive(Clone)]
pub(super) struct Client(Arc<Inner>);

struct Inner {
    tls: TlsConnector,
    timeout: Duration,
    max_bytes: usize,
    longest_retry_after: Duration,
    /// The authority accepts no further order before this time.
    not_before: Mutex<Option<Instant>>,
}

impl Client {
    pub(super) fn new(settings: &Acme, provider: &Arc<CryptoProvider>) -> Result<Client, TlsError> {
        let config = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new("the provider of cryptography", error.to_string()))?
            .with_root_certificates(roots(settings)?)
            .with_no_client_auth();
        Ok(Client(Arc::new(Inner {
            tls: TlsConnector::from(Arc::new(config)),
            timeout: settings.request_timeout,
            max_bytes: settings.max_response_bytes,
            longest_retry_after: settings.longest_retry_after,
            not_before: Mutex::new(None),
        })))
    }

    /// The time until the authority accepts another order.
    pub(super) fn wait(&self) -> Duration {
        let until = *self.0.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

/// The authorities that the certificate of the connection is verified with.
pub(super) fn roots(settings: &Acme) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match &settings.roots {
        Some(file) => {
            let file = Pem::File(file.clone());
            for certificate in file.certificates()? {
                let added = roots.add(certificate);
                added.map_err(|error| {
                    TlsError::new(&file, format!("expected certificates of authorities: {error}"))
                })?;
            }
        }
        None => {
            let (added, _) =
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if added == 0 {
                return Err(TlsError::new(
                    "acme.roots",
                    "the system has no certificates of authorities (install `ca-certificates`), and none are configured",
                ));
            }
        }
    }
    Ok(roots)
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let url = request.uri().clone();
            let answered = match timeout(inner.timeout, inner.send(request)).await {
                Ok(answered) => answered,
                Err(_) => Err(format!("no answer within {:?}", inner.timeout).into()),
            };
            answered.map_err(|error: BoxError| Error::Other(format!("{url}: {error}").into()))
        })
    }
}

impl Inner {
    async fn send(&self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, BoxError> {
        let is_signed = request.method() == Method::POST;
        let response = self.exchange(request).await?;
        let (mut parts, body) = response.into_parts();
        self.limit_retry_after(&mut parts);
        let json =
            parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().ends_with(b"json"));
        // An error of the ACME protocol is a problem in JSON; other errors cannot be parsed as one.
        let failed = parts.status.is_client_error() || parts.status.is_server_error();
        if failed && !(is_signed && json) {
            return Err(format!("the authority answered {}", parts.status).into());
        }
        Ok(BytesResponse { parts, body: Box::new(body) })
    }

    async fn exchange(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Bytes>, BoxError> {
        let (mut parts, body) = request.into_parts();
        let (host, port) = address(&parts.uri)?;
        let tcp = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        let stream = self.tls.connect(name, tcp).await?;
        let authority = if port == 443 { host } else { format!("{host}:{port}") };
        parts.headers.insert(HOST, HeaderValue::try_from(authority)?);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = path.parse()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let mut answered = pin!(async {
            let response = sender.send_request(Request::from_parts(parts, body)).await?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, self.max_bytes).collect().await?.to_bytes();
            Ok::<_, BoxError>(Response::from_parts(parts, body))
        });
        tokio::select! {
            biased;
            answered = &mut answered => return answered,
            // The connection has ended, but what it has read before is still available.
            _ = connection => {}
        }
        answered.await
    }

    /// Records `Retry-After`, and limits the value that `instant-acme` sees.
    fn limit_retry_after(&self, parts: &mut http::response::Parts) {
        let Some(wait) = parts.headers.get(RETRY_AFTER).and_then(retry_after) else {
            parts.headers.remove(RETRY_AFTER);
            return;
        };
        let wait = wait.min(self.longest_retry_after);
        parts.headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        if [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&parts.status)
        {
            let until = later(Instant::now(), wait);
            *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
    }
}

fn address(url: &Uri) -> Result<(String, u16), BoxError> {
    if url.scheme_str() != Some("https") {
        return Err("the URL of the authority must start with `https://` (RFC 8555, 6.1)".into());
    }
    let host = url.host().ok_or("the URL has no host")?;
    Ok((host.to_owned(), url.port_u16().unwrap_or(443)))
}

/// Parses `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &'static str| retry_after(&HeaderValue::from_static(text));
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            read("18446744073709551615"),
            Some(Duration::MAX.saturating_sub(Duration::from_nanos(999_999_999)))
        );
        assert_eq!(read("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn only_https_urls_are_requested() {
        assert_eq!(address(&"https://a/x".parse().unwrap()).unwrap(), ("a".to_owned(), 443));
        assert_eq!(
            address(&"https://[::1]:14000/x".parse().unwrap()).unwrap(),
            ("[::1]".to_owned(), 14000)
        );
        address(&"http://a/x".parse().unwrap()).unwrap_err();
    }
}
