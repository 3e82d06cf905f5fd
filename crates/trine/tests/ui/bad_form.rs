use trine::prelude::*;

#[derive(FromForm)]
#[form(tag = "kind", rename_all = "Train-Case")]
//~ expect: `Train-Case` is no spelling; expected one of `lowercase`
struct Signup {
    //~ expect: `tag` is for enums
    #[form(name = "user.name", nme = "x")]
    //~ expect: name `user.name`: expected one without `.`, `[` and `]`
    //~ expect: `nme` is not known here; expected `name = "…"`
    name: String,
    #[form(max = "2 potatoes", types("png"), max = 3)]
    //~ expect: max `2 potatoes`: unit `potatoes` is not known
    //~ expect: `png` is no media type
    //~ expect: `max` stands twice
    avatar: Option<TempFile>,
    #[form(name = "same", secret = "yes")] //~ expect: `secret` expects `true` or `false`
    one: u8,
    #[form(name = "same", types = "image/png")] //~ expect: `types`: expected `types("image/png"
    two: u8,
    //~ expect: a second `same`
}

#[derive(FromForm)]
#[form(limits(feelds = 3))] //~ expect: `feelds` is no limit of a form; expected one of `fields`
struct Limited {}

#[derive(FromForm)]
enum Payment {
    Card { number: String }, //~ expect: `Card` has fields: write `#[form(tag = "kind")]` on the enum
    Token(String),           //~ expect: expected a variant without fields or with named ones
}

#[derive(FromForm)]
struct Pair(u8, u8); //~ expect: a form has named fields

fn main() {}
