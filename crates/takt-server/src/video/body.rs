//! A video as clients see it.

use super::store::{self, RenditionRow, VideoRow};
use crate::captions::{self, Captions};
use crate::error::Result;
use crate::follow;
use crate::sound::{self, Consent, OnRevoke};
use crate::state::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};
use takt_core::{AccountId, Caption, Handle, Lang, SoundId, Timestamp, VideoId, ViewerId};

/// Where a video is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing can be played yet. Seen by its creator alone.
    Processing,
    /// It plays; further renditions may follow.
    Ready,
    /// Nothing can be made of the upload. Seen by its creator alone.
    Failed,
}

impl Status {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "ready" => Self::Ready,
            "failed" => Self::Failed,
            _ => Self::Processing,
        }
    }
}

/// What is being done for a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for its turn.
    Queued,
    /// One file is made of an edit list and its sources.
    Rendering,
    /// The upload is looked at.
    Checking,
    /// The first playable file is made.
    FirstRendition,
    /// Files for other screens and networks are made.
    FurtherRenditions,
    /// Nothing: all is made. Never shown.
    #[serde(skip)]
    Done,
}

impl Stage {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Rendering => "rendering",
            Self::Checking => "checking",
            Self::FirstRendition => "first_rendition",
            Self::FurtherRenditions => "further_renditions",
            Self::Done => "done",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "rendering" => Self::Rendering,
            "checking" => Self::Checking,
            "first_rendition" => Self::FirstRendition,
            "further_renditions" => Self::FurtherRenditions,
            "done" => Self::Done,
            _ => Self::Queued,
        }
    }
}

/// How far the work on a video is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Progress {
    pub stage: Stage,
    /// Of all the work on this video, 0 to 100. Never falls.
    pub percent: u32,
}

impl Progress {
    /// From the columns; none when nothing is under way.
    pub(super) fn of(status: Status, stage: &str, percent: u32) -> Option<Self> {
        let stage = Stage::parse(stage);
        let under_way = match status {
            Status::Processing => true,
            Status::Ready => stage == Stage::FurtherRenditions,
            Status::Failed => false,
        };
        under_way.then(|| Self { stage, percent: percent.min(100) })
    }
}

/// What the Content Credentials (C2PA) of the file that was uploaded are worth. Neither says whether what is shown is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Present, and their signature and hashes hold; whether anybody knows the signer is not looked at.
    Valid,
    /// Present, and they do not hold: the file was changed after it was signed, or the signature is none.
    Broken,
}

impl Provenance {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Broken => "broken",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Valid, Self::Broken].into_iter().find(|provenance| provenance.as_str() == text)
    }
}

impl From<takt_media::Provenance> for Provenance {
    fn from(found: takt_media::Provenance) -> Self {
        match found {
            takt_media::Provenance::Valid => Self::Valid,
            takt_media::Provenance::Broken => Self::Broken,
        }
    }
}

/// Why nothing could be made of an upload.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FailureBody {
    /// Stable name.
    pub code: String,
    /// What to do about it, in plain words.
    pub message: String,
}

/// Who published a video.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Creator {
    pub id: AccountId,
    pub handle: Handle,
    /// Whether the viewer follows them; absent where nobody in particular looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed: Option<bool>,
}

/// The sound of a video. Videos with the same sound have the same id here.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SoundBody {
    pub id: SoundId,
    pub title: String,
    /// The video it comes from, if it comes from one that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<VideoId>,
    /// Where in the sound the video begins, in milliseconds; negative when it begins before the sound does.
    pub start_ms: i32,
}

/// What its creator lets others do with a video.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Consents {
    /// Use its own sound.
    pub sound: Consent,
    /// Make duets and stitches with it.
    pub reuse: Consent,
    /// What becomes of published duets and stitches when that ends, or when it is deleted.
    pub reuse_on_revoke: OnRevoke,
}

