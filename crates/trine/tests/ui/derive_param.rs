use trine::prelude::*;

#[derive(FromParam)]
enum Fields {
    A,
    B(u8), //~ expect: `B` has fields, but a parameter only names a variant: remove the fields of `B`
}

#[derive(FromParam)]
#[param(rename_all = "lowercase")]
enum Same {
    Ab,
    AB, //~ expect: two variants have the name `ab`
}

#[derive(FromParam)]
#[param(rename_all = "Kebab")] //~ expect: unknown case `Kebab`; expected one of `lowercase`
enum Case {
    A,
}

#[derive(FromParam)]
enum Empty {} //~ expect: `Empty` has no variants: add one

#[derive(FromParam)]
struct Two(u8, u8); //~ expect: `Two` has to be an enum of variants without fields

struct Own;

#[derive(FromParam)]
struct Inner(Own); //~ expect: `Own` cannot be a value of the path or the query
//~ expect: `Own` cannot be written into a path or a query

#[derive(FromParam)]
#[param(named = "x")] //~ expect: expected `rename = "…"`
struct Named(u8);

fn main() {}
