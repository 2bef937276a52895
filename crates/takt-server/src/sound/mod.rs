//! Sounds: of videos or uploaded alone, recognised as the same through encoding and cuts, owned, lent by consent.
//!
//! A video's sound is there the moment the video is; listening to it comes after (the `sound` job) and may find that it
//! is one already known: then the two become one, the older stays. A sound that a creator picked from the library is
//! never guessed about.
//!
//! Invariant: consent is asked for in the transaction that uses the sound ([`require_use`]). A withdrawal reaches only
//! videos whose creators picked the sound: recognition alone never silences anybody.

mod analyse;
mod body;
mod receive;
mod revoke;
pub mod routes;
mod starter;
pub mod store;
mod terms;

pub(crate) use body::title;
pub use body::{Sound, SoundStatus};
pub use terms::{Consent, Licence, OnRevoke};

use crate::error::{Error, Result};
use crate::state::State;
use crate::upload;
use crate::video::{self, Looker, VideoBody};
use axum::http::StatusCode;
use serde::Deserialize;
use std::path::Path;
use store::{Change, NewRow, SoundRow};
use takt_core::{AccountId, Handle, SoundId, Timestamp, UploadId, VideoId};
use takt_store::{BlobKey, NewJob, Tx};

pub(crate) use analyse::analyse;
pub(crate) use receive::receive;
pub(crate) use revoke::revoke;
pub(crate) use starter::{begin_starter_set, starter_set};

/// Job kinds.
pub(crate) mod kind {
    /// Listens to and looks at a published video.
    pub(crate) const ANALYSE: &str = "sound";
    /// Turns an upload into a sound.
    pub(crate) const RECEIVE: &str = "sound_upload";
    /// Lets a withdrawal reach the videos with the sound.
    pub(crate) const REVOKE: &str = "sound_revoke";
    /// Makes the cell's own first sounds.
    pub(crate) const STARTER: &str = "sound_starter";
    /// Removes the bytes of a sound that is gone.
    pub(crate) const ERASE: &str = "sound_erase";
}

/// Longest sound of its own, in milliseconds.
pub(crate) const SOUND_MS_MAX: u32 = 180_000;
const TITLE_CHARS_MAX: usize = 80;
const CREDIT_CHARS_MAX: usize = 200;
const QUERY_CHARS_MAX: usize = 80;
const ATTEMPTS_MAX: u32 = 50;

/// A sound to make of a complete upload.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSound {
    /// A complete upload of this account: MP3, M4A, Ogg, FLAC, WAV, or a video whose sound is taken.
    pub upload_id: UploadId,
    pub title: String,
    /// Whom to name, where it is not the account.
    #[serde(default)]
    pub credit: String,
    /// All rights reserved without it.
    pub licence: Option<Licence>,
    /// Everyone without it.
    pub consent: Option<Consent>,
}

/// What to change about a sound; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SoundChange {
    pub title: Option<String>,
    pub credit: Option<String>,
    pub licence: Option<Licence>,
    pub consent: Option<Consent>,
    /// What becomes of published videos with it whose creators may no longer use it.
    pub on_revoke: Option<OnRevoke>,
}

/// A sound chosen for a video, and where the video begins in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickedSound {
    pub id: SoundId,
    /// Negative when it begins before the sound does.
    pub start_ms: i32,
}

/// The folder of the media store that a sound's file is in. Ids are unique across kinds, so a sound has a folder as a
/// video has.
pub(crate) fn folder(sound: SoundId) -> VideoId {
    VideoId::from(sound.uuid())
}

/// Refuses unless the account may use the sound now. Ask in the transaction that uses it.
pub(crate) async fn require_use(tx: &mut Tx, account: AccountId, sound: SoundId) -> Result<()> {
    let terms = store::terms(tx, sound, account).await?.filter(|terms| terms.status == "ready");
    if terms.is_some_and(|terms| allows(terms.account_id, terms.consent, terms.follows, account)) {
        return Ok(());
    }
    let message = "the owner of this sound does not let you use it; choose another";
    Err(Error::refused(StatusCode::CONFLICT, "sound_consent", message))
}

