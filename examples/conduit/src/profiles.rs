//! Profiles of users, and following them.

use serde::Serialize;
use sqlx::FromRow;
use trine::extract::AnyText;
use trine::prelude::*;

use crate::auth::{Auth, UserId};
use crate::db::Db;
use crate::error::{Error, Result};

/// `{"profile": …}`.
#[derive(Debug, Serialize)]
pub struct ProfileBody {
    profile: Profile,
}

/// A user as the requesting user sees them.
#[derive(Debug, Serialize, FromRow)]
pub struct Profile {
    username: String,
    bio: Option<String>,
    image: Option<String>,
    following: bool,
}

/// Get a profile.
#[get("/profiles/{username}")]
pub async fn read(
    username: AnyText,
    viewer: Option<Auth>,
    db: State<Db>,
) -> Result<Json<ProfileBody>> {
    let profile = db.profile(&username, viewer.map(Auth::id)).await?;
    Ok(Json(ProfileBody { profile }))
}

/// Follow a user.
#[post("/profiles/{username}/follow")]
pub async fn follow(username: AnyText, me: Auth, db: State<Db>) -> Result<Json<ProfileBody>> {
    db.follow(me.id(), &username).await?;
    let profile = db.profile(&username, Some(me.id())).await?;
    Ok(Json(ProfileBody { profile }))
}

/// Unfollow a user.
#[delete("/profiles/{username}/follow")]
pub async fn unfollow(username: AnyText, me: Auth, db: State<Db>) -> Result<Json<ProfileBody>> {
    db.unfollow(me.id(), &username).await?;
    let profile = db.profile(&username, Some(me.id())).await?;
    Ok(Json(ProfileBody { profile }))
}

impl Db {
    async fn profile(&self, username: &str, viewer: Option<UserId>) -> Result<Profile> {
        sqlx::query_as(
            "SELECT username, bio, image,
                EXISTS (SELECT 1 FROM follows WHERE follower_id = ? AND followed_id = users.id) AS following
             FROM users WHERE username = ?",
        )
        .bind(viewer)
        .bind(username)
        .fetch_optional(self.reader())
        .await?
        .ok_or(Error::NotFound("profile"))
    }

    async fn follow(&self, follower: UserId, username: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO follows SELECT ?, id FROM users WHERE username = ? ON CONFLICT DO NOTHING",
        )
        .bind(follower)
        .bind(username)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn unfollow(&self, follower: UserId, username: &str) -> Result<()> {
        sqlx::query(
            "DELETE FROM follows
             WHERE follower_id = ? AND followed_id = (SELECT id FROM users WHERE username = ?)",
        )
        .bind(follower)
        .bind(username)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}
