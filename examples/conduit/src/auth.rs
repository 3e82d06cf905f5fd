//! Authentication: tokens, and the keys that sign them.

use std::path::Path;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use trine::prelude::*;

use crate::db::Db;
use crate::error::{Error, Result};
use crate::secret;

/// The id of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct UserId(pub i64);

/// The user that sent the request with `Authorization: Token …`.
///
/// As `Option<Auth>` it is `None` for a request without a token. An invalid token is refused in
/// both cases. A token becomes invalid when the password of its user changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth {
    id: UserId,
    password_version: i64,
}

impl Auth {
    /// The id of the user.
    #[must_use]
    pub fn id(self) -> UserId {
        self.id
    }

    /// The version of the password at which the token was made. It is compared once more before a
    /// token is renewed or the password is changed.
    #[must_use]
    pub fn password_version(self) -> i64 {
        self.password_version
    }
}

impl FromRequest for Auth {
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        needs.state::<Keys>();
        needs.state::<Db>();
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let credentials = cx.headers().get(header::AUTHORIZATION).ok_or(Error::NoToken)?;
        let token = credentials.to_str().ok().and_then(token).ok_or(Error::BadToken)?;
        let auth = cx.state::<Keys>()?.verify(token)?;
        match cx.state::<Db>()?.password_version(auth.id).await? {
            Some(version) if version == auth.password_version => Ok(auth),
            _ => Err(Error::BadToken.into()),
        }
    }
}

// RFC 9110 section 11.1: the name of the scheme is case-insensitive.
fn token(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Token").then_some(token.trim())
}

/// The keys that sign tokens and verify their signatures.
pub struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

/// The claims of a token.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    /// How often the password had been changed. Tokens from before this count existed have no such
    /// claim.
    #[serde(default)]
    password_version: i64,
}

impl Keys {
    /// Makes keys from the secret in this file, which is created on the first start.
    ///
    /// # Errors
    /// If the file cannot be read or written, or is too short for a secret.
    pub fn open(path: &Path) -> trine::Result<Keys> {
        let secret = secret::open(path)
            .map_err(|error| trine::Error::new(format!("secret {}: {error}", path.display())))?;
        Ok(Keys {
            sign: EncodingKey::from_secret(&secret),
            verify: DecodingKey::from_secret(&secret),
            rules: Validation::new(Algorithm::HS256),
        })
    }

    /// Makes a token for a user. It is valid while the password has this version.
    ///
    /// # Errors
    /// If the token cannot be signed.
    pub fn sign(&self, user: UserId, password_version: i64) -> Result<String> {
        let exp = jsonwebtoken::get_current_timestamp() + LIFETIME;
        let claims = Claims { sub: user.0.to_string(), exp, password_version };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .map_err(Error::internal)
    }

    fn verify(&self, token: &str) -> Result<Auth> {
        let token = jsonwebtoken::decode::<Claims>(token, &self.verify, &self.rules)
            .map_err(|_| Error::BadToken)?;
        let Claims { sub, password_version, .. } = token.claims;
        let id = sub.parse().map(UserId).map_err(|_| Error::BadToken)?;
        Ok(Auth { id, password_version })
    }
}

impl Db {
    /// How often the password of the user was changed, or `None` if the user does not exist.
    async fn password_version(&self, user: UserId) -> Result<Option<i64>> {
        let query = "SELECT password_version FROM users WHERE id = ?";
        Ok(sqlx::query_scalar(query).bind(user).fetch_optional(self.reader()).await?)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// The lifetime of a token: 60 days, in seconds.
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
        let token = keys.sign(UserId(7), 3).unwrap();
        let seven = Auth { id: UserId(7), password_version: 3 };
        assert_eq!(keys.verify(&token).unwrap(), seven);
        assert_eq!(Keys::open(&dir.path().join("secret")).unwrap().verify(&token).unwrap(), seven);
        assert!(matches!(self::keys().1.verify(&token), Err(Error::BadToken)));
        assert!(matches!(keys.verify("x"), Err(Error::BadToken)));
    }

    #[test]
    fn a_token_expires() {
        let (_dir, keys) = keys();
        let exp = jsonwebtoken::get_current_timestamp() - 3600;
        let claims = Claims { sub: "7".to_owned(), exp, password_version: 0 };
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &keys.sign).unwrap();
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
