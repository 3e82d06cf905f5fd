use trine::prelude::*;

#[derive(Debug, Problem)]
enum Statuses {
    Nothing, //~ expect: `Statuses::Nothing` has no status: write `#[problem(status = 404)]` above it
    #[problem(status = 200)] //~ expect: `status` expects a number from 400 to 599: 200 is not an error status
    Fine,
    #[problem(status = 4040)] //~ expect: `status` expects a number from 400 to 599
    Long,
    #[problem(status = "404")] //~ expect: `status` expects a number from 400 to 599: `status = 404`
    Quoted,
    #[problem(status = 404, status = 405)] //~ expect: `status` appears twice
    Twice,
}

#[derive(Debug, Problem)]
enum Words {
    #[problem(status = 404, detial = "gone")] //~ expect: unknown option `detial`; expected `status = 404`, `type = "…"`
    Typo,
    #[problem(status = 404, title = 7)] //~ expect: `title = "…"`: expected text in quotes
    Number,
    #[problem(status = 401, header("www authenticate", "x"))] //~ expect: `www authenticate` is not a valid header name: write letters, digits and `-`
    Header,
    #[problem(status = 401, header("retry-after"))] //~ expect: expected a name and a value: `header("retry-after", "60")`
    HalfAHeader,
    #[problem(status = 404, absent = true)] //~ expect: `absent` takes no value
    Value,
    #[problem(= 7)] //~ expect: expected `status = 404`, `type = "…"`
    //~ also: `absent` or `transparent`
    Nonsense, //~ expect: `Words::Nonsense` has no status
}

#[derive(Debug, Problem)]
enum Details {
    #[problem(status = 404, detail = "no {slag}")] //~ expect: `detail` names `{slag}`, which is not a field: `Details::Field` has `{slug}`
    Field { slug: String },
    #[problem(status = 404, detail = "no {0}")] //~ expect: `detail` names `{0}`, which is not a field: `Details::Unit` has no fields
    Unit,
    #[problem(status = 404, detail = "no {}")] //~ expect: `{}` in `detail` does not name a field: `Details::Position` has `{0}`
    Position(u8),
    #[problem(status = 404, detail = "no { here")] //~ expect: `detail` has an unmatched brace
    Brace,
}

#[derive(Debug, Problem)]
enum Fields {
    #[problem(status = 404)]
    Unnamed(#[problem(member)] u8), //~ expect: an unnamed field needs a member name: `#[problem(member = "…")]`
    #[problem(status = 404)]
    Standard { #[problem(member)] title: String }, //~ expect: every problem has a member `title`: choose another name
    #[problem(status = 404)]
    Unknown { #[problem(secret)] slug: String }, //~ expect: on a field, expected `#[problem(member)]` or `#[problem(member = "…")]`
    #[problem(status = 500)]
    Sources(#[source] std::io::Error, #[source] std::fmt::Error), //~ expect: a second source
    #[problem(status = 500)]
    From { #[from] error: std::io::Error, path: String }, //~ expect: `#[from]` creates `Fields::From` from this field alone
    #[problem(transparent)] //~ expect: `transparent` needs exactly one field; `Fields::Transparent` has 0
    Transparent,
    #[problem(transparent, status = 404)] //~ expect: `transparent` returns the problem of the field and cannot be combined with other options
    Both(Problem),
}

#[derive(Debug, Problem)]
#[problem(status = 404)] //~ expect: this option belongs on a variant; only `own_error` is allowed on the enum
enum Above {
    #[problem(status = 404)]
    One,
}

#[derive(Debug, Problem)]
#[problem(status = 404)]
struct Generic<T>(T); //~ expect: `Problem` cannot be derived for generic types: remove the parameter

#[derive(Debug, Problem)]
enum Empty {} //~ expect: `Empty` has no variants: add one

// Nothing else is wrong with types that are used as the derive would have made them.
async fn handler() -> Result<(), Statuses> {
    Err(Statuses::Fine)
}

async fn other() -> trine::Result {
    Err(Words::Typo)?
}

fn main() {
    let _ = App::new().route("/", get(handler).post(other));
}
