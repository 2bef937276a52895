//! The web app: packages from the lock file and the production build, both skipped when nothing changed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::node::Node;
use crate::{paths, shell};

/// Folders below `web/` that are products, not sources.
const PRODUCTS: &[&str] = &["node_modules", "dist", "coverage", ".svelte-kit"];

/// `npm ci` in a folder with a `package-lock.json`, unless `node_modules` was installed from this very lock file.
///
/// # Errors
/// Where npm fails.
pub(crate) fn install(node: &Node, dir: &Path) -> Result<()> {
    let lock = dir.join("package-lock.json");
    let mut hasher = Sha256::new();
    hasher.update(node.version.as_bytes());
    hasher.update(std::fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?);
    let wanted = hex::encode(hasher.finalize());
    let stamp = dir.join("node_modules/.takt-lock");
    if std::fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    println!("Installing npm packages of {}/ from its lock file", file_name(dir));
    shell::run(node.npm(dir).args(["ci", "--no-progress", "--loglevel=error"]))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

/// Builds `web/dist`, unless its sources are those of the last build.
///
/// # Errors
/// Where npm or the build fail.
pub(crate) fn build(node: &Node) -> Result<()> {
    let dir = paths::root().join("web");
    install(node, &dir)?;
    let wanted = hash_sources(&dir, &node.version)?;
    let stamp = paths::tools().join("web-build");
    if dir.join("dist/index.html").exists() && std::fs::read_to_string(&stamp).is_ok_and(|had| had == wanted)
    {
        return Ok(());
    }
    println!("Building the web app");
    shell::run(node.npm(&dir).args(["run", "--silent", "build"]))?;
    std::fs::create_dir_all(paths::tools()).context("creating .tools")?;
    std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

fn hash_sources(dir: &Path, node_version: &str) -> Result<String> {
    let mut files = Vec::new();
    collect(dir, &mut files).with_context(|| format!("listing {}", dir.display()))?;
    files.sort();
    let mut hasher = Sha256::new();
    hasher.update(node_version.as_bytes());
    for file in files {
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        hasher.update(file.as_os_str().as_encoded_bytes());
        // The length keeps two neighbouring files from trading bytes unnoticed.
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    Ok(hex::encode(hasher.finalize()))
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !PRODUCTS.contains(&file_name(&path).as_str()) {
                collect(&path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_follows_sources_and_ignores_products() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("src")).unwrap();
        std::fs::create_dir_all(dir.path().join("node_modules")).unwrap();
        std::fs::write(dir.path().join("src/a.ts"), "1").unwrap();
        let before = hash_sources(dir.path(), "v1").unwrap();
        std::fs::write(dir.path().join("node_modules/x.js"), "1").unwrap();
        assert_eq!(before, hash_sources(dir.path(), "v1").unwrap());
        std::fs::write(dir.path().join("src/a.ts"), "2").unwrap();
        assert_ne!(before, hash_sources(dir.path(), "v1").unwrap());
        assert_ne!(hash_sources(dir.path(), "v2").unwrap(), hash_sources(dir.path(), "v1").unwrap());
    }
}
