//! Comments on articles.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder, Sqlite};
use trine::prelude::*;
use trine::validation::{FieldErrors, Validate};

use crate::auth::{Auth, UserId};
use crate::check::text;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::lists::Page;
use crate::profiles::Profile;
use crate::time::Timestamp;

/// `{"comment": …}`.
#[derive(Debug, Serialize, Deserialize)]
pub struct CommentBody<T> {
    comment: T,
}

impl<T: Validate<Context = ()>> Validate for CommentBody<T> {
    type Context = ();

    fn validate(&self, (): &(), errors: &mut FieldErrors) {
        errors.inside("comment", |errors| self.comment.validate(&(), errors));
    }
}

/// `{"comments": […]}`.
#[derive(Debug, Serialize)]
pub struct Comments {
    comments: Vec<Comment>,
}

/// A comment as the requesting user sees it.
#[derive(Debug, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    id: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    body: String,
    #[sqlx(flatten)]
    author: Profile,
}

/// A new comment.
#[derive(Debug, Default, Deserialize, garde::Validate)]
#[serde(default)]
pub struct NewComment {
    #[garde(custom(text(BODY_MAX)))]
    body: String,
}

/// Comment on an article.
#[post("/articles/{slug}/comments", limit = "64KiB")]
pub async fn create(
    slug: String,
    me: Auth,
    db: State<Db>,
    Valid(Json(body)): Valid<Json<CommentBody<NewComment>>>,
) -> Result<Json<CommentBody<Comment>>> {
    let comment = db.comment(&slug, me.id(), &body.comment.body).await?;
    Ok(Json(CommentBody { comment }))
}

/// List the comments on an article, the newest first.
///
/// Without a `limit`, a page has the maximum length, because the RealWorld API has no pages here.
#[get("/articles/{slug}/comments?{limit}&{offset}")]
pub async fn list(
    slug: String,
    limit: Option<NonZeroU32>,
    offset: Option<u32>,
    viewer: Option<Auth>,
    db: State<Db>,
) -> Result<Json<Comments>> {
    let page = Page::new(limit, offset, Page::MAX);
    let comments = db.comments(&slug, page, viewer.map(Auth::id)).await?;
    Ok(Json(Comments { comments }))
}

/// Delete one of your own comments.
#[delete("/articles/{slug}/comments/{id}")]
pub async fn delete(slug: String, id: i64, me: Auth, db: State<Db>) -> Result<NoContent> {
    db.delete_comment(&slug, id, me.id()).await?;
    Ok(NoContent)
}

const BODY_MAX: usize = 10_000;

impl Db {
    async fn comment(&self, slug: &str, author: UserId, body: &str) -> Result<Comment> {
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO comments (article_id, author_id, body, created_at, updated_at)
             SELECT id, ?1, ?2, ?3, ?3 FROM articles WHERE slug = ?4 RETURNING id",
        )
        .bind(author)
        .bind(body)
        .bind(Timestamp::now())
        .bind(slug)
        .fetch_optional(self.writer())
        .await?;
        let id = id.ok_or(Error::NotFound("article"))?;

        let mut query = select_comments(Some(author));
        query.push(" WHERE c.id = ").push_bind(id);
        Ok(query.build_query_as().fetch_one(self.reader()).await?)
    }

    async fn comments(
        &self,
        slug: &str,
        page: Page,
        viewer: Option<UserId>,
    ) -> Result<Vec<Comment>> {
        let article: Option<i64> = sqlx::query_scalar("SELECT id FROM articles WHERE slug = ?")
            .bind(slug)
            .fetch_optional(self.reader())
            .await?;
        let article = article.ok_or(Error::NotFound("article"))?;

        let mut query = select_comments(viewer);
        query.push(" WHERE c.article_id = ").push_bind(article).push(" ORDER BY c.id DESC");
        query.push(" LIMIT ").push_bind(page.limit).push(" OFFSET ").push_bind(page.offset);
        Ok(query.build_query_as().fetch_all(self.reader()).await?)
    }

    async fn delete_comment(&self, slug: &str, id: i64, me: UserId) -> Result<()> {
        let mut tx = self.begin().await?;
        let author: Option<UserId> = sqlx::query_scalar(
            "SELECT c.author_id FROM comments c JOIN articles a ON a.id = c.article_id
             WHERE c.id = ? AND a.slug = ?",
        )
        .bind(id)
        .bind(slug)
        .fetch_optional(&mut *tx)
        .await?;
        match author {
            None => return Err(Error::NotFound("comment")),
            Some(author) if author != me => return Err(Error::Forbidden("comment")),
            Some(_) => {}
        }
        sqlx::query("DELETE FROM comments WHERE id = ?").bind(id).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

fn select_comments(viewer: Option<UserId>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT c.id, c.created_at, c.updated_at, c.body, u.username, u.bio, u.image,
            EXISTS (SELECT 1 FROM follows WHERE followed_id = u.id AND follower_id = ",
    );
    query.push_bind(viewer);
    query.push(") AS following FROM comments c JOIN users u ON u.id = c.author_id");
    query
}
