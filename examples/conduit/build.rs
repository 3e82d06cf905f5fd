//! Rebuilds the binary when a migration is added. Cargo does not see new files that no source file
//! names.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
