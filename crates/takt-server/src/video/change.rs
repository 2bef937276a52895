//! What a creator changes about a video that is made: each change goes into its history, and what follows from it
//! (poster, recommendations, videos of others) is done by jobs.

use super::store::{self, ChangeableRow};
use super::{VideoBody, check_poster, describe_soon, job, kind, own_body, withdraw};
use crate::error::{Error, Result};
use crate::history::{self, Noted};
use crate::sound::{self, Consent, OnRevoke};
use crate::state::State;
use serde::{Deserialize, Deserializer};
use takt_core::{AccountId, Caption, Lang, VideoId, ViewerId};
use takt_store::Tx;

/// Most characters of a description for those who do not see the video.
const ALT_CHARS_MAX: usize = 1_000;

/// What to change about a video; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoChange {
    pub caption: Option<Caption>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Lang>)]
    pub language: Option<Option<Lang>>,
    pub ai_generated: Option<bool>,
    /// Where the poster is taken, in milliseconds; 0 is the first frame.
    pub poster_ms: Option<u32>,
    /// What is seen, for those who do not see it.
    pub alt_text: Option<String>,
    /// Whether only its link leads to it.
    pub unlisted: Option<bool>,
    /// Who may use its own sound from now on.
    pub sound_consent: Option<Consent>,
    /// Who may make duets and stitches with it from now on.
    pub reuse_consent: Option<Consent>,
    /// What becomes of published duets and stitches whose creators may no longer use it.
    pub reuse_on_revoke: Option<OnRevoke>,
}

/// Tells a null from an absent field.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Lang>>, D::Error> {
    Option::<Lang>::deserialize(deserializer).map(Some)
}

impl VideoChange {
    fn of(&self, before: &ChangeableRow) -> ChangeableRow {
        ChangeableRow {
            caption: self.caption.clone().unwrap_or_else(|| before.caption.clone()),
            language: self.language.clone().unwrap_or_else(|| before.language.clone()),
            ai_generated: self.ai_generated.unwrap_or(before.ai_generated),
            poster_ms: self.poster_ms.unwrap_or(before.poster_ms),
            alt_text: self.alt_text.clone().unwrap_or_else(|| before.alt_text.clone()),
            unlisted: self.unlisted.unwrap_or(before.unlisted),
            sound_consent: self.sound_consent.unwrap_or(before.sound_consent),
            reuse_consent: self.reuse_consent.unwrap_or(before.reuse_consent),
            reuse_on_revoke: self.reuse_on_revoke.unwrap_or(before.reuse_on_revoke),
        }
    }
}

/// Refuses a description that breaks a rule.
pub(crate) fn check_alt_text(text: &str) -> Result<()> {
    let odd = |letter: char| letter.is_control() && letter != '\n';
    if text.chars().count() <= ALT_CHARS_MAX && !text.chars().any(odd) {
        return Ok(());
    }
    let rule = format!("must have {ALT_CHARS_MAX} characters at most and no control characters");
    Err(Error::invalid("alt_text", rule))
}

/// What differs, in words that can be shown.
fn differences(before: &ChangeableRow, after: &ChangeableRow) -> Vec<Noted> {
    let language = |row: &ChangeableRow| row.language.as_ref().map_or("", Lang::as_str).to_owned();
    let consent = |word: Consent| word.as_str().to_owned();
    let told = |field, word: &dyn Fn(&ChangeableRow) -> String| Noted {
        field,
        before: word(before),
        after: word(after),
    };
    let all = [
        told("caption", &|row| row.caption.as_str().to_owned()),
        told("language", &language),
        told("ai_generated", &|row| row.ai_generated.to_string()),
        told("poster_ms", &|row| row.poster_ms.to_string()),
        told("alt_text", &|row| row.alt_text.clone()),
        told("unlisted", &|row| row.unlisted.to_string()),
        told("sound_consent", &|row| consent(row.sound_consent)),
        told("reuse_consent", &|row| consent(row.reuse_consent)),
        told("reuse_on_revoke", &|row| row.reuse_on_revoke.as_str().to_owned()),
    ];
    all.into_iter().filter(|noted| noted.before != noted.after).collect()
}

/// Changes a video of the account.
pub(crate) async fn change(
    state: &State,
    account: AccountId,
    viewer: ViewerId,
    video: VideoId,
    change: VideoChange,
) -> Result<VideoBody> {
    check_poster(change.poster_ms.unwrap_or(0))?;
    check_alt_text(change.alt_text.as_deref().unwrap_or_default())?;
    state
        .db
        .write(async |tx: &mut Tx| {
            let before =
                store::changeable(tx, video, account).await?.ok_or_else(|| Error::not_found("video"))?;
            let after = change.of(&before);
            let differences = differences(&before, &after);
            store::change(tx, video, &after).await?;
            history::note(state, tx, video, &differences).await?;
            let changed = |fields: &[&str]| differences.iter().any(|noted| fields.contains(&noted.field));
            if changed(&["caption", "language", "unlisted"]) {
                describe_soon(state, tx, video).await?;
            }
            if changed(&["poster_ms"]) {
                let key = video.to_string();
                state.jobs.cancel(tx, kind::POSTER, &key).await?;
                let payload = serde_json::json!({ "video": video });
                state.jobs.enqueue(tx, job(state, kind::POSTER, key, payload), &state.clock).await?;
            }
            if changed(&["sound_consent"]) {
                sound::consent_of_video(state, tx, video, account, after.sound_consent).await?;
            }
            if changed(&["reuse_consent", "reuse_on_revoke"]) {
                withdraw::enqueue(state, tx, video, false).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    state.jobs.wake();
    own_body(state, account, viewer, video).await
}
