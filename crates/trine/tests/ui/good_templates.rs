//! What a release embeds, with its name.
#![deny(warnings, missing_docs)]

const EMBEDDED: &[u8; 5] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/parts/home.html"));

fn main() {
    let templates = trine::templates!("templates");
    assert_eq!(templates.names().unwrap(), ["parts/home.html"]);
    assert_eq!(templates.render("parts/home.html", ()).unwrap().text().as_bytes(), EMBEDDED);
}
