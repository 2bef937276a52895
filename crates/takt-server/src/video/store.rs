//! SQL of videos, their renditions and sounds.

use super::body::Stage;
use crate::error::Result;
use crate::sound::{Consent, OnRevoke, PickedSound};
use std::sync::LazyLock;
use takt_core::{AccountId, Caption, Handle, Lang, SoundId, Timestamp, VideoId, ViewerId};
use takt_store::{Args, Db, LIST_MAX, PerSize, Tx, args, in_list, list, per_size, record};

record! {
    /// A video with everything its body shows but renditions.
    pub struct VideoRow {
        pub id: VideoId,
        pub status: String,
        pub failure_code: Option<String>,
        pub failure_message: Option<String>,
        pub stage: String,
        pub percent: u32,
        pub caption: Caption,
        pub language: Option<Lang>,
        pub ai_generated: bool,
        pub account_id: AccountId,
        pub handle: Handle,
        pub sound_id: Option<SoundId>,
        pub sound_title: Option<String>,
        pub sound_video_id: Option<VideoId>,
        pub sound_handle: Option<Handle>,
        pub sound_start_ms: i32,
        pub sound_consent: Consent,
        pub reuse_consent: Consent,
        pub reuse_on_revoke: OnRevoke,
        pub alt_text: String,
        pub unlisted: bool,
        pub part_withdrawn: bool,
        pub lineage_kind: Option<String>,
        pub lineage_video_id: Option<VideoId>,
        pub lineage_creator_id: Option<AccountId>,
        pub lineage_handle: Option<Handle>,
        pub muted: bool,
        pub provenance: Option<String>,
        pub duplicate_of: Option<VideoId>,
        pub poster_file: Option<String>,
        pub first_frame_file: Option<String>,
        pub thumbhash: Option<Vec<u8>>,
        pub duration_ms: u32,
        pub width: u32,
        pub height: u32,
        pub created_ms: Timestamp,
        pub published_ms: Option<Timestamp>,
        pub likes: i64,
        pub views: i64,
        pub shares: i64,
    }

    /// One playable file.
    pub struct RenditionRow {
        pub video_id: VideoId,
        pub file: String,
        pub width: u32,
        pub height: u32,
        pub codec: String,
        pub bytes: u64,
    }

    /// Whose a video is and how far it is.
    pub struct StateRow {
        pub account_id: AccountId,
        pub status: String,
        pub stage: String,
        pub percent: u32,
    }

    /// What processing needs to know of a video.
    pub struct WorkRow {
        pub account_id: AccountId,
        pub handle: Handle,
        pub status: String,
        pub stage: String,
        pub caption: Caption,
        pub language: Option<Lang>,
        pub sound_id: Option<SoundId>,
        pub muted: bool,
        pub poster_ms: u32,
        pub poster_file: Option<String>,
        pub first_frame_file: Option<String>,
        pub duration_ms: u32,
        pub unlisted: bool,
        pub duplicate_of: Option<VideoId>,
    }

    /// What a creator may change about a video.
    pub struct ChangeableRow {
        pub caption: Caption,
        pub language: Option<Lang>,
        pub ai_generated: bool,
        pub poster_ms: u32,
        pub alt_text: String,
        pub unlisted: bool,
        pub sound_consent: Consent,
        pub reuse_consent: Consent,
        pub reuse_on_revoke: OnRevoke,
    }

    /// Whose a video is, and who may reuse it.
    pub struct ReuseRow {
        pub account_id: AccountId,
        pub reuse_consent: Consent,
        pub reuse_on_revoke: OnRevoke,
        pub follows: bool,
    }

    /// A duet or stitch that it may have to leave.
    pub struct MadeWithRow {
        pub id: VideoId,
        pub account_id: AccountId,
        pub sound_id: Option<SoundId>,
        pub sound_picked: bool,
        pub part_withdrawn: bool,
        pub done: bool,
    }

    /// What a request to make a video said.
    pub struct RequestRow {
        pub caption: Caption,
        pub language: Option<Lang>,
        pub ai_generated: bool,
        pub poster_ms: u32,
        pub sound_consent: Consent,
        pub sound_picked: bool,
        pub sound_id: Option<SoundId>,
        pub sound_start_ms: i32,
        pub part_withdrawn: bool,
    }
}

