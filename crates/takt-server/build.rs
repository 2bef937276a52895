//! Chooses what the binary carries as its web app: `web/dist` where it was built, a placeholder page otherwise.

use std::path::Path;

fn main() {
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let built = Path::new(&here).join("../../web/dist");
    let dir = if built.join("index.html").exists() { built } else { Path::new(&here).join("placeholder") };
    println!("cargo:rustc-env=TAKT_WEB_DIR={}", dir.display());
    println!("cargo:rerun-if-changed={here}/../../web/dist");
    println!("cargo:rerun-if-changed={here}/placeholder");
}
