//! Progress as it happens: from the workers of this process to whoever watches a video being made.
//!
//! What is told here is also in SQL, in coarser steps; so a stream that hears nothing (the work is done by another
//! process) still moves, by looking there now and then.

use super::body::{Looker, Progress, Status, VideoBody};
use super::{body, store};
use crate::error::{Error, Result};
use crate::state::State;
use axum::http::StatusCode;
use axum::response::sse::Event;
use futures::Stream;
use futures::stream;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use takt_core::{AccountId, VideoId, ViewerId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Streams at once in this process.
const STREAMS_MAX: usize = 4096;
/// A stream ends after so long; clients of this kind come back by themselves.
const STREAM_MAX: Duration = Duration::from_secs(30 * 60);
/// How often SQL is looked at where nothing is heard.
const LOOK: Duration = Duration::from_secs(2);

/// What workers last told about a video.
#[derive(Debug, Clone, Copy, Default)]
struct Live {
    progress: Option<Progress>,
    /// Grows when the video's status may have changed.
    turns: u64,
}

/// Who waits for which video's progress. Holds nothing for videos nobody watches.
pub struct ProgressHub {
    watched: Mutex<HashMap<VideoId, watch::Sender<Live>>>,
    /// Work under way in this process, to be stopped when its video is deleted.
    work: Mutex<HashMap<VideoId, CancellationToken>>,
    streams: Arc<Semaphore>,
    closed: CancellationToken,
}

impl Default for ProgressHub {
    fn default() -> Self {
        Self {
            watched: Mutex::default(),
            work: Mutex::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            closed: CancellationToken::new(),
        }
    }
}

impl ProgressHub {
    /// Ends every stream; a server that stops does not wait for them.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Tells how far the work on a video is.
    pub(super) fn tell(&self, video: VideoId, progress: Progress) {
        self.update(video, |live| {
            let percent = live.progress.map_or(0, |before| before.percent).max(progress.percent);
            live.progress = Some(Progress { percent, ..progress });
        });
    }

    /// Tells that a video became ready, failed or is gone.
    pub(crate) fn turned(&self, video: VideoId) {
        self.update(video, |live| live.turns += 1);
    }

    fn update(&self, video: VideoId, change: impl FnOnce(&mut Live)) {
        let mut watched = self.watched.lock();
        if let Some(sender) = watched.get(&video) {
            if sender.receiver_count() == 0 {
                watched.remove(&video);
            } else {
                sender.send_modify(change);
            }
        }
    }

    fn subscribe(&self, video: VideoId) -> watch::Receiver<Live> {
        let mut watched = self.watched.lock();
        watched.entry(video).or_insert_with(|| watch::channel(Live::default()).0).subscribe()
    }

    fn unsubscribe(&self, video: VideoId) {
        let mut watched = self.watched.lock();
        // The one that leaves is still counted.
        if watched.get(&video).is_some_and(|sender| sender.receiver_count() <= 1) {
            watched.remove(&video);
        }
    }

    /// Announces work on a video; the token is cancelled when the video is deleted.
    pub(super) fn begin_work(&self, video: VideoId) -> CancellationToken {
        self.work.lock().entry(video).or_default().clone()
    }

    /// The work announced is over.
    pub(super) fn end_work(&self, video: VideoId) {
        self.work.lock().remove(&video);
    }

    /// Stops work on a deleted video.
    pub(super) fn stop_work(&self, video: VideoId) {
        if let Some(token) = self.work.lock().remove(&video) {
            token.cancel();
        }
        self.turned(video);
    }
}

/// What a stream says each time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ProgressEvent {
    status: Status,
    /// Absent when nothing is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    /// With the last event: the video as it turned out.
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<VideoBody>,
}

struct Watcher {
    state: State,
    video: VideoId,
    account: AccountId,
    viewer: ViewerId,
    live: watch::Receiver<Live>,
    last: Option<(Status, Option<Progress>)>,
    until: Instant,
    done: bool,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.state.progress.unsubscribe(self.video);
    }
}

