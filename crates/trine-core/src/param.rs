//! One value of a path or a query.

use std::borrow::Cow;
use std::future::Future;
use std::str::FromStr;

use percent_encoding::percent_decode;

use crate::{Cx, Needs, Problem, Rejection};

/// A type that a single value of the path or the query can become: `/users/{id}`, `?{page}`.
///
/// It sees the request and may wait, so a value can be looked up by its id. The extractors of the handler that leave the body
/// alone have run before, so whoever may not ask is refused before anything is looked up. Repeated and missing values of a query
/// are the affair of [`FromParam::from_values`]: `Option<T>` accepts none, `Vec<T>` any number, all others one.
///
/// ```
/// use trine_core::{Cx, FromParam, Param, Rejection};
///
/// struct Slug(String);
///
/// impl FromParam for Slug {
///     async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
///         match param.value.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
///             true => Ok(Slug(param.value.into_owned())),
///             false => Err(param.expected("lower-case letters and dashes")),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value of the path or the query",
    label = "does not implement `FromParam`",
    note = "text, numbers, `bool`, `char` and addresses do; so do `Option<T>` and `Vec<T>` of them",
    note = "for a type of your own, implement `trine::FromParam`"
)]
pub trait FromParam: Sized + Send {
    /// Declares what the application must hold for this to work, as an extractor does; the launch audit checks it.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }

    /// Makes the value of the text between two slashes or behind `name=`, percent-decoded.
    fn from_param(param: Param<'_>, cx: &Cx) -> impl Future<Output = Result<Self, Rejection>> + Send;

    /// Makes the value of everything that the query says under one name.
    fn from_values(values: Values<'_>, cx: &Cx) -> impl Future<Output = Result<Self, Rejection>> + Send {
        async move { Self::from_param(values.one()?, cx).await }
    }
}

/// One value with its name, so that an error can say both.
#[derive(Debug, Clone)]
pub struct Param<'a> {
    /// The name in the template.
    pub name: &'a str,
    /// Where it stood.
    pub place: Place,
    /// The text, percent-decoded.
    pub value: Cow<'a, str>,
}

/// Where a value stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
}

impl Param<'_> {
    /// The rejection that says what was expected and what came: 400.
    #[must_use]
    pub fn expected(&self, expected: &str) -> Rejection {
        let place = self.place.name();
        let detail = format!("{place} parameter `{}`: expected {expected}, got `{}`", self.name, self.value);
        Problem::bad_request(detail)
            .with("parameter", self.name)
            .with("expected", expected)
            .with("got", &*self.value)
            .into()
    }

    /// The rejection of a value that is none of those known; it names them and the one that is nearly the same: 400.
    #[must_use]
    pub fn expected_one_of(&self, known: &[&str]) -> Rejection {
        let listed: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
        let near = known.iter().find(|known| one_edit_apart(known, &self.value));
        let expected = match &*listed {
            [one] => one.clone(),
            all => format!("one of {}", all.join(", ")),
        };
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let place = self.place.name();
        let detail =
            format!("{place} parameter `{}`: expected {expected}, got `{}`{hint}", self.name, self.value);
        Problem::bad_request(detail)
            .with("parameter", self.name)
            .with("expected", known)
            .with("got", &*self.value)
            .into()
    }
}

/// Whether one character more, less, other, or swapped with its neighbour makes one text the other; case is no matter.
fn one_edit_apart(a: &str, b: &str) -> bool {
    let fold = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (a, b) = (fold(a), fold(b));
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 if long.len() >= 2 && short[..2] == [long[1], long[0]] => short[2..] == long[2..],
        0 => short.get(1..).unwrap_or_default() == long.get(1..).unwrap_or_default(),
        1 => short == &long[1..],
        _ => false,
    }
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Place::Path => "path",
            Place::Query => "query",
        }
    }
}

/// Reads the path parameter at `index` of the handler's own template; the prefixes of its groups do not count.
///
/// # Errors
/// What [`FromParam::from_param`] refuses; a 400 where it is not UTF-8.
pub async fn from_path<T: FromParam>(name: &str, index: usize, cx: &Cx) -> Result<T, Rejection> {
    let before = cx.route().map_or(0, |route| route.prefix_params);
    match cx.matched().param(before + index)? {
        Some(value) => {
            let param = Param { name, place: Place::Path, value };
            T::from_param(param, cx).await.map_err(Rejection::by::<T>)
        }
        None => Err(Problem::internal(format!("the route has no path parameter `{name}`")).into()),
    }
}

