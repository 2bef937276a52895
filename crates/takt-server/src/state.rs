//! What every request may reach. One value, shared; nothing here is a request's own.

use crate::account::Passwords;
use crate::config::Config;
use crate::feed::Feed;
use crate::limits::Limits;
use crate::media::MediaCache;
use crate::video::ProgressHub;
use std::path::PathBuf;
use std::sync::Arc;
use takt_core::Clock;
use takt_media::Tools;
use takt_store::{Blobs, Db, JobQueue};

/// The cell's parts, cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Parts>);

/// The parts themselves; reached through [`State`]'s fields.
pub struct Parts {
    /// What the operator set.
    pub config: Config,
    /// Where the present comes from.
    pub clock: Clock,
    /// SQL.
    pub db: Db,
    /// Media bytes and sources.
    pub blobs: Blobs,
    /// Work to do.
    pub jobs: JobQueue,
    /// Event log, recommender and what is projected from them.
    pub feed: Feed,
    /// How often something may be done.
    pub limits: Limits,
    /// Password hashing, a few at a time.
    pub passwords: Passwords,
    /// Media asked for often.
    pub media_cache: MediaCache,
    /// Who waits for which video's progress.
    pub progress: ProgressHub,
    /// FFmpeg, where it was found; without it videos wait.
    pub tools: Option<Arc<Tools>>,
    /// Reads Content Credentials, where it was found; without it no video has any.
    pub provenance: Option<PathBuf>,
}

impl State {
    /// Shares the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for State {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
