//! Videos that few viewers have met yet, drawn by the seed.

use super::Gathering;
use crate::fixed::mix;

/// Draws per video wanted: some hit videos that were drawn or met before.
const DRAWS_PER_VIDEO: u64 = 4;
/// Keeps these draws apart from others with the same seed.
const SALT: u64 = 0x6578_706c_6f72_6531;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>) {
    let most = gathering.left();
    let videos = &gathering.query.engine.catalogue.little_shown;
    let Some(count) = u32::try_from(videos.len()).ok().filter(|&count| count > 0) else { return };
    let seed = mix(gathering.query.seed, SALT);
    let draws = (0..most as u64 * DRAWS_PER_VIDEO).filter_map(|draw| {
        // The bias of the remainder is below one in a million for any catalogue that fits.
        let place = mix(seed, draw) % u64::from(count);
        videos.select(place as u32)
    });
    gathering.offer_all(draws, most);
}
