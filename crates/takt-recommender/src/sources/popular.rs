//! What most viewers finish, like and share at the moment.

use super::Gathering;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>) {
    let most = gathering.left();
    let popular = &gathering.query.engine.catalogue.popular;
    gathering.offer_all(popular.iter().map(|&(_, video)| video), most);
}
