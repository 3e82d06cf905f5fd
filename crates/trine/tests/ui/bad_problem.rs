use trine::prelude::*;

#[derive(Debug, Problem)]
enum Statuses {
    Nothing, //~ expect: `Statuses::Nothing` has no status: write `#[problem(status = 404)]` above it
    #[problem(status = 200)] //~ expect: `status` expects a number from 400 to 599: 200 is no error, and a problem is one
    Fine,
    #[problem(status = 4040)] //~ expect: `status` expects a number from 400 to 599
    Long,
    #[problem(status = "404")] //~ expect: `status` expects a number from 400 to 599: `status = 404`
    Quoted,
    #[problem(status = 404, status = 405)] //~ expect: `status` stands twice
    Twice,
}

#[derive(Debug, Problem)]
enum Words {
    #[problem(status = 404, detial = "gone")] //~ expect: `detial` is not known here; expected `status = 404`, `type = "…"`
    Typo,
    #[problem(status = 404, title = 7)] //~ expect: `title = "…"`: expected a text in quotes
    Number,
    #[problem(status = 401, header("www authenticate", "x"))] //~ expect: `www authenticate` is not the name of a header field
    Header,
    #[problem(status = 401, header("retry-after"))] //~ expect: expected a name and a value: `header("retry-after", "60")`
    HalfAHeader,
    #[problem(status = 404, absent = true)] //~ expect: `absent` stands alone, without a value
    Value,
    #[problem(= 7)] //~ expect: expected `status = 404`, `type = "…"`
    //~ also: `absent` or `transparent`
    Nonsense, //~ expect: `Words::Nonsense` has no status
}

#[derive(Debug, Problem)]
enum Details {
    #[problem(status = 404, detail = "no {slag}")] //~ expect: `detail` names `{slag}`, which is no field: `Details::Field` has `{slug}`
    Field { slug: String },
    #[problem(status = 404, detail = "no {0}")] //~ expect: `detail` names `{0}`, which is no field: `Details::Unit` has no fields
    Unit,
    #[problem(status = 404, detail = "no {}")] //~ expect: `{}` in `detail` names no field: `Details::Position` has `{0}`
    Position(u8),
    #[problem(status = 404, detail = "no { here")] //~ expect: `detail` has a brace without its other half
    Brace,
}

#[derive(Debug, Problem)]
enum Fields {
    #[problem(status = 404)]
    Unnamed(#[problem(member)] u8), //~ expect: a field without a name needs one as a member: `#[problem(member = "…")]`
    #[problem(status = 404)]
    Standard { #[problem(member)] title: String }, //~ expect: every problem has a member `title`: name this one otherwise
    #[problem(status = 404)]
    Unknown { #[problem(secret)] slug: String }, //~ expect: of a field, `problem` says `member` or `member = "…"`
    #[problem(status = 500)]
    Sources(#[source] std::io::Error, #[source] std::fmt::Error), //~ expect: a second source
    #[problem(status = 500)]
    From { #[from] error: std::io::Error, path: String }, //~ expect: `#[from]` makes `Fields::From` of this field alone
    #[problem(transparent)] //~ expect: `transparent` passes on the problem of one field; `Fields::Transparent` has 0
    Transparent,
    #[problem(transparent, status = 404)] //~ expect: `transparent` passes on the problem of the field: nothing else can be said
    Both(Problem),
}

#[derive(Debug, Problem)]
#[problem(status = 404)] //~ expect: this belongs above a variant; above an enum stands `own_error` or nothing
enum Above {
    #[problem(status = 404)]
    One,
}

#[derive(Debug, Problem)]
#[problem(status = 404)]
struct Generic<T>(T); //~ expect: `Problem` is derived for types without parameters

#[derive(Debug, Problem)]
enum Empty {} //~ expect: `Empty` has no variants: there is nothing to tell

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
