//! The cookies of a request, and changes to them. `jar` keeps the changes until there is a
//! response, and `codec` writes them as header fields.

mod codec;
mod jar;

use std::sync::Arc;

use cookie::{Cookie, SameSite};
use http::header;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, IntoResponseParts, Problem, Rejection, Response};
use trine_server::over_tls;

pub(crate) use self::codec::{decode_value, encode_value};
use self::codec::{is_removal, is_same, is_token, to_field};
use self::jar::Jar;
#[cfg(feature = "axum")]
pub(crate) use self::jar::enter_foreign_handler;
pub(crate) use self::jar::{
    CookieChanges, enter_cookie_scope, put_cookies_before, set_changed_cookies,
};

/// The cookies that the client sent, and changes to them.
///
/// ```
/// use trine::extract::Cookies;
/// use trine::prelude::*;
///
/// #[get("/")]
/// async fn visit(mut cookies: Cookies) -> String {
///     let visits = cookies.get("visits").and_then(|n| n.parse().ok()).unwrap_or(0) + 1;
///     cookies.add(("visits", visits.to_string()));
///     format!("visit {visits}")
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![visit]).test().await;
/// client.get("/").await.expect_text("visit 1");
/// client.get("/").await.expect_text("visit 2");
/// # }
/// ```
///
/// # When changes are set
/// A change is set on whatever response follows: a page, a redirect, a problem returned by `?`, the
/// refusal of a guard. To set a cookie only if the handler succeeds, add it last. Guards,
/// middleware and the handler of a request see each other's changes, and each cookie is set once,
/// as it was changed last.
///
/// A handler that never returns a response loses its changes: one that panics, or that a layer
/// cancels, as a timeout does. The changes of the guards and middleware around it are still set,
/// except for cookies that the handler changed as well. Changes made after the response was sent,
/// for example in the body of a stream, are lost too; a warning in the log names them.
///
/// # Order of `Set-Cookie` fields
/// Of two fields about one cookie, the last counts. Changes made before there was a response go
/// before its own `Set-Cookie` fields, so that a handler or a mounted service that removes a cookie
/// wins over the guard that renewed it. Changes that middleware makes after `next.run` go after
/// them. Cookies returned as `(cookies, "…")` are set at that position. Without a request,
/// `Cookies::default()` has to be returned to have any effect.
///
/// # Defaults
/// [`Cookies::add`] sets what the cookie does not specify: `Path=/`, `HttpOnly`, `SameSite=Lax`,
/// and `Secure` if the request came over TLS (to this server, or to a proxy listed in
/// `trusted_proxies` that reports it) or if the name starts with `__Host-` or `__Secure-`. Values
/// are percent-encoded when sent and decoded when received; names are not.
///
/// # Errors
/// Reading never fails: a pair that is malformed or not UTF-8 is skipped, and of two pairs with the
/// same name [`Cookies::get`] finds the first, which RFC 6265 section 5.4 makes the more specific
/// one. Setting a cookie whose name is not a token, or whose path or domain contains `;`, is a 500.
#[derive(Debug, Clone, Default)]
pub struct Cookies {
    sent: Vec<(String, String)>,
    changes: Vec<Cookie<'static>>,
    /// The jar of the request, which holds the changes until there is a response. `None` without a
    /// request.
    jar: Option<Arc<Jar>>,
    /// The scope of the guard, middleware, handler or catcher that took this value.
    scope: u32,
    secure: bool,
}

