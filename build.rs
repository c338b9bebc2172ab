//! Rebuilds when a profile, platform or vendored file appears, which the embedding macro alone does not notice.

fn main() {
    println!("cargo:rerun-if-changed=profiles");
    println!("cargo:rerun-if-changed=vendor");
}
