//! Videos liked by those who liked the viewer's recent ones.

use super::Gathering;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>) {
    let mut videos = gathering.query.co_watched.clone();
    videos.sort_unstable_by_key(|&(video, alike)| (-alike, video));
    let most = gathering.left();
    gathering.offer_all(videos.into_iter().map(|(video, _)| video), most);
}
