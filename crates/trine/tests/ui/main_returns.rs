#[trine::main]
async fn main() -> u8 { //~ expect: `main` cannot return `u8`
    1
}