impl RequestRow {
    /// The sound its creator chose.
    pub fn picked_sound(&self) -> Option<PickedSound> {
        let id = self.sound_id.filter(|_| self.sound_picked)?;
        Some(PickedSound { id, start_ms: self.sound_start_ms })
    }
}

static VIDEOS: PerSize = LazyLock::new(|| {
    per_size(|size| {
        format!(
            "SELECT v.id AS id, v.status AS status, v.failure_code AS failure_code, \
                    v.failure_message AS failure_message, v.stage AS stage, v.percent AS percent, \
                    v.caption AS caption, v.language AS language, v.ai_generated AS ai_generated, \
                    v.account_id AS account_id, a.handle AS handle, v.sound_id AS sound_id, \
                    s.title AS sound_title, s.video_id AS sound_video_id, sa.handle AS sound_handle, \
                    v.sound_start_ms AS sound_start_ms, v.sound_consent AS sound_consent, \
                    v.reuse_consent AS reuse_consent, v.reuse_on_revoke AS reuse_on_revoke, v.alt_text AS alt_text, \
                    v.unlisted AS unlisted, v.part_withdrawn AS part_withdrawn, v.lineage_kind AS lineage_kind, \
                    lv.id AS lineage_video_id, la.id AS lineage_creator_id, la.handle AS lineage_handle, \
                    v.muted AS muted, v.provenance AS provenance, \
                    v.duplicate_of AS duplicate_of, v.poster_file AS poster_file, \
                    v.first_frame_file AS first_frame_file, v.thumbhash AS thumbhash, \
                    v.duration_ms AS duration_ms, v.width AS width, v.height AS height, \
                    v.created_ms AS created_ms, v.published_ms AS published_ms, \
                    COALESCE(c.likes, 0) AS likes, COALESCE(c.views, 0) AS views, COALESCE(c.shares, 0) AS shares \
             FROM video v JOIN account a ON a.id = v.account_id \
             LEFT JOIN video_count c ON c.video_id = v.id \
             LEFT JOIN sound s ON s.id = v.sound_id LEFT JOIN account sa ON sa.id = s.account_id \
             LEFT JOIN video lv ON lv.id = v.lineage_video_id AND lv.status = 'ready' \
             LEFT JOIN account la ON la.id = v.lineage_creator_id \
             WHERE v.id IN ({})",
            in_list(1, size)
        )
    })
});

static RENDITIONS: PerSize = LazyLock::new(|| {
    per_size(|size| {
        format!(
            "SELECT video_id, file, width, height, codec, bytes FROM rendition WHERE video_id IN ({}) \
             ORDER BY video_id, position, height DESC, file",
            in_list(1, size)
        )
    })
});

static LIKED: PerSize = LazyLock::new(|| {
    per_size(|size| {
        format!("SELECT video_id FROM video_like WHERE viewer_id = $1 AND video_id IN ({})", in_list(2, size))
    })
});

/// The rows of `ids`, at most [`LIST_MAX`] and at least one, in no order.
pub async fn by_ids(db: &Db, ids: &[VideoId]) -> Result<Vec<VideoRow>> {
    let (sql, args) = list(&VIDEOS, Args::new(), ids);
    Ok(db.all(sql, args).await?)
}

/// The renditions of `ids`, each video's together and in their order.
pub async fn renditions(db: &Db, ids: &[VideoId]) -> Result<Vec<RenditionRow>> {
    let (sql, args) = list(&RENDITIONS, Args::new(), ids);
    Ok(db.all(sql, args).await?)
}

/// Those of `ids` the viewer likes.
pub async fn liked(db: &Db, viewer: ViewerId, ids: &[VideoId]) -> Result<Vec<VideoId>> {
    let (sql, args) = list(&LIKED, args![viewer], ids);
    let rows: Vec<(VideoId,)> = db.all(sql, args).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Captions and creators of those public videos among `ids` that exist.
pub async fn captions(db: &Db, ids: &[VideoId]) -> Result<Vec<(VideoId, Caption, Handle)>> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(LIST_MAX) {
        let mut args = Args::new();
        args.extend(ids.iter().copied());
        let sql = format!(
            "SELECT v.id, v.caption, a.handle FROM video v JOIN account a ON a.id = v.account_id \
             WHERE v.status = 'ready' AND v.id IN ({})",
            in_list(1, ids.len())
        );
        let some: Vec<(VideoId, Caption, Handle)> = db.all_dyn(sql, args).await?;
        rows.extend(some);
    }
    Ok(rows)
}

