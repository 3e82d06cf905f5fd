//! Accounts: registering, signing in, and changing one's own account.

use serde::{Deserialize, Deserializer, Serialize};
use sqlx::{FromRow, SqliteExecutor};
use trine::prelude::*;
use trine::validation::{FieldErrors, Validate};

use crate::auth::{Auth, Keys, UserId};
use crate::check::{self, text};
use crate::db::{Db, Write};
use crate::error::{Error, Result};
use crate::password;
use crate::time::Timestamp;

/// `{"user": …}`.
#[derive(Debug, Serialize, Deserialize)]
pub struct UserBody<T> {
    user: T,
}

impl<T: Validate<Context = ()>> Validate for UserBody<T> {
    type Context = ();

    fn validate(&self, (): &(), errors: &mut FieldErrors) {
        errors.inside("user", |errors| self.user.validate(&(), errors));
    }
}

/// A user as they see their own account.
#[derive(Debug, Serialize)]
pub struct User {
    email: String,
    token: String,
    username: String,
    bio: Option<String>,
    image: Option<String>,
}

/// The request to register.
#[derive(Debug, Default, Deserialize, garde::Validate)]
#[serde(default)]
pub struct NewUser {
    #[garde(custom(check::username))]
    username: String,
    #[garde(custom(check::email))]
    email: String,
    #[garde(custom(check::password))]
    password: String,
}

/// The request to sign in.
#[derive(Debug, Default, Deserialize, garde::Validate)]
#[serde(default)]
pub struct Login {
    #[garde(custom(text(usize::MAX)))]
    email: String,
    #[garde(custom(text(usize::MAX)))]
    password: String,
}

/// The fields to change. Absent fields stay as they are.
#[derive(Debug, Default, PartialEq, Deserialize, garde::Validate)]
#[serde(default)]
#[garde(custom(any_field))]
#[garde(allow_unvalidated)]
pub struct UserChange {
    #[garde(inner(custom(check::username)))]
    username: Option<String>,
    #[garde(inner(custom(check::email)))]
    email: Option<String>,
    #[garde(inner(custom(check::password)))]
    password: Option<String>,
    #[serde(deserialize_with = "clearable")]
    bio: Option<Option<String>>,
    #[serde(deserialize_with = "clearable")]
    image: Option<Option<String>>,
}

/// Register.
#[post("/users", limit = "64KiB")]
pub async fn register(
    db: State<Db>,
    keys: State<Keys>,
    Valid(Json(body)): Valid<Json<UserBody<NewUser>>>,
) -> Result<Created<Json<UserBody<User>>>> {
    let new = body.user;
    let hash = password::hash(new.password).await?;
    let account = db.register(new.username.trim(), &new.email, &hash).await?;
    Ok(Created::new(account.signed_in(&keys)?))
}

/// Sign in.
#[post("/users/login", limit = "64KiB")]
pub async fn login(
    db: State<Db>,
    keys: State<Keys>,
    Valid(Json(body)): Valid<Json<UserBody<Login>>>,
) -> Result<Json<UserBody<User>>> {
    let login = body.user;
    let account = db.account_of(&login.email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    match (password::verify(login.password, hash).await?, account) {
        (true, Some(account)) => account.signed_in(&keys),
        _ => Err(Error::BadLogin),
    }
}

/// Get the current user.
///
/// The token in the response is new, so every visit renews it.
#[get("/user")]
pub async fn current(me: Auth, db: State<Db>, keys: State<Keys>) -> Result<Json<UserBody<User>>> {
    let account = account(db.reader(), me.id()).await?;
    // The password may have changed since the token was checked. A token from before the change
    // must not be renewed.
    if account.password_version != me.password_version() {
        return Err(Error::BadToken);
    }
    account.signed_in(&keys)
}

/// Change the current user.
///
/// A new password ends every token that was made under the old one. The token in the response is
/// valid.
#[put("/user", limit = "64KiB")]
pub async fn update(
    me: Auth,
    db: State<Db>,
    keys: State<Keys>,
    Valid(Json(body)): Valid<Json<UserBody<UserChange>>>,
) -> Result<Json<UserBody<User>>> {
    let mut change = body.user;
    let hash = match change.password.take() {
        Some(password) => Some(password::hash(password).await?),
        None => None,
    };
    db.update_account(me, change, hash).await?.signed_in(&keys)
}

fn any_field(change: &UserChange, (): &()) -> garde::Result {
    if *change == UserChange::default() {
        Err(garde::Error::new("needs at least one field"))
    } else {
        Ok(())
    }
}

/// Distinguishes a field that is absent (`None`) from a field to clear (`Some(None)`), which is
/// `null` or an empty text.
fn clearable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    let value = Option::<String>::deserialize(deserializer)?;
    Ok(Some(value.filter(|text| !text.is_empty())))
}

