//! The account at the authority: created once, then stored in the cache.

use std::sync::Arc;

use instant_acme::{Account, AccountCredentials, Error, NewAccount};

use super::cache::AcmeCache;
use super::client::Client;
use crate::config::Acme;

/// An account, with the credentials that are stored.
pub(super) struct StoredAccount {
    pub(super) account: Account,
    credentials: Vec<u8>,
}

/// The name of the account in the cache; each authority has its own account.
pub(super) fn name(settings: &Acme) -> String {
    format!("{}.account.json", authority(settings))
}

/// The URL of the directory as a part of a name in the cache.
pub(super) fn authority(settings: &Acme) -> String {
    let url = settings.directory.trim_start_matches("https://");
    url.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' })
        .collect()
}

impl StoredAccount {
    /// Loads the account from the cache, if there is one.
    pub(super) async fn load(
        settings: &Acme,
        cache: &Arc<dyn AcmeCache>,
        client: &Client,
    ) -> Result<Option<StoredAccount>, Error> {
        let name = name(settings);
        let stored = cache.load(&name).await;
        let stored = stored.map_err(|error| cache_error("read", cache, &name, &error))?;
        let Some(stored) = stored else { return Ok(None) };
        let credentials = match serde_json::from_slice::<AccountCredentials>(&stored) {
            Ok(credentials) => credentials,
            Err(error) => {
                let location = cache.location(&name);
                tracing::error!(%error, "ACME: {location} is not an account; a new one replaces it");
                return Ok(None);
            }
        };
        let account = Account::builder_with_http(Box::new(client.clone()))
            .from_credentials(credentials)
            .await?;
        Ok(Some(StoredAccount { account, credentials: stored }))
    }

    /// Creates a new account, which is not stored yet.
    pub(super) async fn create(settings: &Acme, client: &Client) -> Result<StoredAccount, Error> {
        let contact: Vec<&str> = settings.contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: settings.agree_to_terms,
            only_return_existing: false,
        };
        let builder = Account::builder_with_http(Box::new(client.clone()));
        let (account, credentials) = builder.create(&new, settings.directory.clone(), None).await?;
        tracing::info!(directory = settings.directory, "ACME: an account was created");
        let credentials = serde_json::to_vec(&credentials)?;
        Ok(StoredAccount { account, credentials })
    }

    /// Writes the account to the cache, even if it was read from there: so an order is not started
    /// if its certificate could not be stored.
    pub(super) async fn store(
        &self,
        settings: &Acme,
        cache: &Arc<dyn AcmeCache>,
    ) -> Result<(), Error> {
        let name = name(settings);
        let stored = cache.store(&name, self.credentials.clone()).await;
        stored.map_err(|error| cache_error("written", cache, &name, &error))
    }
}

/// An error of the cache as an error of an order.
pub(super) fn cache_error(
    what: &str,
    cache: &Arc<dyn AcmeCache>,
    name: &str,
    error: &std::io::Error,
) -> Error {
    Error::Other(format!("{} cannot be {what}: {error}", cache.location(name)).into())
}