/// Titles of those sounds among `ids` that exist, and whose they are.
pub async fn sound_titles(db: &Db, ids: &[SoundId]) -> Result<Vec<(SoundId, String, Option<Handle>)>> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(LIST_MAX) {
        let sql = format!(
            "SELECT s.id, s.title, a.handle FROM sound s LEFT JOIN account a ON a.id = s.account_id \
             WHERE s.id IN ({})",
            in_list(1, ids.len())
        );
        let some: Vec<(SoundId, String, Option<Handle>)> =
            db.all_dyn(sql, ids.iter().copied().collect()).await?;
        rows.extend(some);
    }
    Ok(rows)
}

/// A video to be.
pub struct NewRow<'a> {
    pub id: VideoId,
    pub account: AccountId,
    pub caption: &'a Caption,
    pub language: Option<&'a Lang>,
    pub ai_generated: bool,
    pub poster_ms: u32,
    /// Of the upload; an edited video has none.
    pub source_sha256: Option<&'a str>,
    /// Who may use the sound that comes of it.
    pub sound_consent: Consent,
    /// The sound its creator chose.
    pub sound: Option<PickedSound>,
    pub now: Timestamp,
}

pub async fn insert(tx: &mut Tx, new: &NewRow<'_>) -> Result<()> {
    let sql = "INSERT INTO video (id, account_id, status, stage, percent, caption, language, ai_generated, \
                                  source_sha256, poster_ms, sound_consent, sound_id, sound_picked, sound_start_ms, \
                                  duration_ms, width, height, created_ms) \
               VALUES ($1, $2, 'processing', 'queued', 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, $12)";
    let language = new.language.cloned();
    let args = args![
        new.id,
        new.account,
        new.caption,
        language,
        new.ai_generated,
        new.source_sha256.map(str::to_owned),
        new.poster_ms,
        new.sound_consent,
        new.sound.map(|sound| sound.id),
        new.sound.is_some(),
        new.sound.map_or(0, |sound| sound.start_ms),
        new.now
    ];
    tx.exec(sql, args).await?;
    Ok(())
}

/// What only edited videos say of themselves.
pub struct Extras<'a> {
    pub reuse_consent: Consent,
    pub alt_text: &'a str,
    /// Kind, and the video it is made with.
    pub lineage: Option<(&'static str, VideoId)>,
}

pub async fn set_extras(tx: &mut Tx, video: VideoId, extras: &Extras<'_>) -> Result<()> {
    let sql = "UPDATE video SET reuse_consent = $2, alt_text = $3 WHERE id = $1";
    tx.exec(sql, args![video, extras.reuse_consent, extras.alt_text]).await?;
    if let Some((kind, other)) = extras.lineage {
        let sql = "UPDATE video SET lineage_kind = $2, lineage_video_id = $3, \
                   lineage_creator_id = (SELECT o.account_id FROM video o WHERE o.id = $3) WHERE id = $1";
        tx.exec(sql, args![video, kind, other]).await?;
    }
    Ok(())
}

/// On what terms a video that plays may be reused by an account.
pub async fn reuse_terms(tx: &mut Tx, video: VideoId, account: AccountId) -> Result<Option<ReuseRow>> {
    let sql = "SELECT v.account_id AS account_id, v.reuse_consent AS reuse_consent, \
                      v.reuse_on_revoke AS reuse_on_revoke, \
                      EXISTS (SELECT 1 FROM follow f JOIN account l ON l.viewer_id = f.viewer_id \
                              WHERE l.id = $2 AND f.creator_id = v.account_id) AS follows \
               FROM video v WHERE v.id = $1 AND v.status = 'ready'";
    Ok(tx.opt(sql, args![video, account]).await?)
}

const REQUEST: &str = "SELECT caption, language, ai_generated, poster_ms, sound_consent, sound_picked, sound_id, \
    sound_start_ms, part_withdrawn FROM video WHERE id = $1";

pub async fn request_of(db: &Db, video: VideoId) -> Result<Option<RequestRow>> {
    Ok(db.opt(REQUEST, args![video]).await?)
}

pub async fn request_in(tx: &mut Tx, video: VideoId) -> Result<Option<RequestRow>> {
    Ok(tx.opt(REQUEST, args![video]).await?)
}

