//! The newest videos of what the viewer likes: creators, sounds, tags and words.

use super::Gathering;
use crate::catalogue::Kind;

/// Of how many favourites a source takes videos.
const FAVOURITES_MAX: usize = 16;
/// At least this many videos may come from one favourite.
const PER_FAVOURITE_MIN: usize = 4;

pub(crate) fn creators(gathering: &mut Gathering<'_, '_>) {
    gather(gathering, |kind| kind == Kind::Creator);
}

pub(crate) fn sounds(gathering: &mut Gathering<'_, '_>) {
    gather(gathering, |kind| kind == Kind::Sound);
}

pub(crate) fn topics(gathering: &mut Gathering<'_, '_>) {
    gather(gathering, |kind| matches!(kind, Kind::Tag | Kind::Word));
}

fn gather(gathering: &mut Gathering<'_, '_>, is_wanted: impl Fn(Kind) -> bool) {
    let query = gathering.query;
    let liked =
        query.tastes.iter().take_while(|taste| taste.leaning > 0).filter(|taste| is_wanted(taste.kind));
    let favourites: Vec<u32> = liked.take(FAVOURITES_MAX).map(|taste| taste.feature).collect();
    let each = (gathering.left() / favourites.len().max(1)).max(PER_FAVOURITE_MIN);
    for feature in favourites {
        let newest_first = query.engine.catalogue.posting(feature).iter().rev().copied();
        if !gathering.offer_all(newest_first, each) {
            return;
        }
    }
}
