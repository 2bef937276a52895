//! Any video the viewer has not met, where the other sources find too few.
//!
//! This is what makes a small catalogue ranked as a whole, and what keeps a feed going for a viewer who has seen all
//! that is popular or new: as long as one video is left, it is found.

use super::Gathering;
use crate::fixed::mix;

/// Candidates per video of the page below which the backlog is opened.
const CANDIDATES_PER_ITEM: usize = 10;
/// Keeps this draw apart from others with the same seed.
const SALT: u64 = 0x6261_636b_6c6f_6731;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>, limit: usize) {
    let wanted = limit.saturating_mul(CANDIDATES_PER_ITEM);
    let missing = wanted.saturating_sub(gathering.candidates.kept.len()).min(gathering.left());
    if missing == 0 {
        return;
    }
    let query = gathering.query;
    let mut unmet = match query.viewer {
        Some(row) => &query.engine.catalogue.live - &row.seen,
        None => query.engine.catalogue.live.clone(),
    };
    for &video in &query.reserved {
        unmet.remove(video);
    }
    for &video in query.own_creator.map_or(&[][..], |creator| query.engine.catalogue.posting(creator)) {
        unmet.remove(video);
    }
    for candidate in &gathering.candidates.kept {
        unmet.remove(candidate.video);
    }
    // A run of neighbours from a drawn place on, around the end.
    let Some(count) = u32::try_from(unmet.len()).ok().filter(|&count| count > 0) else { return };
    let start = (mix(query.seed, SALT) % u64::from(count)) as u32;
    let first = unmet.select(start).unwrap_or(0);
    let run = unmet.range(first..).chain(unmet.range(..first));
    gathering.offer_all(run, missing);
}
