//! Conduit: the blogging API of the RealWorld project, complete, on Trine and SQLite.
//!
//! # Layout
//! - [`app`]: every route on one screen
//! - `users`, `profiles`, `articles`, `lists`, `favorites`, `comments`, `tags`: one part of the API each; the handlers
//!   first, what they ask of the database last
//! - `auth`: tokens; `password`: hashes; `check`: validation; `error`: what clients see of everything that goes wrong
//! - `db`: the database; `time`, `slug`: values

use std::path::Path;

use trine::BoxError;
use trine::prelude::*;

mod articles;
mod auth;
mod check;
mod comments;
mod db;
mod error;
mod favorites;
mod lists;
mod password;
mod profiles;
mod slug;
mod tags;
mod time;
mod users;

/// The whole application over one database file, which is made if need be. The secret of the tokens lies beside it.
///
/// # Errors
/// When the database or the secret cannot be opened.
pub async fn app(database: &Path) -> Result<App, BoxError> {
    let db = db::Db::open(database).await?;
    let keys = auth::Keys::open(&database.with_file_name(".conduit-secret"))?;

    let api = Group::at("/api").routes(routes![
        users::register,
        users::login,
        users::current,
        users::update,
        profiles::read,
        profiles::follow,
        profiles::unfollow,
        lists::list,
        lists::feed,
        articles::create,
        articles::read,
        articles::update,
        articles::delete,
        favorites::favorite,
        favorites::unfavorite,
        comments::create,
        comments::list,
        comments::delete,
        tags::list,
    ]);
    Ok(App::new().state(db).state(keys).group(api).layer(middleware(error::told_our_way)))
}
