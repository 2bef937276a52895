//! Fills an empty data folder with ready videos, viewers with tastes, and a few media files, in seconds.
//!
//! This is no way to import videos: it opens the cell's stores in this process, while no server runs on them, and
//! writes the rows and events that processing would have written. No video is transcoded; most have no bytes at all,
//! and those that have hold noise. Only for measuring.

use crate::random::Random;
use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use takt_core::{AccountId, Clock, EventId, SoundId, Timestamp, VideoId, ViewerId};
use takt_recommender::{Event, caption_terms};
use takt_server::config::Config;
use takt_server::{App, Error, State, session};
use takt_store::{BlobKey, Tx, args};

const NOTE_FILE: &str = "bench.json";
const CREATORS: usize = 500;
const SOUNDS: usize = 1_000;
const VIDEO_MS: u32 = 30_000;
const ROWS_PER_TRANSACTION: usize = 500;
const EVENTS_PER_CALL: usize = 400;
const VIEWERS_AT_ONCE: usize = 16;
const WATCHED_PER_VIEWER: usize = 60;
const DAY_MS: i64 = 86_400_000;
/// Different worlds of taste; each viewer likes two of them.
const TOPICS: [&str; 20] = [
    "cooking",
    "football",
    "chess",
    "knitting",
    "space",
    "cats",
    "dogs",
    "guitar",
    "painting",
    "trains",
    "gardening",
    "history",
    "skating",
    "makeup",
    "comedy",
    "physics",
    "hiking",
    "poetry",
    "robots",
    "baking",
];

/// How much to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Ready videos.
    pub(crate) videos: usize,
    /// Viewers with a session and a taste.
    pub(crate) viewers: usize,
    /// Videos that have bytes.
    pub(crate) media_files: usize,
    /// Bytes of each.
    pub(crate) media_bytes: usize,
}

/// What a load needs to know about a seeded folder.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seeded {
    /// One session's token per viewer.
    pub(crate) tokens: Vec<String>,
    /// All videos.
    pub(crate) videos: Vec<VideoId>,
    /// Addresses of media files, below the server's address.
    pub(crate) media: Vec<MediaFile>,
}

/// A file to ask for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MediaFile {
    /// `/media/...`
    pub(crate) path: String,
    /// Where it lies in the data folder.
    pub(crate) file: std::path::PathBuf,
    /// Its length.
    pub(crate) bytes: u64,
}

