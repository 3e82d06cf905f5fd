//! Conduit: the blogging API of the RealWorld project, complete, on Trine and SQLite.
//!
//! # Layout
//! - [`app`]: every route on one screen
//! - `users`, `profiles`, `articles`, `lists`, `favorites`, `comments`, `tags`: one part of the API each; the handlers
//!   first, what they ask of the database last
//! - `auth`: tokens; `password`: hashes; `check`: validation; `error`: what clients see of everything that goes wrong
//! - `db`: the database; `time`, `slug`: values

use std::fmt::Display;
use std::path::Path;

use trine::prelude::*;

pub mod articles;
pub mod auth;
pub mod check;
pub mod comments;
pub mod db;
pub mod error;
pub mod favorites;
pub mod lists;
pub mod password;
pub mod profiles;
pub mod slug;
pub mod tags;
pub mod time;
pub mod users;

/// The whole application over one database file, which is made if need be. The secret of the tokens lies beside it.
///
/// # Errors
/// When the database or the secret cannot be opened.
pub async fn app(database: &Path) -> trine::Result<App> {
    let secret = database.with_file_name(".conduit-secret");
    let db = db::Db::open(database).await.map_err(in_file(database))?;
    let keys = auth::Keys::open(&secret).map_err(in_file(&secret))?;

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

fn in_file<E: Display>(path: &Path) -> impl Fn(E) -> trine::Error {
    move |error| trine::Error::new(format!("{}: {error}", path.display()))
}
