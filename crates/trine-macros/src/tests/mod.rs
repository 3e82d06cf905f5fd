//! Tests of the parsed models and of the output, without the compiler. `trine/tests/it/ui.rs` runs
//! the compiler.

mod attributes;
mod expansion;
mod forms;
mod templates;

use crate::diagnostics::Diagnostics;

/// The messages of the mistakes, in order.
fn messages(diagnostics: Diagnostics) -> Vec<String> {
    let file: syn::File = syn::parse2(diagnostics.into_tokens()).unwrap();
    let messages = file.items.into_iter().map(|item| match item {
        syn::Item::Macro(item) => item.mac.parse_body::<syn::LitStr>().unwrap().value(),
        _ => panic!("a mistake is a `compile_error!`"),
    });
    messages.collect()
}
