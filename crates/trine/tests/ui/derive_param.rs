use trine::prelude::*;

#[derive(FromParam)]
enum Fields {
    A,
    B(u8), //~ expect: `B` has fields, and one text says only which variant it is
}

#[derive(FromParam)]
#[param(rename_all = "lowercase")]
enum Same {
    Ab,
    AB, //~ expect: two variants are called `ab`
}

#[derive(FromParam)]
#[param(rename_all = "Kebab")] //~ expect: `Kebab` is not known; expected one of `lowercase`
enum Case {
    A,
}

#[derive(FromParam)]
enum Empty {} //~ expect: `Empty` has no variant that a text could become

#[derive(FromParam)]
struct Two(u8, u8); //~ expect: one text becomes a `Two`, so it is an enum of plain variants

struct Own;

#[derive(FromParam)]
struct Inner(Own); //~ expect: `Own` cannot be a value of the path or the query
//~ expect: `Own` cannot be written into a path or a query

#[derive(FromParam)]
#[param(named = "x")] //~ expect: expected `rename = "…"`
struct Named(u8);

fn main() {}
