//! What the baselines share: an exact record of what was shown, and a page made from scores.
//!
//! They get what Takt has and most platforms of their kind lack, so that rankings are compared and not housekeeping: no
//! repeats, no creator twice on a page, and a share of places for videos that few have met.

use super::Ask;
use crate::chance::Key;
use crate::world::Facts;

/// A video that was shown less often than this counts as new.
const FEW_IMPRESSIONS: u32 = 100;

/// How a page is made from scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Share of places for videos that few have met.
    pub exploration: f64,
    /// Videos of one creator on a page.
    pub per_creator: usize,
}

/// Videos, who was shown which, and how often.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) videos: Vec<Facts>,
    pub(super) impressions: Vec<u32>,
    /// Per viewer, one bit per video.
    seen: Vec<Vec<u64>>,
}

impl Record {
    pub(super) fn publish(&mut self, facts: &Facts) {
        self.videos.push(facts.clone());
        self.impressions.push(0);
    }

    pub(super) fn show(&mut self, viewer: u32, video: u32) {
        let (row, word) = (viewer as usize, video as usize / 64);
        if self.seen.len() <= row {
            self.seen.resize_with(row + 1, Vec::new);
        }
        let bits = &mut self.seen[row];
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        bits[word] |= 1 << (video % 64);
        self.impressions[video as usize] += 1;
    }

    fn has_seen(&self, viewer: u32, video: usize) -> bool {
        let word = self.seen.get(viewer as usize).and_then(|bits| bits.get(video / 64));
        word.is_some_and(|word| word >> (video % 64) & 1 == 1)
    }

    /// Every video that can go on the page, newest first.
    pub(super) fn unmet(&self, ask: &Ask<'_>) -> Vec<u32> {
        let all = (0..self.videos.len()).rev();
        all.filter(|&video| !self.has_seen(ask.viewer, video) && !ask.waiting.contains(&(video as u32)))
            .map(|video| video as u32)
            .collect()
    }

    /// The page with the highest scores under the rules of `spread`; of equals the newest.
    pub(super) fn page(&self, ask: &Ask<'_>, spread: Spread, score: impl Fn(u32) -> f64) -> Vec<u32> {
        let unmet = self.unmet(ask);
        let mut ranked: Vec<(f64, u32)> = unmet.iter().map(|&video| (score(video), video)).collect();
        // Enough for a page even if many fall to the creators' rule.
        let enough = (ask.limit * 16).min(ranked.len());
        let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1));
        if enough > 0 && enough < ranked.len() {
            ranked.select_nth_unstable_by(enough - 1, order);
            ranked.truncate(enough);
        }
        ranked.sort_unstable_by(order);
        let new: Vec<u32> = unmet
            .into_iter()
            .filter(|&video| spread.exploration > 0.0 && self.impressions[video as usize] < FEW_IMPRESSIONS)
            .collect();
        let key = Key::new(ask.seed);
        let mut page: Vec<u32> = Vec::with_capacity(ask.limit);
        let mut next = ranked.iter().map(|&(_, video)| video);
        while page.len() < ask.limit {
            let place = key.with(page.len() as u64);
            let explores = !new.is_empty() && place.with(0).happens(spread.exploration);
            let explored = explores.then(|| new[place.with(1).below(new.len())]);
            let fits = |page: &[u32], video: u32| {
                let creator = self.videos[video as usize].creator;
                let alike = page.iter().filter(|&&other| self.videos[other as usize].creator == creator);
                !page.contains(&video) && alike.count() < spread.per_creator
            };
            let explored = explored.filter(|&video| fits(&page, video));
            let Some(video) = explored.or_else(|| next.find(|&video| fits(&page, video))) else { break };
            page.push(video);
        }
        page
    }
}

/// A total that halves with every half-life.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fading {
    total: f64,
    at_ms: i64,
}

impl Fading {
    pub(super) fn worth(&self, now_ms: i64, half_life_ms: f64) -> f64 {
        self.total * (-((now_ms - self.at_ms) as f64) / half_life_ms).exp2()
    }

    pub(super) fn add(&mut self, evidence: f64, now_ms: i64, half_life_ms: f64) {
        self.total = self.worth(now_ms, half_life_ms) + evidence;
        self.at_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(creators: &[u32]) -> Record {
        let mut record = Record::default();
        for (&creator, number) in creators.iter().zip(0..) {
            record.publish(&Facts {
                video: number,
                creator,
                sound: None,
                language: 0,
                tags: vec![],
                words: vec![],
                duration_ms: 10_000,
                published_ms: i64::from(number),
            });
        }
        record
    }

    #[test]
    fn a_page_is_the_best_of_what_is_unmet() {
        let mut record = record(&[1, 2, 3, 4, 4, 5]);
        record.show(0, 5);
        let ask = Ask { viewer: 0, now_ms: 0, seed: 1, limit: 3, waiting: &[2] };
        let spread = Spread { exploration: 0.0, per_creator: 1 };
        assert_eq!(record.page(&ask, spread, f64::from), [4, 1, 0]);
        assert_eq!(record.page(&ask, spread, |_| 0.0), [4, 1, 0]);
        assert_eq!(record.page(&ask, Spread { per_creator: 2, ..spread }, f64::from), [4, 3, 1]);
    }

    #[test]
    fn a_total_halves() {
        let mut total = Fading::default();
        total.add(4.0, 100, 50.0);
        assert_eq!(total.worth(200, 50.0), 1.0);
        total.add(1.0, 200, 50.0);
        assert_eq!(total.worth(200, 50.0), 2.0);
    }
}
