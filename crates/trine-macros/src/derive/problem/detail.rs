//! A format string that names fields: `"no article has the slug {slug}"`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

use super::field::Field;
use crate::diagnostics::Diagnostics;

pub(super) struct Detail {
    /// The string for `format!`, with the names of the variables instead of the fields.
    format: LitStr,
    /// The indices of the fields that it names.
    pub(super) uses: Vec<usize>,
}

impl Detail {
    pub(super) fn read(
        text: &LitStr,
        case: &str,
        fields: &[Field<'_>],
        diagnostics: &mut Diagnostics,
    ) -> Option<Detail> {
        match rewrite(&text.value(), case, fields) {
            Ok((format, uses)) => Some(Detail { format: LitStr::new(&format, text.span()), uses }),
            Err(message) => {
                diagnostics.error(text.span(), message);
                None
            }
        }
    }

    /// The arguments for `format!` and similar macros.
    pub(super) fn arguments(&self, fields: &[Field<'_>]) -> TokenStream {
        let format = &self.format;
        let locals =
            self.uses.iter().filter_map(|&index| fields.get(index)).map(|field| &field.local);
        quote!(#format #(, #locals = #locals)*)
    }
}

/// Replaces the names of fields by the names of their variables.
fn rewrite(text: &str, case: &str, fields: &[Field<'_>]) -> Result<(String, Vec<usize>), String> {
    let mut format = String::new();
    let mut uses = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        format.push_str(before);
        if brace.starts_with("{{") || brace.starts_with("}}") {
            format.push_str(&brace[..2]);
            rest = &brace[2..];
            continue;
        }
        let Some(end) = brace.find('}').filter(|&end| end > 0) else {
            return Err(
                "`detail` has an unmatched brace: write `{{` or `}}` for a literal brace".into()
            );
        };
        let inside = &brace[1..end];
        let (name, spec) =
            inside.split_once(':').map_or((inside, None), |(name, spec)| (name, Some(spec)));
        let index = find(name.trim(), case, fields)?;
        if !uses.contains(&index) {
            uses.push(index);
        }
        let spec = spec.map_or_else(String::new, |spec| format!(":{spec}"));
        format.push_str(&format!("{{{}{spec}}}", fields[index].local));
        rest = &brace[end + 1..];
    }
    format.push_str(rest);
    Ok((format, uses))
}

fn find(name: &str, case: &str, fields: &[Field<'_>]) -> Result<usize, String> {
    if let Some(index) = fields.iter().position(|field| field.name == name) {
        return Ok(index);
    }
    let known: Vec<String> = fields.iter().map(|field| format!("`{{{}}}`", field.name)).collect();
    let has = match known.is_empty() {
        true => "no fields".to_owned(),
        false => known.join(", "),
    };
    Err(match name {
        "" => format!("`{{}}` in `detail` does not name a field: `{case}` has {has}"),
        _ => format!("`detail` names `{{{name}}}`, which is not a field: `{case}` has {has}"),
    })
}