fn allows(owner: Option<AccountId>, consent: Consent, follows: bool, account: AccountId) -> bool {
    owner == Some(account)
        || match consent {
            Consent::Nobody => false,
            Consent::Followers => follows,
            Consent::Everyone => true,
        }
}

/// Writes the sound's audio to the file `to` (an MP4 whose first sound it is) and answers its length in milliseconds.
pub async fn fetch_audio(state: &State, sound: SoundId, to: &Path) -> Result<u32> {
    let row = store::work(&state.db, sound).await?.filter(|row| row.status == "ready");
    let row = row.ok_or_else(|| Error::not_found("sound"))?;
    let key = match (&row.audio_file, row.video_id) {
        (Some(file), _) => BlobKey::media(folder(sound), file)?,
        // Not listened to yet: its video has it.
        (None, Some(video)) => {
            video::first_file(state, video).await?.ok_or_else(|| Error::not_found("sound"))?
        }
        (None, None) => return Err(Error::not_found("sound")),
    };
    state.blobs.fetch_to(&key, to).await?;
    Ok(row.duration_ms)
}

/// A video's sound, in the transaction that publishes it.
pub(crate) struct FromVideo<'a> {
    pub(crate) digest: &'a [u8; 32],
    pub(crate) new: SoundId,
    pub(crate) video: VideoId,
    pub(crate) account: AccountId,
    pub(crate) handle: &'a Handle,
    pub(crate) consent: Consent,
    pub(crate) duration_ms: u32,
    pub(crate) now: Timestamp,
}

/// The sound of these audio packets: the known one, or a new one that begins with this video.
pub(crate) async fn of_video(tx: &mut Tx, from: &FromVideo<'_>) -> Result<SoundId> {
    let (sound, is_new) = store::of_digest(tx, from.digest, from.new).await?;
    if is_new {
        let row = NewRow {
            id: sound,
            account: Some(from.account),
            video: Some(from.video),
            status: "ready",
            title: "",
            credit: "",
            licence: Licence::AllRightsReserved,
            search_text: &search_text("", "", Some(from.handle)),
            consent: from.consent,
            duration_ms: from.duration_ms,
            now: from.now,
        };
        store::insert(tx, &row).await?;
    }
    Ok(sound)
}

/// Makes a sound of a complete upload. The same request again answers the same sound.
pub(crate) async fn create(state: &State, account: AccountId, new: NewSound) -> Result<Sound> {
    let title = plain_text("title", &new.title, TITLE_CHARS_MAX)?;
    let credit = plain_text("credit", &new.credit, CREDIT_CHARS_MAX)?;
    if title.is_empty() {
        return Err(Error::invalid("title", "must not be empty"));
    }
    let licence = new.licence.unwrap_or(Licence::AllRightsReserved);
    check_credit(licence, &credit)?;
    let upload = upload::find(state, account, new.upload_id).await?;
    if let Some(used) = upload.video {
        return repeated(state, account, SoundId::from(used.uuid())).await;
    }
    if upload.offset != upload.bytes_total {
        let message =
            format!("{} of {} bytes have arrived; finish the upload", upload.offset, upload.bytes_total);
        return Err(Error::refused(StatusCode::CONFLICT, "upload_incomplete", message));
    }
    let id = SoundId::mint(&state.clock);
    let handle = crate::account::handle_of(state, account).await?;
    let search_text = search_text(&title, &credit, handle.as_ref());
    let row = NewRow {
        id,
        account: Some(account),
        video: None,
        status: "processing",
        title: &title,
        credit: &credit,
        licence,
        search_text: &search_text,
        consent: new.consent.unwrap_or(Consent::Everyone),
        duration_ms: 0,
        now: state.clock.now(),
    };
    let made = state
        .db
        .write(async |tx: &mut Tx| {
            if !upload::mark_used(tx, upload.id, folder(id)).await? {
                return Ok(false);
            }
            store::insert(tx, &row).await?;
            let payload = serde_json::json!({ "sound": id, "upload": upload.id });
            state.jobs.enqueue(tx, job(state, kind::RECEIVE, id.to_string(), payload), &state.clock).await?;
            Ok::<_, Error>(true)
        })
        .await?;
    if !made {
        let upload = upload::find(state, account, new.upload_id).await?;
        let used = upload.video.ok_or_else(|| Error::not_found("upload"))?;
        return repeated(state, account, SoundId::from(used.uuid())).await;
    }
    let sound = get(state, id, Some(account)).await?;
    state.jobs.wake();
    Ok(sound)
}

