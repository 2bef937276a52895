//! SQL of sounds, of who saved them, and of what they are found by.

use super::{Consent, Licence, OnRevoke};
use crate::error::Result;
use std::collections::BTreeMap;
use takt_core::{AccountId, Handle, SoundId, Timestamp, VideoId};
use takt_store::{Args, Db, Tx, args, in_list, record};

/// Arguments of one statement that has a list.
const LIST_MAX: usize = 256;
/// Rows inserted by one statement.
const ROWS_MAX: usize = 200;

record! {
    /// A sound as whoever looks sees it.
    pub struct SoundRow {
        pub id: SoundId,
        pub account_id: Option<AccountId>,
        pub handle: Option<Handle>,
        pub video_id: Option<VideoId>,
        pub status: String,
        pub failure_code: Option<String>,
        pub failure_message: Option<String>,
        pub title: String,
        pub credit: String,
        pub licence: Licence,
        pub source_url: Option<String>,
        pub consent: Consent,
        pub on_revoke: OnRevoke,
        pub duration_ms: u32,
        pub audio_file: Option<String>,
        pub peaks: Option<Vec<u8>>,
        pub tempo: Option<String>,
        pub follows: bool,
        pub saved: bool,
        pub video_count: i64,
        pub rendition_file: Option<String>,
    }

    /// What deciding about its use needs.
    pub struct TermsRow {
        pub account_id: Option<AccountId>,
        pub consent: Consent,
        pub on_revoke: OnRevoke,
        pub status: String,
        pub follows: bool,
    }

    /// What listening to it needs.
    pub struct WorkRow {
        pub account_id: Option<AccountId>,
        pub video_id: Option<VideoId>,
        pub status: String,
        pub audio_file: Option<String>,
        pub duration_ms: u32,
    }

    /// A video with a sound that it may have to lose.
    pub struct UsingRow {
        pub id: VideoId,
        pub account_id: AccountId,
        pub done: bool,
    }
}

/// `$1` is the account of whoever looks, or null.
const COLUMNS: &str = "s.id AS id, s.account_id AS account_id, a.handle AS handle, s.video_id AS video_id, \
    s.status AS status, s.failure_code AS failure_code, s.failure_message AS failure_message, s.title AS title, \
    s.credit AS credit, s.licence AS licence, s.source_url AS source_url, s.consent AS consent, \
    s.on_revoke AS on_revoke, s.duration_ms AS duration_ms, s.audio_file AS audio_file, s.peaks AS peaks, \
    s.tempo AS tempo, \
    EXISTS (SELECT 1 FROM follow f JOIN account l ON l.viewer_id = f.viewer_id \
            WHERE l.id = $1 AND f.creator_id = s.account_id) AS follows, \
    EXISTS (SELECT 1 FROM sound_save v WHERE v.account_id = $1 AND v.sound_id = s.id) AS saved, \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM video v WHERE v.sound_id = s.id AND v.status = 'ready' AND NOT v.unlisted) AS video_count, \
    (SELECT MIN(r.file) FROM rendition r WHERE r.video_id = s.video_id AND r.position = 0) AS rendition_file";

/// A sound to be.
pub struct NewRow<'a> {
    pub id: SoundId,
    pub account: Option<AccountId>,
    pub video: Option<VideoId>,
    pub status: &'a str,
    pub title: &'a str,
    pub credit: &'a str,
    pub licence: Licence,
    pub search_text: &'a str,
    pub consent: Consent,
    pub duration_ms: u32,
    pub now: Timestamp,
}

pub async fn insert(tx: &mut Tx, new: &NewRow<'_>) -> Result<()> {
    let sql = "INSERT INTO sound (id, account_id, video_id, from_video, status, title, credit, licence, search_text, consent, \
                                  on_revoke, duration_ms, created_ms) \
               VALUES ($1, $2, $3, $12, $4, $5, $6, $7, $8, $9, 'keep', $10, $11) ON CONFLICT (id) DO NOTHING";
    let args = args![
        new.id,
        new.account,
        new.video,
        new.status,
        new.title,
        new.credit,
        new.licence,
        new.search_text,
        new.consent,
        new.duration_ms,
        new.now,
        new.video.is_some()
    ];
    tx.exec(sql, args).await?;
    Ok(())
}

/// The sound with these audio packets, and whether it is new: then it must be inserted.
pub async fn of_digest(tx: &mut Tx, digest: &[u8; 32], new: SoundId) -> Result<(SoundId, bool)> {
    let sql = "INSERT INTO sound_digest (digest, sound_id) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    let is_new = tx.exec(sql, args![digest, new]).await? == 1;
    let sql = "SELECT sound_id FROM sound_digest WHERE digest = $1";
    let row: (SoundId,) = tx.one(sql, args![digest]).await?;
    Ok((row.0, is_new))
}

