//! The account with the authority: made once, then kept.

use std::sync::Arc;

use instant_acme::{Account, AccountCredentials, Error, NewAccount};

use super::cache::AcmeCache;
use super::client::Client;
use crate::config::Acme;

/// An account, and what keeps it.
pub(super) struct Known {
    pub(super) account: Account,
    kept: Vec<u8>,
}

/// Its name in the cache: accounts are of one authority.
pub(super) fn name(settings: &Acme) -> String {
    format!("{}.account.json", authority(settings))
}

/// A directory's URL as a part of a name.
pub(super) fn authority(settings: &Acme) -> String {
    let url = settings.directory.trim_start_matches("https://");
    url.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' })
        .collect()
}

impl Known {
    /// That of the cache, if there is one.
    pub(super) async fn load(
        settings: &Acme,
        cache: &Arc<dyn AcmeCache>,
        client: &Client,
    ) -> Result<Option<Known>, Error> {
        let name = name(settings);
        let kept = cache.load(&name).await.map_err(|error| failed("read", cache, &name, &error))?;
        let Some(kept) = kept else { return Ok(None) };
        let credentials = match serde_json::from_slice::<AccountCredentials>(&kept) {
            Ok(credentials) => credentials,
            Err(error) => {
                let place = cache.place(&name);
                tracing::error!(%error, "ACME: {place} is no account; another one takes its place");
                return Ok(None);
            }
        };
        let account = Account::builder_with_http(Box::new(client.clone()))
            .from_credentials(credentials)
            .await?;
        Ok(Some(Known { account, kept }))
    }

    /// A new one, which nothing keeps yet.
    pub(super) async fn create(settings: &Acme, client: &Client) -> Result<Known, Error> {
        let contact: Vec<&str> = settings.contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: settings.agree_to_terms,
            only_return_existing: false,
        };
        let builder = Account::builder_with_http(Box::new(client.clone()));
        let (account, credentials) = builder.create(&new, settings.directory.clone(), None).await?;
        tracing::info!(directory = settings.directory, "ACME: an account was made");
        Ok(Known { account, kept: serde_json::to_vec(&credentials)? })
    }

    /// Writes it, known or new: whether an order could be kept is known before it is made.
    pub(super) async fn keep(
        &self,
        settings: &Acme,
        cache: &Arc<dyn AcmeCache>,
    ) -> Result<(), Error> {
        let name = name(settings);
        let stored = cache.store(&name, self.kept.clone()).await;
        stored.map_err(|error| failed("written", cache, &name, &error))
    }
}

/// What became of the cache, as an error of an order.
pub(super) fn failed(
    what: &str,
    cache: &Arc<dyn AcmeCache>,
    name: &str,
    error: &std::io::Error,
) -> Error {
    Error::Other(format!("{} cannot be {what}: {error}", cache.place(name)).into())
}
