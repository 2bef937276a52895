//! Videos that lead on from the viewer's latest liked ones: by co-watch, by what came next, by a walk of two steps.

use super::{Gathering, offer_best};
use crate::signals::Signal;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>, path: Signal) {
    let relevance = &gathering.query.relevance;
    let mut videos: Vec<(f32, u32)> = Vec::with_capacity(relevance.tally.entries.len());
    for entry in &relevance.tally.entries {
        // What the viewer has met has no sums.
        let share = relevance.along(path, entry.sums);
        if share > 0.0 {
            videos.push((share, entry.video));
        }
    }
    offer_best(gathering, videos);
}