pub async fn by_id(db: &Db, sound: SoundId, looker: Option<AccountId>) -> Result<Option<SoundRow>> {
    let sql =
        format!("SELECT {COLUMNS} FROM sound s LEFT JOIN account a ON a.id = s.account_id WHERE s.id = $2");
    Ok(db.all_dyn(sql, args![looker, sound]).await?.pop())
}

/// Which sounds, from where on, how many.
pub struct Page<'a> {
    pub looker: Option<AccountId>,
    /// In lower case; empty for all.
    pub query: &'a str,
    pub before: Option<SoundId>,
    pub limit: usize,
}

/// Sounds that may be picked, newest first: one's own, and those not kept by their owners.
pub async fn page(db: &Db, page: &Page<'_>) -> Result<Vec<SoundRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sound s LEFT JOIN account a ON a.id = s.account_id \
         WHERE s.id < $2 AND s.status = 'ready' AND s.audio_file IS NOT NULL \
         AND (s.consent <> 'nobody' OR s.account_id = $1) AND s.search_text LIKE $3 ESCAPE '\\' \
         ORDER BY s.id DESC LIMIT $4"
    );
    let escaped = page.query.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let before = page.before.unwrap_or(SoundId::from_u128(u128::MAX));
    let args = args![page.looker, before, format!("%{escaped}%"), count(page.limit)];
    Ok(db.scan_dyn(sql, args).await?)
}

/// The sounds an account saved, the newest sound first.
pub async fn saved(
    db: &Db,
    account: AccountId,
    before: Option<SoundId>,
    limit: usize,
) -> Result<Vec<SoundRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sound_save k JOIN sound s ON s.id = k.sound_id \
         LEFT JOIN account a ON a.id = s.account_id \
         WHERE k.account_id = $1 AND s.id < $2 ORDER BY s.id DESC LIMIT $3"
    );
    let before = before.unwrap_or(SoundId::from_u128(u128::MAX));
    Ok(db.all_dyn(sql, args![account, before, count(limit)]).await?)
}

