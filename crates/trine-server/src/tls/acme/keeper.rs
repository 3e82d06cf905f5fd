//! The task that renews a certificate.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::Error;
use rustls::crypto::CryptoProvider;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use trine_core::later::later;

use super::account::{self, StoredAccount};
use super::cache::AcmeCache;
use super::client::Client;
use super::managed::{Managed, distinct};
use super::order::order;
use super::renewal::{self, CertificateInfo};
use super::retry;
use crate::server::shutdown::{Phase, reached};
use crate::tls::acceptor::TlsAcceptor;
use crate::tls::certificate;
use crate::tls::error::TlsError;
use crate::tls::pem::Pem;

/// Loads the certificates of the cache, and returns one task per certificate that renews it until
/// the server ends.
pub(crate) async fn start(
    acceptors: &[Arc<TlsAcceptor>],
    phase: &watch::Receiver<Phase>,
) -> Result<Vec<impl Future<Output = ()> + Send + use<>>, TlsError> {
    let mut tasks = Vec::new();
    for (managed, provider) in distinct(acceptors.iter())? {
        let mut keeper = Keeper::new(managed, provider)?;
        keeper.begin().await;
        let mut phase = phase.clone();
        tasks.push(async move {
            reached(&mut phase, Phase::Running).await;
            tokio::select! {
                () = keeper.keep() => {}
                () = reached(&mut phase, Phase::Leaving) => {}
            }
        });
    }
    Ok(tasks)
}

struct Keeper {
    managed: Managed,
    cache: Arc<dyn AcmeCache>,
    /// The certificate's name in the cache.
    name: String,
    client: Client,
    provider: Arc<CryptoProvider>,
    account: Option<StoredAccount>,
    /// Whether the authority has rejected the account of the cache.
    account_unknown: bool,
    /// The current certificate, and when its renewal is due.
    current: Option<(CertificateInfo, SystemTime)>,
    /// Whether the authority suggests a time of renewal.
    suggests: bool,
    /// Suggestions are ignored before this time, so that wrong ones cause no series of orders.
    no_suggestion_before: SystemTime,
    failures: u32,
}

impl Keeper {
    fn new(managed: Managed, provider: Arc<CryptoProvider>) -> Result<Keeper, TlsError> {
        let settings = &managed.settings;
        // `check` has made sure that there is one.
        let first = settings.domains.first().map_or("", String::as_str).to_ascii_lowercase();
        Ok(Keeper {
            name: format!("{}.{first}.pem", account::authority(settings)),
            client: Client::new(settings, &provider)?,
            cache: managed.cache(),
            managed,
            provider,
            account: None,
            account_unknown: false,
            current: None,
            suggests: false,
            no_suggestion_before: SystemTime::UNIX_EPOCH,
            failures: 0,
        })
    }

    /// Loads the certificate from the cache. If it is not there, it is ordered once the server
    /// runs.
    async fn begin(&mut self) {
        let loaded = timeout(self.managed.settings.request_timeout, self.load()).await;
        let domains = &self.managed.settings.domains;
        match loaded {
            Ok(Ok(())) if self.current.is_some() => {}
            Ok(Ok(())) => tracing::warn!(
                ?domains,
                "ACME: there is no certificate yet; until it is issued, handshakes for these names fail"
            ),
            Ok(Err(error)) => {
                tracing::error!(%error, ?domains, "ACME: nothing is ordered without the cache");
            }
            Err(_) => tracing::error!(
                ?domains,
                "ACME: the cache does not answer, and nothing is ordered without it"
            ),
        }
    }

    async fn keep(&mut self) {
        loop {
            let wait = self.wait().await;
            if !wait.is_zero() {
                sleep(wait).await;
                continue;
            }
            let limit = self.managed.settings.order_timeout;
            let renewed = match timeout(limit, self.renew()).await {
                Ok(renewed) => renewed,
                Err(_) => {
                    Err(Error::Other(format!("the order was not finished within {limit:?}").into()))
                }
            };
            self.managed.state.clear_answers();
            let Err(error) = renewed else {
                self.failures = 0;
                continue;
            };
            self.failures = self.failures.saturating_add(1);
            let pause = retry::pause(&self.managed.settings, self.failures, &self.provider);
            let pause = pause.max(self.client.wait());
            let (domains, failures) = (&self.managed.settings.domains, self.failures);
            tracing::error!(%error, ?domains, failures, again_in = ?pause, "ACME: no new certificate was issued");
            sleep(pause).await;
        }
    }

