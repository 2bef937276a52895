//! From a draft to a video.

use super::store::{self, EditRow, Owner};
use super::{require_consents, sources, stored};
use crate::error::{Error, Result};
use crate::sound::{Consent, PickedSound};
use crate::state::State;
use crate::video::{self, EditedVideo, Looker, VideoBody};
use serde::Deserialize;
use takt_core::{AccountId, Caption, DraftId, Lang, Timestamp, VideoId, ViewerId};
use takt_media::edit::{EditList, other_video, uploads};
use takt_store::Tx;

/// Publication can be put off for so long.
const LATER_MS_MAX: i64 = 90 * 24 * 60 * 60 * 1000;

/// How to publish a draft.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    pub caption: Caption,
    pub language: Option<Lang>,
    /// Say so when a machine made it.
    #[serde(default)]
    pub ai_generated: bool,
    /// Who may use its own sound; everyone without it.
    pub sound_consent: Option<Consent>,
    /// Who may make duets and stitches with it; everyone without it.
    pub reuse_consent: Option<Consent>,
    /// What is seen, for those who do not see it.
    #[serde(default)]
    pub alt_text: String,
    /// Not before this time. Absent, at once.
    pub publish_at: Option<Timestamp>,
}

/// Makes a video of a draft. The same request again answers the same video, unless that failed or the draft was changed.
pub(crate) async fn publish(
    state: &State,
    (account, viewer): (AccountId, ViewerId),
    draft: DraftId,
    publication: Publication,
) -> Result<VideoBody> {
    let looker = Looker { viewer: Some(viewer), account: Some(account) };
    let row = store::by_id(&state.db, account, draft).await?.ok_or_else(|| Error::not_found("draft"))?;
    if let Some(video) = row.video_id
        && let Some(made) = unless_failed(state, video).await?
    {
        return video::get(state, made, looker).await;
    }
    let run_at = check(state, &publication)?;
    let edit = stored(row.edit.clone())?;
    sources::require_uploads(state, account, edit.list()).await?;
    let id = VideoId::mint(&state.clock);
    let new = EditedVideo {
        id,
        account,
        caption: &publication.caption,
        language: publication.language.as_ref(),
        ai_generated: publication.ai_generated,
        poster_ms: edit.list().poster_ms,
        sound: picked(edit.list()),
        sound_consent: publication.sound_consent.unwrap_or(Consent::Everyone),
        reuse_consent: publication.reuse_consent.unwrap_or(Consent::Everyone),
        alt_text: &publication.alt_text,
        lineage: lineage(edit.list()),
        run_at,
    };
    state
        .db
        .write(async |tx: &mut Tx| {
            require_consents(tx, account, edit.list()).await?;
            let (title, json) = (row.title.clone(), row.edit.clone());
            store::insert_edit(tx, id, &EditRow { account_id: account, title, edit: json }).await?;
            store::name_uploads(tx, Owner::Video(id), &uploads(edit.list())).await?;
            store::set_video(tx, draft, id).await?;
            video::insert_edited(state, tx, &new).await
        })
        .await?;
    let body = video::get(state, id, looker).await;
    state.jobs.wake();
    body
}

async fn unless_failed(state: &State, video: VideoId) -> Result<Option<VideoId>> {
    Ok(video::status(state, video).await?.filter(|status| status != "failed").map(|_| video))
}

/// Refuses what breaks a rule; answers when to begin.
fn check(state: &State, publication: &Publication) -> Result<Timestamp> {
    video::check_alt_text(&publication.alt_text)?;
    let now = state.clock.now();
    match publication.publish_at {
        None => Ok(now),
        Some(at) if at <= now.plus_ms(LATER_MS_MAX) => Ok(at.max(now)),
        Some(_) => Err(Error::invalid("publish_at", "must be within the next 90 days")),
    }
}

pub(super) fn picked(list: &EditList) -> Option<PickedSound> {
    let sound = list.sound.as_ref()?;
    let start_ms = sound.start_ms.cast_signed().saturating_sub(sound.lead_ms);
    Some(PickedSound { id: sound.sound, start_ms })
}

/// What it is made with: the other video of a duet, or the first one of a stitch.
pub(super) fn lineage(list: &EditList) -> Option<(&'static str, VideoId)> {
    let stitched = list.segments.iter().find_map(|segment| segment.video);
    other_video(list).map(|video| ("duet", video)).or(stitched.map(|video| ("stitch", video)))
}