/// A user as stored in the database.
#[derive(FromRow)]
struct Account {
    id: UserId,
    username: String,
    email: String,
    password_hash: String,
    password_version: i64,
    bio: Option<String>,
    image: Option<String>,
}

impl Account {
    fn signed_in(self, keys: &Keys) -> Result<Json<UserBody<User>>> {
        let Account { id, username, email, password_version, bio, image, .. } = self;
        let token = keys.sign(id, password_version)?;
        Ok(Json(UserBody { user: User { email, token, username, bio, image } }))
    }
}

impl Db {
    async fn register(&self, username: &str, email: &str, hash: &str) -> Result<Account> {
        let mut tx = self.begin().await?;
        refuse_taken(&mut tx, username, email, None).await?;
        let account = sqlx::query_as(
            "INSERT INTO users (username, email, password_hash, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?4) RETURNING *",
        )
        .bind(username)
        .bind(email)
        .bind(hash)
        .bind(Timestamp::now())
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(account)
    }

    async fn account_of(&self, email: &str) -> Result<Option<Account>> {
        Ok(sqlx::query_as("SELECT * FROM users WHERE email = ?")
            .bind(email)
            .fetch_optional(self.reader())
            .await?)
    }

    async fn update_account(
        &self,
        me: Auth,
        change: UserChange,
        hash: Option<String>,
    ) -> Result<Account> {
        let mut tx = self.begin().await?;
        let id = me.id();
        let old = account(&mut *tx, id).await?;
        // While the new password was hashed, another request may have changed the password and
        // ended this token.
        if old.password_version != me.password_version() {
            return Err(Error::BadToken);
        }
        let new = Account {
            id,
            password_version: old.password_version + i64::from(hash.is_some()),
            username: change.username.map_or(old.username, |name| name.trim().to_owned()),
            email: change.email.unwrap_or(old.email),
            password_hash: hash.unwrap_or(old.password_hash),
            bio: change.bio.unwrap_or(old.bio),
            image: change.image.unwrap_or(old.image),
        };
        refuse_taken(&mut tx, &new.username, &new.email, Some(id)).await?;
        sqlx::query(
            "UPDATE users SET username = ?, email = ?, password_hash = ?, password_version = ?, bio = ?, image = ?,
                updated_at = ?
             WHERE id = ?",
        )
        .bind(&new.username)
        .bind(&new.email)
        .bind(&new.password_hash)
        .bind(new.password_version)
        .bind(&new.bio)
        .bind(&new.image)
        .bind(Timestamp::now())
        .bind(id)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(new)
    }
}

async fn account(db: impl SqliteExecutor<'_>, id: UserId) -> Result<Account> {
    let account =
        sqlx::query_as("SELECT * FROM users WHERE id = ?").bind(id).fetch_optional(db).await?;
    account.ok_or(Error::BadToken)
}

/// Refuses a name or email that another user than `me` already has. No other writer can take it
/// before the commit.
async fn refuse_taken(
    tx: &mut Write,
    username: &str,
    email: &str,
    me: Option<UserId>,
) -> Result<()> {
    let others: Vec<(bool, bool)> = sqlx::query_as(
        "SELECT username = ?1, email = ?2 FROM users WHERE (username = ?1 OR email = ?2) AND id IS NOT ?3",
    )
    .bind(username)
    .bind(email)
    .bind(me)
    .fetch_all(&mut **tx)
    .await?;

    let mut errors = FieldErrors::default();
    for (same_username, same_email) in others {
        if same_username {
            errors.refuse("user.username", "taken", "has already been taken");
        }
        if same_email {
            errors.refuse("user.email", "taken", "has already been taken");
        }
    }
    Ok(errors.done()?)
}