/// What a duet or stitch was made with. The credit stays when that is deleted.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Lineage {
    /// `duet` or `stitch`.
    pub kind: String,
    /// Null once it is gone.
    pub video_id: Option<VideoId>,
    /// Null once the account is gone.
    pub creator: Option<Creator>,
}

/// One playable file.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RenditionBody {
    pub url: String,
    pub width: u32,
    pub height: u32,
    pub codec: String,
    pub bytes: u64,
}

/// What viewers did with a video.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct Counts {
    pub likes: i64,
    pub views: i64,
    pub shares: i64,
}

/// A video. Addresses are relative to the server and never change what they give.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct VideoBody {
    pub id: VideoId,
    pub status: Status,
    /// Only of a failed video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureBody>,
    /// Only for the creator, while anything is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    #[schema(value_type = String)]
    pub caption: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Lang>,
    /// The creator says that a machine made it.
    pub ai_generated: bool,
    /// Absent where its upload has none that this server could read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    pub creator: Creator,
    /// Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundBody>,
    /// The owner of its sound withdrew it, so it plays without.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
    pub consents: Consents,
    /// Absent where it was made with no other video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// The other's part of this duet or stitch was withdrawn, so it plays without.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub part_withdrawn: bool,
    /// In no feed and no list but its creator's: reached by its link.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
    /// What is seen, for those who do not see it; empty where its creator says nothing.
    pub alt_text: String,
    /// What is said, as timed text, by language.
    pub captions: Vec<Captions>,
    /// Only for the creator: the earlier video that this one is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<VideoId>,
    pub created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// Length in milliseconds; null until it is known.
    pub duration_ms: Option<u32>,
    /// Width as shown, in pixels; null until it is known.
    pub width: Option<u32>,
    /// Height as shown, in pixels; null until it is known.
    pub height: Option<u32>,
    /// The still its creator chose; null until it is made.
    pub poster_url: Option<String>,
    /// The very first frame, for the moment before the video moves; null until it is made.
    pub first_frame_url: Option<String>,
    /// ThumbHash in base64; null until it is made.
    pub thumbhash: Option<String>,
    /// The one made first is first, then by height. Empty until there is one.
    pub renditions: Vec<RenditionBody>,
    pub counts: Counts,
    /// Whether whoever asks likes it; absent for those without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liked: Option<bool>,
}

impl VideoBody {
    /// As it was when it was asked for, should a worker have been quicker than the answer.
    pub(super) fn just_begun(mut self) -> Self {
        self.status = Status::Processing;
        self.failure = None;
        self.progress = Some(Progress { stage: Stage::Queued, percent: 0 });
        self
    }
}

/// Where a media file is served.
pub(crate) fn media_url(video: VideoId, file: &str) -> String {
    format!("/media/{video}/{file}")
}

/// Who looks, which decides what is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looker {
    /// Whose likes and follows are told.
    pub viewer: Option<ViewerId>,
    /// Whose own videos are shown with their progress, before they are ready and when they failed.
    pub account: Option<AccountId>,
}

/// The public videos among `ids`, in their order. What is gone, processing, failed or unlisted is left out.
pub async fn bodies(state: &State, ids: &[VideoId], viewer: Option<ViewerId>) -> Result<Vec<VideoBody>> {
    let mut bodies = bodies_for(state, ids, Looker { viewer, account: None }).await?;
    bodies.retain(|body| !body.unlisted);
    Ok(bodies)
}

