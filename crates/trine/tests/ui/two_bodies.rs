use trine::prelude::*;

#[post("/")]
async fn create(
    a: Bytes,
    method: Method,
    b: Option<String>, //~ expect: handler `create` reads the request body twice: `a: Bytes` and `b: Option<String>`; a body can only be read once: keep one of them, or take `Bytes` and parse them in the handler
) {
}

struct Form {
    text: String,
}

impl FromRequest for Form {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Form { text: String::from_request(cx).await? })
    }
}

#[post("/")]
fn pattern(body: Body, Form { text }: Form) {} //~ expect: `body: Body` and `Form { text }: Form`

fn main() {
    App::new().routes(routes![create, pattern]);
}
