//! Drafts: edit lists that are worked on, from any device of their account, until they are published.
//!
//! A draft names uploads, which are kept as long as a draft or the edit list of a video names them; so a video can be
//! edited again without sending anything again. Publishing makes a video whose `render` job makes one file of the list
//! and its sources. That file is taken in like an upload, and everything after it is as for any video.
//!
//! Invariant: an edit list in the database was checked, names finished uploads of its own account, and at every save and
//! again at publication whoever owns a sound or a video in it let the account use it.

mod publish;
mod render;
mod replace;
pub mod routes;
mod serve;
mod sources;
pub mod store;
pub mod studio;
mod whole;

pub use publish::Publication;
pub(crate) use render::render;
pub use replace::{NewEdit, Replacement};
pub(crate) use replace::{give_up as give_up_replacement, replace, set_progress as set_replacement_progress};
pub(crate) use sources::require_consents;

use crate::error::{Error, Result};
use crate::state::State;
use crate::{upload, video};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{DraftRow, Owner};
use takt_core::{AccountId, DraftId, Timestamp, UploadId, VideoId};
use takt_media::edit::{self, Edit, EditList};
use takt_store::Tx;

/// Most drafts of one account.
const DRAFTS_MAX: u64 = 200;
/// Most characters of a title.
const TITLE_CHARS_MAX: usize = 100;

/// A draft to be.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    /// The edit list, version 1.
    #[schema(value_type = Object)]
    pub edit: serde_json::Value,
    /// What its creator calls it.
    #[serde(default)]
    pub title: String,
}

/// What a draft is to be from now on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftChange {
    /// The edit list, version 1.
    #[schema(value_type = Object)]
    pub edit: serde_json::Value,
    /// Absent, it stays.
    pub title: Option<String>,
    /// The revision that this one is made from.
    pub revision: i64,
}

/// A draft as its owner sees it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Draft {
    pub id: DraftId,
    pub title: String,
    /// The edit list, version 1.
    #[schema(value_type = Object)]
    pub edit: serde_json::Value,
    /// Grows with every change.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The video being made of it, or that could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<VideoId>,
    /// The published video whose edit list this one began with; it can be replaced by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_of: Option<VideoId>,
}

impl From<DraftRow> for Draft {
    fn from(row: DraftRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            edit: row.edit,
            revision: row.revision,
            created_at: row.created_ms,
            updated_at: row.updated_ms,
            video_id: row.video_id,
            edit_of: row.edit_of,
        }
    }
}

/// What came of a change.
pub(crate) enum Changed {
    /// It is this now.
    Done(Box<Draft>),
    /// It was changed elsewhere meanwhile, and is this.
    Stale(Box<Draft>),
}

/// Reads an edit list out of a request; refusals name the field below `edit`.
fn parse(json: serde_json::Value) -> Result<Edit> {
    edit::parse(json).map_err(|refusal| {
        let field = match refusal.path.as_str() {
            "" => "edit".to_owned(),
            path => format!("edit.{path}"),
        };
        Error::invalid(field, refusal.rule)
    })
}

/// As it is stored: with every field, in the order of the type.
fn written(edit: &Edit) -> Result<serde_json::Value> {
    serde_json::to_value(edit)
        .map_err(|error| Error::Internal(format!("an edit list can not be written: {error}")))
}

fn check_title(title: &str) -> Result<()> {
    if title.chars().count() > TITLE_CHARS_MAX || title.chars().any(char::is_control) {
        let rule = format!("must have {TITLE_CHARS_MAX} characters at most and no control characters");
        return Err(Error::invalid("title", rule));
    }
    Ok(())
}

/// Begins a draft.
pub(crate) async fn create(state: &State, account: AccountId, new: NewDraft) -> Result<Draft> {
    let edit = parse(new.edit)?;
    check_title(&new.title)?;
    sources::require_uploads(state, account, edit.list()).await?;
    insert(state, account, &new.title, &edit, None).await
}

async fn insert(
    state: &State,
    account: AccountId,
    title: &str,
    edit: &Edit,
    edit_of: Option<(VideoId, u32)>,
) -> Result<Draft> {
    let (id, now, json) = (DraftId::mint(&state.clock), state.clock.now(), written(edit)?);
    let row = DraftRow {
        id,
        title: title.to_owned(),
        edit: json,
        revision: 1,
        created_ms: now,
        updated_ms: now,
        video_id: None,
        edit_of: edit_of.map(|(video, _)| video),
        poster_ms: edit_of.map(|(_, poster_ms)| poster_ms),
    };
    state
        .db
        .write(async |tx: &mut Tx| {
            if store::count(tx, account).await? >= DRAFTS_MAX {
                let message = format!("you have {DRAFTS_MAX} drafts; delete one first");
                return Err(Error::refused(StatusCode::CONFLICT, "too_many_drafts", message));
            }
            require_consents(tx, account, edit.list()).await?;
            store::insert(tx, account, &row).await?;
            store::name_uploads(tx, Owner::Draft(id), &edit::uploads(edit.list())).await
        })
        .await?;
    Ok(row.into())
}

/// The account's draft.
pub(crate) async fn get(state: &State, account: AccountId, draft: DraftId) -> Result<Draft> {
    let row = store::by_id(&state.db, account, draft).await?;
    Ok(row.ok_or_else(|| Error::not_found("draft"))?.into())
}