/// The progress of one of the account's videos: where it stands at once, each change, and last what became of it.
pub(super) async fn watch(
    state: &State,
    video: VideoId,
    account: AccountId,
    viewer: ViewerId,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    super::require_own(state, account, video).await?;
    let permit = state.progress.streams.clone().try_acquire_owned().map_err(|_| {
        let message = "too many progress streams are open; ask for the video instead";
        Error::refused(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", message)
    })?;
    let watcher = Watcher {
        state: state.clone(),
        video,
        account,
        viewer,
        live: state.progress.subscribe(video),
        last: None,
        until: Instant::now() + STREAM_MAX,
        done: false,
        _permit: permit,
    };
    Ok(stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        let event = Event::default().event("progress").json_data(event).unwrap_or_else(|error| {
            tracing::error!(%error, "a progress event could not be written");
            Event::default().comment("lost")
        });
        Some((Ok(event), watcher))
    }))
}

impl Watcher {
    /// The next event, or none when the stream is over.
    async fn next(&mut self) -> Option<ProgressEvent> {
        let closed = self.state.progress.closed.clone();
        if self.last.is_none()
            && let Some(event) = self.look().await
        {
            return event;
        }
        while !self.done {
            tokio::select! {
                () = closed.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                _ = tokio::time::timeout(LOOK, self.live.changed()) => {}
            }
            if let Some(event) = self.look().await {
                return event;
            }
        }
        None
    }

    /// What is new, if anything. The inner `None` says that the video is gone.
    async fn look(&mut self) -> Option<Option<ProgressEvent>> {
        let live = *self.live.borrow_and_update();
        let row = match store::state_of(&self.state.db, self.video).await {
            Ok(Some(row)) => row,
            Ok(None) => return Some(None),
            // The database is away for now: the next look may tell more.
            Err(_) => return None,
        };
        let status = Status::parse(&row.status);
        let stored = Progress::of(status, &row.stage, row.percent);
        let progress = match (stored, live.progress) {
            (Some(stored), Some(live)) if live.percent > stored.percent => Some(live),
            (stored, _) => stored,
        };
        let video = if status == Status::Processing { None } else { self.outcome().await };
        self.done = video.is_some();
        let now = (status, progress);
        if self.last == Some(now) && !self.done {
            return None;
        }
        self.last = Some(now);
        Some(Some(ProgressEvent { status, progress, video }))
    }

    async fn outcome(&self) -> Option<VideoBody> {
        let looker = Looker { viewer: Some(self.viewer), account: Some(self.account) };
        let bodies = body::bodies_for(&self.state, &[self.video], looker).await;
        bodies.ok().and_then(|mut bodies| bodies.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::Stage;
    use super::*;
    use takt_core::Clock;

    #[test]
    fn progress_never_falls_and_is_forgotten_with_its_last_watcher() {
        let hub = ProgressHub::default();
        let video = VideoId::mint(&Clock::system());
        let at = |percent| Progress { stage: Stage::FirstRendition, percent };
        hub.tell(video, at(50));
        assert!(hub.watched.lock().is_empty(), "nobody watches");
        let mut live = hub.subscribe(video);
        hub.tell(video, at(40));
        hub.tell(video, at(30));
        assert_eq!(live.borrow_and_update().progress, Some(at(40)));
        hub.unsubscribe(video);
        assert!(hub.watched.lock().is_empty());
    }

    #[test]
    fn deleting_a_video_stops_the_work_on_it() {
        let hub = ProgressHub::default();
        let video = VideoId::mint(&Clock::system());
        let work = hub.begin_work(video);
        hub.stop_work(video);
        assert!(work.is_cancelled() && hub.work.lock().is_empty());
        assert!(!hub.begin_work(video).is_cancelled());
    }
}
