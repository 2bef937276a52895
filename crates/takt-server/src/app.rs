//! Composition: from a configuration to a running cell.

use crate::account::Passwords;
use crate::config::Config;
use crate::connection::Connections;
use crate::feed::Feed;
use crate::limits::Limits;
use crate::media::MediaCache;
use crate::state::{Parts, State};
use crate::video::ProgressHub;
use crate::{health, router, session, sound, upload, worker};
use axum::serve::ListenerExt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use takt_core::Clock;
use takt_media::Tools;
use takt_store::{Blobs, BlobsConfig, Db, JOB_TABLE_SQL, JobQueue, Migration};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const JANITOR_PERIOD: Duration = Duration::from_secs(60);

/// The schema, oldest first. An applied one is never edited.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "begin", sql: include_str!("../migrations/0001_begin.sql") },
    Migration { version: 2, name: "jobs", sql: JOB_TABLE_SQL },
    Migration { version: 3, name: "control", sql: include_str!("../migrations/0003_control.sql") },
    Migration { version: 4, name: "drafts", sql: include_str!("../migrations/0004_drafts.sql") },
    Migration { version: 5, name: "sounds", sql: include_str!("../migrations/0005_sounds.sql") },
    Migration { version: 6, name: "after_care", sql: include_str!("../migrations/0006_after_care.sql") },
    Migration { version: 7, name: "provenance", sql: include_str!("../migrations/0007_provenance.sql") },
    Migration { version: 8, name: "replacement", sql: include_str!("../migrations/0008_replacement.sql") },
    Migration { version: 9, name: "poster", sql: include_str!("../migrations/0009_poster.sql") },
];

/// Why a cell did not start, as a sentence for its operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    fn new(doing: &str, error: impl std::fmt::Display) -> Self {
        Self(format!("{doing}: {error}"))
    }
}

/// A cell that runs: stores open, workers at work, ready to serve.
pub struct App {
    state: State,
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

/// Brings the database's schema up to date and answers how many migrations that took.
pub async fn migrate(config: &Config) -> Result<usize, StartError> {
    std::fs::create_dir_all(&config.data.dir)
        .map_err(|error| StartError::new("creating the data folder", error))?;
    let db = Db::open(&config.database_url())
        .await
        .map_err(|error| StartError::new("opening the database", error))?;
    db.migrate(MIGRATIONS).await.map_err(|error| StartError::new("migrating the database", error))
}

impl App {
    /// Opens the stores, migrates, and starts the workers.
    pub async fn start(config: Config, clock: Clock) -> Result<Self, StartError> {
        let dir = config.data.dir.clone();
        for folder in ["", "uploads", "work"] {
            let folder = dir.join(folder);
            std::fs::create_dir_all(&folder).map_err(|error| {
                StartError::new(&format!("creating the folder {}", folder.display()), error)
            })?;
        }
        let db =
            Db::open(&config.database_url()).await.map_err(|e| StartError::new("opening the database", e))?;
        db.migrate(MIGRATIONS).await.map_err(|e| StartError::new("migrating the database", e))?;
        let blobs =
            Blobs::open(&blobs_config(&config)).map_err(|e| StartError::new("opening the media store", e))?;
        let feed = Feed::open(&dir, db.clone(), clock.clone(), config.feed.snapshot_events)
            .map_err(|e| StartError::new("opening the event log", e))?;
        let tools = find_tools(&config);
        let provenance = find_provenance(&config);
        let parts = Parts {
            jobs: JobQueue::new(),
            limits: Limits::new(&config.limits),
            passwords: Passwords::new(&config.account)
                .map_err(|e| StartError::new("preparing password hashing", e))?,
            media_cache: MediaCache::new(config.media.cache_bytes),
            progress: ProgressHub::default(),
            config,
            clock,
            db,
            blobs,
            feed,
            tools,
            provenance,
        };
        let state = State::new(parts);
        if state.tools.is_some() && state.config.processing.workers > 0 {
            sound::begin_starter_set(&state)
                .await
                .map_err(|e| StartError::new("beginning the starter set of sounds", e))?;
        }
        let stop = CancellationToken::new();
        let tasks = vec![
            tokio::spawn(worker::run(state.clone(), stop.clone())),
            tokio::spawn(clean_up(state.clone(), stop.clone())),
        ];
        Ok(Self { state, tasks, stop })
    }

    /// The cell's parts, for tests and tools in the same process.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Every route, without a listener.
    pub fn router(&self) -> axum::Router {
        router::router(self.state.clone())
    }

    /// Serves until `shutdown`, then finishes what is under way, stops the workers and closes the stores.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), StartError> {
        let stop = self.stop.clone();
        let announced = async move {
            shutdown.await;
            // Long answers (progress streams) end by this; the listener closes at once.
            stop.cancel();
        };
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        let grace = Duration::from_secs(self.state.config.http.shutdown_grace_s);
        // Tapped for nothing but the peer's address, which axum knows only of its own listeners.
        let server =
            axum::serve(Connections(listener).tap_io(|_| ()), service).with_graceful_shutdown(announced);
        let server = tokio::spawn(async move { server.await });
        self.stop.cancelled().await;
        let served = tokio::time::timeout(grace, server).await;
        self.close().await;
        match served {
            Ok(Ok(Ok(()))) | Err(_) => Ok(()),
            Ok(Ok(Err(error))) => Err(StartError::new("serving", error)),
            Ok(Err(error)) => Err(StartError::new("serving", error)),
        }
    }

    /// Stops the workers and closes the stores.
    pub async fn close(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        self.state.feed.close().await;
    }
}

fn blobs_config(config: &Config) -> BlobsConfig {
    let media = &config.media;
    match &media.s3_bucket {
        None => BlobsConfig::Directory(config.data.dir.join("media")),
        Some(bucket) => BlobsConfig::S3 {
            bucket: bucket.clone(),
            endpoint: media.s3_endpoint.clone(),
            region: media.s3_region.clone(),
            access_key: media.s3_access_key.clone(),
            secret_key: media.s3_secret_key.clone(),
        },
    }
}

fn find_tools(config: &Config) -> Option<Arc<Tools>> {
    let (ffmpeg, ffprobe) = (config.processing.ffmpeg.as_deref(), config.processing.ffprobe.as_deref());
    match Tools::find(ffmpeg, ffprobe) {
        Ok(tools) => {
            tracing::info!(version = tools.version, sandbox = %tools.sandbox, "ffmpeg found");
            Some(Arc::new(tools))
        }
        Err(error) => {
            tracing::error!(%error, "videos can not be processed until FFmpeg is installed; all else works");
            None
        }
    }
}

/// The program that reads Content Credentials: the one that is configured, else the one beside this program.
fn find_provenance(config: &Config) -> Option<PathBuf> {
    if !config.provenance.read {
        return None;
    }
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("takt-provenance"));
    let program = config.provenance.command.clone().or_else(beside)?;
    if program.is_file() {
        tracing::info!(program = %program.display(), "content credentials of uploads are read");
        return Some(program);
    }
    if config.provenance.command.is_some() {
        tracing::error!(program = %program.display(), "no such program: content credentials are not read");
    }
    None
}

/// Removes what has expired, and forgets idle rate limits.
async fn clean_up(state: State, stop: CancellationToken) {
    loop {
        if let Err(error) = session::purge_expired(&state).await {
            tracing::warn!(%error, "expired sessions stay for now");
        }
        if let Err(error) = upload::purge_expired(&state).await {
            tracing::warn!(%error, "expired uploads stay for now");
        }
        state.limits.retain_recent();
        health::measure(&state).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(JANITOR_PERIOD) => {}
        }
    }
}
