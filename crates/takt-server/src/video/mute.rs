//! A video loses its sound: what is served is made anew without it.

use super::folder::Folder;
use super::process::tools;
use super::store;
use crate::error::Error;
use crate::state::State;
use crate::worker::Failed;
use takt_core::{JobId, VideoId};
use takt_store::{BlobKey, Tx};

/// Replaces every rendition that has sound by one without, and removes what was replaced. Repeating it does nothing.
///
/// The old address stops working at once: whoever has begun to play keeps what was loaded, nobody loads it anew.
pub(crate) async fn mute(state: &State, job: JobId, video: VideoId) -> Result<(), Failed> {
    let tools = tools(state)?;
    let limits = state.config.media_limits();
    for row in store::renditions(&state.db, &[video]).await? {
        if !has_sound(&row.codec) {
            continue;
        }
        let folder = Folder::make(state, job).await?;
        let file = folder.path().join("rendition.mp4");
        state.blobs.fetch_to(&BlobKey::media(video, &row.file)?, &file).await?;
        let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &file };
        let muted = takt_media::without_sound(&media, &file).await;
        let muted = muted.map_err(|error| Failed::fault(error.to_string()))?;
        let name = format!("{}.mp4", muted.sha256);
        state.blobs.put_file(&BlobKey::media(video, &name)?, &muted.path).await?;
        let new = store::RenditionRow {
            file: name,
            codec: muted.codec,
            bytes: muted.bytes,
            video_id: row.video_id,
            width: row.width,
            height: row.height,
        };
        state
            .db
            .write(async |tx: &mut Tx| {
                // A new edit may have taken its place meanwhile, and that may have the sound.
                if store::replace_rendition(tx, &row.file, &new).await? {
                    store::set_muted(tx, video).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        state.media_cache.drop_file(video, &row.file).await;
        state.blobs.delete(&BlobKey::media(video, &row.file)?).await?;
    }
    Ok(())
}

/// An RFC 6381 value names picture and sound, in this order.
fn has_sound(codec: &str) -> bool {
    codec.contains(',')
}
