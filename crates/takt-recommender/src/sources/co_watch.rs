//! Videos that lead on from the viewer's latest liked ones: by co-watch, by what came next, by a walk of two steps.

use super::Gathering;
use crate::gate::Signal;
use std::cmp::Ordering;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>, signal: Signal) {
    let relevance = &gathering.query.relevance;
    let most = gathering.left();
    let mut videos: Vec<(f32, u32)> = Vec::with_capacity(relevance.tally.entries.len());
    for entry in &relevance.tally.entries {
        let share = relevance.personal(entry.sums)[signal as usize];
        if share > 0.0 {
            videos.push((share, entry.video));
        }
    }
    let best_first = |a: &(f32, u32), b: &(f32, u32)| -> Ordering { b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)) };
    if videos.len() > most && most > 0 {
        videos.select_nth_unstable_by(most - 1, best_first);
        videos.truncate(most);
    }
    videos.sort_unstable_by(best_first);
    gathering.offer_all(videos.into_iter().map(|(_, video)| video), most);
}
