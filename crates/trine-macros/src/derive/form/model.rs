//! The parsed type and its options.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::{Fields, GenericArgument, Generics, Item, PathArguments, Type};

use super::attributes::{self, DefaultValue, FieldAttributes, TypeAttributes};
use crate::diagnostics::Diagnostics;
use crate::rename::Case;

pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) attributes: TypeAttributes,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    /// Named fields.
    Struct(Vec<Field>),
    /// One unnamed field: the type is read like that field.
    Newtype(Box<Type>),
    /// Variants without fields: the value is one of their names.
    Choice(Vec<Variant>),
    /// Variants with fields: another field, the tag, selects the variant.
    Tagged(String, Vec<Variant>),
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    /// The index among all fields of all variants.
    pub(crate) number: usize,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) name: String,
    pub(crate) secret: bool,
    pub(crate) max: Option<u64>,
    pub(crate) types: Vec<String>,
    pub(crate) default: Option<DefaultValue>,
    /// For a type that is read with `FromStr`: the description of the expected value, and the type
    /// around it.
    pub(crate) parse: Option<(String, Wrapper)>,
}

/// The type around a type that is parsed.
#[derive(Clone, Copy)]
pub(crate) enum Wrapper {
    Nothing,
    Option,
    Vec,
}

pub(crate) fn read(item: TokenStream, diagnostics: &mut Diagnostics) -> Option<Model> {
    match syn::parse2::<Item>(item) {
        Ok(Item::Struct(item)) => {
            let attributes = attributes::container(&item.attrs, diagnostics);
            let at = item.ident.span();
            if attributes.tag.is_some() {
                diagnostics.error(
                    at,
                    "`tag` is only for enums: it names the field that selects the variant",
                );
            }
            let shape = structure(item.fields, at, attributes.rename_all, diagnostics)?;
            Some(Model { ident: item.ident, generics: item.generics, attributes, shape })
        }
        Ok(Item::Enum(item)) => {
            let attributes = attributes::container(&item.attrs, diagnostics);
            let at = item.ident.span();
            let variants = item.variants.into_iter().filter_map(|variant| {
                let name = attributes::variant(&variant.attrs, diagnostics);
                let name = name.unwrap_or_else(|| spelled(&variant.ident, attributes.rename_all));
                let fields = match variant.fields {
                    Fields::Unit => Vec::new(),
                    // `rename_all` on an enum spells its variants, not their fields.
                    Fields::Named(fields) => self::fields(fields.named, None, diagnostics),
                    Fields::Unnamed(_) => {
                        let message = "expected a variant without fields or with named fields";
                        diagnostics.error(variant.ident.span(), message);
                        return None;
                    }
                };
                Some(Variant { ident: variant.ident, name, fields })
            });
            let mut variants: Vec<Variant> = variants.collect();
            number(variants.iter_mut().flat_map(|variant| &mut variant.fields));
            twice(
                variants.iter().map(|variant| (&variant.name, variant.ident.span())),
                diagnostics,
            );
            let shape = enumeration(variants, attributes.tag.clone(), at, diagnostics);
            Some(Model { ident: item.ident, generics: item.generics, attributes, shape })
        }
        Ok(_) => {
            diagnostics
                .error(Span::call_site(), "`FromForm` can only be derived for structs and enums");
            None
        }
        Err(error) => {
            diagnostics.push(error);
            None
        }
    }
}

fn structure(
    all: Fields,
    at: Span,
    case: Option<Case>,
    diagnostics: &mut Diagnostics,
) -> Option<Shape> {
    match all {
        Fields::Named(all) => {
            let mut fields = fields(all.named, case, diagnostics);
            number(fields.iter_mut());
            Some(Shape::Struct(fields))
        }
        Fields::Unnamed(all) if all.unnamed.len() == 1 => {
            all.unnamed.into_iter().next().map(|field| Shape::Newtype(Box::new(field.ty)))
        }
        Fields::Unnamed(_) | Fields::Unit => {
            diagnostics
                .error(at, "a form needs named fields; only a newtype may have an unnamed one");
            None
        }
    }
}

fn enumeration(
    variants: Vec<Variant>,
    tag: Option<String>,
    at: Span,
    diagnostics: &mut Diagnostics,
) -> Shape {
    match tag {
        Some(tag) => {
            for field in variants
                .iter()
                .flat_map(|variant| &variant.fields)
                .filter(|field| field.name == tag)
            {
                diagnostics.error(
                    field.ident.span(),
                    format!(
                        "`{tag}` is already the tag that selects the variant: rename this field, \
                         or choose another `tag`"
                    ),
                );
            }
            Shape::Tagged(tag, variants)
        }
        None => {
            if let Some(variant) = variants.iter().find(|variant| !variant.fields.is_empty()) {
                let message = format!(
                    "`{}` has fields: write `#[form(tag = \"kind\")]` on the enum to name the field that selects the \
                     variant",
                    variant.ident
                );
                diagnostics.error(variant.ident.span(), message);
            }
            if variants.is_empty() {
                diagnostics.error(at, "an enum without variants has no value: add one");
            }
            Shape::Choice(variants)
        }
    }
}

fn fields(
    all: impl IntoIterator<Item = syn::Field>,
    case: Option<Case>,
    diagnostics: &mut Diagnostics,
) -> Vec<Field> {
    let fields = all.into_iter().filter_map(|field| {
        let ident = field.ident?;
        let FieldAttributes { name, default, max, types, secret, parse } =
            attributes::field(&field.attrs, diagnostics);
        let name = name.unwrap_or_else(|| spelled(&ident, case));
        let secret = secret.unwrap_or_else(|| name.to_ascii_lowercase().contains("password"));
        let (ty, parse) = match parse {
            None => (field.ty, None),
            Some(expected) => {
                let (ty, around) = parsed(field.ty);
                (ty, Some((expected, around)))
            }
        };
        Some(Field { number: 0, ident, ty, name, secret, max, types, default, parse })
    });
    let fields: Vec<Field> = fields.collect();
    twice(fields.iter().map(|field| (&field.name, field.ident.span())), diagnostics);
    fields
}

fn number<'a>(fields: impl Iterator<Item = &'a mut Field>) {
    for (number, field) in fields.enumerate() {
        field.number = number;
    }
}

fn twice<'a>(names: impl Iterator<Item = (&'a String, Span)>, diagnostics: &mut Diagnostics) {
    let mut seen: Vec<&String> = Vec::new();
    for (name, at) in names {
        if seen.contains(&name) {
            diagnostics
                .error(at, format!("a second `{name}`: rename one with `#[form(name = \"…\")]`"));
        }
        seen.push(name);
    }
}

fn spelled(ident: &Ident, case: Option<Case>) -> String {
    let ident = ident.unraw().to_string();
    case.map_or_else(|| ident.clone(), |case| case.spell(&ident))
}

/// The type that is parsed, which may be inside an `Option` or `Vec`.
fn parsed(ty: Type) -> (Type, Wrapper) {
    let Type::Path(path) = &ty else { return (ty, Wrapper::Nothing) };
    let Some(last) = path.path.segments.last() else { return (ty, Wrapper::Nothing) };
    let around = match last.ident.to_string().as_str() {
        "Option" => Wrapper::Option,
        "Vec" => Wrapper::Vec,
        _ => return (ty, Wrapper::Nothing),
    };
    if let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first()
    {
        return (inner.clone(), around);
    }
    (ty, Wrapper::Nothing)
}
