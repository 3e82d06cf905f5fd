//! Articles: publish, read, change and delete.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteExecutor};
use trine::prelude::*;
use trine::validation::{FieldErrors, Validate};

use crate::auth::{Auth, UserId};
use crate::check::text;
use crate::db::{Db, Write};
use crate::error::{Error, Result};
use crate::profiles::Profile;
use crate::slug::{slugify, with_suffix};
use crate::time::Timestamp;

/// `{"article": …}`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ArticleBody<T> {
    pub(crate) article: T,
}

impl<T: Validate<Context = ()>> Validate for ArticleBody<T> {
    type Context = ();

    fn validate(&self, (): &(), errors: &mut FieldErrors) {
        errors.inside("article", |errors| self.article.validate(&(), errors));
    }
}

/// An article as the requesting user sees it.
#[derive(Debug, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Article {
    slug: String,
    title: String,
    description: String,
    /// Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[sqlx(default)]
    body: Option<String>,
    #[sqlx(json)]
    tag_list: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    favorited: bool,
    favorites_count: i64,
    #[sqlx(flatten)]
    author: Profile,
}

/// A new article.
#[derive(Debug, Default, Deserialize, garde::Validate)]
#[serde(default, rename_all = "camelCase")]
pub struct NewArticle {
    #[garde(custom(text(TITLE_MAX)))]
    title: String,
    #[garde(custom(text(DESCRIPTION_MAX)))]
    description: String,
    #[garde(custom(text(usize::MAX)))]
    body: String,
    #[garde(custom(tags))]
    tag_list: Vec<String>,
}

/// The fields to change. Absent fields stay as they are.
#[derive(Debug, Default, Deserialize, garde::Validate)]
#[serde(default, rename_all = "camelCase")]
pub struct ArticleChange {
    #[garde(inner(custom(text(TITLE_MAX))))]
    title: Option<String>,
    #[garde(inner(custom(text(DESCRIPTION_MAX))))]
    description: Option<String>,
    #[garde(inner(custom(text(usize::MAX))))]
    body: Option<String>,
    #[garde(inner(custom(tags)))]
    tag_list: Option<Vec<String>>,
}

/// Publish an article.
#[post("/articles", limit = "1MiB")]
pub async fn create(
    me: Auth,
    db: State<Db>,
    Valid(Json(body)): Valid<Json<ArticleBody<NewArticle>>>,
) -> Result<Created<Json<ArticleBody<Article>>>> {
    let slug = db.publish(me.id(), body.article).await?;
    let article = db.article(&slug, Some(me.id())).await?;
    Ok(Created::at(read::uri(&slug), Json(ArticleBody { article })))
}

/// Get an article.
#[get("/articles/{slug}")]
pub async fn read(
    slug: String,
    viewer: Option<Auth>,
    db: State<Db>,
) -> Result<Json<ArticleBody<Article>>> {
    let article = db.article(&slug, viewer.map(Auth::id)).await?;
    Ok(Json(ArticleBody { article }))
}

/// Change one of your own articles.
///
/// A new title also gives the article a new slug.
#[put("/articles/{slug}", limit = "1MiB")]
pub async fn update(
    slug: String,
    me: Auth,
    db: State<Db>,
    Valid(Json(body)): Valid<Json<ArticleBody<ArticleChange>>>,
) -> Result<Json<ArticleBody<Article>>> {
    let slug = db.update_article(&slug, me.id(), body.article).await?;
    let article = db.article(&slug, Some(me.id())).await?;
    Ok(Json(ArticleBody { article }))
}

/// Delete one of your own articles.
#[delete("/articles/{slug}")]
pub async fn delete(slug: String, me: Auth, db: State<Db>) -> Result<NoContent> {
    db.delete_article(&slug, me.id()).await?;
    Ok(NoContent)
}

const TITLE_MAX: usize = 200;
const DESCRIPTION_MAX: usize = 1000;
const TAG_MAX: usize = 50;
const TAGS_MAX: usize = 20;

/// The tags without duplicates and blanks. The database returns them sorted.
fn tidy(tags: &[String]) -> Vec<&str> {
    let mut tidy = Vec::new();
    for tag in tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()) {
        if !tidy.contains(&tag) {
            tidy.push(tag);
        }
    }
    tidy
}

fn tags(tags: &[String], (): &()) -> garde::Result {
    let tags = tidy(tags);
    if tags.len() > TAGS_MAX {
        return Err(garde::Error::new(format!("has too many tags (maximum is {TAGS_MAX})")));
    }
    tags.iter().try_for_each(|tag| text(TAG_MAX)(tag, &()))
}

