use trine::prelude::*;

// The mistake is told once: what links to the handler is none.
#[get("/users/{idd}")] //~ expect: did you mean `id`?
async fn user(id: u64) {}

fn main() {
    let _ = user::uri(7);
}
