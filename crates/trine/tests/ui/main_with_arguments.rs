#[trine::main]
async fn main(args: Vec<String>) {} //~ expect: nobody calls `main` with arguments: remove them
