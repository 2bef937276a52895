//! A draft takes the place of what a published video plays: the `replace` job.
//!
//! The wish is a row of its own, with the list as the draft had it. The video is served as it is until its new files are
//! made; one transaction then turns it to them ([`video::swap`]). Where the list can not be rendered the video stays as
//! it was, and the row says why. A later wish takes the place of one that is still being made.
//!
//! Invariant: while there is a wish, the video names the uploads of both its own list and the wished one.

use super::publish::{lineage, picked};
use super::render::{RENDERED, render_list};
use super::store::{self, EditRow, Owner, ReplacementRow};
use super::{require_consents, sources, stored};
use crate::error::{Error, Result};
use crate::state::State;
use crate::upload;
use crate::video::{self, Ended, FailureBody, Folder, Progress, Remade, Reporter, Stage, Swap};
use crate::worker::Failed;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use takt_core::{AccountId, DraftId, UploadId, VideoId};
use takt_media::edit::{Edit, moment_in, uploads, videos};
use takt_store::{Job, Tx};

const ALMOST: u32 = 99;
const FAILED: &str = "replacing_failed";
const FAILED_MESSAGE: &str =
    "Takt could not make the new edit, and it is not the edit's fault. Try to replace the video again later.";
const GONE: &str = "video_not_ready";
const GONE_MESSAGE: &str =
    "The video no longer plays, so there is nothing to replace. Publish the edit as a new video.";

/// What is to replace the edit of a video.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEdit {
    /// A draft of this account.
    pub draft_id: DraftId,
}

/// An edit that is to take the place of what a video plays.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Replacement {
    pub draft_id: DraftId,
    /// Absent when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why the video stayed as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureBody>,
}

impl From<ReplacementRow> for Replacement {
    fn from(row: ReplacementRow) -> Self {
        let failure = row
            .failure_code
            .map(|code| FailureBody { code, message: row.failure_message.unwrap_or_default() });
        let progress = Progress { stage: Stage::parse(&row.stage), percent: row.percent.min(100) };
        Self { draft_id: row.draft_id, progress: failure.is_none().then_some(progress), failure }
    }
}

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
}

/// Has the account's video play the draft. The same request again changes nothing, unless that failed or the draft was
/// changed.
pub(crate) async fn begin(
    state: &State,
    account: AccountId,
    video: VideoId,
    draft: DraftId,
) -> Result<Replacement> {
    let row = store::by_id(&state.db, account, draft).await?.ok_or_else(|| Error::not_found("draft"))?;
    let edit = stored(row.edit.clone())?;
    if videos(edit.list()).contains(&video) {
        let message = "a video can not be a part of itself; publish this edit as a new video";
        return Err(Error::refused(StatusCode::CONFLICT, "video_in_itself", message));
    }
    sources::require_uploads(state, account, edit.list()).await?;
    let begun = state
        .db
        .write(async |tx: &mut Tx| {
            video::require_own_ready(tx, account, video).await?;
            require_consents(tx, account, edit.list()).await?;
            let same = |wish: &ReplacementRow| {
                wish.draft_id == draft && wish.revision == row.revision && wish.failure_code.is_none()
            };
            if let Some(wish) = store::replacement_in(tx, video).await?.filter(same) {
                return Ok(wish);
            }
            // Not touched by the editor: then the video's own stays, whatever is chosen for it until the edit is made.
            let untouched = row.poster_ms.is_some_and(|begun| edit.clone().with_poster(begun) == edit);
            let poster_ms = if untouched { None } else { Some(video::poster_in(tx, video).await?) };
            let wish = ReplacementRow {
                job_id: video::enqueue_replace(state, tx, video).await?,
                draft_id: draft,
                revision: row.revision,
                title: row.title.clone(),
                edit: row.edit.clone(),
                stage: Stage::Queued.as_str().to_owned(),
                percent: 0,
                poster_ms,
                failure_code: None,
                failure_message: None,
            };
            store::put_replacement(tx, video, &wish).await?;
            let named = store::named_uploads(tx, Owner::Video(video)).await?;
            let both: BTreeSet<UploadId> = named.into_iter().chain(uploads(edit.list())).collect();
            store::name_uploads(tx, Owner::Video(video), &Vec::from_iter(both)).await?;
            Ok::<_, Error>(wish)
        })
        .await?;
    state.jobs.wake();
    Ok(begun.into())
}

