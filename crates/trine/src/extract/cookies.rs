//! The cookies of a request, and changes to them.

mod jar;

use std::borrow::Cow;
use std::sync::Arc;

use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use http::{HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, IntoResponseParts, Problem, Rejection, Response};
use trine_server::over_tls;

use self::jar::Jar;
#[cfg(feature = "axum")]
pub(crate) use self::jar::unattended;
pub(crate) use self::jar::{Whose, next_place, set_changed};

/// The cookies that the client sent, and changes to them.
///
/// ```
/// use trine::extract::Cookies;
///
/// async fn visit(mut cookies: Cookies) -> String {
///     let visits = cookies.get("visits").and_then(|n| n.parse().ok()).unwrap_or(0) + 1;
///     cookies.add(("visits", visits.to_string()));
///     format!("visit {visits}")
/// }
/// ```
///
/// # What is changed is set
/// A change takes effect whatever its maker answers: a page, a redirect, a problem that `?`
/// returned, a refusal of a guard. A cookie that must not be set where the handler fails is added
/// last. Guards, middleware and the handler of a request see each other's changes, and one cookie
/// is set once, as it was changed last.
///
/// Not set are the changes of whoever never answers: a handler that panics, or that a layer cuts
/// off, as a time-out does, loses them, whatever is answered in its stead. Those of the guards and
/// middleware around it are set, but for a cookie that it changed as well. Not set, too, are
/// changes that come when the answer has been made, in the body of a stream for example; a line of
/// the log tells of them.
///
/// # Beside other `Set-Cookie` fields
/// Of two fields about one cookie the last counts. What was changed before there was an answer is
/// put before the `Set-Cookie` fields of that answer, so that a handler or a mounted service that
/// removes a cookie wins over the guard that renewed it; what middleware changes when it has the
/// answer is put behind them. Returned before an answer, `(cookies, "…")`, they are set in that
/// place. Where there is no request, `Cookies::default()` has to be returned.
///
/// # Defaults
/// What [`Cookies::add`] is not told otherwise: `Path=/`, `HttpOnly`, `SameSite=Lax`, and `Secure`
/// where the request came over TLS, to us or to a proxy of `trusted_proxies` that says so, or where
/// the name begins with `__Host-` or `__Secure-`. Values are percent-encoded on the way out and
/// decoded on the way in; names are not.
///
/// # Errors
/// None on the way in: a pair that is malformed or not UTF-8 is passed over, alone, and of two with
/// one name [`Cookies::get`] finds the first, which RFC 6265 section 5.4 makes the more specific
/// one. On the way out, a name that is no token or a `;` in a path or domain is a 500.
#[derive(Debug, Clone, Default)]
pub struct Cookies {
    sent: Vec<(String, String)>,
    changes: Vec<Cookie<'static>>,
    /// Where the same changes wait for the answer. `None` without a request.
    jar: Option<Arc<Jar>>,
    /// Where on the way it was made.
    place: u32,
    secure: bool,
}

impl Cookies {
    /// The value of this name: as changed, else as sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|&(found, _)| found == name).map(|(_, value)| value)
    }

    /// All names and values: those that were sent, in their order, then those that were added. None
    /// that was removed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let sent = self.sent.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept =
            sent.filter(|(name, _)| !self.changes.iter().any(|change| change.name() == *name));
        kept.chain(self.changes.iter().filter(|change| !is_removal(change)).map(Cookie::name_value))
    }

    /// Adds a cookie, or replaces the one of the same name, path and domain.
    ///
    /// It takes a pair, or a [`Cookie`] to say more:
    ///
    /// ```
    /// use trine::extract::{Cookie, Cookies};
    /// # let mut cookies = Cookies::default();
    /// cookies.add(("theme", "dark"));
    /// cookies.add(Cookie::build(("id", "7")).path("/shop").permanent());
    /// ```
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        cookie.set_http_only(cookie.http_only().unwrap_or(true));
        cookie.set_same_site(cookie.same_site().unwrap_or(SameSite::Lax));
        self.change(cookie);
    }

    /// Removes a cookie, by its name or by a [`Cookie`].
    ///
    /// A browser removes it only where path and domain are those it was added with.
    pub fn remove(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        cookie.make_removal();
        self.change(cookie);
    }

    fn change(&mut self, mut cookie: Cookie<'static>) {
        if cookie.path().is_none() {
            cookie.set_path("/");
        }
        // Browsers drop a cookie of these prefixes that does not say `Secure`, a removal too.
        let prefixed =
            ["__Host-", "__Secure-"].iter().any(|prefix| cookie.name().starts_with(prefix));
        if cookie.secure().is_none() && (self.secure || prefixed) {
            cookie.set_secure(true);
        }
        if let Some(jar) = &self.jar {
            jar.change(cookie.clone(), self.place);
        }
        self.changes.retain(|change| !is_same(change, &cookie));
        self.changes.push(cookie);
    }
}

