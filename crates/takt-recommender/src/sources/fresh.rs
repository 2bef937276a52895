//! The newest videos of all.

use super::Gathering;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>) {
    let most = gathering.left();
    let newest_first = gathering.query.engine.catalogue.live.iter().rev();
    gathering.offer_all(newest_first, most);
}
