//! The workers: they claim jobs, run them, and say what became of them.
//!
//! Lanes keep what is waited for from standing behind what is not: `processing.workers` of them take any video work, the
//! most urgent first; one more takes only first renditions, so that an upload never waits for another's further ones;
//! one does the small jobs, one after the other.
//!
//! Invariant: a job under way keeps its lease by heartbeat; without the lease its work is stopped. When the server shuts
//! down, work is stopped and its job given back at once.

use crate::captions;
use crate::draft;
use crate::error::Error;
use crate::sound;
use crate::state::State;
use crate::video::{self, kind};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use takt_core::JobId;
use takt_store::{BlobError, Job, JobError, Tx};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often a lane looks for work where nothing wakes it.
const LOOK: Duration = Duration::from_secs(2);
/// Pause after the queue could not be asked.
const AWAY: Duration = Duration::from_secs(2);
/// How often given-up jobs are looked over.
const TIDY: Duration = Duration::from_secs(30);
/// Characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 500;

/// Why a job did not get done this time, for its record.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) reason: String,
    /// A store is away or a disk full: that is not the job's fault and goes by itself, so it costs no try.
    pub(crate) away: bool,
}

impl Failed {
    /// Something that trying again may mend, or not.
    pub(crate) fn fault(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), away: false }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { reason: error.to_string(), away: matches!(error, Error::Unavailable(_)) }
    }
}

impl From<BlobError> for Failed {
    fn from(error: BlobError) -> Self {
        Error::from(error).into()
    }
}

/// How often each job failed in this process by itself: neither by a store that was away nor by a kill.
type Faults = Arc<Mutex<HashMap<JobId, u32>>>;

/// Runs jobs until `shutdown`. `processing.workers` = 0 leaves the video work to another process.
pub async fn run(state: State, shutdown: CancellationToken) {
    clear_work_folders(&state);
    // Nobody else uses an embedded database, so its leases are a dead process's. Others run out by themselves.
    if state.db.is_embedded()
        && let Err(error) = state.jobs.end_leases(&state.db, &state.clock).await
    {
        tracing::warn!(%error, "jobs of an earlier process wait for their leases to run out");
    }
    let mut lanes = JoinSet::new();
    let faults = Faults::default();
    let lane = |kinds: &'static [&'static str]| lane(state.clone(), kinds, faults.clone(), shutdown.clone());
    if state.tools.is_some() && state.config.processing.workers > 0 {
        for _ in 0..state.config.processing.workers {
            lanes.spawn(lane(&[kind::RENDER, kind::PROCESS, kind::REPLACE, kind::RENDITIONS]));
        }
        lanes.spawn(lane(&[kind::RENDER, kind::PROCESS, kind::REPLACE]));
        lanes.spawn(lane(&[kind::POSTER]));
        // One after the other, so that of two copies the second finds the first.
        lanes.spawn(lane(&[
            sound::kind::ANALYSE,
            sound::kind::RECEIVE,
            sound::kind::REVOKE,
            sound::kind::STARTER,
        ]));
        if state.config.captions.command.is_some() {
            lanes.spawn(lane(&[captions::kind::RECOGNISE]));
        }
    }
    lanes.spawn(lane(&[
        kind::DESCRIBE,
        kind::REUSE_REVOKE,
        kind::ERASE,
        kind::DROP_FILE,
        kind::DROP_SOURCE,
        sound::kind::ERASE,
    ]));
    lanes.spawn(tidy(state.clone(), shutdown.clone()));
    shutdown.cancelled().await;
    state.progress.close();
    state.jobs.wake();
    while lanes.join_next().await.is_some() {}
}

/// Folders of jobs that died with an earlier process. The data folder is this process's alone.
fn clear_work_folders(state: &State) {
    let folder = state.config.data.dir.join("work");
    let cleared = std::fs::read_dir(&folder).and_then(|entries| {
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
        }
        Ok(())
    });
    match cleared {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "old work folders stay");
        }
        _ => {}
    }
}

