//! `docs/ranking.md` is what the code says of itself.

use std::path::Path;
use takt_recommender::{Policy, reference};

#[test]
fn reference_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ranking.md");
    let page = reference(&Policy::default());
    if std::env::var_os("TAKT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/ranking.md is stale: TAKT_WRITE_DOCS=1 cargo test -p takt-recommender --test it reference"
    );
}
