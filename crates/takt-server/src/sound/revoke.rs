//! What a withdrawal does to published videos: the `sound_revoke` job.
//!
//! Keeping is the default and needs nothing done. Muting makes each rendition anew without its sound, publishes these in
//! place of the others, and removes the others from the media store. It reaches the videos whose creators picked the
//! sound and may no longer use it, and is not undone when consent comes back: the creator can publish again.

use super::{OnRevoke, allows, analyse, store};
use crate::state::State;
use crate::video;
use crate::worker::Failed;
use takt_core::VideoId;
use takt_store::Job;

/// Videos looked at in one statement.
const VIDEOS: usize = 100;

/// Runs the `sound_revoke` job.
pub(crate) async fn revoke(state: &State, job: &Job) -> Result<(), Failed> {
    let sound = analyse::payload(job)?.sound;
    let mut after = VideoId::from_u128(0);
    let mut unfinished = false;
    loop {
        let rows = store::using(&state.db, sound, after, VIDEOS).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows {
            let terms = store::terms_of(&state.db, sound, row.account_id).await?;
            let Some(terms) = terms else { return Ok(()) };
            let kept = terms.on_revoke == OnRevoke::Keep;
            if kept || allows(terms.account_id, terms.consent, terms.follows, row.account_id) {
                continue;
            }
            if !row.done {
                // What is still made of it would have the sound again.
                unfinished = true;
                continue;
            }
            video::mute(state, job.id, row.id).await?;
        }
    }
    if unfinished {
        let reason = "videos with a withdrawn sound are still being made".to_owned();
        return Err(Failed { reason, away: true });
    }
    Ok(())
}
