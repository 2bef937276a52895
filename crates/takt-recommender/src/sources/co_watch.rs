//! Videos that lead on from the viewer's latest liked ones: by co-watch, by what came next, by a walk of two steps.

use super::Gathering;
use crate::signals::Signal;
use std::cmp::Ordering;

/// Of so many for each that may be put forward the best are sorted: some were seen.
const SORTED_PER_VIDEO: usize = 4;

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

/// Offers the videos with the highest numbers, of equals those that came first.
pub(super) fn offer_best(gathering: &mut Gathering<'_, '_>, mut videos: Vec<(f32, u32)>) {
    let most = gathering.left();
    let best_first = |a: &(f32, u32), b: &(f32, u32)| -> Ordering { b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)) };
    let sorted = most * SORTED_PER_VIDEO;
    if videos.len() > sorted && sorted > 0 {
        videos.select_nth_unstable_by(sorted - 1, best_first);
        videos.truncate(sorted);
    }
    videos.sort_unstable_by(best_first);
    gathering.offer_all(videos.into_iter().map(|(_, video)| video), most);
}