/// The edit that is to replace that of the account's video, while it is made and where it could not be.
pub(crate) async fn get(state: &State, account: AccountId, video: VideoId) -> Result<Option<Replacement>> {
    video::require_own(state, account, video).await?;
    Ok(store::replacement(&state.db, video).await?.map(Replacement::from))
}

/// No other edit is wanted: the video stays with the one it has. One that is being made is given up, unless the video
/// turned to it before; the notice of one that failed goes. Done again it changes nothing.
pub(crate) async fn withdraw(state: &State, account: AccountId, video: VideoId) -> Result<()> {
    let dropped = state
        .db
        .write(async |tx: &mut Tx| {
            if video::owner_in(tx, video).await? != Some(account) {
                return Err(Error::not_found("video"));
            }
            // Its worker finds the wish gone when it would turn the video, or its lease before.
            video::cancel_replace(state, tx, video).await?;
            if !store::delete_replacement(tx, video).await? {
                return Ok(Vec::new());
            }
            name_own(tx, video).await
        })
        .await?;
    upload::release(state, &dropped).await
}

/// Writes down how far it is.
pub(crate) async fn set_progress(state: &State, video: VideoId, stage: Stage, percent: u32) -> Result<()> {
    store::set_replacement_progress(&state.db, video, stage.as_str(), percent).await
}

/// What becomes of a wish whose job is given up.
pub(crate) async fn give_up(tx: &mut Tx, key: &str) -> Result<()> {
    let Ok(video) = key.parse::<VideoId>() else { return Ok(()) };
    if store::fail_replacement(tx, video, None, (FAILED, FAILED_MESSAGE)).await? {
        name_own(tx, video).await?;
    }
    Ok(())
}

/// The video names the uploads of its own list and no others; answers those that it named.
async fn name_own(tx: &mut Tx, video: VideoId) -> Result<Vec<UploadId>> {
    let named = store::named_uploads(tx, Owner::Video(video)).await?;
    let own = match store::edit_in(tx, video).await? {
        Some(row) => uploads(stored(row.edit)?.list()),
        None => Vec::new(),
    };
    store::name_uploads(tx, Owner::Video(video), &own).await?;
    Ok(named)
}

/// Runs the `replace` job.
pub(crate) async fn replace(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video } = video::parse(job)?;
    video::until_deleted(state, video, async {
        let wish = store::replacement(&state.db, video).await?;
        let Some(wish) = wish.filter(|wish| wish.job_id == job.id && wish.failure_code.is_none()) else {
            return Ok(());
        };
        let Err(ended) = make(state, job, video, wish).await else { return Ok(()) };
        match ended.unless_full(state).await {
            Ended::Rejected { code, message } => Ok(fail(state, job, video, (code, &message)).await?),
            Ended::Failed(failed) => Err(failed),
        }
    })
    .await
}

/// The video stays as it was, and its creator is told why.
async fn fail(state: &State, job: &Job, video: VideoId, why: (&str, &str)) -> Result<()> {
    let dropped = state
        .db
        .write(async |tx: &mut Tx| {
            if !store::fail_replacement(tx, video, Some(job.id), why).await? {
                return Ok(Vec::new());
            }
            name_own(tx, video).await
        })
        .await?;
    tracing::info!(video.id = %video, code = why.0, "a new edit of a video failed");
    upload::release(state, &dropped).await
}

