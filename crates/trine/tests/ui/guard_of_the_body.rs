use trine::guard;
use trine::prelude::*;

async fn cached(body: trine::Cached<String>) {}

fn main() {
    let _ = get(async || "").layer(guard::<Json<u8>>()); //~ expect: an extractor that reads the body cannot be used here
    let _ = Group::at("/").guard::<bool>(); //~ expect: `bool` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`
    let _ = get(cached); //~ expect: an extractor that reads the body cannot be used here
}
