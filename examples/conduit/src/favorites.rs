//! Favorites: the articles that a user likes.

use trine::prelude::*;

use crate::articles::{Article, ArticleBody};
use crate::auth::{Auth, UserId};
use crate::db::Db;
use crate::error::Result;

/// Favorite an article.
#[post("/articles/{slug}/favorite")]
pub async fn favorite(slug: String, me: Auth, db: State<Db>) -> Result<Json<ArticleBody<Article>>> {
    db.favorite(me.id(), &slug).await?;
    let article = db.article(&slug, Some(me.id())).await?;
    Ok(Json(ArticleBody { article }))
}

/// Unfavorite an article.
#[delete("/articles/{slug}/favorite")]
pub async fn unfavorite(
    slug: String,
    me: Auth,
    db: State<Db>,
) -> Result<Json<ArticleBody<Article>>> {
    db.unfavorite(me.id(), &slug).await?;
    let article = db.article(&slug, Some(me.id())).await?;
    Ok(Json(ArticleBody { article }))
}

impl Db {
    async fn favorite(&self, user: UserId, slug: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO favorites (article_id, user_id) SELECT id, ? FROM articles WHERE slug = ?
             ON CONFLICT DO NOTHING",
        )
        .bind(user)
        .bind(slug)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn unfavorite(&self, user: UserId, slug: &str) -> Result<()> {
        sqlx::query(
            "DELETE FROM favorites
             WHERE user_id = ? AND article_id = (SELECT id FROM articles WHERE slug = ?)",
        )
        .bind(user)
        .bind(slug)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}
