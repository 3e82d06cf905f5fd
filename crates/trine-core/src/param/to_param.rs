//! Writes values into paths and queries, for links.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::Rejection;
use crate::param::AnyText;

/// A type whose values can be written into a path or a query: the opposite of
/// [`FromParam`](crate::FromParam).
///
/// `FromParam` parses the text back into an equal value. The text is not percent-encoded: links do
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
///
/// assert_eq!(Slug("a-b".to_owned()).to_param(), "a-b");
/// ```
///
/// `#[derive(FromParam)]` of the crate `trine` implements both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written into a path or a query",
    label = "does not implement `ToParam`",
    note = "derive `FromParam`, which implements `ToParam` too, or implement `trine::ToParam`"
)]
pub trait ToParam {
    /// The text of a path segment, or of one value of a query.
    fn to_param(&self) -> Cow<'_, str>;

    /// Calls `each` with all values of the name in a query: one text for most types, none for
    /// `None`.
    fn to_values(&self, each: &mut dyn FnMut(&str)) {
        each(&self.to_param());
    }
}

/// A value that a link accepts for an argument of type `T` of its handler.
///
/// That is a `T` or `&T`, a `&str` for `String`, the same for `Option<T>`, and an array or a slice
/// for `Vec<T>` (`vec![]` for none). `#[derive(FromParam)]` adds the key of a type that is looked
/// up.
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
    note = "pass a value of type `{T}`, or a reference to it; if both types have the same name, compare their full paths in this message"
)]
pub trait LinkArg<T> {
    /// Calls `each` with the texts of the value.
    fn values(&self, each: &mut dyn FnMut(&str));
}

/// Writes values of `T`, which is any [`ToParam`].
///
/// It exists for the messages of the compiler. For a type without `ToParam`, they name the missing
/// trait, instead of reporting that the type is not a `LinkArg` for itself.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be written into a link: it has no `ToParam`",
    label = "cannot be written into a link",
    note = "derive `FromParam` for `{T}`, which implements `ToParam` too, or implement `trine::ToParam`"
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
    // For any type with `ToParam`.
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

/// The segments are separated by slashes. Bytes that are not UTF-8 become U+FFFD, since no request
/// can contain them.
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

/// `None` is left out of a query. An empty text is parsed as `None`, as for inputs that were left
/// empty.
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

/// In a query the name is repeated for each value. In a path the first value is written.
impl<T: ToParam> ToParam for Vec<T> {
    fn to_param(&self) -> Cow<'_, str> {
        self.first().map_or(Cow::Borrowed(""), T::to_param)
    }

    fn to_values(&self, each: &mut dyn FnMut(&str)) {
        self.iter().for_each(|value| value.to_values(each));
    }
}
