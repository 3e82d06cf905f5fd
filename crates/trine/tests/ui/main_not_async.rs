#[trine::main]
fn main() {} //~ expect: `#[trine::main]` runs an async function: write `async fn main`
