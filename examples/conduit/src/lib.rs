//! Conduit: the complete blogging API of the RealWorld project, on Trine and SQLite.
//!
//! # Layout
//! - [`app`]: every route on one screen
//! - `users`, `profiles`, `articles`, `lists`, `favorites`, `comments`, `tags`: one part of the API
//!   each, first the handlers and then the queries
//! - `auth`: tokens; `secret`: the key that signs them; `password`: hashes; `check`: validation
//! - `error`: how errors are shown to clients
//! - `db`: the database; `time`, `slug`: values

use std::path::PathBuf;

use tower_http::cors::{Any, CorsLayer};
use trine::prelude::*;

use crate::auth::Keys;
use crate::db::Db;

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
pub mod secret;
pub mod slug;
pub mod tags;
pub mod time;
pub mod users;

/// The section `[conduit]` of `trine.toml`.
#[derive(trine::Config)]
struct Files {
    /// The path of the database. The file with the secret is in the same folder.
    #[config(default = "conduit.db")]
    database: PathBuf,
}

/// The whole application.
#[must_use]
pub fn app() -> App {
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
    App::new()
        .config_section::<Files>("conduit")
        .state_with(|cx| async move { Db::open(&cx.state::<Files>()?.database).await })
        .state_with(|cx| async move {
            Keys::open(&cx.state::<Files>()?.database.with_file_name(SECRET))
        })
        .on_shutdown(|cx| async move {
            cx.state::<Db>()?.close().await;
            Ok(())
        })
        .group(api)
        .layer(any_origin())
        .catch(.., error::told_our_way)
}

/// The path of the file with the secret.
const SECRET: &str = ".conduit-secret";

/// Allows the pages of every site to use the API. This is safe because browsers do not send a token
/// by themselves as they do with cookies: a page can only use a token that its user gave to it.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
}
