//! What is not used is not kept: viewers of whom nothing was heard for long, and the rows of tags, words, creators and
//! sounds that no video has any more.
//!
//! It happens at the first entry of each day of the log's time, before the entry is applied. Who stays is a function of
//! the day and of the viewer's own entries alone, so it makes no difference who else was there.

use crate::catalogue::Kind;
use crate::engine::Engine;

const DAY_MS: i64 = 86_400_000;
/// The table of features is cleaned once this part of it is out of use: cleaning looks at every viewer's taste.
const UNUSED_PART: usize = 8;

/// The day of a time, counted from 1970; days before that are one.
pub(crate) fn day(at_ms: i64) -> u32 {
    u32::try_from(at_ms / DAY_MS).unwrap_or(0)
}

/// Drops what is out of date as of `today`.
pub(crate) fn sweep(engine: &mut Engine, today: u32) {
    let rules = &engine.policy.keeping;
    engine.viewers.retain(|_, row| {
        let days = if row.seen.len() < u64::from(rules.passing_videos) {
            rules.passing_viewer_days
        } else {
            rules.viewer_days
        };
        if today.saturating_sub(row.active_day) <= days {
            return true;
        }
        // What was asked for was not guessed, and is not forgotten like a guess.
        row.keep_controls();
        !row.controls.is_empty()
    });
    let catalogue = &mut engine.catalogue;
    catalogue.retire_idle(today.saturating_sub(rules.feature_days));
    if catalogue.retired() * UNUSED_PART > catalogue.rows.features.len() {
        for row in engine.viewers.values_mut() {
            row.taste.retain(|&feature, _| catalogue.kind(feature) != Kind::Retired);
        }
        catalogue.free_retired();
    }
}
