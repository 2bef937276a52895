//! What most viewers come to like, over one span of time.

use super::Gathering;

/// `horizon` counts from the shortest span.
pub(crate) fn gather(gathering: &mut Gathering<'_, '_>, horizon: usize) {
    let most = gathering.left();
    let popular = &gathering.query.engine.catalogue.popular[horizon];
    gathering.offer_all(popular.iter().map(|&(_, video)| video), most);
}
