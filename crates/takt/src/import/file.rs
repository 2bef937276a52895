//! One file's way: hash, known already?, upload, publish, wait. A few files are on their way at once.

use super::caption;
use super::client::{Client, ClientError, Publication, Status, Video};
use super::progress::{FileProgress, Progress};
use super::resume::Resume;
use super::summary::{Outcome, Row};
use super::tus::{self, Source};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const READ_BYTES: usize = 1024 * 1024;
/// First pause between two looks at a video; grows while nothing changes.
const LOOK_FIRST: Duration = Duration::from_millis(300);
const LOOK_MAX: Duration = Duration::from_secs(5);
/// All files together look this often at most, however many wait.
const LOOK_GAP: Duration = Duration::from_millis(50);
/// A server on which no video of this run has moved for so long is not waited for any longer.
const STANDSTILL_MAX: Duration = Duration::from_secs(1800);

/// What the person chose for all files alike.
pub(crate) struct Choices {
    /// For all files alike; from each file's name where it is `None`.
    pub(crate) caption: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) ai_generated: bool,
    /// Whether to wait for the outcome of the processing.
    pub(crate) wait: bool,
}

/// What all files of a run share.
pub(crate) struct Run {
    pub(crate) client: Client,
    pub(crate) progress: Progress,
    resume: Resume,
    choices: Choices,
    rows: Mutex<Vec<(usize, Row)>>,
    /// First file of this run with these bytes.
    met: Mutex<HashMap<String, PathBuf>>,
    look: tokio::sync::Mutex<tokio::time::Interval>,
    moved: Mutex<Instant>,
    signed_out: AtomicBool,
}

impl Run {
    /// A run whose first rows are known already.
    pub(crate) fn new(
        client: Client,
        resume: Resume,
        progress: Progress,
        choices: Choices,
        rows: Vec<Row>,
    ) -> Self {
        let mut interval = tokio::time::interval(LOOK_GAP);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self {
            client,
            progress,
            resume,
            choices,
            rows: Mutex::new(rows.into_iter().map(|row| (usize::MAX, row)).collect()),
            met: Mutex::default(),
            look: tokio::sync::Mutex::new(interval),
            moved: Mutex::new(Instant::now()),
            signed_out: AtomicBool::new(false),
        }
    }

    /// What became of the files, in their order; those never looked at come last.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = lock(&self.rows).clone();
        rows.sort_by_key(|(index, _)| *index);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn done(&self, index: usize, path: PathBuf, outcome: Outcome) {
        self.progress.done(&path, &outcome);
        lock(&self.rows).push((index, Row { path, outcome }));
    }

