//! Videos that few viewers have met yet, the young ones first, as the bandit draws them.

use super::Gathering;
use crate::bandit::Bandit;
use crate::fixed::mix;
use std::cmp::Reverse;

/// So many videos are drawn for at most: looking at all would take longer the more are new.
const ARMS_MAX: u64 = 128;
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

/// The young videos that few have met, or a sample of them; where they are too few, of all that few have met.
fn arms(gathering: &Gathering<'_, '_>) -> Vec<u32> {
    let (query, catalogue) = (gathering.query, &gathering.query.engine.catalogue);
    let few = &catalogue.little_shown;
    let count = few.len();
    let young_from = query.now_ms.saturating_sub(query.engine.policy.young_ms());
    let is_old = |place: u64| {
        let number = u32::try_from(place).ok().and_then(|place| few.select(place));
        number.is_some_and(|number| catalogue.video(number).published_ms < young_from)
    };
    // Numbers go up with time, but for what came back.
    let (mut first, mut end) = (0, count);
    while first < end {
        let middle = first + (end - first) / 2;
        if is_old(middle) { first = middle + 1 } else { end = middle }
    }
    if count - first < gathering.left() as u64 {
        first = 0;
    }
    let young = count - first;
    let seed = mix(query.seed, SALT);
    let place = |draw: u64| if young <= ARMS_MAX { draw } else { mix(seed, draw) % young };
    let draws = (0..young.min(ARMS_MAX)).map(|draw| first + place(draw));
    let mut arms: Vec<u32> = draws.filter_map(|place| few.select(u32::try_from(place).ok()?)).collect();
    arms.sort_unstable();
    arms.dedup();
    arms
}
