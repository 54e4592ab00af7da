//! Rebuilds the crate when a migration is added: the compiler cannot see a file that is not there yet.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
