//! What the viewer asked for: creators they follow, and what they wished more of.

use super::Gathering;
use crate::control::Wish;
use std::cmp::Reverse;

/// The latest videos of one creator, sound or tag that are looked at.
const PER_FEATURE_MAX: usize = 32;

pub(crate) fn followed(gathering: &mut Gathering<'_, '_>) {
    let features = gathering.query.chosen.followed.clone();
    newest_of(gathering, &features);
}

pub(crate) fn wished(gathering: &mut Gathering<'_, '_>) {
    let wished = gathering.query.chosen.wished.iter();
    let features: Vec<_> =
        wished.filter(|(_, wish)| *wish == Wish::More).map(|&(feature, _)| feature).collect();
    newest_of(gathering, &features);
}

/// The newest videos of all these together, newest first.
fn newest_of(gathering: &mut Gathering<'_, '_>, features: &[u32]) {
    let catalogue = &gathering.query.engine.catalogue;
    let latest = |&feature: &u32| catalogue.posting(feature).iter().rev().take(PER_FEATURE_MAX).copied();
    let mut videos: Vec<u32> = features.iter().flat_map(latest).collect();
    videos.sort_unstable_by_key(|&video| Reverse(video));
    videos.dedup();
    let most = gathering.left();
    gathering.offer_all(videos.into_iter(), most);
}
