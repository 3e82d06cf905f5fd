//! Conduit: the blogging API of the RealWorld project, complete, on Trine and SQLite.
//!
//! # Layout
//! - [`app`]: every route on one screen
//! - `users`, `profiles`, `articles`, `lists`, `favorites`, `comments`, `tags`: one part of the API
//!   each; the handlers first, what they ask of the database last
//! - `auth`: tokens; `secret`: what signs them; `password`: hashes; `check`: rules
//! - `error`: what clients see of everything that goes wrong
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
    /// Beside the database lies the secret.
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

/// The file that holds the secret.
const SECRET: &str = ".conduit-secret";

/// Lets the pages of every site use the API. No browser sends a token by itself, as it does with
/// cookies: a page can only use one that its user gave it.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
}
