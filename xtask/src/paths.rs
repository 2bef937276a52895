//! Where things are, all relative to the checkout that this binary was built from.

use std::path::{Path, PathBuf};

/// The checkout's root.
pub(crate) fn root() -> &'static Path {
    // xtask/ is one below the root, by the workspace's layout.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ has a parent folder")
}

/// Project-local tools (Node, Python packages, stamps); ignored by git, safe to delete.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// Cargo's target folder, honouring `CARGO_TARGET_DIR`.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The built `takt` binary of a Cargo profile's folder (`debug` or `release`).
pub(crate) fn takt(profile_folder: &str) -> PathBuf {
    target().join(profile_folder).join("takt")
}
