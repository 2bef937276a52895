//! The candidates of one page, and the filters that every one of them passes.

use crate::page::StageCounts;
use crate::query::Query;
use crate::registry::{FilterName, SourceName};
use rustc_hash::{FxHashMap, FxHashSet};

/// A map from row numbers. Its order is nobody's business: it is for looking up only.
pub(crate) type NumberMap<T> = FxHashMap<u32, T>;

/// A video under consideration for one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) video: u32,
    /// One bit per source that put it forward.
    sources: u32,
}

impl Candidate {
    /// A video that a source puts forward past the filters.
    pub(crate) const fn only_from(source: SourceName, video: u32) -> Self {
        Self { video, sources: 1 << source.index() }
    }
    /// The first source, in registry order, that put it forward.
    pub(crate) fn source(self) -> SourceName {
        let first = self.sources.trailing_zeros() as usize;
        SourceName::ALL.get(first).copied().unwrap_or(SourceName::Backlog)
    }
    pub(crate) const fn is_from(self, source: SourceName) -> bool {
        self.sources & (1 << source.index()) != 0
    }
}

/// What became of an offered video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept(usize),
    Dropped,
}

/// What the sources have put forward so far.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) kept: Vec<Candidate>,
    fates: NumberMap<Fate>,
    /// The originals of families of which one is kept.
    families: FxHashSet<u32>,
    by_source: [u32; SourceName::COUNT],
    dropped: [u32; FilterName::COUNT],
    /// What was dropped and why, in the order in which it was put forward.
    pub(crate) turned_away: Vec<(u32, FilterName)>,
}

impl Candidates {
    /// Puts a video forward; the answer is whether it passes the filters.
    pub(crate) fn offer(&mut self, query: &Query<'_>, source: SourceName, video: u32) -> bool {
        let is_met = self.fates.contains_key(&video);
        let copies = &query.engine.catalogue.rows.copies;
        let family = copies.original_of_several(video);
        let twin = || self.families.contains(&family?).then_some(FilterName::Copy);
        let reason = if is_met { None } else { filter(query, video).or_else(twin) };
        let fate = *self.fates.entry(video).or_insert_with(|| match reason {
            Some(reason) => {
                self.dropped[reason.index()] += 1;
                self.turned_away.push((video, reason));
                Fate::Dropped
            }
            None => {
                self.kept.push(Candidate { video, sources: 0 });
                self.families.extend(family);
                Fate::Kept(self.kept.len() - 1)
            }
        });
        let Fate::Kept(place) = fate else { return false };
        let bit = 1 << source.index();
        let named = &mut self.kept[place].sources;
        if *named & bit == 0 {
            *named |= bit;
            self.by_source[source.index()] += 1;
        }
        true
    }

    pub(crate) fn counts(&self) -> StageCounts {
        StageCounts {
            sources: SourceName::ALL.iter().map(|&source| (source, self.by_source[source.index()])).collect(),
            dropped: FilterName::ALL.iter().map(|&reason| (reason, self.dropped[reason.index()])).collect(),
            ranked: self.kept.len() as u32,
        }
    }
}

/// The first reason, in registry order, not to consider a video for this viewer.
pub(crate) fn filter(query: &Query<'_>, video: u32) -> Option<FilterName> {
    FilterName::ALL.iter().copied().find(|&reason| drops(query, reason, video))
}

fn drops(query: &Query<'_>, reason: FilterName, video: u32) -> bool {
    let row = query.engine.catalogue.video(video);
    match reason {
        FilterName::Removed => !row.live,
        FilterName::Own => query.own_creator.is_some() && row.creator == query.own_creator,
        FilterName::NotInterested => query.is_unwanted(video),
        FilterName::Seen => query.has_seen(video),
        FilterName::Reserved => query.reserved.binary_search(&video).is_ok(),
        FilterName::Copy => query.has_met_copy(video),
    }
}
