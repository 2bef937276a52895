//! Who may depend on whom, read from each crate's `Cargo.toml`, and which crates nobody may depend on.

use anyhow::{Context as _, Result};

use super::{File, Finding};

/// What each crate of the workspace may depend on besides third parties. A new crate takes its place here first.
const LAYERS: &[(&str, &[&str])] = &[
    ("takt-core", &[]),
    ("takt-analysis", &[]),
    ("takt-store", &["takt-core"]),
    ("takt-media", &["takt-core"]),
    ("takt-recommender", &["takt-core"]),
    ("takt-server", &["takt-core", "takt-analysis", "takt-store", "takt-media", "takt-recommender"]),
    ("takt", &["takt-core", "takt-store", "takt-media", "takt-recommender", "takt-server"]),
    // A program of its own, started by the server; it knows none of the others.
    ("takt-provenance", &[]),
    // Tools. The load generator fills a store directly, since 10,000 real uploads would take hours; everything it
    // measures goes through HTTP. This crate meets the product from outside only.
    ("takt-bench", &["takt-core", "takt-store", "takt-recommender", "takt-server"]),
    ("takt-simulate", &["takt-core", "takt-recommender"]),
    ("xtask", &["takt-core"]),
];

/// Third parties that only some crates may see, so that what they bring stays in one place.
const RESERVED: &[(&str, &[&str])] = &[
    ("sqlx", &["takt-store"]),
    ("rusqlite", &["takt-store"]),
    ("object_store", &["takt-store"]),
    ("fjall", &["takt-store"]),
    ("axum", &["takt-server", "takt"]),
    ("c2pa", &["takt-provenance"]),
];

/// What the pure crates may never see: no runtime, no network, no ambient anything.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("takt-core", &["tokio", "axum", "sqlx", "reqwest"]),
    ("takt-analysis", &["tokio", "axum", "sqlx", "reqwest", "rand", "getrandom", "jiff", "chrono"]),
    ("takt-recommender", &["tokio", "axum", "sqlx", "reqwest", "rand", "getrandom", "jiff", "chrono"]),
];

/// Crates that must not even come in through others: OpenSSL and a second TLS provider break the build or the start.
const BANNED: &[&str] = &["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls"];

/// Checks every `Cargo.toml` and the lock file.
///
/// # Errors
/// Where one of them is no TOML.
pub(crate) fn check(files: &[File]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files {
        if file.path == "Cargo.lock" {
            findings.extend(banned(file)?);
        } else if file.path.ends_with("/Cargo.toml") {
            findings.extend(manifest(file)?);
        }
    }
    Ok(findings)
}

fn manifest(file: &File) -> Result<Vec<Finding>> {
    let manifest: toml::Table = file.text.parse().with_context(|| format!("reading {}", file.path))?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let Some(name) = name else { return Ok(vec![]) };
    let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
        return Ok(vec![Finding::file(
            file,
            format!("{name} has no place in the layers of xtask/src/tidy/layering.rs"),
        )]);
    };
    let mut findings = Vec::new();
    for (dependency, is_dev) in dependencies(&manifest) {
        if LAYERS.iter().any(|(layer, _)| *layer == dependency) && !allowed.contains(&dependency.as_str()) {
            findings.push(Finding::file(
                file,
                format!("{name} may not depend on {dependency}: the layers point the other way"),
            ));
        }
        let reserved = RESERVED.iter().find(|(third_party, _)| *third_party == dependency);
        if let Some((_, owners)) = reserved
            && !owners.contains(&name)
            && !is_dev
        {
            findings
                .push(Finding::file(file, format!("only {} may depend on {dependency}", owners.join(", "))));
        }
        let forbidden =
            FORBIDDEN.iter().any(|(pure, list)| *pure == name && list.contains(&dependency.as_str()));
        if forbidden && !is_dev {
            findings.push(Finding::file(file, format!("{name} is pure and may not depend on {dependency}")));
        }
    }
    Ok(findings)
}

/// Names of all dependencies and whether they are only for tests. A renamed one counts by its real name.
fn dependencies(manifest: &toml::Table) -> Vec<(String, bool)> {
    let mut tables: Vec<(&toml::Table, bool)> = Vec::new();
    let mut scopes = vec![manifest];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    scopes.extend(targets.into_iter().flat_map(|targets| targets.values()).filter_map(toml::Value::as_table));
    for scope in scopes {
        for (section, is_dev) in
            [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
        {
            tables.extend(scope.get(section).and_then(toml::Value::as_table).map(|table| (table, is_dev)));
        }
    }
    let named = |(key, value): (&String, &toml::Value)| {
        value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned()
    };
    tables
        .into_iter()
        .flat_map(|(table, is_dev)| table.iter().map(move |entry| (named(entry), is_dev)))
        .collect()
}

fn banned(file: &File) -> Result<Vec<Finding>> {
    let lock: toml::Table = file.text.parse().context("reading Cargo.lock")?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let names = packages.into_iter().flatten().filter_map(|package| package.get("name")?.as_str());
    let found = names.filter(|name| BANNED.contains(name));
    Ok(found.map(|name| Finding::file(file, format!("{name} is banned: see deny.toml"))).collect())
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn messages(name: &str, rest: &str) -> Vec<String> {
        let manifest =
            file(&format!("crates/{name}/Cargo.toml"), &format!("[package]\nname = \"{name}\"\n{rest}"));
        check(&[manifest]).unwrap().into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn layers_point_one_way() {
        assert!(messages("takt-store", "[dependencies]\ntakt-core.workspace = true").is_empty());
        assert_eq!(messages("takt-store", "[dependencies]\ntakt-media.workspace = true").len(), 1);
        assert_eq!(messages("takt-core", "[dev-dependencies]\ntakt-store.workspace = true").len(), 1);
        assert_eq!(
            messages("takt-media", "[target.'cfg(unix)'.dependencies]\ntakt-server = { path = \"x\" }").len(),
            1
        );
    }

    #[test]
    fn a_rename_does_not_hide_an_edge() {
        assert_eq!(
            messages("takt-media", "[dependencies]\nx = { package = \"takt-store\", path = \"y\" }").len(),
            1
        );
    }

    #[test]
    fn drivers_stay_in_the_store_and_the_pure_stay_pure() {
        assert!(messages("takt-store", "[dependencies]\nsqlx.workspace = true").is_empty());
        assert_eq!(messages("takt-server", "[dependencies]\nsqlx.workspace = true").len(), 1);
        assert_eq!(messages("takt-recommender", "[dependencies]\ntokio.workspace = true").len(), 1);
        assert!(messages("takt-recommender", "[dev-dependencies]\nrand = \"1\"").is_empty());
    }

    #[test]
    fn an_unknown_crate_has_to_be_placed_first() {
        assert_eq!(messages("takt-everything", "").len(), 1);
    }

    #[test]
    fn banned_crates_are_found_in_the_lock_file() {
        let lock = "[[package]]\nname = \"aws-lc-sys\"\nversion = \"1\"\n[[package]]\nname = \"ring\"\nversion = \"1\"\n";
        assert_eq!(check(&[file("Cargo.lock", lock)]).unwrap().len(), 1);
    }
}