impl Cookies {
    /// The value of a cookie: as changed, otherwise as the client sent it.
    ///
    /// ```
    /// use trine::extract::Cookies;
    ///
    /// let mut cookies = Cookies::default();
    /// cookies.add(("theme", "dark"));
    /// assert_eq!(cookies.get("theme"), Some("dark"));
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|&(found, _)| found == name).map(|(_, value)| value)
    }

    /// All names and values: those that the client sent, in that order, then those that were added.
    /// Removed cookies are left out.
    ///
    /// ```
    /// use trine::extract::Cookies;
    ///
    /// let mut cookies = Cookies::default();
    /// cookies.add(("theme", "dark"));
    /// cookies.add(("lang", "en"));
    /// cookies.remove("theme");
    /// assert_eq!(cookies.iter().collect::<Vec<_>>(), [("lang", "en")]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let sent = self.sent.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept =
            sent.filter(|(name, _)| !self.changes.iter().any(|change| change.name() == *name));
        kept.chain(self.changes.iter().filter(|change| !is_removal(change)).map(Cookie::name_value))
    }

    /// Adds a cookie, or replaces the one of the same name, path and domain.
    ///
    /// It takes a name and a value, or a [`Cookie`] to set attributes:
    ///
    /// ```
    /// use trine::extract::{Cookie, Cookies};
    ///
    /// let mut cookies = Cookies::default();
    /// cookies.add(("theme", "dark"));
    /// cookies.add(Cookie::build(("id", "7")).path("/shop").permanent());
    /// assert_eq!(cookies.iter().count(), 2);
    /// ```
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        cookie.set_http_only(cookie.http_only().unwrap_or(true));
        cookie.set_same_site(cookie.same_site().unwrap_or(SameSite::Lax));
        self.change(cookie);
    }

    /// Removes a cookie, by its name or by a [`Cookie`].
    ///
    /// A browser removes it only if path and domain are the same as when it was added.
    ///
    /// ```
    /// use trine::extract::Cookies;
    ///
    /// let mut cookies = Cookies::default();
    /// cookies.add(("theme", "dark"));
    /// cookies.remove("theme");
    /// assert_eq!(cookies.get("theme"), None);
    /// ```
    pub fn remove(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        cookie.make_removal();
        self.change(cookie);
    }

    fn change(&mut self, mut cookie: Cookie<'static>) {
        if cookie.path().is_none() {
            cookie.set_path("/");
        }
        // Browsers ignore a cookie with one of these prefixes unless it is `Secure`, even if it
        // only removes.
        let prefixed =
            ["__Host-", "__Secure-"].iter().any(|prefix| cookie.name().starts_with(prefix));
        if cookie.secure().is_none() && (self.secure || prefixed) {
            cookie.set_secure(true);
        }
        if let Some(jar) = &self.jar {
            jar.change(cookie.clone(), self.scope);
        }
        self.changes.retain(|change| !is_same(change, &cookie));
        self.changes.push(cookie);
    }
}

impl FromRequest for Cookies {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let secure = over_tls(cx.matched(), cx.headers()).unwrap_or(false);
        let jar = Jar::of(cx);
        let (changes, scope) = (jar.changes(), jar.scope());
        let mut cookies = Cookies { changes, jar: Some(jar), scope, secure, ..Cookies::default() };
        // HTTP/2 sends each pair in a field of its own (RFC 9113 section 8.2.3).
        for field in cx.headers().get_all(header::COOKIE) {
            for pair in field.as_bytes().split(|byte| *byte == b';') {
                // Only the pair that is not UTF-8 is skipped.
                let pair = str::from_utf8(pair).ok().and_then(|pair| pair.split_once('='));
                let Some((name, value)) = pair else { continue };
                cookies.receive(name.trim(), value.trim());
            }
        }
        Ok(cookies)
    }
}

impl Cookies {
    // Names are not decoded: `%5F%5FHost-id`, which any subdomain may set, would pass for the
    // `__Host-id` that browsers protect. Duplicates are not looked up either: the cost of a head
    // full of cookies would be quadratic.
    fn receive(&mut self, name: &str, value: &str) {
        if is_token(name) {
            self.sent.push((name.to_owned(), decode_value(value).into_owned()));
        }
    }
}

