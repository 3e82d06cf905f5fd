//! Links outside of a request.

use super::Links;
use crate::dispatch::service::AppService;

impl AppService {
    /// Makes the text of links outside of a request, for background jobs and tests.
    ///
    /// Without a request there are no values for parameters in the prefixes of groups: set them
    /// with [`Link::with`](crate::Link::with).
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/members/{name}")]
    /// async fn member(name: String) {}
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let app = App::new().group(Group::at("/teams/{team}").routes(routes![member]));
    /// let links = app.build().await?.links();
    /// assert_eq!(links.to(member::uri("Ann").with("team", "red"))?, "/teams/red/members/Ann");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn links(&self) -> Links {
        Links::new(self.unrouted())
    }
}