async fn tidy(state: State, shutdown: CancellationToken) {
    loop {
        if let Err(error) = video::fail_parked(&state).await {
            tracing::warn!(%error, "given-up jobs were not looked over");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(TIDY) => {}
        }
    }
}

fn lease_ms(state: &State) -> i64 {
    i64::try_from(state.config.processing.lease_s.max(1)).unwrap_or(30).saturating_mul(1000)
}

async fn lane(state: State, kinds: &'static [&'static str], faults: Faults, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match state.jobs.claim(&state.db, kinds, lease_ms(&state), &state.clock).await {
            Ok(Some(job)) => run_job(&state, job, &faults, &shutdown).await,
            Ok(None) => tokio::select! {
                () = shutdown.cancelled() => return,
                () = state.jobs.wait(LOOK) => {}
            },
            Err(error) => {
                tracing::warn!(%error, "no job could be claimed");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(AWAY) => {}
                }
            }
        }
    }
}

/// How the work on a job ended.
enum Ended {
    Done,
    Failed(Failed),
    /// The lease is lost: somebody else has the job, or nobody needs it any more.
    Lost,
    /// The server is shutting down.
    Stopped,
}

async fn run_job(state: &State, job: Job, faults: &Faults, shutdown: &CancellationToken) {
    let began = Instant::now();
    let (worker_state, worked) = (state.clone(), job.clone());
    // A task of its own, so that a panic costs the job a try and not the lane its life.
    let mut work = tokio::spawn(async move { work(&worker_state, &worked).await });
    let ended = tokio::select! {
        ended = &mut work => match ended {
            Ok(Ok(())) => Ended::Done,
            Ok(Err(failed)) => Ended::Failed(failed),
            Err(error) => Ended::Failed(Failed::fault(format!("the work stopped: {error}"))),
        },
        () = lose_lease(state, &job) => Ended::Lost,
        () = shutdown.cancelled() => Ended::Stopped,
    };
    if matches!(ended, Ended::Lost | Ended::Stopped) {
        // What the work started (FFmpeg) ends with it; only then may another begin.
        work.abort();
        let _ = work.await;
    }
    let outcome = settle(state, &job, faults, ended).await;
    let kind = job.kind.clone();
    metrics::counter!("takt_jobs_total", "kind" => kind.clone(), "outcome" => outcome).increment(1);
    metrics::histogram!("takt_job_seconds", "kind" => kind).record(began.elapsed().as_secs_f64());
    tracing::debug!(job.id = %job.id, job.kind = job.kind, job.key = job.key, outcome, "a job ended");
}

/// Keeps the lease; returns when it is lost.
async fn lose_lease(state: &State, job: &Job) {
    let lease_ms = lease_ms(state);
    let period = Duration::from_millis(lease_ms.unsigned_abs() / 3);
    let mut kept = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(period).await;
        match state.jobs.heartbeat(&state.db, job, lease_ms, &state.clock).await {
            Ok(true) => kept = tokio::time::Instant::now(),
            Ok(false) => return,
            // The database is away. Past the lease another process may have the job.
            Err(_) if kept.elapsed() >= period * 3 => return,
            Err(_) => {}
        }
    }
}