impl Seeded {
    /// What an earlier seeding of `data` noted.
    ///
    /// # Errors
    /// Where there was none.
    pub(crate) fn read(data: &Path) -> Result<Self> {
        let path = data.join(NOTE_FILE);
        let text =
            std::fs::read(&path).with_context(|| format!("{} was not made by `seed`", data.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("can not read {}", path.display()))
    }
}

struct Creator {
    account: AccountId,
    topic: usize,
}

struct NewVideo {
    id: VideoId,
    creator: usize,
    topic: usize,
    sound: SoundId,
    caption: String,
    published: Timestamp,
    file: Option<StoredFile>,
}

#[derive(Clone)]
struct StoredFile {
    name: String,
    path: std::path::PathBuf,
    bytes: u64,
}

/// Fills `data`, which must not hold a cell yet.
///
/// # Errors
/// Where it does, or something can not be written.
pub(crate) async fn seed(data: &Path, size: Size) -> Result<Seeded> {
    ensure!(!data.join("events").exists(), "{} holds a cell already", data.display());
    let mut config = Config::default();
    config.data.dir = data.to_owned();
    config.processing.workers = 0;
    let clock = Clock::system();
    let app = App::start(config, clock.clone()).await?;
    let mut random = Random::new(1);
    let state = app.state().clone();
    let creators = creators(&state, &clock).await?;
    let sounds: Vec<SoundId> = (0..SOUNDS).map(|_| SoundId::mint(&clock)).collect();
    let mut videos = Vec::with_capacity(size.videos);
    for index in 0..size.videos {
        let creator = random.below(creators.len());
        let topic = creators[creator].topic;
        let file = if index < size.media_files { Some(noise(size.media_bytes, &mut random)) } else { None };
        let age_ms = i64::try_from(random.below(30))? * DAY_MS + i64::try_from(random.below(86_400_000))?;
        let video = NewVideo {
            id: VideoId::mint(&clock),
            creator,
            topic,
            sound: sounds[random.rank(sounds.len())],
            caption: format!("#{} number {index} #{}", TOPICS[topic], TOPICS[random.below(TOPICS.len())]),
            published: clock.now().plus_ms(-age_ms),
            file: None,
        };
        videos.push(store_media(&state, video, file).await?);
    }
    write_videos(&state, &creators, &videos).await?;
    publish(&state, &clock, &creators, &videos).await?;
    let tokens = viewers(&state, &clock, &videos, size.viewers).await?;
    app.close().await;
    let media = videos.iter().filter_map(|video| {
        let file = video.file.as_ref()?;
        let path = format!("/media/{}/{}", video.id, file.name);
        Some(MediaFile { path, file: file.path.clone(), bytes: file.bytes })
    });
    let seeded =
        Seeded { tokens, media: media.collect(), videos: videos.iter().map(|video| video.id).collect() };
    std::fs::write(data.join(NOTE_FILE), serde_json::to_vec(&seeded)?)
        .context("can not note what was seeded")?;
    Ok(seeded)
}

async fn creators(state: &State, clock: &Clock) -> Result<Vec<Creator>> {
    let creators: Vec<Creator> =
        (0..CREATORS).map(|n| Creator { account: AccountId::mint(clock), topic: n % TOPICS.len() }).collect();
    let now = clock.now();
    state
        .db
        .write(async |tx: &mut Tx| {
            for (n, creator) in creators.iter().enumerate() {
                let sql = "INSERT INTO account (id, handle, password_hash, viewer_id, created_ms) VALUES ($1, $2, $3, $4, $5)";
                // No password has this hash: nobody signs in as a creator of a benchmark.
                let args = args![creator.account, format!("bench{n}"), "!", ViewerId::mint(clock), now];
                tx.exec(sql, args).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(creators)
}

/// Bytes that no compression and no deduplication helps with.
fn noise(bytes: usize, random: &mut Random) -> Vec<u8> {
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        noise.extend_from_slice(&random.bits().to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

async fn store_media(state: &State, mut video: NewVideo, bytes: Option<Vec<u8>>) -> Result<NewVideo> {
    if let Some(bytes) = bytes {
        let name = format!("{}.mp4", hex::encode(Sha256::digest(&bytes)));
        let length = bytes.len() as u64;
        let key = BlobKey::media(video.id, &name)?;
        state.blobs.put_bytes(&key, bytes.into()).await?;
        let path = state.blobs.local_path(&key).context("media must lie in a folder here")?;
        let path = path.strip_prefix(&state.config.data.dir)?.to_owned();
        video.file = Some(StoredFile { name, path, bytes: length });
    }
    Ok(video)
}

async fn write_videos(state: &State, creators: &[Creator], videos: &[NewVideo]) -> Result<()> {
    for part in videos.chunks(ROWS_PER_TRANSACTION) {
        state
            .db
            .write(async |tx: &mut Tx| {
                for video in part {
                    write_video(tx, creators[video.creator].account, video).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
    Ok(())
}

async fn write_video(tx: &mut Tx, account: AccountId, video: &NewVideo) -> Result<(), Error> {
    let sql = "INSERT INTO video (id, account_id, status, stage, percent, caption, language, ai_generated, sound_id, \
               poster_ms, duration_ms, width, height, poster_file, first_frame_file, thumbhash, created_ms, published_ms) \
               VALUES ($1, $2, 'ready', 'done', 100, $3, 'en', $4, $5, 0, $6, 540, 960, $7, $7, $8, $9, $9)";
    let still = format!("{}.jpg", hex::encode(Sha256::digest(video.id.bytes())));
    let thumbhash = video.id.bytes().repeat(2);
    let published = video.published;
    let args =
        args![video.id, account, &video.caption, false, video.sound, VIDEO_MS, still, thumbhash, published];
    tx.exec(sql, args).await?;
    // Videos without bytes have a file's name all the same, so that pages are as large as real ones.
    let name = |of: &str| format!("{}.mp4", hex::encode(Sha256::digest(format!("{of} {}", video.id))));
    let first = video.file.as_ref().map_or_else(|| name("540p"), |file| file.name.clone());
    for (position, file, width, height) in [(0, first, 540, 960), (1, name("720p"), 720, 1280)] {
        let sql = "INSERT INTO rendition (video_id, file, position, width, height, codec, bytes) \
                   VALUES ($1, $2, $3, $4, $5, 'avc1.64001f,mp4a.40.2', 3000000)";
        tx.exec(sql, args![video.id, file, position, width, height]).await?;
    }
    Ok(())
}

async fn publish(state: &State, clock: &Clock, creators: &[Creator], videos: &[NewVideo]) -> Result<()> {
    // Reported by nobody in particular: only the log's order of publication matters here.
    let nobody = ViewerId::mint(clock);
    for part in videos.chunks(EVENTS_PER_CALL) {
        let events = part.iter().map(|video| {
            let terms = caption_terms(&video.caption);
            let event = Event::VideoPublished {
                video: video.id,
                creator: creators[video.creator].account,
                sound: Some(video.sound),
                language: "en".parse().ok(),
                tags: terms.tags,
                words: terms.words,
                duration_ms: VIDEO_MS,
            };
            (EventId::mint(clock), event)
        });
        state.feed.record_reported(nobody, events.collect()).await?;
    }
    Ok(())
}

/// Viewers who watched, skipped and liked by their tastes, so that every candidate source has something to offer.
async fn viewers(state: &State, clock: &Clock, videos: &[NewVideo], count: usize) -> Result<Vec<String>> {
    let mut by_topic = vec![Vec::new(); TOPICS.len()];
    for video in videos {
        by_topic[video.topic].push(video.id);
    }
    let all: Vec<VideoId> = videos.iter().map(|video| video.id).collect();
    let (by_topic, all) = (&by_topic, &all);
    futures::stream::iter(0..count)
        .map(|n| async move {
            let viewer = ViewerId::mint(clock);
            let events = history(viewer, clock, &mut Random::new(n as u64 + 100), by_topic, all);
            for part in events.chunks(EVENTS_PER_CALL) {
                state.feed.record_reported(viewer, part.to_vec()).await?;
            }
            let open =
                state.db.write(async |tx: &mut Tx| session::open(tx, state, viewer, None, "bench").await);
            let (_, token) = open.await?;
            Ok::<_, anyhow::Error>(token.reveal().to_owned())
        })
        .buffered(VIEWERS_AT_ONCE)
        .try_collect()
        .await
}

fn history(
    viewer: ViewerId,
    clock: &Clock,
    random: &mut Random,
    by_topic: &[Vec<VideoId>],
    all: &[VideoId],
) -> Vec<(EventId, Event)> {
    let liked = [random.below(by_topic.len()), random.below(by_topic.len())];
    let mut events = Vec::with_capacity(WATCHED_PER_VIEWER * 3);
    for _ in 0..WATCHED_PER_VIEWER {
        let topic = &by_topic[liked[random.below(2)]];
        let from_taste = random.percent(60) && !topic.is_empty();
        let video = if from_taste { topic[random.rank(topic.len())] } else { all[random.below(all.len())] };
        let impression = None;
        let watch_ms = if from_taste { VIDEO_MS } else { 800 };
        let (loops, paused) = (0, false);
        events.push(Event::Impression { viewer, impression, video });
        events.push(Event::Watch { viewer, impression, video, watch_ms, loops, paused });
        if from_taste && random.percent(30) {
            events.push(Event::Like { viewer, impression, video });
        }
    }
    events.into_iter().map(|event| (EventId::mint(clock), event)).collect()
}
