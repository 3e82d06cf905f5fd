//! The derive of forms: how names are spelled, and all mistakes at once.

use quote::quote;

use super::messages;
use crate::derive::form::model;
use crate::diagnostics::Diagnostics;
use crate::rename::Case;

#[test]
fn names_are_spelled() {
    for (case, field, variant) in [
        (Case::Lower, "homezip", "guineapig"),
        (Case::Upper, "HOMEZIP", "GUINEAPIG"),
        (Case::Pascal, "HomeZip", "GuineaPig"),
        (Case::Camel, "homeZip", "guineaPig"),
        (Case::Snake, "home_zip", "guinea_pig"),
        (Case::ScreamingSnake, "HOME_ZIP", "GUINEA_PIG"),
        (Case::Kebab, "home-zip", "guinea-pig"),
    ] {
        assert_eq!((&*case.spell("home_zip"), &*case.spell("GuineaPig")), (field, variant));
    }
    assert_eq!(Case::Camel.spell("_x"), "x");
    assert_eq!(Case::Kebab.spell("Übung"), "übung");
    assert_eq!(Case::Pascal.spell("übung"), "Übung");
}

#[test]
fn mistakes_in_a_form_are_reported() {
    let mistakes = |item| {
        let mut diagnostics = Diagnostics::default();
        let _ = model::read(item, &mut diagnostics);
        messages(diagnostics)
    };
    assert!(
        mistakes(quote!(
            struct A {
                a: u8,
                #[form(name = "b")]
                r#type: u8,
            }
        ))
        .is_empty()
    );
    assert_eq!(
        mistakes(quote!(
            struct A {
                #[form(name = "b", max)]
                a: u8,
                b: u8,
            }
        )),
        [
            "`max`: expected `max = \"64KiB\"`",
            "a second `b`: rename one with `#[form(name = \"…\")]`",
        ]
    );
    assert_eq!(
        mistakes(quote!(
            enum A {}
        )),
        ["an enum without variants has no value: add one"]
    );
    assert_eq!(
        mistakes(quote!(
            #[form(tag = "b")]
            enum A {
                B { b: u8 },
            }
        )),
        [
            "`b` is already the tag that selects the variant: rename this field, or choose another `tag`"
        ]
    );
    assert_eq!(
        mistakes(quote!(union A { a: u8 })),
        ["`FromForm` can only be derived for structs and enums"]
    );
    assert_eq!(
        mistakes(quote!(
            struct A;
        ))
        .len(),
        1
    );
}
