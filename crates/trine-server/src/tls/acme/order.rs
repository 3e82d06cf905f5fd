//! From an account to a certificate (RFC 8555, 7.4).

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rustls::crypto::CryptoProvider;
use trine_core::later::NEVER;

use super::challenge;
use super::state::State;
use crate::config::{Acme, AcmeChallenge};

/// Orders a certificate for a new key, and returns both as PEM, the key first.
pub(super) async fn order(
    settings: &Acme,
    account: &Account,
    state: &State,
    provider: &CryptoProvider,
    replaces: Option<CertificateIdentifier<'static>>,
) -> Result<String, Error> {
    let names: Vec<_> =
        settings.domains.iter().map(|name| Identifier::Dns(name.to_ascii_lowercase())).collect();
    let mut new = NewOrder::new(&names);
    if let Some(old) = replaces {
        new = new.replaces(old);
    }
    let mut order = account.new_order(&new).await?;
    // The policy adds these times to the current time.
    let (first, limit) = (settings.poll_interval.min(NEVER), settings.order_timeout.min(NEVER));
    let policy = RetryPolicy::new().initial_delay(first).timeout(limit);
    if order.state().status == OrderStatus::Pending {
        answer_challenges(&mut order, settings, state, provider).await?;
        if order.poll_ready(&policy).await? == OrderStatus::Invalid {
            return Err(explain(&mut order).await);
        }
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&policy).await?;
    Ok(format!("{key}{chain}"))
}

/// Answers the challenges, and reports to the authority that the answers are ready.
async fn answer_challenges(
    order: &mut Order,
    settings: &Acme,
    state: &State,
    provider: &CryptoProvider,
) -> Result<(), Error> {
    let (kind, name) = match settings.challenge {
        AcmeChallenge::TlsAlpn01 => (ChallengeType::TlsAlpn01, "tls-alpn-01"),
        AcmeChallenge::Http01 => (ChallengeType::Http01, "http-01"),
    };
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            other => {
                let name = authorization.identifier().to_string();
                return Err(Error::Other(
                    format!("the authorization for {name} is {other:?}").into(),
                ));
            }
        }
        let Some(mut offered) = authorization.challenge(kind.clone()) else {
            return Err(Error::Other(
                format!("the authority does not offer `{name}`; choose another challenge").into(),
            ));
        };
        challenge::answer(state, &offered, settings.challenge, provider)?;
        offered.set_ready().await?;
    }
    Ok(())
}

/// The reasons why the authority did not accept the answers.
async fn explain(order: &mut Order) -> Error {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let problems =
            authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        reasons
            .extend(problems.map(|problem| format!("{}: {problem}", authorization.identifier())));
    }
    let reasons =
        if reasons.is_empty() { "it states no reason".to_owned() } else { reasons.join("; ") };
    Error::Other(
        format!("the authority did not accept the answer to its challenge: {reasons}").into(),
    )
}
