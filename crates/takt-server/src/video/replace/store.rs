//! SQL of turning a video to another edit.

use crate::error::Result;
use crate::sound::PickedSound;
use crate::video::store::Published;
use takt_core::VideoId;
use takt_store::{Tx, args};

/// What takes the place of what a video plays.
pub struct Swapped {
    pub published: Published,
    pub picked: Option<PickedSound>,
    /// Kind, and the video it is made with.
    pub lineage: Option<(&'static str, VideoId)>,
    pub poster_ms: u32,
}

/// Makes the video another one in all but what was said of it, without renditions; false unless it plays and nothing is
/// under way for it.
pub async fn swap(tx: &mut Tx, video: VideoId, to: &Swapped) -> Result<bool> {
    let sql = "UPDATE video SET stage = 'further_renditions', percent = $2, sound_id = $3, sound_picked = $4, \
                      sound_start_ms = $5, muted = FALSE, part_withdrawn = FALSE, duplicate_of = NULL, \
                      lineage_kind = $6, lineage_video_id = $7, \
                      lineage_creator_id = (SELECT o.account_id FROM video o WHERE o.id = $7), \
                      source_sha256 = NULL, provenance = NULL, poster_ms = $8, duration_ms = $9, width = $10, \
                      height = $11, poster_file = $12, first_frame_file = $13, thumbhash = $14, \
                      loudness_centilufs = $15 \
               WHERE id = $1 AND status = 'ready' AND stage = 'done'";
    let p = to.published.clone();
    let args = args![
        video,
        p.percent,
        p.sound,
        to.picked.is_some(),
        to.picked.map_or(0, |sound| sound.start_ms),
        to.lineage.map(|(kind, _)| kind.to_owned()),
        to.lineage.map(|(_, other)| other),
        to.poster_ms,
        p.duration_ms,
        p.width,
        p.height,
        p.poster_file,
        p.first_frame_file,
        p.thumbhash,
        p.loudness_centilufs,
    ];
    if tx.exec(sql, args).await? == 0 {
        return Ok(false);
    }
    tx.exec("DELETE FROM rendition WHERE video_id = $1", args![video]).await?;
    Ok(true)
}
