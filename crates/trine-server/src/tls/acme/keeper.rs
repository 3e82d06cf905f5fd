//! The task that keeps a certificate fresh.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::Error;
use rustls::crypto::CryptoProvider;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use trine_core::later::later;

use super::account::{self, Known};
use super::cache::AcmeCache;
use super::client::Client;
use super::renewal::{self, Term};
use super::order::order;
use super::{Managed, distinct, retry};
use crate::server::connection::Door;
use crate::server::shutdown::{Phase, reached};
use crate::tls::certificate::{self, Pem};
use crate::tls::error::TlsError;

/// Shows what the cache has, and tells what keeps it fresh from then on: one task a certificate,
/// which ends with the server.
pub(crate) async fn start(
    doors: &[Arc<Door>],
    phase: &watch::Receiver<Phase>,
) -> Result<Vec<impl Future<Output = ()> + Send + use<>>, TlsError> {
    let mut tasks = Vec::new();
    for (managed, provider) in distinct(doors)? {
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
    account: Option<Known>,
    /// The authority does not know the account of the cache.
    forgotten: bool,
    /// The certificate that is shown, and when it is due.
    shown: Option<(Term, SystemTime)>,
    /// Whether the authority says when to renew.
    suggests: bool,
    /// Before this, no suggestion counts: it may be wrong each time.
    settled: SystemTime,
    failures: u32,
}

impl Keeper {
    fn new(managed: Managed, provider: Arc<CryptoProvider>) -> Result<Keeper, TlsError> {
        let settings = &managed.settings;
        // That there is one was checked.
        let first = settings.domains.first().map_or("", String::as_str).to_ascii_lowercase();
        Ok(Keeper {
            name: format!("{}.{first}.pem", account::authority(settings)),
            client: Client::new(settings, &provider)?,
            cache: managed.cache(),
            managed,
            provider,
            account: None,
            forgotten: false,
            shown: None,
            suggests: false,
            settled: SystemTime::UNIX_EPOCH,
            failures: 0,
        })
    }

    /// Shows what is in the cache. What is not will be ordered once the server runs.
    async fn begin(&mut self) {
        let looked = timeout(self.managed.settings.request_timeout, self.look()).await;
        let domains = &self.managed.settings.domains;
        match looked {
            Ok(Ok(())) if self.shown.is_some() => {}
            Ok(Ok(())) => tracing::warn!(
                ?domains,
                "ACME: there is no certificate yet; until one is there, handshakes for these names are refused"
            ),
            Ok(Err(error)) => {
                tracing::error!(%error, ?domains, "ACME: nothing is ordered without the cache")
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
                    Err(Error::Other(format!("the order was not done within {limit:?}").into()))
                }
            };
            self.managed.state.forget_proofs();
            let Err(error) = renewed else {
                self.failures = 0;
                continue;
            };
            self.failures = self.failures.saturating_add(1);
            let pause = retry::pause(&self.managed.settings, self.failures, &self.provider);
            let pause = pause.max(self.client.wait());
            let (domains, failures) = (&self.managed.settings.domains, self.failures);
            tracing::error!(%error, ?domains, failures, again_in = ?pause, "ACME: there is no new certificate");
            sleep(pause).await;
        }
    }

    /// How long there is nothing to do. The clock may be set, and the authority may change its
    /// mind.
    async fn wait(&mut self) -> Duration {
        let remaining = |due: SystemTime| due.duration_since(SystemTime::now()).unwrap_or_default();
        let Some((_, due)) = self.shown else { return Duration::ZERO };
        if remaining(due).is_zero() {
            return Duration::ZERO;
        }
        let due = match timeout(self.managed.settings.order_timeout, self.suggestion()).await {
            Ok(Ok(Some(suggested))) => suggested.max(self.settled).min(due),
            Ok(Ok(None)) => due,
            Ok(Err(error)) => {
                tracing::debug!(%error, "ACME: the authority could not be asked when to renew");
                due
            }
            Err(_) => due,
        };
        if let Some((_, known)) = &mut self.shown {
            *known = due;
        }
        remaining(due).min(self.managed.settings.check_interval)
    }

    /// When the authority wants the certificate to be renewed (RFC 9773), unless that fits already.
    async fn suggestion(&mut self) -> Result<Option<SystemTime>, Error> {
        if self.account.is_none() && !self.forgotten {
            self.account = Known::load(&self.managed.settings, &self.cache, &self.client).await?;
        }
        let (Some(known), Some((term, due))) = (&self.account, &self.shown) else {
            return Ok(None);
        };
        let Some(identifier) = &term.identifier else { return Ok(None) };
        let window = match known.account.renewal_info(identifier).await {
            Ok((info, _)) => info.suggested_window,
            Err(Error::Unsupported(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.suggests = true;
        let (start, end) = (window.start.into(), window.end.into());
        Ok((!(start..=end).contains(due)).then(|| renewal::within(start, end, &self.provider)))
    }

    /// Takes what another instance has ordered, or orders.
    async fn renew(&mut self) -> Result<(), Error> {
        self.look().await?;
        if self.shown.as_ref().is_some_and(|(_, due)| *due > SystemTime::now()) {
            return Ok(());
        }
        let began = Instant::now();
        let pem = self.order().await?;
        self.show(&pem).map_err(|error| Error::Other(error.into()))?;
        let domains = &self.managed.settings.domains;
        tracing::info!(?domains, took = ?began.elapsed(), "ACME: a new certificate is shown");
        if let Err(error) = self.cache.store(&self.name, pem.into_bytes()).await {
            let place = self.cache.place(&self.name);
            tracing::error!(%error, "ACME: {place} cannot be written; a restart will order another certificate");
        }
        let now = SystemTime::now();
        self.settled = later(now, self.managed.settings.check_interval);
        match &self.shown {
            // Orders would follow each other without a pause.
            Some((_, due)) if *due <= now => {
                Err(Error::Other("the new certificate is due already: is the clock right?".into()))
            }
            _ => Ok(()),
        }
    }

    async fn order(&mut self) -> Result<String, Error> {
        let settings = &self.managed.settings;
        if self.account.is_none() && !self.forgotten {
            self.account = Known::load(settings, &self.cache, &self.client).await?;
        }
        let known = match &self.account {
            Some(known) => known,
            None => self.account.insert(Known::create(settings, &self.client).await?),
        };
        self.forgotten = false;
        known.keep(settings, &self.cache).await?;
        // An authority may refuse it; the next try does without.
        let old = self.shown.as_ref().and_then(|(term, _)| term.identifier.clone());
        let old = old.filter(|_| self.suggests && self.failures == 0);
        let ordered =
            order(settings, &known.account, &self.managed.state, &self.provider, old).await;
        if let Err(Error::Api(problem)) = &ordered
            && problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
        {
            // The next try begins with another one.
            self.account = None;
            self.forgotten = true;
        }
        ordered
    }

    /// Shows what is in the cache, where that is usable and new.
    async fn look(&mut self) -> Result<(), Error> {
        let place = self.cache.place(&self.name);
        let kept = self.cache.load(&self.name).await;
        let kept =
            kept.map_err(|error| account::failed("read", &self.cache, &self.name, &error))?;
        let Some(kept) = kept else { return Ok(()) };
        if let Err(error) = self.show(&String::from_utf8_lossy(&kept)) {
            tracing::error!(%error, "ACME: {place} cannot be used; another certificate is ordered");
        }
        Ok(())
    }

    fn show(&mut self, pem: &str) -> Result<(), String> {
        let text = Pem::text(pem);
        let certified = certificate::load(&text, &text, &self.provider)
            .map_err(|error| error.to_string())?
            .certified;
        let term = certified.cert.first().map(|der| Term::of(der));
        let term = term.and_then(Result::ok).ok_or("the certificate cannot be read (X.509)")?;
        let domains = &self.managed.settings.domains;
        if !term.covers(domains) {
            return Err(format!(
                "expected a certificate for {domains:?}, got one for {:?}",
                term.names
            ));
        }
        let current = self.managed.state.certificate();
        if current.is_some_and(|current| current.cert == certified.cert) {
            return Ok(());
        }
        let due = term.due(&self.provider);
        self.shown = Some((term, due));
        self.managed.state.show(certified);
        Ok(())
    }
}
