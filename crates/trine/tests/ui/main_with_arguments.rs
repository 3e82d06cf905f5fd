#[trine::main]
async fn main(args: Vec<String>) {} //~ expect: `main` cannot take arguments: remove them
