//! Nothing is wrong here, and generated code is no concern of anybody's lints.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused_qualifications)]
#![forbid(unsafe_code, nonstandard_style, non_camel_case_types)]

use trine::prelude::*;

#[get("/hello/{name}?{shout}", limit = "64KiB")]
async fn hello(name: String, shout: Option<bool>, method: Method, body: String) -> String {
    format!("{name} {shout:?} {method} {body}")
}

#[get("/borrowed/{name}")]
fn borrowed(name: Owned<'_>) {
    drop(name);
}

struct Owned<'a>(std::borrow::Cow<'a, str>);

impl FromParam for Owned<'_> {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        Ok(Owned(param.value.into_owned().into()))
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        assert!(!self.0.is_empty());
    }
}

#[deprecated]
#[get("/old")]
async fn old() {}

#[trine::main]
async fn main() -> trine::Result {
    App::new().routes(routes![hello, borrowed, old]).build().await?;
    Ok(())
}