impl IntoResponseParts for Cookies {
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        match self.jar {
            Some(jar) => jar.set_returned(response, self.scope),
            None => self.changes.into_iter().try_for_each(|cookie| {
                response.headers_mut().append(header::SET_COOKIE, to_field(cookie)?);
                Ok(())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use trine_core::IntoResponse;

    use super::*;
    use crate::extract::testkit::cx;

    async fn sent(fields: &[&str]) -> Cookies {
        let headers: Vec<_> = fields.iter().map(|field| ("cookie", *field)).collect();
        Cookies::from_request(&mut cx("GET", "/", &headers, ())).await.unwrap()
    }

    fn set(cookies: Cookies) -> Vec<String> {
        let response = (cookies, ()).into_response();
        assert_eq!(response.status(), 200);
        response
            .headers()
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn reads_in_order_and_skips_malformed_pairs() {
        let cookies = sent(&["b=1; a=%C3%A4%20x; =3; none; b=2; sp ace=4", "c=5"]).await;
        assert_eq!(
            cookies.iter().collect::<Vec<_>>(),
            [("b", "1"), ("a", "ä x"), ("b", "2"), ("c", "5")]
        );
        assert_eq!(cookies.get("b"), Some("1"));
    }

    #[tokio::test]
    async fn a_pair_that_is_not_utf8_is_skipped_alone() {
        let mut request = cx("GET", "/", &[], ());
        let field = HeaderValue::from_bytes(b"a=1; b=\xff; c=\xc3\xa4; \xe4=2; d=3").unwrap();
        request.head_mut().headers.append(header::COOKIE, field);
        let cookies = Cookies::from_request(&mut request).await.unwrap();
        assert_eq!(cookies.iter().collect::<Vec<_>>(), [("a", "1"), ("c", "ä"), ("d", "3")]);
    }

    #[tokio::test]
    async fn a_decoded_name_does_not_pass_for_a_protected_one() {
        assert_eq!(sent(&["%5F%5FHost-id=evil"]).await.get("__Host-id"), None);
    }

    #[tokio::test]
    async fn changes_are_set_with_safe_defaults() {
        let mut cookies = sent(&["old=1; kept=2"]).await;
        cookies.add(("new", "a b;"));
        cookies.add(
            Cookie::build(("open", "1")).http_only(false).same_site(SameSite::Strict).path("/x"),
        );
        cookies.remove("old");
        assert_eq!(
            (cookies.get("new"), cookies.get("old"), cookies.get("kept")),
            (Some("a b;"), None, Some("2"))
        );
        let set = set(cookies);
        assert_eq!(
            set[..2],
            ["new=a%20b%3B; HttpOnly; SameSite=Lax; Path=/", "open=1; SameSite=Strict; Path=/x"]
        );
        assert!(set[2].starts_with("old=; Path=/; Max-Age=0; Expires="), "{}", set[2]);
        assert_eq!(set.len(), 3);
    }

    #[tokio::test]
    async fn the_last_change_of_a_cookie_counts() {
        let mut cookies = Cookies::default();
        cookies.add(("a", "1"));
        cookies.remove("a");
        cookies.add(("a", "2"));
        assert_eq!(set(cookies), ["a=2; HttpOnly; SameSite=Lax; Path=/"]);
    }

    #[test]
    fn secure_follows_the_connection() {
        let mut cookies = Cookies { secure: true, ..Cookies::default() };
        cookies.add(("a", "1"));
        assert_eq!(set(cookies), ["a=1; HttpOnly; SameSite=Lax; Secure; Path=/"]);
    }

    #[test]
    fn prefixed_names_are_secure_even_when_removed() {
        let mut cookies = Cookies::default();
        cookies.add(("__Host-id", "1"));
        cookies.remove("__Secure-id");
        let set = set(cookies);
        assert_eq!(set[0], "__Host-id=1; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(set[1].starts_with("__Secure-id=; Secure; Path=/; Max-Age=0"), "{}", set[1]);
    }

    #[test]
    fn injected_attributes_are_refused() {
        for cookie in [Cookie::new("a;b", ""), Cookie::build("a").path("/; Domain=evil").into()] {
            let mut cookies = Cookies::default();
            cookies.add(cookie);
            assert_eq!((cookies, ()).into_response().status(), 500);
        }
    }
}