    fn has_moved(&self) {
        *lock(&self.moved) = Instant::now();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Imports all files, `parallel` of them being sent at a time. Waiting for the server's work takes no such place.
pub(crate) async fn import_all(run: &Arc<Run>, files: Vec<PathBuf>, parallel: u8) {
    let places = Arc::new(Semaphore::new(usize::from(parallel)));
    let mut tasks = JoinSet::new();
    for (index, path) in files.into_iter().enumerate() {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let run = run.clone();
        tasks.spawn(async move {
            let outcome = match send(&run, &path).await {
                Ok(Sent::Outcome(outcome)) => Ok(outcome),
                Ok(Sent::Video(video, mut progress)) => {
                    drop(place);
                    if run.choices.wait {
                        wait(&run, video, &mut progress).await
                    } else {
                        Ok(Outcome::Uploaded)
                    }
                }
                Err(error) => Err(error),
            };
            run.done(index, path, outcome.unwrap_or_else(|error| bad(&run, &error)));
        });
        // Ended tasks are taken away as new ones come, so that thousands of files do not pile up.
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

fn bad(run: &Run, error: &ClientError) -> Outcome {
    match error {
        ClientError::Refused(refusal) => Outcome::Failed(refusal.detail.clone()),
        ClientError::SignedOut => {
            run.signed_out.store(true, Ordering::Relaxed);
            Outcome::Error(error.to_string())
        }
        other => Outcome::Error(other.to_string()),
    }
}

enum Sent {
    /// Nothing to wait for.
    Outcome(Outcome),
    /// The server has it.
    Video(Video, FileProgress),
}

async fn send(run: &Run, path: &Path) -> Result<Sent, ClientError> {
    if run.signed_out.load(Ordering::Relaxed) {
        return Err(ClientError::SignedOut);
    }
    let (sha256, bytes) = hash(path).await?;
    let mut progress = run.progress.file(path, bytes);
    if let Some(first) = met_before(run, &sha256, path) {
        return Ok(Sent::Outcome(Outcome::Duplicate(format!("same bytes as {}", first.display()))));
    }
    if let Some(video) = run.client.video_by_source(&sha256).await? {
        run.resume.forget(&sha256);
        match video.status {
            Status::Ready => {
                return Ok(Sent::Outcome(Outcome::Duplicate(format!("already there as {}", video.id))));
            }
            Status::Processing => return Ok(Sent::Video(video, progress)),
            // Once more: what was refused then may be allowed now.
            Status::Failed => {}
        }
    }
    progress.uploading(bytes);
    let source = Source { path, bytes, sha256: &sha256 };
    let upload_id = tus::upload(&run.client, source, &run.resume, &progress.sent()).await?;
    let video = publish(run, path, &sha256, &upload_id).await?;
    run.resume.forget(&sha256);
    run.has_moved();
    progress.uploaded();
    Ok(Sent::Video(video, progress))
}

async fn publish(run: &Run, path: &Path, sha256: &str, upload_id: &str) -> Result<Video, ClientError> {
    let from_name;
    let caption = match &run.choices.caption {
        Some(caption) => caption.as_str(),
        None => {
            from_name = caption::from_name(path);
            &from_name
        }
    };
    let language = run.choices.language.as_deref();
    let publication = Publication { upload_id, caption, language, ai_generated: run.choices.ai_generated };
    match run.client.publish(&publication).await {
        Ok(video) => Ok(video),
        // Where the answer to a first try got lost, the second finds the upload used up: by us.
        Err(ClientError::Refused(refusal)) => match run.client.video_by_source(sha256).await {
            Ok(Some(video)) => Ok(video),
            _ => {
                run.resume.forget(sha256);
                Err(ClientError::Refused(refusal))
            }
        },
        Err(error) => Err(error),
    }
}

/// SHA-256 in hexadecimal, and the length.
async fn hash(path: &Path) -> Result<(String, u64), ClientError> {
    let path = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || -> std::io::Result<(String, u64)> {
        let mut file = std::fs::File::open(path)?;
        let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; READ_BYTES], 0);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok((hex::encode(hasher.finalize()), bytes)),
                Ok(n) => {
                    hasher.update(&buffer[..n]);
                    bytes += n as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    });
    match hashed.await {
        Ok(Ok(hashed)) => Ok(hashed),
        Ok(Err(error)) => Err(ClientError::Local(format!("can not read the file: {error}"))),
        Err(error) => Err(ClientError::Local(format!("can not read the file: {error}"))),
    }
}

fn met_before(run: &Run, sha256: &str, path: &Path) -> Option<PathBuf> {
    let mut met = lock(&run.met);
    if let Some(first) = met.get(sha256) {
        return Some(first.clone());
    }
    met.insert(sha256.to_owned(), path.to_owned());
    None
}

/// Waits until the video is ready or failed.
async fn wait(run: &Run, mut video: Video, progress: &mut FileProgress) -> Result<Outcome, ClientError> {
    let mut pause = LOOK_FIRST;
    loop {
        match video.status {
            Status::Ready => {
                run.has_moved();
                return Ok(Outcome::Ready);
            }
            Status::Failed => {
                run.has_moved();
                return Ok(Outcome::Failed(failure(&video)));
            }
            Status::Processing => {}
        }
        if lock(&run.moved).elapsed() > STANDSTILL_MAX {
            let minutes = STANDSTILL_MAX.as_secs() / 60;
            let reason =
                format!("still in processing, and nothing has moved on the server for {minutes} minutes");
            return Ok(Outcome::Error(reason));
        }
        tokio::time::sleep(pause).await;
        run.look.lock().await.tick().await;
        let Some(now) = run.client.video(&video.id).await? else {
            return Ok(Outcome::Error("the video was deleted meanwhile".into()));
        };
        if now.progress == video.progress {
            pause = pause.mul_f64(1.5).min(LOOK_MAX);
        } else {
            run.has_moved();
            pause = LOOK_FIRST;
        }
        if let Some(now) = &now.progress {
            progress.processing(&now.stage, now.percent);
        }
        video = now;
    }
}

fn failure(video: &Video) -> String {
    let reason = video.failure.as_ref().map(|failure| failure.message.clone());
    reason.unwrap_or_else(|| "the server gave no reason".into())
}