/// Public videos with the sound, newest first.
pub async fn videos(db: &Db, sound: SoundId, before: Option<VideoId>, limit: usize) -> Result<Vec<VideoId>> {
    let sql = "SELECT id FROM video WHERE sound_id = $1 AND id < $2 AND status = 'ready' AND NOT unlisted \
               ORDER BY id DESC LIMIT $3";
    let before = before.unwrap_or(VideoId::from_u128(u128::MAX));
    let rows: Vec<(VideoId,)> = db.all(sql, args![sound, before, count(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

const TERMS: &str = "SELECT s.account_id AS account_id, s.consent AS consent, s.on_revoke AS on_revoke, \
        s.status AS status, \
        EXISTS (SELECT 1 FROM follow f JOIN account l ON l.viewer_id = f.viewer_id \
                WHERE l.id = $2 AND f.creator_id = s.account_id) AS follows \
    FROM sound s WHERE s.id = $1";

/// The sound's terms as they are for an account.
pub async fn terms(tx: &mut Tx, sound: SoundId, account: AccountId) -> Result<Option<TermsRow>> {
    Ok(tx.opt(TERMS, args![sound, account]).await?)
}

/// Like [`terms`], to look at without using it.
pub async fn terms_of(db: &Db, sound: SoundId, account: AccountId) -> Result<Option<TermsRow>> {
    Ok(db.opt(TERMS, args![sound, account]).await?)
}

pub async fn work(db: &Db, sound: SoundId) -> Result<Option<WorkRow>> {
    let sql = "SELECT account_id, video_id, status, audio_file, duration_ms FROM sound WHERE id = $1";
    Ok(db.opt(sql, args![sound]).await?)
}

pub async fn save(tx: &mut Tx, account: AccountId, sound: SoundId, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO sound_save (account_id, sound_id, at_ms) SELECT $1, id, $3 FROM sound WHERE id = $2 \
               ON CONFLICT (account_id, sound_id) DO NOTHING";
    tx.exec(sql, args![account, sound, now]).await?;
    let kept: Option<(i64,)> = tx
        .opt("SELECT at_ms FROM sound_save WHERE account_id = $1 AND sound_id = $2", args![account, sound])
        .await?;
    Ok(kept.is_some())
}

pub async fn unsave(db: &Db, account: AccountId, sound: SoundId) -> Result<()> {
    let sql = "DELETE FROM sound_save WHERE account_id = $1 AND sound_id = $2";
    db.exec(sql, args![account, sound]).await?;
    Ok(())
}

/// What an owner changes; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub title: Option<String>,
    pub credit: Option<String>,
    pub licence: Option<Licence>,
    pub consent: Option<Consent>,
    pub on_revoke: Option<OnRevoke>,
}

/// False when the sound is not the account's.
pub async fn change(tx: &mut Tx, sound: SoundId, account: AccountId, change: &Change) -> Result<bool> {
    let sql = "UPDATE sound SET title = COALESCE($3, title), credit = COALESCE($4, credit), \
                      licence = COALESCE($5, licence), consent = COALESCE($6, consent), \
                      on_revoke = COALESCE($7, on_revoke) WHERE id = $1 AND account_id = $2";
    let c = change.clone();
    let (licence, consent) = (c.licence.map(Licence::as_str), c.consent.map(Consent::as_str));
    let on_revoke = c.on_revoke.map(OnRevoke::as_str);
    let args = args![sound, account, c.title, c.credit, licence, consent, on_revoke];
    Ok(tx.exec(sql, args).await? == 1)
}

/// Title, credit and owner, for the text that is searched.
pub async fn names(tx: &mut Tx, sound: SoundId) -> Result<Option<(String, String, Option<Handle>)>> {
    let sql = "SELECT s.title, s.credit, a.handle FROM sound s LEFT JOIN account a ON a.id = s.account_id \
               WHERE s.id = $1";
    Ok(tx.opt(sql, args![sound]).await?)
}

pub async fn set_search_text(tx: &mut Tx, sound: SoundId, text: &str) -> Result<()> {
    tx.exec("UPDATE sound SET search_text = $2 WHERE id = $1", args![sound, text]).await?;
    Ok(())
}

/// Marks an uploaded sound as failed unless it is ready.
pub async fn fail(tx: &mut Tx, sound: SoundId, code: &str, message: &str) -> Result<bool> {
    let sql = "UPDATE sound SET status = 'failed', failure_code = $2, failure_message = $3 \
               WHERE id = $1 AND status = 'processing'";
    Ok(tx.exec(sql, args![sound, code, message]).await? == 1)
}

/// What listening to a sound gives.
#[derive(Debug, Clone)]
pub struct Heard {
    pub duration_ms: u32,
    pub audio_file: String,
    pub peaks: Vec<u8>,
    /// JSON of [`takt_analysis::Tempo`].
    pub tempo: Option<String>,
    pub fingerprint: Vec<u8>,
    pub keys: Vec<u32>,
}

/// Writes down what was heard; false when the sound is gone.
pub async fn set_heard(tx: &mut Tx, sound: SoundId, heard: &Heard) -> Result<bool> {
    let sql = "UPDATE sound SET status = 'ready', duration_ms = $2, audio_file = $3, peaks = $4, tempo = $5, \
                      fingerprint = $6 WHERE id = $1";
    let h = heard.clone();
    let args = args![sound, h.duration_ms, h.audio_file, h.peaks, h.tempo, h.fingerprint];
    if tx.exec(sql, args).await? == 0 {
        return Ok(false);
    }
    for keys in heard.keys.chunks(ROWS_MAX) {
        let mut args = Args::new();
        let rows: Vec<String> = keys
            .iter()
            .map(|key| {
                let (key, id) = (args.push(i64::from(*key)), args.push(sound));
                format!("(${key}, ${id})")
            })
            .collect();
        let sql = format!(
            "INSERT INTO sound_key (landmark, sound_id) VALUES {} ON CONFLICT (landmark, sound_id) DO NOTHING",
            rows.join(", ")
        );
        tx.exec_dyn(sql, args).await?;
    }
    Ok(true)
}

/// How many of `keys` each known sound has.
pub async fn sharing(db: &Db, keys: &[u32]) -> Result<BTreeMap<SoundId, u32>> {
    let mut shared = BTreeMap::new();
    for keys in keys.chunks(LIST_MAX) {
        let sql = format!(
            "SELECT sound_id, CAST(COUNT(*) AS BIGINT) FROM sound_key WHERE landmark IN ({}) GROUP BY sound_id",
            in_list(1, keys.len())
        );
        let rows: Vec<(SoundId, u32)> =
            db.scan_dyn(sql, keys.iter().map(|key| i64::from(*key)).collect()).await?;
        for (sound, count) in rows {
            *shared.entry(sound).or_default() += count;
        }
    }
    Ok(shared)
}

pub async fn fingerprint(db: &Db, sound: SoundId) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT fingerprint FROM sound WHERE id = $1 AND fingerprint IS NOT NULL";
    let row: Option<(Vec<u8>,)> = db.opt(sql, args![sound]).await?;
    Ok(row.map(|row| row.0))
}

/// Makes everything of sound `from` one of `into`, in which it begins at `start_ms`, and removes `from`. False when
/// `into` is gone.
pub async fn merge(tx: &mut Tx, from: SoundId, (into, start_ms): (SoundId, i32)) -> Result<bool> {
    let kept: Option<(SoundId,)> = tx.opt("SELECT id FROM sound WHERE id = $1", args![into]).await?;
    if kept.is_none() {
        return Ok(false);
    }
    let sql = "UPDATE video SET sound_id = $2, sound_start_ms = sound_start_ms + $3 WHERE sound_id = $1";
    tx.exec(sql, args![from, into, start_ms]).await?;
    tx.exec("UPDATE sound_digest SET sound_id = $2 WHERE sound_id = $1", args![from, into]).await?;
    let sql = "INSERT INTO sound_save (account_id, sound_id, at_ms) \
               SELECT account_id, $2, at_ms FROM sound_save WHERE sound_id = $1 \
               ON CONFLICT (account_id, sound_id) DO NOTHING";
    tx.exec(sql, args![from, into]).await?;
    remove(tx, from).await?;
    Ok(true)
}

/// Removes the sound and all rows about it but the videos'.
pub async fn remove(tx: &mut Tx, sound: SoundId) -> Result<()> {
    tx.exec("DELETE FROM sound WHERE id = $1", args![sound]).await?;
    tx.exec("DELETE FROM sound_key WHERE sound_id = $1", args![sound]).await?;
    tx.exec("DELETE FROM sound_save WHERE sound_id = $1", args![sound]).await?;
    tx.exec("DELETE FROM sound_digest WHERE sound_id = $1", args![sound]).await?;
    Ok(())
}

/// Sounds that come from this video, and how many other videos have each.
pub async fn from_video(tx: &mut Tx, video: VideoId) -> Result<Vec<(SoundId, OnRevoke, i64)>> {
    let sql = "SELECT s.id, s.on_revoke, \
                      (SELECT CAST(COUNT(*) AS BIGINT) FROM video v WHERE v.sound_id = s.id AND v.id <> $1) \
               FROM sound s WHERE s.video_id = $1";
    Ok(tx.all(sql, args![video]).await?)
}

/// Whether the sound came from a video that is gone, and no video has it any more.
pub async fn is_orphan(tx: &mut Tx, sound: SoundId) -> Result<bool> {
    let sql = "SELECT s.id FROM sound s WHERE s.id = $1 AND s.from_video AND s.video_id IS NULL \
               AND NOT EXISTS (SELECT 1 FROM video v WHERE v.sound_id = s.id)";
    let row: Option<(SoundId,)> = tx.opt(sql, args![sound]).await?;
    Ok(row.is_some())
}

/// The sound goes on without the video it came from.
pub async fn forget_video(tx: &mut Tx, video: VideoId) -> Result<()> {
    tx.exec("UPDATE sound SET video_id = NULL WHERE video_id = $1", args![video]).await?;
    Ok(())
}

/// The sound goes on without the video it came from, as its owner's.
pub async fn part_from_video(tx: &mut Tx, sound: SoundId) -> Result<()> {
    tx.exec("UPDATE sound SET video_id = NULL WHERE id = $1", args![sound]).await?;
    Ok(())
}

pub async fn withdraw(tx: &mut Tx, sound: SoundId) -> Result<()> {
    tx.exec("UPDATE sound SET consent = 'nobody' WHERE id = $1", args![sound]).await?;
    Ok(())
}

/// An account's sounds, and how many videos have each.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<(SoundId, i64)>> {
    let sql = "SELECT s.id, (SELECT CAST(COUNT(*) AS BIGINT) FROM video v WHERE v.sound_id = s.id) \
               FROM sound s WHERE s.account_id = $1";
    Ok(tx.all(sql, args![account]).await?)
}

/// Nothing names the account any more; nobody is left who could let others use its sounds.
pub async fn forget_account(tx: &mut Tx, account: AccountId) -> Result<()> {
    let sql = "UPDATE sound SET account_id = NULL, title = '', credit = '', search_text = '', consent = 'nobody' \
               WHERE account_id = $1";
    tx.exec(sql, args![account]).await?;
    tx.exec("DELETE FROM sound_save WHERE account_id = $1", args![account]).await?;
    Ok(())
}

/// Videos of others whose creators picked the sound, from `after` on in order of id.
pub async fn using(db: &Db, sound: SoundId, after: VideoId, limit: usize) -> Result<Vec<UsingRow>> {
    let sql = "SELECT v.id AS id, v.account_id AS account_id, \
                      (v.stage = 'done' OR v.status = 'failed') AS done \
               FROM video v WHERE v.sound_id = $1 AND v.sound_picked AND v.id > $2 ORDER BY v.id LIMIT $3";
    Ok(db.all(sql, args![sound, after, count(limit)]).await?)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