/// Reads the query parameter of this name.
///
/// # Errors
/// What [`FromParam::from_values`] refuses; a 400 where it is not UTF-8.
pub async fn from_query<T: FromParam>(name: &str, cx: &Cx) -> Result<T, Rejection> {
    let query = cx.uri().query().unwrap_or_default();
    T::from_values(Values { name, query }, cx).await.map_err(Rejection::by::<T>)
}

/// All values of one name in a query, in order.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    name: &'a str,
    query: &'a str,
}

impl<'a> Values<'a> {
    /// The values of `name` in `query`, which is percent-encoded as browsers do.
    #[must_use]
    pub fn new(name: &'a str, query: &'a str) -> Values<'a> {
        Values { name, query }
    }

    /// The one value.
    ///
    /// # Errors
    /// A 400 where there is none or more than one.
    pub fn one(mut self) -> Result<Param<'a>, Rejection> {
        let name = self.name;
        let first = self.next().ok_or_else(|| missing(name))??;
        match self.next() {
            None => Ok(first),
            Some(_) => {
                Err(Problem::bad_request(format!("query parameter `{name}`: expected once, got it again"))
                    .into())
            }
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Param<'a>, Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.query.is_empty() {
            let (pair, rest) = self.query.split_once('&').unwrap_or((self.query, ""));
            self.query = rest;
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == self.name || decode(key).is_ok_and(|key| key == self.name) {
                return Some(match decode(value) {
                    Ok(value) => Ok(Param { name: self.name, place: Place::Query, value }),
                    Err(()) => Err(not_utf8(self.name, value)),
                });
            }
        }
        None
    }
}

// application/x-www-form-urlencoded as the WHATWG URL standard reads it: `+` is a space.
fn decode(text: &str) -> Result<Cow<'_, str>, ()> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Ok(Cow::Borrowed(text));
    }
    if !is_encoded(text) {
        return Err(());
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().map_err(|_| ())?;
    Ok(Cow::Owned(decoded.into_owned()))
}

// RFC 3986 section 2.1: two hexadecimal digits follow each `%`.
#[doc(hidden)]
#[must_use]
pub fn is_encoded(text: &str) -> bool {
    let mut after = text.split('%').skip(1);
    after.all(|part| part.as_bytes().get(..2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)))
}

#[cold]
fn missing(name: &str) -> Rejection {
    Problem::bad_request(format!("query parameter `{name}` is missing"))
        .with("parameter", name)
        .absent()
        .into()
}

#[cold]
fn not_utf8(name: &str, value: &str) -> Rejection {
    let detail = format!("query parameter `{name}`: expected percent-encoded UTF-8, got `{value}`");
    Problem::bad_request(detail).into()
}

impl FromParam for String {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        Ok(param.value.into_owned())
    }
}

macro_rules! parsed {
    ($($ty:ty => $expected:literal),* $(,)?) => {$(
        impl FromParam for $ty {
            async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
                <$ty>::from_str(&param.value).map_err(|_| param.expected($expected))
            }
        }
    )*};
}

parsed! { bool => "`true` or `false`" }
crate::scalars!(parsed);

/// `None` when the query does not name it.
impl<T: FromParam> FromParam for Option<T> {
    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_param(param: Param<'_>, cx: &Cx) -> Result<Self, Rejection> {
        T::from_param(param, cx).await.map(Some)
    }

    async fn from_values(values: Values<'_>, cx: &Cx) -> Result<Self, Rejection> {
        match values.clone().next() {
            Some(_) => T::from_values(values, cx).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Every value of a name that the query repeats.
impl<T: FromParam> FromParam for Vec<T> {
    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_param(param: Param<'_>, cx: &Cx) -> Result<Self, Rejection> {
        Ok(vec![T::from_param(param, cx).await?])
    }

    async fn from_values(values: Values<'_>, cx: &Cx) -> Result<Self, Rejection> {
        let mut all = Vec::new();
        for value in values {
            all.push(T::from_param(value?, cx).await?);
        }
        Ok(all)
    }
}

/// The handler decides what to do with the rejection.
impl<T: FromParam> FromParam for Result<T, Rejection> {
    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_param(param: Param<'_>, cx: &Cx) -> Result<Self, Rejection> {
        Ok(T::from_param(param, cx).await)
    }

    async fn from_values(values: Values<'_>, cx: &Cx) -> Result<Self, Rejection> {
        Ok(T::from_values(values, cx).await)
    }
}
