//! A new migration must reach the binary: cargo does not see files that no source names yet.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