    /// The time until the next check. It is bounded, because the clock may be set and the authority
    /// may change its suggestion.
    async fn wait(&mut self) -> Duration {
        let remaining = |due: SystemTime| due.duration_since(SystemTime::now()).unwrap_or_default();
        let Some((_, due)) = self.current else { return Duration::ZERO };
        if remaining(due).is_zero() {
            return Duration::ZERO;
        }
        let due = match timeout(self.managed.settings.order_timeout, self.suggestion()).await {
            Ok(Ok(Some(suggested))) => suggested.max(self.no_suggestion_before).min(due),
            Ok(Ok(None)) => due,
            Ok(Err(error)) => {
                tracing::debug!(%error, "ACME: the authority could not be asked when to renew");
                due
            }
            Err(_) => due,
        };
        if let Some((_, known)) = &mut self.current {
            *known = due;
        }
        remaining(due).min(self.managed.settings.check_interval)
    }

    /// The time at which the authority wants the certificate to be renewed (RFC 9773), unless the
    /// current plan already agrees with it.
    async fn suggestion(&mut self) -> Result<Option<SystemTime>, Error> {
        if self.account.is_none() && !self.account_unknown {
            self.account =
                StoredAccount::load(&self.managed.settings, &self.cache, &self.client).await?;
        }
        let (Some(known), Some((info, due))) = (&self.account, &self.current) else {
            return Ok(None);
        };
        let Some(identifier) = &info.identifier else { return Ok(None) };
        let window = match known.account.renewal_info(identifier).await {
            Ok((renewal, _)) => renewal.suggested_window,
            Err(Error::Unsupported(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.suggests = true;
        let (start, end) = (window.start.into(), window.end.into());
        Ok((!(start..=end).contains(due)).then(|| renewal::within(start, end, &self.provider)))
    }

    /// Loads a certificate that another instance has ordered, or orders one.
    async fn renew(&mut self) -> Result<(), Error> {
        self.load().await?;
        if self.current.as_ref().is_some_and(|(_, due)| *due > SystemTime::now()) {
            return Ok(());
        }
        let began = Instant::now();
        let pem = self.order().await?;
        self.install(&pem).map_err(|error| Error::Other(error.into()))?;
        let domains = &self.managed.settings.domains;
        tracing::info!(?domains, took = ?began.elapsed(), "ACME: a new certificate is in use");
        if let Err(error) = self.cache.store(&self.name, pem.into_bytes()).await {
            let location = self.cache.location(&self.name);
            tracing::error!(%error, "ACME: {location} cannot be written; a restart will order another certificate");
        }
        let now = SystemTime::now();
        self.no_suggestion_before = later(now, self.managed.settings.check_interval);
        match &self.current {
            // Otherwise orders would follow each other without a pause.
            Some((_, due)) if *due <= now => Err(Error::Other(
                "the new certificate is already due for renewal: is the clock right?".into(),
            )),
            _ => Ok(()),
        }
    }

    async fn order(&mut self) -> Result<String, Error> {
        let settings = &self.managed.settings;
        if self.account.is_none() && !self.account_unknown {
            self.account = StoredAccount::load(settings, &self.cache, &self.client).await?;
        }
        let known = match &self.account {
            Some(known) => known,
            None => self.account.insert(StoredAccount::create(settings, &self.client).await?),
        };
        self.account_unknown = false;
        known.store(settings, &self.cache).await?;
        // An authority may reject the reference to the old certificate; the next attempt omits it.
        let old = self.current.as_ref().and_then(|(info, _)| info.identifier.clone());
        let old = old.filter(|_| self.suggests && self.failures == 0);
        let ordered =
            order(settings, &known.account, &self.managed.state, &self.provider, old).await;
        if let Err(Error::Api(problem)) = &ordered
            && problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
        {
            // The next attempt creates another account.
            self.account = None;
            self.account_unknown = true;
        }
        ordered
    }

    /// Installs the certificate of the cache, if it is usable and new.
    async fn load(&mut self) -> Result<(), Error> {
        let location = self.cache.location(&self.name);
        let kept = self.cache.load(&self.name).await;
        let kept =
            kept.map_err(|error| account::cache_error("read", &self.cache, &self.name, &error))?;
        let Some(kept) = kept else { return Ok(()) };
        if let Err(error) = self.install(&String::from_utf8_lossy(&kept)) {
            tracing::error!(%error, "ACME: {location} cannot be used; another certificate is ordered");
        }
        Ok(())
    }

    fn install(&mut self, pem: &str) -> Result<(), String> {
        let text = Pem::text(pem);
        let certified = certificate::load(&text, &text, &self.provider)
            .map_err(|error| error.to_string())?
            .certified;
        let info = certified.cert.first().map(|der| CertificateInfo::of(der));
        let info = info.and_then(Result::ok).ok_or("the certificate cannot be read (X.509)")?;
        let domains = &self.managed.settings.domains;
        if !info.covers(domains) {
            return Err(format!(
                "expected a certificate for {domains:?}, got one for {:?}",
                info.names
            ));
        }
        let current = self.managed.state.certificate();
        if current.is_some_and(|current| current.cert == certified.cert) {
            return Ok(());
        }
        let due = info.due(&self.provider);
        self.current = Some((info, due));
        self.managed.state.install(certified);
        Ok(())
    }
}
