//! From a value to the text of a path or a query: what links are made of.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::Rejection;
use crate::param::AnyText;

/// A type whose values can stand in a path or a query: the way back from
/// [`FromParam`](crate::FromParam).
///
/// What it gives is read back by `FromParam` to an equal value. It is not percent-encoded: links do
/// that.
///
/// ```
/// use std::borrow::Cow;
/// use trine_core::ToParam;
///
/// struct Slug(String);
///
/// impl ToParam for Slug {
///     fn to_param(&self) -> Cow<'_, str> {
///         Cow::Borrowed(&self.0)
///     }
/// }
/// ```
///
/// `#[derive(FromParam)]` of the `trine` crate writes both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written into a path or a query",
    label = "does not implement `ToParam`",
    note = "implement `trine::ToParam`, or derive `FromParam`, which brings it along"
)]
pub trait ToParam {
    /// The text between two slashes or behind `name=`.
    fn to_param(&self) -> Cow<'_, str>;

    /// Hands on everything that a query says under one name: one text for most types, none for
    /// `None`.
    fn to_values(&self, each: &mut dyn FnMut(&str)) {
        each(&self.to_param());
    }
}

/// A value that can be given to a link where its handler takes a `T`.
///
/// That is a `T` or `&T`; `&str` for `String`; what stands for `T` also for `Option<T>`; an array
/// or a slice for `Vec<T>` (`vec![]` for none). `#[derive(FromParam)]` adds the key of a type that
/// is looked up.
///
/// ```
/// use trine_core::LinkArg;
///
/// fn texts<T>(value: impl LinkArg<T>) -> Vec<String> {
///     let mut texts = Vec::new();
///     value.values(&mut |text| texts.push(text.to_owned()));
///     texts
/// }
///
/// assert_eq!(texts::<String>("a"), ["a"]);
/// assert_eq!(texts::<Option<u8>>(7), ["7"]);
/// assert_eq!(texts::<Option<u8>>(None), [""; 0]);
/// assert_eq!(texts::<Vec<u8>>([1, 2]), ["1", "2"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for `{T}` in a link",
    label = "the handler takes `{T}` here",
    note = "pass a `{T}`, or a reference to one; two types of one name are told apart by their paths"
)]
pub trait LinkArg<T> {
    /// Hands on the texts of the value.
    fn values(&self, each: &mut dyn FnMut(&str));
}

/// Writes values of `T`, which is whatever is [`ToParam`].
///
/// It stands between the two traits for the compiler's words: where a type has no text, that is
/// said, and not that it cannot stand for itself.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be written into a link: it has no `ToParam`",
    label = "cannot be written into a link",
    note = "derive `FromParam` for `{T}`, which brings it along, or implement `trine::ToParam`"
)]
trait Writes<T> {
    fn write(value: &T, each: &mut dyn FnMut(&str));
}

struct Text;

#[diagnostic::do_not_recommend]
impl<T: ToParam> Writes<T> for Text {
    fn write(value: &T, each: &mut dyn FnMut(&str)) {
        value.to_values(each);
    }
}

macro_rules! link_arg {
    // Of any type that has a text.
    ($(of T: ($($generics:tt)*) $from:ty => $to:ty: |$value:ident, $each:ident| $body:expr;)*) => {$(
        impl<T, $($generics)*> LinkArg<$to> for $from
        where
            Text: Writes<T>,
        {
            fn values(&self, $each: &mut dyn FnMut(&str)) {
                let $value = self;
                $body
            }
        }
    )*};
    ($(($($generics:tt)*) $from:ty => $to:ty: |$value:ident, $each:ident| $body:expr;)*) => {$(
        impl<$($generics)*> LinkArg<$to> for $from {
            fn values(&self, $each: &mut dyn FnMut(&str)) {
                let $value = self;
                $body
            }
        }
    )*};
}

link_arg! {
    of T: () T => T: |value, each| Text::write(value, each);
    of T: () &T => T: |value, each| Text::write(value, each);
    of T: () T => Option<T>: |value, each| Text::write(value, each);
    of T: () &T => Option<T>: |value, each| Text::write(value, each);
    of T: () T => Result<T, Rejection>: |value, each| Text::write(value, each);
    of T: () &T => Result<T, Rejection>: |value, each| Text::write(value, each);
    of T: () &[T] => Vec<T>: |value, each| value.iter().for_each(|one| Text::write(one, each));
    of T: (const N: usize) [T; N] => Vec<T>: |value, each| value.iter().for_each(|one| Text::write(one, each));
}

link_arg! {
    () &str => String: |value, each| each(value);
    () &str => Option<String>: |value, each| each(value);
    (const N: usize) [&str; N] => Vec<String>: |value, each| value.iter().for_each(|one| each(one));
    () &[&str] => Vec<String>: |value, each| value.iter().for_each(|one| each(one));
    () &str => AnyText: |value, each| each(value);
    () &str => Option<AnyText>: |value, each| each(value);
    () &str => PathBuf: |value, each| each(value);
    () &Path => PathBuf: |value, each| each(&value.to_param());
}

impl ToParam for str {
    fn to_param(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl<T: ToParam + ?Sized> ToParam for &T {
    fn to_param(&self) -> Cow<'_, str> {
        (**self).to_param()
    }

    fn to_values(&self, each: &mut dyn FnMut(&str)) {
        (**self).to_values(each);
    }
}

impl ToParam for String {
    fn to_param(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

/// With slashes between its segments. What is not UTF-8 no request can name; it is written with
/// U+FFFD.
impl ToParam for Path {
    fn to_param(&self) -> Cow<'_, str> {
        let text = self.to_string_lossy();
        if cfg!(windows) { Cow::Owned(text.replace('\\', "/")) } else { text }
    }
}

impl ToParam for PathBuf {
    fn to_param(&self) -> Cow<'_, str> {
        self.as_path().to_param()
    }
}

impl ToParam for bool {
    fn to_param(&self) -> Cow<'_, str> {
        Cow::Borrowed(if *self { "true" } else { "false" })
    }
}

macro_rules! displayed {
    ($($ty:ty),* $(,)?) => {$(
        impl ToParam for $ty {
            fn to_param(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        }
    )*};
}

displayed! {
    char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    std::num::NonZeroU8, std::num::NonZeroU16, std::num::NonZeroU32, std::num::NonZeroU64, std::num::NonZeroUsize,
    std::net::IpAddr, std::net::Ipv4Addr, std::net::Ipv6Addr, std::net::SocketAddr,
}

/// `None` is left out of a query. An empty text is read as `None`, as all inputs are that nobody
/// touched.
impl<T: ToParam> ToParam for Option<T> {
    fn to_param(&self) -> Cow<'_, str> {
        self.as_ref().map_or(Cow::Borrowed(""), T::to_param)
    }

    fn to_values(&self, each: &mut dyn FnMut(&str)) {
        if let Some(value) = self {
            value.to_values(each);
        }
    }
}

/// Each value repeats the name in a query. A path takes a list of one.
impl<T: ToParam> ToParam for Vec<T> {
    fn to_param(&self) -> Cow<'_, str> {
        self.first().map_or(Cow::Borrowed(""), T::to_param)
    }

    fn to_values(&self, each: &mut dyn FnMut(&str)) {
        self.iter().for_each(|value| value.to_values(each));
    }
}
