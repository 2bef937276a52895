//! Videos of what the viewer likes: creators, sounds, tags and words, languages.

use super::Gathering;
use crate::catalogue::Kind;

/// Of how many favourites a source takes videos.
const FAVOURITES_MAX: usize = 16;
/// At least this many videos may come from one favourite.
const PER_FAVOURITE_MIN: usize = 4;
/// So many popular videos are looked at for each in a language that may be put forward.
const POPULAR_PER_VIDEO: usize = 8;

pub(crate) fn creators(gathering: &mut Gathering<'_, '_>) {
    gather(gathering, |kind| kind == Kind::Creator);
}

pub(crate) fn sounds(gathering: &mut Gathering<'_, '_>) {
    gather(gathering, |kind| kind == Kind::Sound);
}

pub(crate) fn topics(gathering: &mut Gathering<'_, '_>) {
    gather(gathering, |kind| matches!(kind, Kind::Tag | Kind::Word));
}

/// A language has too many videos for the newest alone to be worth much: what is popular goes first.
pub(crate) fn languages(gathering: &mut Gathering<'_, '_>) {
    let catalogue = &gathering.query.engine.catalogue;
    let languages = favourites(gathering, |kind| kind == Kind::Language);
    let each = (gathering.left() / languages.len().max(1)).max(PER_FAVOURITE_MIN);
    for language in languages {
        let popular = catalogue.popular[1].iter().map(|&(_, video)| video).take(each * POPULAR_PER_VIDEO);
        let spoken = popular.filter(|&video| catalogue.video(video).features.contains(&language));
        let newest_first = catalogue.posting(language).iter().rev().copied();
        if !gathering.offer_all(spoken.chain(newest_first), each) {
            return;
        }
    }
}

fn gather(gathering: &mut Gathering<'_, '_>, is_wanted: impl Fn(Kind) -> bool) {
    let query = gathering.query;
    let favourites = favourites(gathering, is_wanted);
    let each = (gathering.left() / favourites.len().max(1)).max(PER_FAVOURITE_MIN);
    for feature in favourites {
        let newest_first = query.engine.catalogue.posting(feature).iter().rev().copied();
        if !gathering.offer_all(newest_first, each) {
            return;
        }
    }
}

/// What the viewer likes best, of the kinds that are wanted.
fn favourites(gathering: &Gathering<'_, '_>, is_wanted: impl Fn(Kind) -> bool) -> Vec<u32> {
    let liked = gathering.query.tastes.iter().take_while(|taste| taste.leaning > 0);
    liked.filter(|taste| is_wanted(taste.kind)).take(FAVOURITES_MAX).map(|taste| taste.feature).collect()
}