const STATE: &str = "SELECT account_id, status, stage, percent FROM video WHERE id = $1";

pub async fn state_of(db: &Db, video: VideoId) -> Result<Option<StateRow>> {
    Ok(db.opt(STATE, args![video]).await?)
}

pub async fn state_in(tx: &mut Tx, video: VideoId) -> Result<Option<StateRow>> {
    Ok(tx.opt(STATE, args![video]).await?)
}

const WORK: &str = "SELECT v.account_id AS account_id, a.handle AS handle, v.status AS status, v.stage AS stage, \
                      v.caption AS caption, v.language AS language, v.sound_id AS sound_id, \
                      v.muted AS muted, v.poster_ms AS poster_ms, \
                      v.poster_file AS poster_file, v.first_frame_file AS first_frame_file, \
                      v.duration_ms AS duration_ms, v.unlisted AS unlisted, \
                      v.duplicate_of AS duplicate_of \
               FROM video v JOIN account a ON a.id = v.account_id WHERE v.id = $1";

pub async fn work(db: &Db, video: VideoId) -> Result<Option<WorkRow>> {
    Ok(db.opt(WORK, args![video]).await?)
}

pub async fn work_in(tx: &mut Tx, video: VideoId) -> Result<Option<WorkRow>> {
    Ok(tx.opt(WORK, args![video]).await?)
}

