//! `templates!("templates")`: reads a folder at run time in debug builds, and embeds it in release
//! builds.

use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

pub(crate) fn templates(tokens: TokenStream) -> TokenStream {
    let literal: LitStr = match syn::parse2(tokens) {
        Ok(literal) => literal,
        Err(error) => {
            let message = "expected the folder of the templates: write `templates!(\"templates\")`";
            return syn::Error::new(error.span(), message).to_compile_error();
        }
    };
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    match expand(&package, &literal.value()) {
        Ok(tokens) => tokens,
        Err(message) => {
            let error = syn::Error::new(literal.span(), message).to_compile_error();
            // A value of the right type, so that there are no further errors.
            quote!({ #error ::trine::template::Templates::embedded(&[]) })
        }
    }
}

fn expand(package: &Path, folder: &str) -> Result<TokenStream, String> {
    let path = package.join(folder).canonicalize().map_err(|error| {
        format!("cannot read the folder `{folder}` (relative to `Cargo.toml`): {error}")
    })?;
    let mut names = Vec::new();
    list(&path, &path, "", &mut names)
        .map_err(|error| format!("the folder `{folder}`: {error}"))?;
    names.sort();
    let files = names.iter().map(|name| {
        let file = path.join(name);
        let file = text(&file)?;
        Ok(quote!((#name, ::core::include_str!(#file)),))
    });
    let files = files.collect::<Result<Vec<_>, String>>()?;
    let path = text(&path)?;
    Ok(quote!({
        #[cfg(debug_assertions)]
        fn templates() -> ::trine::template::Templates {
            ::trine::template::Templates::folder(#path)
        }

        #[cfg(not(debug_assertions))]
        fn templates() -> ::trine::template::Templates {
            ::trine::template::Templates::embedded(&[#(#files)*])
        }

        templates()
    }))
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("the path `{}` is not UTF-8", path.display()))
}

/// Lists the files that a debug build would read: no names that start with a dot, and no links that
/// lead out of the folder.
fn list(root: &Path, folder: &Path, prefix: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            list(root, &entry.path(), &format!("{name}/"), names)?;
        } else if entry
            .path()
            .canonicalize()
            .is_ok_and(|path| path.starts_with(root) && path.is_file())
        {
            names.push(name);
        }
    }
    Ok(())
}
