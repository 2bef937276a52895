//! Videos that few viewers have met yet, young ones and some of any age, as the bandit draws them.

use super::Gathering;
use crate::bandit::Bandit;
use crate::fixed::mix;
use std::cmp::Reverse;

/// So many young videos are drawn for at most: looking at all would take longer the more are new.
const YOUNG_MAX: u64 = 64;
/// So many of any age are drawn for besides: who was passed over when young is not lost.
const ANY_AGE: u64 = 32;
/// Keeps these draws apart from others with the same seed.
const SALT: u64 = 0x6578_706c_6f72_6531;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>) {
    let query = gathering.query;
    let bandit = Bandit::new(query);
    let mut arms: Vec<(i64, u32)> = arms(gathering).into_iter().map(|arm| (bandit.draw(arm), arm)).collect();
    arms.sort_unstable_by_key(|&(draw, arm)| (Reverse(draw), arm));
    let most = gathering.left();
    gathering.offer_all(arms.into_iter().map(|(_, arm)| arm), most);
}

/// Of the videos that few have met, the young ones or a sample of them, and a sample of all.
fn arms(gathering: &Gathering<'_, '_>) -> Vec<u32> {
    let (query, catalogue) = (gathering.query, &gathering.query.engine.catalogue);
    let few = &catalogue.little_shown;
    let count = few.len();
    let young_from = query.now_ms.saturating_sub(query.engine.policy.young_ms());
    let select = |place: u64| few.select(u32::try_from(place).ok()?);
    let is_old =
        |place: u64| select(place).is_some_and(|number| catalogue.video(number).published_ms < young_from);
    // Numbers go up with time, but for what came back.
    let (mut old, mut end) = (0, count);
    while old < end {
        let middle = old + (end - old) / 2;
        if is_old(middle) { old = middle + 1 } else { end = middle }
    }
    let (young, seed) = (count - old, mix(query.seed, SALT));
    let of_young = (0..young.min(YOUNG_MAX)).map(|draw| {
        let place = if young <= YOUNG_MAX { draw } else { mix(seed, draw) % young };
        old + place
    });
    let mut arms: Vec<u32> = of_young.filter_map(select).collect();
    arms.extend((0..ANY_AGE.min(count)).filter_map(|draw| select(mix(seed, YOUNG_MAX + draw) % count)));
    arms.sort_unstable();
    arms.dedup();
    arms
}
