//! The type as it was written, and what it says of itself.

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
    /// One field without a name: it is read as that.
    Newtype(Box<Type>),
    /// Variants without fields: one of their names is the value.
    Choice(Vec<Variant>),
    /// Variants with fields: one field, the tag, says which.
    Tagged(String, Vec<Variant>),
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    /// Which one it is, of all fields of all variants.
    pub(crate) number: usize,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) name: String,
    pub(crate) secret: bool,
    pub(crate) max: Option<u64>,
    pub(crate) types: Vec<String>,
    pub(crate) default: Option<DefaultValue>,
    /// The words for what is expected of a type that is read by its `FromStr`, and around what that
    /// stands.
    pub(crate) parse: Option<(String, Around)>,
}

/// What stands around a type that is parsed.
#[derive(Clone, Copy)]
pub(crate) enum Around {
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
                    "`tag` is for enums: it names the field that says which variant it is",
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
                    // Fields of variants keep their names: the spelling of a choice is not theirs.
                    Fields::Named(fields) => self::fields(fields.named, None, diagnostics),
                    Fields::Unnamed(_) => {
                        let message = "expected a variant without fields or with named ones";
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
            diagnostics.error(Span::call_site(), "`FromForm` is derived for structs and enums");
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
            diagnostics.error(
                at,
                "a form has named fields; a struct around one value may leave the name out",
            );
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
                    format!("`{tag}` is the tag, which says the variant"),
                );
            }
            Shape::Tagged(tag, variants)
        }
        None => {
            if let Some(variant) = variants.iter().find(|variant| !variant.fields.is_empty()) {
                let message = format!(
                    "`{}` has fields: write `#[form(tag = \"kind\")]` on the enum to name the field that says which \
                     variant it is",
                    variant.ident
                );
                diagnostics.error(variant.ident.span(), message);
            }
            if variants.is_empty() {
                diagnostics.error(at, "an enum without variants has no value");
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
            diagnostics.error(at, format!("a second `{name}`: each needs a name of its own"));
        }
        seen.push(name);
    }
}

fn spelled(ident: &Ident, case: Option<Case>) -> String {
    let ident = ident.unraw().to_string();
    case.map_or_else(|| ident.clone(), |case| case.spell(&ident))
}

/// The type that is parsed: in an `Option` and a `Vec` it is the one inside.
fn parsed(ty: Type) -> (Type, Around) {
    let Type::Path(path) = &ty else { return (ty, Around::Nothing) };
    let Some(last) = path.path.segments.last() else { return (ty, Around::Nothing) };
    let around = match last.ident.to_string().as_str() {
        "Option" => Around::Option,
        "Vec" => Around::Vec,
        _ => return (ty, Around::Nothing),
    };
    if let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first()
    {
        return (inner.clone(), around);
    }
    (ty, Around::Nothing)
}