impl Db {
    /// The article with its body.
    pub(crate) async fn article(&self, slug: &str, viewer: Option<UserId>) -> Result<Article> {
        select_articles(", a.body", viewer)
            .push(" WHERE a.slug = ")
            .push_bind(slug)
            .build_query_as()
            .fetch_optional(self.reader())
            .await?
            .ok_or(Error::NotFound("article"))
    }

    /// Stores the article and returns its slug.
    async fn publish(&self, author: UserId, new: NewArticle) -> Result<String> {
        let mut tx = self.begin().await?;
        let slug = free_slug(&mut tx, &new.title).await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO articles (slug, title, description, body, author_id, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) RETURNING id",
        )
        .bind(&slug)
        .bind(&new.title)
        .bind(&new.description)
        .bind(&new.body)
        .bind(author)
        .bind(Timestamp::now())
        .fetch_one(&mut *tx)
        .await?;
        set_tags(&mut tx, id, &tidy(&new.tag_list)).await?;
        tx.commit().await?;
        Ok(slug)
    }

    /// Changes the article and returns its slug, which may be new.
    async fn update_article(
        &self,
        slug: &str,
        me: UserId,
        change: ArticleChange,
    ) -> Result<String> {
        let mut tx = self.begin().await?;
        let old = own_article(&mut *tx, slug, me).await?;
        let slug = match &change.title {
            Some(title) if slugify(title) != slugify(&old.title) => {
                free_slug(&mut tx, title).await?
            }
            _ => slug.to_owned(),
        };
        sqlx::query(
            "UPDATE articles SET slug = ?, title = coalesce(?, title), description = coalesce(?, description),
                body = coalesce(?, body), updated_at = ?
             WHERE id = ?",
        )
        .bind(&slug)
        .bind(&change.title)
        .bind(&change.description)
        .bind(&change.body)
        .bind(Timestamp::now())
        .bind(old.id)
        .execute(&mut *tx)
        .await?;
        if let Some(tags) = &change.tag_list {
            set_tags(&mut tx, old.id, &tidy(tags)).await?;
        }
        tx.commit().await?;
        Ok(slug)
    }

    async fn delete_article(&self, slug: &str, me: UserId) -> Result<()> {
        let mut tx = self.begin().await?;
        let article = own_article(&mut *tx, slug, me).await?;
        sqlx::query("DELETE FROM articles WHERE id = ?").bind(article.id).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Reads everything about articles in one query, however many there are. The caller adds the
/// condition.
pub(crate) fn select_articles(more: &str, viewer: Option<UserId>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT a.slug, a.title, a.description, a.created_at, a.updated_at,
            (SELECT json_group_array(tag ORDER BY tag) FROM article_tags WHERE article_id = a.id) AS tag_list,
            (SELECT count(*) FROM favorites WHERE article_id = a.id) AS favorites_count,
            u.username, u.bio, u.image,
            EXISTS (SELECT 1 FROM favorites WHERE article_id = a.id AND user_id = ",
    );
    query.push_bind(viewer);
    query.push(
        ") AS favorited, EXISTS (SELECT 1 FROM follows WHERE followed_id = u.id AND follower_id = ",
    );
    query.push_bind(viewer);
    query.push(") AS following").push(more);
    query.push(" FROM articles a JOIN users u ON u.id = a.author_id");
    query
}

#[derive(FromRow)]
struct Own {
    id: i64,
    author_id: UserId,
    title: String,
}

async fn own_article(db: impl SqliteExecutor<'_>, slug: &str, me: UserId) -> Result<Own> {
    let article: Option<Own> =
        sqlx::query_as("SELECT id, author_id, title FROM articles WHERE slug = ?")
            .bind(slug)
            .fetch_optional(db)
            .await?;
    match article {
        None => Err(Error::NotFound("article")),
        Some(article) if article.author_id != me => Err(Error::Forbidden("article")),
        Some(article) => Ok(article),
    }
}

/// A slug that no article has yet. No other writer can take it before the commit.
async fn free_slug(tx: &mut Write, title: &str) -> Result<String> {
    let plain = slugify(title);
    let mut slug = plain.clone();
    while sqlx::query("SELECT 1 FROM articles WHERE slug = ?")
        .bind(&slug)
        .fetch_optional(&mut **tx)
        .await?
        .is_some()
    {
        slug = with_suffix(&plain).map_err(Error::internal)?;
    }
    Ok(slug)
}

async fn set_tags(tx: &mut Write, article: i64, tags: &[&str]) -> Result<()> {
    sqlx::query("DELETE FROM article_tags WHERE article_id = ?")
        .bind(article)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO article_tags (article_id, position, tag) SELECT ?, key, value FROM json_each(?)",
    )
    .bind(article)
    .bind(sqlx::types::Json(tags))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