async fn settle(state: &State, job: &Job, faults: &Faults, ended: Ended) -> &'static str {
    let (said, outcome) = match ended {
        Ended::Done => (state.jobs.finish(&state.db, job).await, "done"),
        Ended::Lost => (Ok(()), "lost"),
        Ended::Stopped => (state.jobs.give_back(&state.db, job, &state.clock).await, "given_back"),
        Ended::Failed(failed) => {
            let reason: String = failed.reason.chars().take(REASON_CHARS_MAX).collect();
            tracing::warn!(job.id = %job.id, job.kind = job.kind, job.attempt, reason, "a job failed");
            let away = failed.away || !has_room(state).await;
            if may_retry(state, job, faults, away) {
                (state.jobs.retry(&state.db, job, &reason, &state.clock).await.map(|_| ()), "retried")
            } else {
                (park(state, job, &reason).await, "parked")
            }
        }
    };
    if outcome != "retried" {
        faults.lock().remove(&job.id);
    }
    match said {
        // Its video was deleted, or the lease ran out in the last moment: the next holder finds the work done.
        Ok(()) | Err(JobError::Lost) => {}
        Err(JobError::Db(error)) => {
            tracing::warn!(%error, job.id = %job.id, "a job runs again: its end was not stored")
        }
    }
    outcome
}

/// Whether the disk has room for a job's files. Programs do not say that it is full in a way to rely on, so it is tried; a
/// full disk is nobody's fault.
pub(crate) async fn has_room(state: &State) -> bool {
    const ROOM_BYTES: usize = 4 * 1024 * 1024;
    let probe = state.config.data.dir.join("work").join("room");
    let written = tokio::fs::write(&probe, vec![1; ROOM_BYTES]).await;
    let _ = tokio::fs::remove_file(&probe).await;
    !written.is_err_and(|error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// Whether the job has tries left: `processing.attempts_max` failures of its own, and in any case as many attempts as its
/// row allows, which also bounds what a job that kills its worker can do.
fn may_retry(state: &State, job: &Job, faults: &Faults, away: bool) -> bool {
    let mut faults = faults.lock();
    let own = faults.entry(job.id).or_default();
    *own += u32::from(!away);
    *own < state.config.processing.attempts_max && job.attempt < job.attempts_max
}

/// Gives the job up, and with it what waited for it.
async fn park(state: &State, job: &Job, reason: &str) -> Result<(), JobError> {
    let reason = format!("gave up after {} tries: {reason}", job.attempt);
    let parked = state
        .db
        .write(async |tx: &mut Tx| {
            state.jobs.park_in(tx, job, &reason).await.map_err(Parking::Job)?;
            video::give_up(tx, &job.kind, &job.key).await.map_err(Parking::Other)
        })
        .await;
    match parked {
        Ok(video) => {
            video.into_iter().for_each(|video| state.progress.turned(video));
            Ok(())
        }
        Err(Parking::Job(error)) => Err(error),
        Err(Parking::Other(error)) => {
            tracing::warn!(%error, job.id = %job.id, "a job was not given up yet");
            Ok(())
        }
    }
}

enum Parking {
    Job(JobError),
    Other(Error),
}

impl From<takt_store::DbError> for Parking {
    fn from(error: takt_store::DbError) -> Self {
        Self::Job(error.into())
    }
}

async fn work(state: &State, job: &Job) -> Result<(), Failed> {
    match job.kind.as_str() {
        kind::RENDER => draft::render(state, job).await,
        kind::REPLACE => draft::replace(state, job).await,
        kind::PROCESS => video::process(state, job).await,
        kind::RENDITIONS => video::renditions(state, job).await,
        kind::POSTER => video::poster(state, job).await,
        kind::DESCRIBE => video::describe_again(state, job).await,
        kind::REUSE_REVOKE => video::withdraw(state, job).await,
        kind::ERASE => video::erase(state, job).await,
        kind::DROP_FILE => video::drop_file(state, job).await,
        kind::DROP_SOURCE => video::drop_source(state, job).await,
        sound::kind::ANALYSE => sound::analyse(state, job).await,
        sound::kind::RECEIVE => sound::receive(state, job).await,
        sound::kind::REVOKE => sound::revoke(state, job).await,
        sound::kind::STARTER => sound::starter_set(state, job).await,
        sound::kind::ERASE => sound::erase(state, job).await,
        captions::kind::RECOGNISE => captions::recognise(state, job).await,
        other => Err(Failed::fault(format!("this release knows no job {other}"))),
    }
}