async fn repeated(state: &State, account: AccountId, sound: SoundId) -> Result<Sound> {
    if let Some(row) = store::by_id(&state.db, sound, Some(account)).await? {
        return Ok(Sound::of(row, Some(account)));
    }
    let message = "something else was made of this upload already; upload the file again";
    Err(Error::refused(StatusCode::CONFLICT, "upload_used", message))
}

/// A licence that wants its author named needs to know whom.
fn check_credit(licence: Licence, credit: &str) -> Result<()> {
    if licence.needs_credit() && credit.is_empty() {
        return Err(Error::invalid("credit", "must name the author, because this licence asks for it"));
    }
    Ok(())
}

fn plain_text(field: &'static str, text: &str, chars_max: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > chars_max {
        return Err(Error::invalid(field, format!("must have at most {chars_max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "may not hold line breaks or control characters"));
    }
    Ok(text.to_owned())
}

fn search_text(title: &str, credit: &str, handle: Option<&Handle>) -> String {
    format!("{title}\n{credit}\n{}", handle.map_or("", Handle::as_str)).to_lowercase()
}

/// The sound; one that is being made or failed is found by its owner alone.
pub(crate) async fn get(state: &State, sound: SoundId, looker: Option<AccountId>) -> Result<Sound> {
    let row = store::by_id(&state.db, sound, looker).await?;
    let seen = |row: &SoundRow| row.status == "ready" || (looker.is_some() && row.account_id == looker);
    row.filter(seen).map(|row| Sound::of(row, looker)).ok_or_else(|| Error::not_found("sound"))
}

/// A page of sounds to pick from, and where the next one begins.
pub(crate) async fn search(
    state: &State,
    looker: Option<AccountId>,
    query: &str,
    before: Option<SoundId>,
    limit: usize,
) -> Result<(Vec<Sound>, Option<SoundId>)> {
    let query = plain_text("query", query, QUERY_CHARS_MAX)?.to_lowercase();
    let rows = store::page(&state.db, &store::Page { looker, query: &query, before, limit }).await?;
    Ok(listed(rows, looker, limit))
}

/// A page of the sounds an account saved, and where the next one begins.
pub(crate) async fn saved(
    state: &State,
    account: AccountId,
    before: Option<SoundId>,
    limit: usize,
) -> Result<(Vec<Sound>, Option<SoundId>)> {
    Ok(listed(store::saved(&state.db, account, before, limit).await?, Some(account), limit))
}

fn listed(rows: Vec<SoundRow>, looker: Option<AccountId>, limit: usize) -> (Vec<Sound>, Option<SoundId>) {
    let next = rows.last().map(|row| row.id).filter(|_| rows.len() == limit);
    (rows.into_iter().map(|row| Sound::of(row, looker)).collect(), next)
}

/// A page of the public videos with a sound, and where the next one begins.
pub(crate) async fn videos(
    state: &State,
    sound: SoundId,
    looker: Looker,
    before: Option<VideoId>,
    limit: usize,
) -> Result<(Vec<VideoBody>, Option<VideoId>)> {
    get(state, sound, looker.account).await?;
    let ids = store::videos(&state.db, sound, before, limit).await?;
    let next = ids.last().copied().filter(|_| ids.len() == limit);
    Ok((video::bodies_for(state, &ids, looker).await?, next))
}

/// Keeps a sound for later; twice is once.
pub(crate) async fn save(state: &State, account: AccountId, sound: SoundId) -> Result<()> {
    get(state, sound, Some(account)).await?;
    let now = state.clock.now();
    let kept = state.db.write(async |tx: &mut Tx| store::save(tx, account, sound, now).await).await?;
    if kept { Ok(()) } else { Err(Error::not_found("sound")) }
}

/// Keeps it no longer.
pub(crate) async fn unsave(state: &State, account: AccountId, sound: SoundId) -> Result<()> {
    store::unsave(&state.db, account, sound).await
}

/// Refuses unless the sound is the account's.
pub(crate) async fn require_own(state: &State, account: AccountId, sound: SoundId) -> Result<()> {
    let own = store::work(&state.db, sound).await?.is_some_and(|row| row.account_id == Some(account));
    if own { Ok(()) } else { Err(Error::not_found("sound")) }
}

/// Changes a sound of the account. Where consent ends, videos follow by a job.
pub(crate) async fn change(
    state: &State,
    account: AccountId,
    sound: SoundId,
    change: SoundChange,
) -> Result<Sound> {
    let text = |field, text: Option<String>, chars_max| {
        text.map(|text| plain_text(field, &text, chars_max)).transpose()
    };
    let changed = Change {
        title: text("title", change.title, TITLE_CHARS_MAX)?,
        credit: text("credit", change.credit, CREDIT_CHARS_MAX)?,
        licence: change.licence,
        consent: change.consent,
        on_revoke: change.on_revoke,
    };
    let asked = changed.consent.is_some() || changed.on_revoke.is_some();
    let before = get(state, sound, Some(account)).await?;
    let credit = changed.credit.as_deref().unwrap_or(&before.credit);
    check_credit(changed.licence.unwrap_or(before.licence), credit)?;
    state
        .db
        .write(async |tx: &mut Tx| {
            if !store::change(tx, sound, account, &changed).await? {
                return Err(Error::not_found("sound"));
            }
            if let Some((title, credit, handle)) = store::names(tx, sound).await? {
                store::set_search_text(tx, sound, &search_text(&title, &credit, handle.as_ref())).await?;
            }
            if asked {
                enqueue_revoke(state, tx, sound).await?;
            }
            if let Some((video, consent)) = before.original_video_id.zip(changed.consent) {
                video::set_sound_consent(tx, video, consent).await?;
            }
            Ok(())
        })
        .await?;
    state.jobs.wake();
    get(state, sound, Some(account)).await
}

/// The creator of a video lends the sound that came of it on other terms.
pub(crate) async fn consent_of_video(
    state: &State,
    tx: &mut Tx,
    video: VideoId,
    account: AccountId,
    consent: Consent,
) -> Result<()> {
    for (sound, _, _) in store::from_video(tx, video).await? {
        let change = Change { consent: Some(consent), ..Change::default() };
        if store::change(tx, sound, account, &change).await? {
            enqueue_revoke(state, tx, sound).await?;
        }
    }
    Ok(())
}

/// Lets the sound's terms reach the videos with it, by a job.
pub(crate) async fn enqueue_revoke(state: &State, tx: &mut Tx, sound: SoundId) -> Result<()> {
    let key = sound.to_string();
    // One that runs may have looked already, so it makes way for another.
    state.jobs.cancel(tx, kind::REVOKE, &key).await?;
    let payload = serde_json::json!({ "sound": sound });
    state.jobs.enqueue(tx, job(state, kind::REVOKE, key, payload), &state.clock).await?;
    Ok(())
}

/// What becomes of sounds when a video goes: of the one that came from it, others go on using it as its owner wished; one
/// that nobody uses goes. `sound` is the one the video had. Call this after the video's row is gone.
pub(crate) async fn video_deleted(
    state: &State,
    tx: &mut Tx,
    video: VideoId,
    sound: Option<SoundId>,
) -> Result<()> {
    for (sound, on_revoke, used) in store::from_video(tx, video).await? {
        if used == 0 {
            store::remove(tx, sound).await?;
            enqueue_erase(state, tx, sound).await?;
        } else if on_revoke == OnRevoke::Mute {
            store::withdraw(tx, sound).await?;
            enqueue_revoke(state, tx, sound).await?;
        }
    }
    store::forget_video(tx, video).await?;
    if let Some(sound) = sound
        && store::is_orphan(tx, sound).await?
    {
        store::remove(tx, sound).await?;
        enqueue_erase(state, tx, sound).await?;
    }
    Ok(())
}

/// What becomes of sounds when a video plays another edit from now on: `sound` is the one it had and the one it has. Nobody
/// withdrew the one that came of the old edit, so others go on using it; one that nobody uses goes.
pub(crate) async fn video_remade(
    state: &State,
    tx: &mut Tx,
    video: VideoId,
    (had, has): (Option<SoundId>, Option<SoundId>),
) -> Result<()> {
    if had == has {
        return Ok(());
    }
    for (sound, _, used) in store::from_video(tx, video).await? {
        if Some(sound) == has {
            continue;
        }
        if used == 0 {
            store::remove(tx, sound).await?;
            enqueue_erase(state, tx, sound).await?;
        } else {
            store::part_from_video(tx, sound).await?;
        }
    }
    if let Some(sound) = had
        && store::is_orphan(tx, sound).await?
    {
        store::remove(tx, sound).await?;
        enqueue_erase(state, tx, sound).await?;
    }
    Ok(())
}

/// What becomes of an account's sounds when the account goes. Its videos went before.
pub(crate) async fn account_deleted(state: &State, tx: &mut Tx, account: AccountId) -> Result<()> {
    for (sound, used) in store::of_account(tx, account).await? {
        if used == 0 {
            store::remove(tx, sound).await?;
            enqueue_erase(state, tx, sound).await?;
        }
    }
    store::forget_account(tx, account).await
}

async fn enqueue_erase(state: &State, tx: &mut Tx, sound: SoundId) -> Result<()> {
    let payload = serde_json::json!({ "sound": sound });
    let job = job(state, kind::ERASE, sound.to_string(), payload);
    // A media store may be away for days; bytes that must go are not given up on.
    state.jobs.enqueue(tx, NewJob { attempts_max: 1000, ..job }, &state.clock).await?;
    Ok(())
}

/// Runs the `sound_erase` job.
pub(crate) async fn erase(state: &State, job: &takt_store::Job) -> Result<(), crate::worker::Failed> {
    let sound = analyse::payload(job)?.sound;
    let files = state.blobs.list_video(folder(sound)).await?;
    let names = files.into_iter().map(|(key, _)| key.file_name().to_owned());
    state.media_cache.forget(folder(sound), names).await;
    Ok(state.blobs.delete_video(folder(sound)).await?)
}

/// What becomes of a sound when a job about it is given up.
pub(crate) async fn give_up(tx: &mut Tx, kind: &str, key: &str) -> Result<()> {
    if kind == self::kind::RECEIVE
        && let Ok(sound) = key.parse::<SoundId>()
    {
        store::fail(tx, sound, receive::PROCESSING_FAILED, receive::PROCESSING_FAILED_MESSAGE).await?;
    }
    Ok(())
}

fn job(state: &State, kind: &'static str, key: String, payload: serde_json::Value) -> NewJob {
    NewJob { kind, key, payload, priority: 0, attempts_max: ATTEMPTS_MAX, run_at: state.clock.now() }
}

/// Has a video listened to and looked at, by a job.
pub(crate) async fn enqueue_analysis(state: &State, tx: &mut Tx, video: VideoId) -> Result<()> {
    let payload = serde_json::json!({ "video": video });
    state.jobs.enqueue(tx, job(state, kind::ANALYSE, video.to_string(), payload), &state.clock).await?;
    Ok(())
}
