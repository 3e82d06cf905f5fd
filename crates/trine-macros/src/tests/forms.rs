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
fn what_is_no_form_is_told() {
    let told = |item| {
        let mut diagnostics = Diagnostics::default();
        let _ = model::read(item, &mut diagnostics);
        messages(diagnostics)
    };
    assert!(
        told(quote!(
            struct A {
                a: u8,
                #[form(name = "b")]
                r#type: u8,
            }
        ))
        .is_empty()
    );
    assert_eq!(
        told(quote!(
            struct A {
                #[form(name = "b", max)]
                a: u8,
                b: u8,
            }
        )),
        ["`max`: expected `max = \"64KiB\"`", "a second `b`: each needs a name of its own",]
    );
    assert_eq!(
        told(quote!(
            enum A {}
        )),
        ["an enum without variants has no value"]
    );
    assert_eq!(
        told(quote!(
            #[form(tag = "b")]
            enum A {
                B { b: u8 },
            }
        )),
        ["`b` is the tag, which says the variant"]
    );
    assert_eq!(told(quote!(union A { a: u8 })), ["`FromForm` is derived for structs and enums"]);
    assert_eq!(
        told(quote!(
            struct A;
        ))
        .len(),
        1
    );
}
