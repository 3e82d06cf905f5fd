//! A text that names fields: `"no article has the slug {slug}"`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

use super::field::Field;
use crate::diagnostics::Diagnostics;

pub(super) struct Detail {
    /// For `format!`, the fields by the names of their variables.
    format: LitStr,
    /// Which fields it names, by their index.
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

    /// The arguments of `format!` and its siblings.
    pub(super) fn arguments(&self, fields: &[Field<'_>]) -> TokenStream {
        let format = &self.format;
        let locals =
            self.uses.iter().filter_map(|&index| fields.get(index)).map(|field| &field.local);
        quote!(#format #(, #locals = #locals)*)
    }
}

/// Puts the names of variables in the place of the names of fields.
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
                "`detail` has a brace without its other half: write `{{` or `}}` for a brace"
                    .into(),
            );
        };
        let inside = &brace[1..end];
        let (name, how) =
            inside.split_once(':').map_or((inside, None), |(name, how)| (name, Some(how)));
        let index = find(name.trim(), case, fields)?;
        if !uses.contains(&index) {
            uses.push(index);
        }
        let how = how.map_or_else(String::new, |how| format!(":{how}"));
        format.push_str(&format!("{{{}{how}}}", fields[index].local));
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
        "" => format!("`{{}}` in `detail` names no field: `{case}` has {has}"),
        _ => format!("`detail` names `{{{name}}}`, which is no field: `{case}` has {has}"),
    })
}
