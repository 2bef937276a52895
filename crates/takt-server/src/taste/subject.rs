//! What viewers lean to and turn down, as people read it.

use crate::error::{Error, Result};
use crate::state::State;
use crate::{account, video};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use takt_core::{AccountId, Handle, Lang, SoundId, VideoId};
use takt_recommender::Subject;

/// A longer tag or word is none.
const TEXT_BYTES_MAX: usize = takt_recommender::TERM_BYTES_MAX;

/// What sort of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    Creator,
    Sound,
    Tag,
    Word,
    Language,
    Video,
}

/// A creator, a sound, a tag, a word, a language or a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectBody {
    pub kind: SubjectKind,
    /// Of creators, sounds and videos.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub id: Option<String>,
    /// The handle, the tag without its sign, the word, the language's tag, the sound's name, the beginning of the
    /// caption. Absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<String>,
}

/// Which subject a client means: by `id`, or by `label` where that names it.
pub async fn resolve(state: &State, body: &SubjectBody) -> Result<Subject> {
    match body.kind {
        SubjectKind::Tag => Ok(Subject::Tag(text(body)?.trim_start_matches('#').to_owned())),
        SubjectKind::Word => Ok(Subject::Word(text(body)?)),
        SubjectKind::Language => {
            let rule = |_| Error::invalid("label", "must be a language tag such as de, en or pt-BR");
            text(body)?.parse::<Lang>().map(Subject::Language).map_err(rule)
        }
        SubjectKind::Sound => Ok(Subject::Sound(id(body)?)),
        SubjectKind::Video => Ok(Subject::Video(id(body)?)),
        SubjectKind::Creator if body.id.is_some() => Ok(Subject::Creator(id(body)?)),
        SubjectKind::Creator => {
            let label = body.label.as_deref().ok_or_else(|| Error::invalid("id", "or a label is needed"))?;
            let handle: Handle = label
                .trim_start_matches('@')
                .parse()
                .map_err(|rule: takt_core::InvalidText| Error::invalid("label", rule.0))?;
            let known = account::by_handle(state, &handle).await?;
            known.map(|account| Subject::Creator(account.id)).ok_or_else(|| Error::not_found("account"))
        }
    }
}

fn text(body: &SubjectBody) -> Result<String> {
    let text = body.label.as_deref().map(|label| label.trim().to_lowercase()).unwrap_or_default();
    let fits = !text.trim_start_matches('#').is_empty()
        && text.len() <= TEXT_BYTES_MAX
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits { Ok(text) } else { Err(Error::invalid("label", "must be one word of at most 64 bytes")) }
}

fn id<T: std::str::FromStr>(body: &SubjectBody) -> Result<T> {
    let text = body.id.as_deref().ok_or_else(|| Error::invalid("id", "is needed for this kind"))?;
    text.parse().map_err(|_| Error::invalid("id", "must be a UUID"))
}

/// The subjects with their names, in their order. Three statements at most for each 128 of a kind.
pub async fn name(state: &State, subjects: &[Subject]) -> Result<Vec<SubjectBody>> {
    let creators: Vec<AccountId> = subjects.iter().filter_map(creator_of).collect();
    let sounds: Vec<SoundId> = subjects.iter().filter_map(sound_of).collect();
    let videos: Vec<VideoId> = subjects.iter().filter_map(video_of).collect();
    let handles: BTreeMap<AccountId, Handle> =
        account::handles(state, &creators).await?.into_iter().collect();
    let titles: BTreeMap<SoundId, String> = video::sound_titles(state, &sounds).await?.into_iter().collect();
    let captions: BTreeMap<VideoId, String> = video::titles(state, &videos).await?.into_iter().collect();
    let named = subjects.iter().map(|subject| match subject {
        Subject::Creator(id) => with_id(SubjectKind::Creator, id, handles.get(id).map(Handle::to_string)),
        Subject::Sound(id) => with_id(SubjectKind::Sound, id, titles.get(id).cloned()),
        Subject::Video(id) => with_id(SubjectKind::Video, id, captions.get(id).cloned()),
        Subject::Tag(text) => with_label(SubjectKind::Tag, text),
        Subject::Word(text) => with_label(SubjectKind::Word, text),
        Subject::Language(language) => with_label(SubjectKind::Language, language),
    });
    Ok(named.collect())
}

fn with_id(kind: SubjectKind, id: &impl ToString, label: Option<String>) -> SubjectBody {
    SubjectBody { kind, id: Some(id.to_string()), label }
}

fn with_label(kind: SubjectKind, label: &impl ToString) -> SubjectBody {
    SubjectBody { kind, id: None, label: Some(label.to_string()) }
}

fn creator_of(subject: &Subject) -> Option<AccountId> {
    if let Subject::Creator(id) = subject { Some(*id) } else { None }
}

fn sound_of(subject: &Subject) -> Option<SoundId> {
    if let Subject::Sound(id) = subject { Some(*id) } else { None }
}

fn video_of(subject: &Subject) -> Option<VideoId> {
    if let Subject::Video(id) = subject { Some(*id) } else { None }
}
