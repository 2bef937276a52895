//! The files an edit list is made of, looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use takt_core::{UploadId, VideoId};

use super::check::{Edit, Refusal};
use super::list::{EditList, LayoutKind, Segment};
use crate::error::{Error, Failure};
use crate::inspect::Source;
use crate::{Job, Limits, SoundSource, Tools};

/// A list may go past the measured end of a source by this much: recorders and browsers count differently, and the last
/// picture stands a little longer. In milliseconds.
const BEYOND_MS_MAX: u32 = 250;

/// Which file a picture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clip {
    /// One's own.
    Upload(UploadId),
    /// Another video.
    Video(VideoId),
}

impl Clip {
    /// Of a segment of a checked list.
    pub(crate) fn of(segment: &Segment) -> Option<Self> {
        segment.source.map(Self::Upload).or(segment.video.map(Self::Video))
    }
}

/// Where the files of an edit list are.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// For every [`Clip`] of [`clips`].
    pub clips: BTreeMap<Clip, PathBuf>,
    /// For every upload of the voice-overs.
    pub voices: BTreeMap<UploadId, PathBuf>,
    /// The library's sound, when the list has one.
    pub sound: Option<PathBuf>,
}

/// Every file that a list takes pictures from.
pub fn clips(list: &EditList) -> Vec<Clip> {
    let mut clips: Vec<Clip> = list.segments.iter().filter_map(Clip::of).collect();
    clips.extend(other_video(list).map(Clip::Video));
    clips.sort_unstable();
    clips.dedup();
    clips
}

/// Every upload a list names, once.
pub fn uploads(list: &EditList) -> Vec<UploadId> {
    let mut uploads: Vec<UploadId> = list.segments.iter().filter_map(|segment| segment.source).collect();
    uploads.extend(list.voice_over.iter().map(|voice| voice.source));
    uploads.sort_unstable();
    uploads.dedup();
    uploads
}

/// Every video of others a list names, once.
pub fn videos(list: &EditList) -> Vec<VideoId> {
    let mut videos: Vec<VideoId> = list.segments.iter().filter_map(|segment| segment.video).collect();
    videos.extend(other_video(list));
    videos.sort_unstable();
    videos.dedup();
    videos
}

/// The video a duet is with.
pub fn other_video(list: &EditList) -> Option<VideoId> {
    list.layout.video.filter(|_| list.layout.kind != LayoutKind::Single)
}

/// The files with what was found in them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub(crate) clips: BTreeMap<Clip, (PathBuf, Source)>,
    pub(crate) voices: BTreeMap<UploadId, (PathBuf, SoundSource)>,
    pub(crate) sound: Option<(PathBuf, SoundSource)>,
}

impl Sources {
    /// Looks at every file once, each in a sandbox of its own.
    ///
    /// # Errors
    /// As [`inspect`](crate::inspect) has them.
    pub async fn inspect(tools: &Tools, limits: &Limits, dir: &Path, files: &Files) -> Result<Self, Error> {
        let limits = limits.for_sources();
        let job = |source| Job { tools, limits: &limits, dir, source };
        let mut sources = Self::default();
        for (clip, path) in &files.clips {
            let source = crate::inspect(&job(path)).await?;
            sources.clips.insert(*clip, (path.clone(), source));
        }
        for (upload, path) in &files.voices {
            let source = crate::inspect_sound(&job(path)).await?;
            sources.voices.insert(*upload, (path.clone(), source));
        }
        if let Some(path) = &files.sound {
            sources.sound = Some((path.clone(), crate::inspect_sound(&job(path)).await?));
        }
        Ok(sources)
    }

    /// Whether the sources have what the list takes of them.
    ///
    /// # Errors
    /// Names the first place that lies beyond its source.
    pub(crate) fn check(&self, edit: &Edit) -> Result<(), Failure> {
        let list = edit.list();
        let beyond = |path: String, rule: String| Err(Refusal { path, rule });
        let checked = || {
            for (number, segment) in list.segments.iter().enumerate() {
                let clip = Clip::of(segment).and_then(|clip| self.clips.get(&clip));
                let Some((_, source)) = clip else {
                    return beyond(format!("segments[{number}]"), "has no file".into());
                };
                within(segment.end_ms, source.duration_ms, || format!("segments[{number}].end_ms"))?;
            }
            if let Some(video) = other_video(list) {
                let Some((_, source)) = self.clips.get(&Clip::Video(video)) else {
                    return beyond("layout.video".into(), "has no file".into());
                };
                within(list.layout.start_ms, source.duration_ms, || "layout.start_ms".into())?;
            }
            for (number, voice) in list.voice_over.iter().enumerate() {
                let Some((_, source)) = self.voices.get(&voice.source) else {
                    return beyond(format!("voice_over[{number}]"), "has no file".into());
                };
                within(voice.end_ms, source.duration_ms, || format!("voice_over[{number}].end_ms"))?;
            }
            match (&list.sound, &self.sound) {
                (Some(sound), Some((_, source))) => {
                    within(sound.start_ms, source.duration_ms, || "sound.start_ms".into())
                }
                (Some(_), None) => beyond("sound".into(), "has no file".into()),
                (None, _) => Ok(()),
            }
        };
        checked().map_err(|Refusal { path, rule }| Failure::EditBeyondSource { path, rule })
    }
}

fn within(at_ms: u32, duration_ms: u32, path: impl FnOnce() -> String) -> Result<(), Refusal> {
    if at_ms <= duration_ms.saturating_add(BEYOND_MS_MAX) {
        return Ok(());
    }
    Err(Refusal { path: path(), rule: format!("must be {duration_ms} at most") })
}
