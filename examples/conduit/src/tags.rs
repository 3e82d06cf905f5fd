//! Tags: the topics of articles.

use serde::Serialize;
use trine::prelude::*;

use crate::db::Db;
use crate::error::Result;

/// `{"tags": […]}`.
#[derive(Debug, Serialize)]
pub struct Tags {
    tags: Vec<String>,
}

/// List the tags in use, the most common first.
#[get("/tags")]
pub async fn list(db: State<Db>) -> Result<Json<Tags>> {
    let tags = db.tags().await?;
    Ok(Json(Tags { tags }))
}

impl Db {
    async fn tags(&self) -> Result<Vec<String>> {
        let query = "SELECT tag FROM article_tags GROUP BY tag ORDER BY count(*) DESC, tag";
        Ok(sqlx::query_scalar(query).fetch_all(self.reader()).await?)
    }
}
