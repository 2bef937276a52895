//! What every recommender gets to know, and what it is asked for.
//!
//! Invariant: nothing hidden passes here. Only the oracle, a yardstick and no contender, holds the world itself.

mod chronological;
mod factorisation;
mod formula;
mod neighbours;
mod oracle;
mod popularity;
mod ranking;
mod takt;

pub use chronological::Chronological;
pub use factorisation::{Factorisation, FactorisationRules};
pub use formula::{Formula, FormulaRules};
pub use neighbours::{NeighbourRules, Neighbours};
pub use oracle::Oracle;
pub use popularity::{Popularity, PopularityRules};
pub use ranking::Spread;
pub use takt::Takt;

use crate::mind::Reaction;
use crate::world::{Facts, World};
use anyhow::Result;

/// What became of a video that was shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feedback {
    /// Who watched.
    pub viewer: u32,
    /// What.
    pub video: u32,
    /// Time played, all loops together.
    pub watch_ms: u32,
    /// How often it started over.
    pub loops: u16,
    /// Pressed like.
    pub liked: bool,
    /// Passed it on.
    pub shared: bool,
    /// Asked for less of it.
    pub not_interested: bool,
}

/// Watching for this long says that a video was liked, whatever its length.
const LONG_VIEW_MS: u32 = 18_000;

impl Feedback {
    /// What a reaction shows of itself.
    pub const fn new(viewer: u32, video: u32, reaction: &Reaction) -> Self {
        Self {
            viewer,
            video,
            watch_ms: reaction.watch_ms,
            loops: reaction.loops,
            liked: reaction.liked,
            shared: reaction.shared,
            not_interested: reaction.not_interested,
        }
    }

    /// The label that Kuaishou uses (`long_view`): watched to the end, or for 18 s of a longer video; or liked or shared.
    /// What every baseline learns from.
    pub const fn is_positive(&self, duration_ms: u32) -> bool {
        let enough_ms = if duration_ms < LONG_VIEW_MS { duration_ms } else { LONG_VIEW_MS };
        !self.not_interested && (self.liked || self.shared || self.watch_ms >= enough_ms)
    }
}

/// One request for a page.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who asks.
    pub viewer: u32,
    /// When.
    pub now_ms: i64,
    /// For whatever chance the recommender uses.
    pub seed: u64,
    /// How many videos.
    pub limit: usize,
    /// What the viewer's device holds and has not shown yet.
    pub waiting: &'a [u32],
}

/// A recommender: told what happens, asked for pages.
pub trait Recommender {
    /// A video can be watched from now on. Numbers come in order, without holes.
    fn publish(&mut self, facts: &Facts) -> Result<()>;
    /// A video came on a viewer's screen.
    fn shown(&mut self, now_ms: i64, viewer: u32, video: u32) -> Result<()>;
    /// It left the screen.
    fn watched(&mut self, now_ms: i64, feedback: &Feedback) -> Result<()>;
    /// A full hour has passed: time for whatever is not done at once.
    fn hour(&mut self, now_ms: i64);
    /// What to show next, first to last.
    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>>;
}

/// The contenders, and the oracle that shows how much there is to win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The newest first.
    Chronological,
    /// What most liked lately.
    Popularity,
    /// Fixed weights on likes, age and tag match.
    Formula,
    /// Item-based nearest neighbours, learned at once.
    Neighbours,
    /// Implicit matrix factorisation, fitted anew every hour.
    Factorisation,
    /// The engine of `takt-recommender` under its default policy.
    Takt,
    /// Knows every viewer's taste and every video's quality.
    Oracle,
}

impl Kind {
    /// All, in the order of tables and plots.
    pub const ALL: [Self; 7] = [
        Self::Chronological,
        Self::Popularity,
        Self::Formula,
        Self::Neighbours,
        Self::Factorisation,
        Self::Takt,
        Self::Oracle,
    ];

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Chronological => "chronological",
            Self::Popularity => "popularity",
            Self::Formula => "formula",
            Self::Neighbours => "item kNN",
            Self::Factorisation => "hourly MF",
            Self::Takt => "Takt",
            Self::Oracle => "(oracle)",
        }
    }

    /// One that has learned nothing.
    pub fn start(self, world: &World) -> Box<dyn Recommender + '_> {
        match self {
            Self::Chronological => Box::new(Chronological::default()),
            Self::Popularity => Box::new(Popularity::new(PopularityRules::TUNED)),
            Self::Formula => Box::new(Formula::new(FormulaRules::TUNED)),
            Self::Neighbours => Box::new(Neighbours::new(NeighbourRules::TUNED)),
            Self::Factorisation => Box::new(Factorisation::new(FactorisationRules::TUNED)),
            Self::Takt => Box::new(Takt::default()),
            Self::Oracle => Box::new(Oracle::new(world)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_of_the_baselines_is_kuaishous() {
        let feedback = Feedback {
            viewer: 0,
            video: 0,
            watch_ms: 9_999,
            loops: 0,
            liked: false,
            shared: false,
            not_interested: false,
        };
        let positive = |watch_ms, duration_ms| Feedback { watch_ms, ..feedback }.is_positive(duration_ms);
        assert!(!positive(9_999, 10_000) && positive(10_000, 10_000));
        assert!(!positive(17_999, 60_000) && positive(18_000, 60_000));
        assert!(Feedback { liked: true, ..feedback }.is_positive(60_000));
        assert!(!Feedback { liked: true, not_interested: true, ..feedback }.is_positive(60_000));
    }
}
