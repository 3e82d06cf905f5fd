use trine::prelude::*;

#[derive(FromForm)]
#[form(tag = "kind", rename_all = "Train-Case")]
//~ expect: unknown case `Train-Case`; expected one of `lowercase`
struct Signup {
    //~ expect: `tag` is only for enums
    #[form(name = "user.name", nme = "x")]
    //~ expect: name `user.name`: expected a name without `.`, `[` and `]`
    //~ expect: unknown option `nme`; expected `name = "…"`
    name: String,
    #[form(max = "2 potatoes", types("png"), max = 3)]
    //~ expect: max `2 potatoes`: unknown unit `potatoes`
    //~ expect: `png` is not a media type
    //~ expect: `max` appears twice
    avatar: Option<TempFile>,
    #[form(name = "same", secret = "yes")] //~ expect: `secret` expects `true` or `false`
    one: u8,
    #[form(name = "same", types = "image/png")] //~ expect: `types`: expected `types("image/png"
    two: u8,
    //~ expect: a second `same`
}

#[derive(FromForm)]
#[form(limits(feelds = 3))] //~ expect: unknown limit `feelds`; expected one of `fields`
struct Limited {}

#[derive(FromForm)]
enum Payment {
    Card { number: String }, //~ expect: `Card` has fields: write `#[form(tag = "kind")]` on the enum
    Token(String),           //~ expect: expected a variant without fields or with named fields
}

#[derive(FromForm)]
struct Pair(u8, u8); //~ expect: a form needs named fields

fn main() {}