async fn make(state: &State, job: &Job, video: VideoId, wish: ReplacementRow) -> Result<(), Ended> {
    match video::is_settled(state, video).await? {
        Some(true) => {}
        Some(false) => return Err(unsettled()),
        None => return Err(Ended::Rejected { code: GONE, message: GONE_MESSAGE.to_owned() }),
    }
    let edit = stored(wish.edit.clone())?;
    let folder = Folder::make(state, job.id).await?;
    let reporter = Reporter::of_replacement(state, video, Stage::Rendering, 1..RENDERED);
    let file = render_list(state, &folder, reporter, &edit).await?;
    let first = folder.path().join("first");
    tokio::fs::create_dir_all(&first).await?;
    let poster_ms = state.db.write(async |tx: &mut Tx| poster_in(tx, video, &wish, &edit).await).await?;
    let remade = video::remake(state, video, (&file, &first), poster_ms, RENDERED..ALMOST).await?;
    let made = upload::take_in(state, file).await?;
    let swapped = swap(state, job, video, &wish, &edit, (&remade, made)).await;
    if !matches!(swapped, Ok(true)) {
        upload::remove_file(state, made.0).await?;
        video::drop_later(state, video, &remade).await?;
    }
    swapped.map(|_| ())
}

/// Waits for what is still made of the video; another try finds it done.
fn unsettled() -> Ended {
    Ended::Failed(Failed { reason: "the video is still being made".to_owned(), away: true })
}

/// Turns the video to the new edit; false when another one is wanted by now, or the video is gone.
async fn swap(
    state: &State,
    job: &Job,
    video: VideoId,
    wish: &ReplacementRow,
    edit: &Edit,
    (remade, made): (&Remade, (UploadId, u64)),
) -> Result<bool, Ended> {
    let list = edit.list();
    let turned = state
        .db
        .write(async |tx: &mut Tx| {
            let Some(account) = video::owner_in(tx, video).await? else { return Ok(Turned::Unwanted) };
            if !store::take_replacement(tx, video, job.id).await? {
                return Ok(Turned::Unwanted);
            }
            require_consents(tx, account, list).await?;
            let poster_ms = poster_in(tx, video, wish, edit).await?;
            let (sound, lineage) = (picked(list), lineage(list));
            let to = Swap { video, upload: made.0, remade, sound, lineage, poster_ms };
            if !video::swap(state, tx, &to).await? {
                return Err(Error::refused(StatusCode::CONFLICT, UNSETTLED, "the video is still being made"));
            }
            let row = EditRow { account_id: account, title: wish.title.clone(), edit: wish.edit.clone() };
            store::put_edit(tx, video, &row).await?;
            upload::insert_made(state, tx, account, made, Some(video)).await?;
            let mut dropped = name_own(tx, video).await?;
            if store::delete_revision(tx, wish.draft_id, wish.revision).await? {
                dropped.extend(super::take_names(tx, Owner::Draft(wish.draft_id)).await?);
            }
            Ok::<_, Error>(Turned::Done(dropped))
        })
        .await;
    match turned {
        Ok(Turned::Done(dropped)) => {
            tracing::info!(video.id = %video, "a video plays a new edit");
            state.progress.turned(video);
            state.jobs.wake();
            upload::release(state, &dropped).await?;
            Ok(true)
        }
        Ok(Turned::Unwanted) => Ok(false),
        Err(Error::Refused { code: UNSETTLED, .. }) => Err(unsettled()),
        // Withdrawn while it was made.
        Err(Error::Refused { code, message, .. }) => {
            Err(Ended::Rejected { code, message: message.into_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the poster is taken in the new edit: the picture that the video has now, unless another was chosen in the editor
/// and none since, or that picture is cut away.
async fn poster_in(tx: &mut Tx, video: VideoId, wish: &ReplacementRow, edit: &Edit) -> Result<u32> {
    let own = edit.list().poster_ms;
    let now = video::poster_in(tx, video).await?;
    if wish.poster_ms == Some(now) {
        return Ok(own);
    }
    let Some(before) = store::edit_in(tx, video).await? else { return Ok(own) };
    Ok(moment_in(&stored(before.edit)?, edit, now).unwrap_or(own))
}

const UNSETTLED: &str = "video_not_settled";

enum Turned {
    /// With uploads that may have nobody left to name them.
    Done(Vec<UploadId>),
    Unwanted,
}
