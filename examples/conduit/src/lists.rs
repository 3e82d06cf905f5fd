//! Lists of articles: all articles, and the articles of the authors that a user follows.

use std::num::NonZeroU32;

use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite};
use trine::prelude::*;

use crate::articles::{Article, select_articles};
use crate::auth::{Auth, UserId};
use crate::db::Db;
use crate::error::Result;

/// `{"articles": […], "articlesCount": …}`: one page, and the number of articles on all pages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Articles {
    articles: Vec<Article>,
    articles_count: i64,
}

/// List articles, the newest first.
///
/// `tag` selects articles with this tag, `author` articles by this user, and `favorited` the
/// favorites of this user.
#[get("/articles?{tag}&{author}&{favorited}&{limit}&{offset}")]
pub async fn list(
    tag: Option<String>,
    author: Option<String>,
    favorited: Option<String>,
    limit: Option<NonZeroU32>,
    offset: Option<u32>,
    viewer: Option<Auth>,
    db: State<Db>,
) -> Result<Json<Articles>> {
    let filter = Filter { tag, author, favorited, followed_by: None };
    let articles =
        db.articles(&filter, Page::new(limit, offset, PAGE), viewer.map(Auth::id)).await?;
    Ok(Json(articles))
}

/// List articles by the authors you follow, the newest first.
#[get("/articles/feed?{limit}&{offset}")]
pub async fn feed(
    limit: Option<NonZeroU32>,
    offset: Option<u32>,
    me: Auth,
    db: State<Db>,
) -> Result<Json<Articles>> {
    let filter = Filter { followed_by: Some(me.id()), ..Filter::default() };
    let articles = db.articles(&filter, Page::new(limit, offset, PAGE), Some(me.id())).await?;
    Ok(Json(articles))
}

/// The requested part of a list. It has at most [`Page::MAX`] entries.
pub(crate) struct Page {
    pub(crate) limit: u32,
    pub(crate) offset: u32,
}

impl Page {
    pub(crate) const MAX: u32 = 100;

    /// `usual` is the length of a page if the client gives none.
    pub(crate) fn new(limit: Option<NonZeroU32>, offset: Option<u32>, usual: u32) -> Page {
        Page {
            limit: limit.map_or(usual, NonZeroU32::get).min(Page::MAX),
            offset: offset.unwrap_or(0),
        }
    }
}

const PAGE: u32 = 20;

/// A filter for articles. An article has to meet every given condition.
#[derive(Default)]
struct Filter {
    tag: Option<String>,
    author: Option<String>,
    favorited: Option<String>,
    followed_by: Option<UserId>,
}

impl Filter {
    // Adds only the given conditions: `? IS NULL OR …` would prevent SQLite from using an index.
    fn push_to(&self, query: &mut QueryBuilder<Sqlite>) {
        query.push(" WHERE true");
        if let Some(tag) = &self.tag {
            query
                .push(" AND a.id IN (SELECT article_id FROM article_tags WHERE tag = ")
                .push_bind(tag)
                .push(")");
        }
        if let Some(author) = &self.author {
            query
                .push(" AND a.author_id = (SELECT id FROM users WHERE username = ")
                .push_bind(author)
                .push(")");
        }
        if let Some(user) = &self.favorited {
            query.push(
                " AND a.id IN (SELECT article_id FROM favorites JOIN users ON users.id = user_id",
            );
            query.push(" WHERE username = ").push_bind(user).push(")");
        }
        if let Some(follower) = self.followed_by {
            query.push(" AND a.author_id IN (SELECT followed_id FROM follows WHERE follower_id = ");
            query.push_bind(follower).push(")");
        }
    }
}

impl Db {
    /// Makes two queries per page, whatever its length.
    async fn articles(
        &self,
        filter: &Filter,
        page: Page,
        viewer: Option<UserId>,
    ) -> Result<Articles> {
        let mut count = QueryBuilder::new("SELECT count(*) FROM articles a");
        filter.push_to(&mut count);
        let articles_count = count.build_query_scalar().fetch_one(self.reader()).await?;

        // Selects the page by id before the remaining columns are computed. Ids grow with time and,
        // unlike times, are unique, so pages do not overlap.
        let mut list = select_articles("", viewer);
        list.push(" WHERE a.id IN (SELECT a.id FROM articles a");
        filter.push_to(&mut list);
        list.push(" ORDER BY a.id DESC LIMIT ").push_bind(page.limit);
        list.push(" OFFSET ").push_bind(page.offset).push(") ORDER BY a.id DESC");
        let articles = list.build_query_as().fetch_all(self.reader()).await?;
        Ok(Articles { articles, articles_count })
    }
}