/// The account's drafts, last changed first, those published apart unless their video failed.
pub(crate) async fn list(state: &State, account: AccountId) -> Result<Vec<Draft>> {
    Ok(store::list(&state.db, account).await?.into_iter().map(Draft::from).collect())
}

/// Changes a draft, unless somebody else did since `change.revision`.
pub(crate) async fn change(
    state: &State,
    account: AccountId,
    draft: DraftId,
    change: DraftChange,
) -> Result<Changed> {
    let before = store::by_id(&state.db, account, draft).await?.ok_or_else(|| Error::not_found("draft"))?;
    let edit = parse(change.edit)?;
    let title = change.title.unwrap_or(before.title);
    check_title(&title)?;
    sources::require_uploads(state, account, edit.list()).await?;
    let (now, json, named) = (state.clock.now(), written(&edit)?, edit::uploads(edit.list()));
    let done = state
        .db
        .write(async |tx: &mut Tx| {
            require_consents(tx, account, edit.list()).await?;
            let to = store::Update { title: &title, edit: &json, revision: change.revision, now };
            if !store::update(tx, account, draft, &to).await? {
                return Ok(None);
            }
            let dropped = store::named_uploads(tx, Owner::Draft(draft)).await?;
            store::name_uploads(tx, Owner::Draft(draft), &named).await?;
            Ok::<_, Error>(Some(dropped))
        })
        .await?;
    let now = get(state, account, draft).await?;
    let Some(dropped) = done else { return Ok(Changed::Stale(Box::new(now))) };
    // Takes that are no longer in the list stay until they expire: an undo may bring them back.
    tracing::debug!(draft.id = %draft, named = named.len(), before = dropped.len(), "a draft was changed");
    Ok(Changed::Done(Box::new(now)))
}

/// Deletes a draft, and the uploads that nothing else names.
pub(crate) async fn delete(state: &State, account: AccountId, draft: DraftId) -> Result<()> {
    let named = state
        .db
        .write(async |tx: &mut Tx| {
            if !store::delete(tx, account, draft).await? {
                return Err(Error::not_found("draft"));
            }
            take_names(tx, Owner::Draft(draft)).await
        })
        .await?;
    upload::release(state, &named).await
}

async fn take_names(tx: &mut Tx, owner: Owner) -> Result<Vec<UploadId>> {
    let named = store::named_uploads(tx, owner).await?;
    store::name_uploads(tx, owner, &[]).await?;
    Ok(named)
}

/// Deletes every draft of an account; its uploads go with all others.
pub(crate) async fn delete_all(state: &State, account: AccountId) -> Result<()> {
    for draft in store::ids_of(&state.db, account).await? {
        delete(state, account, draft).await?;
    }
    Ok(())
}

/// Forgets the edit list of a deleted video; answers the uploads that it named, to be released after the transaction.
pub(crate) async fn video_deleted(tx: &mut Tx, video: VideoId) -> Result<Vec<UploadId>> {
    store::delete_edit(tx, video).await?;
    store::delete_replacement(tx, video).await?;
    take_names(tx, Owner::Video(video)).await
}

/// The draft of a video that plays now is done with: the video keeps its list.
pub(crate) async fn video_published(tx: &mut Tx, video: VideoId) -> Result<()> {
    for draft in store::of_video(tx, video).await? {
        store::name_uploads(tx, Owner::Draft(draft), &[]).await?;
        store::delete_published(tx, draft).await?;
    }
    Ok(())
}

/// A new draft from the list a video was made of.
pub(crate) async fn edit_again(state: &State, account: AccountId, video: VideoId) -> Result<Draft> {
    video::require_own(state, account, video).await?;
    let row = match store::edit_of(&state.db, video).await? {
        Some(row) => row,
        None => whole::begin(state, account, video).await?,
    };
    // Its creator may have chosen another poster since; that is the one to go on with.
    let chosen = state.db.write(async |tx: &mut Tx| video::poster_in(tx, video).await).await?;
    let edit = parse(row.edit)?.with_poster(chosen);
    sources::require_uploads(state, account, edit.list()).await?;
    insert(state, account, &row.title, &edit, Some((video, edit.list().poster_ms))).await
}

/// The list as the types have it, of a list that was checked when it was stored.
fn stored(json: serde_json::Value) -> Result<Edit> {
    let list: EditList = serde_json::from_value(json)
        .map_err(|error| Error::Internal(format!("a stored edit list can not be read: {error}")))?;
    Edit::try_from(list)
        .map_err(|refusal| Error::Internal(format!("a stored edit list breaks a rule: {refusal}")))
}

/// Takes every part of `other` out of the edit list of a video; answers where the poster is taken from then on, or none
/// where nothing is left to render.
pub(crate) async fn take_out(tx: &mut Tx, video: VideoId, other: VideoId) -> Result<Option<u32>> {
    let Some(row) = store::edit_in(tx, video).await? else { return Ok(None) };
    let left = edit::without(stored(row.edit)?.list(), other);
    let Ok(left) = Edit::try_from(left) else { return Ok(None) };
    store::set_edit(tx, video, &written(&left)?).await?;
    Ok(Some(left.list().poster_ms))
}