/// Like [`bodies`], for somebody who may see their own videos in any status. At most five statements for each 128
/// videos.
pub async fn bodies_for(state: &State, ids: &[VideoId], looker: Looker) -> Result<Vec<VideoBody>> {
    let mut found: HashMap<VideoId, VideoBody> = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(takt_store::LIST_MAX) {
        // Before what is made of them: a video may get ready in between, and a ready one has renditions.
        let rows = store::by_ids(&state.db, ids).await?;
        let mut renditions: HashMap<VideoId, Vec<RenditionBody>> = HashMap::with_capacity(ids.len());
        for row in store::renditions(&state.db, ids).await? {
            renditions.entry(row.video_id).or_default().push(rendition(row));
        }
        let mut captions = captions::of_videos(state, ids).await?;
        let liked: Option<HashSet<VideoId>> = match looker.viewer {
            Some(viewer) => Some(store::liked(&state.db, viewer, ids).await?.into_iter().collect()),
            None => None,
        };
        let followed: Option<HashSet<AccountId>> = match looker.viewer {
            Some(viewer) => {
                let creators: BTreeSet<AccountId> = rows.iter().map(|row| row.account_id).collect();
                Some(follow::followed(state, viewer, creators).await?.into_iter().collect())
            }
            None => None,
        };
        for row in rows {
            let own = looker.account == Some(row.account_id);
            if own || row.status == "ready" {
                let renditions = renditions.remove(&row.id).unwrap_or_default();
                let liked = liked.as_ref().map(|liked| liked.contains(&row.id));
                let followed = followed.as_ref().map(|followed| followed.contains(&row.account_id));
                let captions = captions.remove(&row.id).unwrap_or_default();
                found.insert(
                    row.id,
                    VideoBody { captions, ..body(row, renditions, Told { liked, followed }, own) },
                );
            }
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn rendition(row: RenditionRow) -> RenditionBody {
    RenditionBody {
        url: media_url(row.video_id, &row.file),
        width: row.width,
        height: row.height,
        codec: row.codec,
        bytes: row.bytes,
    }
}

/// What a viewer made of a video and its creator; none where nobody in particular looks.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    liked: Option<bool>,
    followed: Option<bool>,
}

fn body(row: VideoRow, renditions: Vec<RenditionBody>, told: Told, own: bool) -> VideoBody {
    let status = Status::parse(&row.status);
    let sound = row.sound_id.zip(row.sound_title.as_ref()).map(|(id, title)| SoundBody {
        id,
        title: sound::title(title, row.sound_handle.as_ref()),
        video_id: row.sound_video_id,
        start_ms: row.sound_start_ms,
    });
    let known = |value: u32| (value > 0).then_some(value);
    VideoBody {
        id: row.id,
        status,
        failure: row
            .failure_code
            .map(|code| FailureBody { code, message: row.failure_message.unwrap_or_default() }),
        progress: if own { Progress::of(status, &row.stage, row.percent) } else { None },
        caption: Caption::into(row.caption),
        language: row.language,
        ai_generated: row.ai_generated,
        provenance: row.provenance.as_deref().and_then(Provenance::parse),
        creator: Creator { id: row.account_id, handle: row.handle, followed: told.followed },
        sound,
        muted: row.muted,
        consents: Consents {
            sound: row.sound_consent,
            reuse: row.reuse_consent,
            reuse_on_revoke: row.reuse_on_revoke,
        },
        lineage: row.lineage_kind.map(|kind| Lineage {
            kind,
            video_id: row.lineage_video_id,
            creator: row.lineage_creator_id.zip(row.lineage_handle).map(|(id, handle)| Creator {
                id,
                handle,
                followed: None,
            }),
        }),
        part_withdrawn: row.part_withdrawn,
        unlisted: row.unlisted,
        alt_text: row.alt_text,
        captions: Vec::new(),
        duplicate_of: row.duplicate_of.filter(|_| own),
        created_at: row.created_ms,
        published_at: row.published_ms,
        duration_ms: known(row.duration_ms),
        width: known(row.width),
        height: known(row.height),
        poster_url: row.poster_file.map(|file| media_url(row.id, &file)),
        first_frame_url: row.first_frame_file.map(|file| media_url(row.id, &file)),
        thumbhash: row.thumbhash.map(|hash| STANDARD.encode(hash)),
        renditions,
        counts: Counts { likes: row.likes, views: row.views, shares: row.shares },
        liked: told.liked,
    }
}
