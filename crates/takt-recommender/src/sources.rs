//! Candidate sources: each puts forward a bounded number of videos.

mod backlog;
mod chosen;
mod co_watch;
mod embedding;
mod exploration;
mod fresh;
mod popular;
mod taste;

use crate::candidates::Candidates;
use crate::query::Query;
use crate::registry::SourceName;
use crate::signals::Signal;
use std::cmp::Ordering;

/// Videos a source looks at for each that it may put forward, before it gives up on finding unseen ones.
const SCANS_PER_VIDEO: usize = 8;

/// Of so many for each that may be put forward the best are sorted: some were seen.
const SORTED_PER_VIDEO: usize = 4;

/// One source's work on one page: offers until its quota is used.
pub(crate) struct Gathering<'a, 'q> {
    pub(crate) query: &'a Query<'q>,
    pub(crate) candidates: &'a mut Candidates,
    source: SourceName,
    left: usize,
    scans_left: usize,
}

impl Gathering<'_, '_> {
    /// Offers videos in this order until `most` of them pass or the source has had its share; the answer is whether
    /// the source may go on.
    pub(crate) fn offer_all(&mut self, videos: impl Iterator<Item = u32>, most: usize) -> bool {
        let mut passed = 0;
        for video in videos {
            if self.left == 0 || self.scans_left == 0 {
                return false;
            }
            if passed == most {
                return true;
            }
            self.scans_left -= 1;
            if self.candidates.offer(self.query, self.source, video) {
                self.left -= 1;
                passed += 1;
            }
        }
        self.left > 0 && self.scans_left > 0
    }
    /// How many videos the source may still put forward.
    pub(crate) const fn left(&self) -> usize {
        self.left
    }
}

/// Offers the videos with the highest numbers, of equals those that came first.
fn offer_best(gathering: &mut Gathering<'_, '_>, mut videos: Vec<(f32, u32)>) {
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

/// Runs every source that the policy has switched on, in registry order.
pub(crate) fn gather(query: &Query<'_>, limit: usize, candidates: &mut Candidates) {
    for &source in SourceName::ALL {
        let quota = query.engine.policy.quota(source);
        if quota == 0 {
            continue;
        }
        let scans_left = quota.saturating_mul(SCANS_PER_VIDEO);
        let mut gathering = Gathering { query, candidates, source, left: quota, scans_left };
        match source {
            SourceName::Followed => chosen::followed(&mut gathering),
            SourceName::Wished => chosen::wished(&mut gathering),
            SourceName::CoWatch => co_watch::gather(&mut gathering, Signal::CoWatch),
            SourceName::Next => co_watch::gather(&mut gathering, Signal::Next),
            SourceName::Walk => co_watch::gather(&mut gathering, Signal::Walk),
            SourceName::Embedding => embedding::gather(&mut gathering),
            SourceName::Creator => taste::creators(&mut gathering),
            SourceName::Sound => taste::sounds(&mut gathering),
            SourceName::Topic => taste::topics(&mut gathering),
            SourceName::Language => taste::languages(&mut gathering),
            SourceName::Trending => popular::gather(&mut gathering, 0),
            SourceName::Popular => popular::gather(&mut gathering, 1),
            SourceName::Lasting => popular::gather(&mut gathering, 2),
            SourceName::Fresh => fresh::gather(&mut gathering),
            SourceName::Exploration => exploration::gather(&mut gathering),
            SourceName::Backlog => backlog::gather(&mut gathering, limit),
            // Fills what is left of a page once everything else has its place: see `page`.
            SourceName::Returned => {}
        }
    }
}