// RFC 6265 section 5.3: a browser keeps one cookie for each name, domain and path.
fn is_same(a: &Cookie<'_>, b: &Cookie<'_>) -> bool {
    (a.name(), a.domain(), a.path()) == (b.name(), b.domain(), b.path())
}

impl FromRequest for Cookies {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let secure = over_tls(cx.matched(), cx.headers()).unwrap_or(false);
        let jar = Jar::of(cx);
        let (changes, place) = (jar.changes(), jar.place());
        let mut cookies = Cookies { changes, jar: Some(jar), place, secure, ..Cookies::default() };
        // HTTP/2 sends each pair in a field of its own (RFC 9113 section 8.2.3).
        for field in cx.headers().get_all(header::COOKIE) {
            for pair in field.as_bytes().split(|byte| *byte == b';') {
                // One that is no text is passed over, and takes no other with it.
                let pair = str::from_utf8(pair).ok().and_then(|pair| pair.split_once('='));
                let Some((name, value)) = pair else { continue };
                cookies.receive(name.trim(), value.trim());
            }
        }
        Ok(cookies)
    }
}

impl Cookies {
    // Names stay as they are: decoding them would let `%5F%5FHost-id`, which any subdomain may set,
    // pass for the `__Host-id` that browsers protect. Nothing is looked up here, or a head full of
    // cookies would cost its square.
    fn receive(&mut self, name: &str, value: &str) {
        if is_token(name) {
            self.sent.push((name.to_owned(), decode_value(value).into_owned()));
        }
    }
}

impl IntoResponseParts for Cookies {
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        match self.jar {
            Some(jar) => jar.set_returned(response, self.place),
            None => self.changes.into_iter().try_for_each(|cookie| {
                response.headers_mut().append(header::SET_COOKIE, encode(cookie)?);
                Ok(())
            }),
        }
    }
}

fn encode(mut cookie: Cookie<'static>) -> Result<HeaderValue, Problem> {
    let refuse = |what: &str| {
        Problem::internal(format!("cookie `{}`: {what}", cookie.name().escape_debug()))
    };
    if !is_token(cookie.name()) {
        return Err(refuse(
            "expected a name of letters, digits and `-_.!#$%&'*+^|~` (RFC 6265 section 4.1.1)",
        ));
    }
    let attributes = [cookie.path(), cookie.domain()];
    if attributes.iter().flatten().any(|text| text.contains([';', '\r', '\n'])) {
        return Err(refuse("expected a path and a domain without `;` and line breaks"));
    }
    cookie.set_value(encode_value(cookie.value()));
    HeaderValue::try_from(cookie.to_string()).map_err(Problem::internal)
}

/// A value as it stands in a header field.
pub(crate) fn encode_value(value: &str) -> String {
    utf8_percent_encode(value, NOT_IN_VALUE).to_string()
}

/// A value as it was before [`encode_value`]. What decodes to other than UTF-8 stays as it is.
pub(crate) fn decode_value(value: &str) -> Cow<'_, str> {
    percent_decode_str(value).decode_utf8().unwrap_or(Cow::Borrowed(value))
}

// What RFC 6265 section 4.1.1 keeps out of a value, and the sign of the encoding itself.
const NOT_IN_VALUE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&b))
}

fn is_removal(cookie: &Cookie<'_>) -> bool {
    cookie.max_age() == Some(Duration::ZERO)
}

#[cfg(test)]
mod tests {
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
    async fn reads_in_order_and_ignores_what_is_malformed() {
        let cookies = sent(&["b=1; a=%C3%A4%20x; =3; none; b=2; sp ace=4", "c=5"]).await;
        assert_eq!(
            cookies.iter().collect::<Vec<_>>(),
            [("b", "1"), ("a", "ä x"), ("b", "2"), ("c", "5")]
        );
        assert_eq!(cookies.get("b"), Some("1"));
    }

    #[tokio::test]
    async fn a_pair_that_is_no_text_takes_no_other_with_it() {
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
    fn prefixed_names_are_secure_even_when_they_go() {
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
