//! How the server proves to an authority that it controls a name: with a certificate in a handshake
//! (`tls-alpn-01`), or with a file over plain HTTP (`http-01`).

use std::ops::Deref;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use instant_acme::{ChallengeHandle, Error, KeyAuthorization};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use tower_service::Service;
use trine_core::{Body, ConnInfo};

use super::state::State;
use crate::config::AcmeChallenge;
use crate::seam::{HttpService, MakeConnection, UpgradeKind};
use crate::semantics::https::{
    ConnectionOrigin, HttpsRedirect, HttpsRedirectBody, HttpsRedirectFuture,
};

/// The ALPN protocol of `tls-alpn-01` (RFC 8737, 6.2). No requests are sent in it.
pub(in crate::tls) const ALPN: &[u8] = b"acme-tls/1";

/// The path of the file that an authority requests (RFC 8555, 8.3).
const PATH: &str = "/.well-known/acme-challenge/";

/// Stores the answer to a challenge where the connections find it.
pub(super) fn answer(
    state: &State,
    challenge: &ChallengeHandle<'_>,
    by: AcmeChallenge,
    provider: &CryptoProvider,
) -> Result<(), Error> {
    let authorization = challenge.key_authorization();
    match by {
        AcmeChallenge::TlsAlpn01 => {
            let name = challenge.identifier().to_string().to_ascii_lowercase();
            let certificate = certificate(&name, &authorization, provider).map_err(Error::Other)?;
            state.answer_by_tls(name, certificate);
        }
        AcmeChallenge::Http01 => {
            state.answer_by_http(challenge.token.clone(), authorization.as_str().to_owned());
        }
    }
    Ok(())
}

/// A certificate that only proves that this server knows the account (RFC 8737, 3).
fn certificate(
    name: &str,
    authorization: &KeyAuthorization,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Box<dyn std::error::Error + Send + Sync>> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions =
        vec![CustomExtension::new_acme_identifier(authorization.digest().as_ref())];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // It is not checked, because its critical extension is unknown to clients on purpose.
    let key = provider.key_provider.load_private_key(key)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// The services of a plain listener that answers HTTP challenges, before anything else, redirects
/// included.
pub(crate) struct AnswerChallenges<M> {
    pub(crate) inner: M,
    pub(crate) states: Arc<[Arc<State>]>,
    pub(crate) redirect: Option<(HttpsRedirect, ConnectionOrigin)>,
}

impl<M, T> MakeConnection for AnswerChallenges<M>
where
    M: Deref<Target = T> + 'static,
    T: MakeConnection,
{
    type Service = AnswerChallengesService<T::Service>;

    fn connection(&self, info: &ConnInfo) -> Self::Service {
        AnswerChallengesService {
            inner: self.inner.connection(info),
            states: Arc::clone(&self.states),
            redirect: self.redirect.clone(),
        }
    }

    fn upgrade_kind(&self, head: &http::request::Parts) -> UpgradeKind {
        if self.redirect.as_ref().is_none_or(|(_, origin)| origin.secure(&head.headers)) {
            self.inner.upgrade_kind(head)
        } else {
            UpgradeKind::Native
        }
    }

    fn extended_connect(&self) -> bool {
        self.inner.extended_connect()
    }
}

pub(crate) struct AnswerChallengesService<S> {
    inner: S,
    states: Arc<[Arc<State>]>,
    redirect: Option<(HttpsRedirect, ConnectionOrigin)>,
}

impl<S: HttpService> Service<Request<Body>> for AnswerChallengesService<S> {
    type Response = Response<HttpsRedirectBody<S::ResponseBody>>;
    type Error = S::Error;
    type Future = HttpsRedirectFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let file = request.uri().path().strip_prefix(PATH).and_then(|token| {
            let text = self.states.iter().find_map(|state| state.challenge_file(token))?;
            Some(file_response(text))
        });
        let redirected = || {
            self.redirect
                .as_ref()
                .and_then(|(redirect, origin)| redirect.response(&request, Some(origin)))
        };
        match file.or_else(redirected) {
            Some(response) => HttpsRedirectFuture::redirected(response),
            None => HttpsRedirectFuture::inner(self.inner.call(request)),
        }
    }
}

fn file_response(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
