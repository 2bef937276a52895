//! The reference page, made from the doc comments of the declaration.

use super::{Config, SECTIONS};
use std::fmt::Write;

/// `docs/generated/config.md`: every key with its meaning, type and default.
pub fn reference() -> String {
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut page = String::from(
        "# Configuration\n\nMade from the doc comments of `crates/takt-server/src/config/mod.rs`; do not edit.\n\n\
         Takt reads a TOML file (`takt serve --config FILE`), then the environment: `TAKT_HTTP__LISTEN` sets `http.listen`.\n\
         Unknown keys are errors. `takt check-config` says what would be used.\n",
    );
    for section in SECTIONS {
        let _ = write!(page, "\n## [{}]\n\n{}\n", section.name, join(section.doc));
        let _ = write!(page, "\n| key | default | what it does |\n| --- | --- | --- |\n");
        for key in section.keys {
            let default = defaults.get(section.name).and_then(|s| s.get(key.name));
            let default = default.map_or_else(|| "-".to_owned(), |value| format!("`{value}`"));
            let _ = writeln!(page, "| `{}` | {default} | {} |", key.name, join(key.doc));
        }
    }
    page
}

fn join(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