/// Every video of the account, whatever its status.
pub async fn ids_of(db: &Db, account: AccountId) -> Result<Vec<VideoId>> {
    let sql = "SELECT id FROM video WHERE account_id = $1 ORDER BY id";
    let rows: Vec<(VideoId,)> = db.scan(sql, args![account]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Where a page of an account's videos goes on, and what is on it.
pub struct Page {
    pub account: AccountId,
    /// Only videos older than this one.
    pub before: Option<VideoId>,
    /// Whether those processing and failed are on it as well.
    pub unpublished: bool,
    pub limit: usize,
}

/// Ids grow with the time of birth, so newest first is by id.
pub async fn page(db: &Db, page: &Page) -> Result<Vec<VideoId>> {
    let sql = "SELECT id FROM video WHERE account_id = $1 AND id < $2 AND (status = 'ready' AND NOT unlisted OR $3) \
               ORDER BY id DESC LIMIT $4";
    let before = page.before.unwrap_or(VideoId::from_u128(u128::MAX));
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let rows: Vec<(VideoId,)> = db.all(sql, args![page.account, before, page.unpublished, limit]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The account's newest video made of the file with this SHA-256, failed ones apart.
pub async fn by_source(db: &Db, account: AccountId, sha256: &str) -> Result<Option<VideoId>> {
    let sql = "SELECT id FROM video WHERE account_id = $1 AND source_sha256 = $2 AND status <> 'failed' \
               ORDER BY id DESC LIMIT 1";
    let row: Option<(VideoId,)> = db.opt(sql, args![account, sha256]).await?;
    Ok(row.map(|row| row.0))
}

/// The account's video as its creator may change it.
pub async fn changeable(tx: &mut Tx, video: VideoId, account: AccountId) -> Result<Option<ChangeableRow>> {
    let sql = "SELECT caption, language, ai_generated, poster_ms, alt_text, unlisted, sound_consent, reuse_consent, \
                      reuse_on_revoke FROM video WHERE id = $1 AND account_id = $2";
    Ok(tx.opt(sql, args![video, account]).await?)
}

/// Makes it what it is to be.
pub async fn change(tx: &mut Tx, video: VideoId, to: &ChangeableRow) -> Result<()> {
    let sql = "UPDATE video SET caption = $2, language = $3, ai_generated = $4, poster_ms = $5, alt_text = $6, \
                      unlisted = $7, sound_consent = $8, reuse_consent = $9, reuse_on_revoke = $10 WHERE id = $1";
    let args = args![
        video,
        to.caption.clone(),
        to.language.clone(),
        to.ai_generated,
        to.poster_ms,
        to.alt_text.as_str(),
        to.unlisted,
        to.sound_consent,
        to.reuse_consent,
        to.reuse_on_revoke,
    ];
    tx.exec(sql, args).await?;
    Ok(())
}

/// The owner of the sound that came of this video lends it on other terms.
pub async fn set_sound_consent(tx: &mut Tx, video: VideoId, consent: Consent) -> Result<()> {
    tx.exec("UPDATE video SET sound_consent = $2 WHERE id = $1", args![video, consent]).await?;
    Ok(())
}

/// Writes down how far processing is. The percentage never falls; a video that failed or is gone stays as it is.
pub async fn set_progress(db: &Db, video: VideoId, stage: Stage, percent: u32) -> Result<()> {
    let sql = "UPDATE video SET stage = $2, percent = CASE WHEN percent < $3 THEN $3 ELSE percent END \
               WHERE id = $1 AND status <> 'failed'";
    db.exec(sql, args![video, stage.as_str(), percent]).await?;
    Ok(())
}

/// Marks a video as failed unless it is ready; says whether it did.
pub async fn fail(tx: &mut Tx, video: VideoId, code: &str, message: &str) -> Result<bool> {
    let sql = "UPDATE video SET status = 'failed', failure_code = $2, failure_message = $3 \
               WHERE id = $1 AND status = 'processing'";
    Ok(tx.exec(sql, args![video, code, message]).await? == 1)
}

/// What the first rendition gives.
#[derive(Debug, Clone)]
pub struct Published {
    pub sound: Option<SoundId>,
    pub duration_ms: u32,
    pub width: u32,
    pub height: u32,
    pub poster_file: String,
    pub first_frame_file: String,
    pub thumbhash: Vec<u8>,
    pub loudness_centilufs: Option<i64>,
    pub provenance: Option<&'static str>,
    pub percent: u32,
    pub now: Timestamp,
}

/// Makes the video public; false when it is gone or was published before.
pub async fn publish(tx: &mut Tx, video: VideoId, published: &Published) -> Result<bool> {
    let sql = "UPDATE video SET status = 'ready', stage = 'further_renditions', percent = $2, \
                      sound_id = COALESCE(sound_id, $3), \
                      duration_ms = $4, width = $5, height = $6, poster_file = $7, first_frame_file = $8, \
                      thumbhash = $9, loudness_centilufs = $10, \
                      published_ms = COALESCE(published_ms, $11), provenance = $12 \
               WHERE id = $1 AND status = 'processing'";
    let p = published.clone();
    let args = args![
        video,
        p.percent,
        p.sound,
        p.duration_ms,
        p.width,
        p.height,
        p.poster_file,
        p.first_frame_file,
        p.thumbhash,
        p.loudness_centilufs,
        p.now,
        p.provenance.map(str::to_owned),
    ];
    Ok(tx.exec(sql, args).await? == 1)
}

/// Nothing more is under way.
pub async fn set_done(tx: &mut Tx, video: VideoId) -> Result<()> {
    tx.exec("UPDATE video SET stage = 'done', percent = 100 WHERE id = $1", args![video]).await?;
    Ok(())
}

/// Adds a rendition unless it is there already, or the video is gone.
pub async fn add_rendition(tx: &mut Tx, row: &RenditionRow, position: u32) -> Result<()> {
    let sql = "INSERT INTO rendition (video_id, file, position, width, height, codec, bytes) \
               SELECT id, $2, $3, $4, $5, $6, $7 FROM video WHERE id = $1 \
               ON CONFLICT (video_id, file) DO NOTHING";
    let bytes = i64::try_from(row.bytes).unwrap_or(i64::MAX);
    tx.exec(sql, args![row.video_id, &row.file, position, row.width, row.height, &row.codec, bytes]).await?;
    Ok(())
}

pub async fn remove_rendition(tx: &mut Tx, video: VideoId, file: &str) -> Result<()> {
    tx.exec("DELETE FROM rendition WHERE video_id = $1 AND file = $2", args![video, file]).await?;
    Ok(())
}

/// Sets the poster taken at `poster_ms`, unless its creator wants another by now.
pub async fn set_poster(tx: &mut Tx, video: VideoId, file: &str, poster_ms: u32) -> Result<bool> {
    let sql = "UPDATE video SET poster_file = $2 WHERE id = $1 AND poster_ms = $3";
    Ok(tx.exec(sql, args![video, file, poster_ms]).await? == 1)
}

const FILES: &str = "SELECT file FROM rendition WHERE video_id = $1 \
               UNION SELECT poster_file FROM video WHERE id = $1 AND poster_file IS NOT NULL \
               UNION SELECT first_frame_file FROM video WHERE id = $1 AND first_frame_file IS NOT NULL";

/// The names of all media files in use for a video.
pub async fn files(db: &Db, video: VideoId) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = db.all(FILES, args![video]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub async fn files_in(tx: &mut Tx, video: VideoId) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx.all(FILES, args![video]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The video's sound while nobody has listened to it: not one that its creator picked, nor one that was taken away.
pub async fn unheard_sound(db: &Db, video: VideoId) -> Result<Option<SoundId>> {
    let sql = "SELECT s.id FROM video v JOIN sound s ON s.id = v.sound_id \
               WHERE v.id = $1 AND v.status = 'ready' AND NOT v.sound_picked AND NOT v.muted \
               AND s.audio_file IS NULL";
    let row: Option<(SoundId,)> = db.opt(sql, args![video]).await?;
    Ok(row.map(|row| row.0))
}

/// Every video with the sound, whatever its status.
pub async fn with_sound(tx: &mut Tx, sound: SoundId) -> Result<Vec<VideoId>> {
    let rows: Vec<(VideoId,)> = tx.all("SELECT id FROM video WHERE sound_id = $1", args![sound]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Puts a rendition in the place of the one in `file`; false when that is gone.
pub async fn replace_rendition(tx: &mut Tx, file: &str, row: &RenditionRow) -> Result<bool> {
    let sql = "UPDATE rendition SET file = $3, codec = $4, bytes = $5 WHERE video_id = $1 AND file = $2";
    let bytes = i64::try_from(row.bytes).unwrap_or(i64::MAX);
    Ok(tx.exec(sql, args![row.video_id, file, &row.file, &row.codec, bytes]).await? == 1)
}

/// Duets and stitches of others with a video, from `after` on in order of id.
pub async fn made_with(db: &Db, other: VideoId, after: VideoId, limit: usize) -> Result<Vec<MadeWithRow>> {
    let sql = "SELECT id, account_id, sound_id, sound_picked, part_withdrawn, \
                      (stage = 'done') AS done \
               FROM video WHERE lineage_video_id = $1 AND id > $2 AND account_id <> lineage_creator_id \
               AND status <> 'failed' \
               ORDER BY id LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(db.all(sql, args![other, after, limit]).await?)
}

/// Forgets what was made of a video whose other part is withdrawn, so that it is made again; false when it is gone.
pub async fn begin_again(tx: &mut Tx, video: VideoId, poster_ms: Option<u32>) -> Result<bool> {
    let sql = "UPDATE video SET status = 'processing', stage = 'queued', percent = 0, part_withdrawn = TRUE, \
                      poster_ms = COALESCE($2, poster_ms), poster_file = NULL, first_frame_file = NULL, \
                      thumbhash = NULL, duplicate_of = NULL, \
                      sound_id = CASE WHEN sound_picked THEN sound_id ELSE NULL END WHERE id = $1";
    if tx.exec(sql, args![video, poster_ms]).await? == 0 {
        return Ok(false);
    }
    tx.exec("DELETE FROM rendition WHERE video_id = $1", args![video]).await?;
    Ok(true)
}

/// What its owner wants of duets and stitches when it goes.
pub async fn reuse_on_revoke(tx: &mut Tx, video: VideoId) -> Result<Option<OnRevoke>> {
    let row: Option<(OnRevoke,)> =
        tx.opt("SELECT reuse_on_revoke FROM video WHERE id = $1", args![video]).await?;
    Ok(row.map(|row| row.0))
}

/// Its sound was withdrawn.
pub async fn set_muted(tx: &mut Tx, video: VideoId) -> Result<()> {
    tx.exec("UPDATE video SET muted = TRUE WHERE id = $1", args![video]).await?;
    Ok(())
}

/// Removes the video and all rows of this slice about it. False when it was gone.
pub async fn delete(tx: &mut Tx, video: VideoId, account: AccountId) -> Result<bool> {
    let sql = "DELETE FROM video WHERE id = $1 AND account_id = $2";
    if tx.exec(sql, args![video, account]).await? == 0 {
        return Ok(false);
    }
    tx.exec("DELETE FROM rendition WHERE video_id = $1", args![video]).await?;
    tx.exec("DELETE FROM video_like WHERE video_id = $1", args![video]).await?;
    tx.exec("DELETE FROM video_count WHERE video_id = $1", args![video]).await?;
    tx.exec("DELETE FROM video_reach WHERE video_id = $1", args![video]).await?;
    Ok(true)
}
