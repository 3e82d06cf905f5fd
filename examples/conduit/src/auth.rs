//! Who is asking: tokens, and the keys that sign them.

use std::path::Path;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use trine::prelude::*;

use crate::error::{Error, Result};
use crate::secret;

/// The id of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct UserId(pub i64);

/// The user who signed the request with `Authorization: Token …`.
///
/// As `Option<Auth>` it is `None` for a request without a token; a token that does not hold is refused all the same.
#[derive(Debug, Clone, Copy)]
pub struct Auth(UserId);

impl Auth {
    /// Who it is.
    #[must_use]
    pub fn id(self) -> UserId {
        self.0
    }
}

impl FromRequest for Auth {
    type Reads = Parts;

    fn needs(needs: &mut Needs) {
        needs.state::<Keys>();
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let credentials = cx.headers().get(header::AUTHORIZATION).ok_or(Error::NoToken)?;
        let token = credentials.to_str().ok().and_then(token).ok_or(Error::BadToken)?;
        Ok(Auth(cx.state::<Keys>()?.verify(token)?))
    }
}

// RFC 9110 section 11.1: the name of the scheme is read without regard to case.
fn token(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Token").then_some(token.trim())
}

/// The keys that sign tokens and tell our own from forged ones.
pub struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

impl Keys {
    /// Keys from the secret in this file, which is made on the first start.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds too little to be a secret.
    pub fn open(path: &Path) -> trine::Result<Keys> {
        let secret = secret::open(path)
            .map_err(|error| trine::Error::new(format!("secret {}: {error}", path.display())))?;
        Ok(Keys {
            sign: EncodingKey::from_secret(&secret),
            verify: DecodingKey::from_secret(&secret),
            rules: Validation::new(Algorithm::HS256),
        })
    }

    /// Makes a token for a user.
    ///
    /// # Errors
    /// When the token cannot be signed.
    pub fn sign(&self, user: UserId) -> Result<String> {
        let exp = jsonwebtoken::get_current_timestamp() + LIFETIME;
        let claims = Claims { sub: user.0.to_string(), exp };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign).map_err(Error::internal)
    }

    fn verify(&self, token: &str) -> Result<UserId> {
        let token =
            jsonwebtoken::decode::<Claims>(token, &self.verify, &self.rules).map_err(|_| Error::BadToken)?;
        token.claims.sub.parse().map(UserId).map_err(|_| Error::BadToken)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// How long a token holds: 60 days, in seconds.
const LIFETIME: u64 = 60 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (tempfile::TempDir, Keys) {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(&dir.path().join("secret")).unwrap();
        (dir, keys)
    }

    #[test]
    fn a_token_names_its_user_and_no_other_secret_makes_it() {
        let (dir, keys) = keys();
        let token = keys.sign(UserId(7)).unwrap();
        assert_eq!(keys.verify(&token).unwrap(), UserId(7));
        assert_eq!(Keys::open(&dir.path().join("secret")).unwrap().verify(&token).unwrap(), UserId(7));
        assert!(matches!(self::keys().1.verify(&token), Err(Error::BadToken)));
        assert!(matches!(keys.verify("x"), Err(Error::BadToken)));
    }

    #[test]
    fn a_token_expires() {
        let (_dir, keys) = keys();
        let exp = jsonwebtoken::get_current_timestamp() - 3600;
        let claims = Claims { sub: "7".to_owned(), exp };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &keys.sign).unwrap();
        assert!(matches!(keys.verify(&token), Err(Error::BadToken)));
    }

    #[test]
    fn credentials_are_a_scheme_and_a_token() {
        assert_eq!(token("Token abc"), Some("abc"));
        assert_eq!(token("token  abc "), Some("abc"));
        assert_eq!(token("Bearer abc"), None);
        assert_eq!(token("Token"), None);
    }
}
