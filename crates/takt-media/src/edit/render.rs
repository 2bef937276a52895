//! Makes one file of an edit list and its sources, which then goes through the stages of an upload.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::Edit;
use super::compose::{Abilities, Composition, Input, compose};
use super::list::{Fade, LayoutKind, Look};
use super::sources::{Clip, Files, Sources};
use super::text::{self, Picture};
use super::trim::{Cut, End};
use crate::encoder::{self, Encoding};
use crate::error::{Error, Failure};
use crate::inspect::{Container, Source, absolute, input_arguments};
use crate::mp4::{self, Movie, VideoTrack};
use crate::{Limits, Tools};

/// The file made, in the job's folder.
const FILE: &str = "edited.mp4";
/// Up to this many pixels on the shorter edge the file is published as it is; see [`crate::FastPath`]. Larger ones are
/// encoded once more and so get more bits.
const FINAL_EDGE_MAX: u32 = 720;
/// Kilobits of sound a second.
const AUDIO_KBIT: u32 = 128;
/// How much longer or shorter than planned the file may be, in milliseconds.
const DURATION_TOLERANCE_MS: u32 = 150;
/// Shapes that differ by less than this are the same: a pixel or two of the other is lost.
const SAME_SHAPE: f64 = 0.01;

/// What a rendering has to work with.
#[derive(Debug, Clone, Copy)]
pub struct RenderJob<'a> {
    /// The programs to run.
    pub tools: &'a Tools,
    /// What an upload may cost and measure.
    pub limits: &'a Limits,
    /// The job's own folder, empty at the start. The only place children may write to.
    pub dir: &'a Path,
    /// The sources. The only other files children may read.
    pub files: &'a Files,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// An MP4 file in the job's folder.
    pub path: PathBuf,
    /// It was cut out of its source without encoding anything.
    pub copied: bool,
}

/// Renders an edit list. `progress` is called with 0 to 1, never backwards.
///
/// A list that does nothing but trim one source is copied out of it where the container allows; frames outside of the cut
/// that are needed to decode it are then hidden by an MP4 edit list, and the stages that follow encode what is seen.
///
/// # Errors
/// [`Error::Rejected`] when a source is at fault or too short, [`Error::Temporary`] when another try may work.
pub async fn render(
    job: &RenderJob<'_>,
    edit: &Edit,
    progress: impl FnMut(f32) + Send,
) -> Result<Rendered, Error> {
    let sources = Sources::inspect(job.tools, job.limits, job.dir, job.files).await?;
    render_inspected(job, edit, &sources, progress).await
}

/// As [`render`], with sources that were looked at before.
///
/// # Errors
/// As [`render`].
pub async fn render_inspected(
    job: &RenderJob<'_>,
    edit: &Edit,
    sources: &Sources,
    mut progress: impl FnMut(f32) + Send,
) -> Result<Rendered, Error> {
    sources.check(edit)?;
    let path = job.dir.join(FILE);
    if let Some((file, source, cut)) = trimmed_only(edit, sources) {
        let args = copy_arguments(file, source, &cut)?;
        run(job, edit, sources, args, source.bytes, |_| {}).await?;
        if end_copy(&path, edit, &cut).await? {
            progress(1.0);
            return Ok(Rendered { path, copied: true });
        }
        tracing::debug!(?cut, "a copy is not what was asked for; encoding");
    }
    let texts = paint_texts(job.dir, edit).await?;
    let abilities = Abilities { tone_mapping: job.tools.tone_mapping, rubberband: job.tools.rubberband };
    let composition = compose(edit, sources, &texts, abilities);
    let args = render_arguments(job, edit, &composition)?;
    let bytes = u64::from(video_kbit(edit) + AUDIO_KBIT) * 125 * u64::from(edit.duration_ms()) / 1000 * 2;
    run(job, edit, sources, args, bytes, progress).await?;
    let canvas = edit.list().canvas;
    check_made(&path, edit, (canvas.width, canvas.height)).await?;
    Ok(Rendered { path, copied: false })
}

/// The source and the part of it, when all that the list does is to cut it at both ends and copying can do that.
fn trimmed_only<'a>(edit: &Edit, sources: &'a Sources) -> Option<(&'a Path, &'a Source, Cut)> {
    let list = edit.list();
    let [segment] = list.segments.as_slice() else { return None };
    let plain = segment.speed == 1.0 && !segment.reverse && segment.volume == 1.0 && segment.crop.is_none();
    let alone = list.layout.kind == LayoutKind::Single
        && list.sound.is_none()
        && list.voice_over.is_empty()
        && list.texts.is_empty()
        && list.fade == Fade::default()
        && list.look == Look::None;
    let (path, source) = sources.clips.get(&Clip::of(segment)?)?;
    let video = &source.video;
    let shape = f64::from(video.width) / f64::from(video.height);
    let wanted = f64::from(list.canvas.width) / f64::from(list.canvas.height);
    let same_shape = (shape / wanted - 1.0).abs() <= SAME_SHAPE;
    // Only what plays in MP4 everywhere; the sound of others would have to be encoded, and the picture with it.
    let copyable = source.container == Container::Mp4
        && matches!(video.codec.as_str(), "h264" | "hevc")
        && source.audio.as_ref().is_none_or(|audio| audio.codec == "aac")
        && !video.edited
        && !video.damaged
        && !source.truncated;
    if !(plain && alone && same_shape && copyable) {
        return None;
    }
    let cut = Cut::of(&video.frames, video.frame_rate.fps(), (segment.start_ms, segment.end_ms))?;
    Some((path.as_path(), source, cut))
}

fn words(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

fn seconds(seconds: f64) -> OsString {
    format!("{seconds:.6}").into()
}

const MUXER: &[&str] = &[
    "-sn",
    "-dn",
    "-map_metadata",
    "-1",
    "-map_metadata:s",
    "-1",
    "-map_chapters",
    "-1",
    "-max_muxing_queue_size",
    "4096",
    "-fflags",
    "+bitexact",
    "-movflags",
    "+faststart",
    "-f",
    "mp4",
    FILE,
];

fn copy_arguments(file: &Path, source: &Source, cut: &Cut) -> Result<Vec<OsString>, Error> {
    let mut args = words(&encoder::GLOBAL);
    if cut.from_us > 0 {
        args.push("-ss".into());
        args.push(seconds(cut.from_us as f64 / 1e6));
    }
    args.extend(input_arguments(source.container, &absolute(file)?));
    // Packets are taken by when they are decoded, which is never later than when they are shown: all that is needed comes
    // along, and with it what is shown a little later.
    args.push("-t".into());
    args.push(seconds(cut.length_us as f64 / 1e6));
    args.extend(words(&["-map", &format!("0:{}", source.video.index)]));
    if let Some(audio) = &source.audio {
        args.extend(words(&["-map", &format!("0:{}", audio.index)]));
    }
    args.extend(words(&["-c", "copy"]));
    if let End::Closed(after_us) = cut.end {
        args.extend(words(&["-bsf:v", &format!("noise=drop=gte(pts*tb*1000000\\,{after_us})")]));
    }
    args.extend(words(MUXER));
    Ok(args)
}

fn render_arguments(
    job: &RenderJob<'_>,
    edit: &Edit,
    composition: &Composition,
) -> Result<Vec<OsString>, Error> {
    let mut args = words(&encoder::GLOBAL);
    let (threads, pixels) = (job.limits.threads().to_string(), job.limits.decoded_pixels().to_string());
    // Many decoders at once need memory for each thread, and only one of them works at a time.
    let parts = composition.inputs.iter().filter(|input| matches!(input, Input::Part { .. })).count();
    let decoding = if parts > 8 { "1" } else { threads.as_str() };
    for input in &composition.inputs {
        match input {
            Input::Part { container, path, from_s, length_s } => {
                args.extend(words(&["-threads", decoding, "-max_pixels", &pixels, "-ss"]));
                args.push(seconds(*from_s));
                args.push("-t".into());
                args.push(seconds(*length_s));
                args.extend(input_arguments(*container, &absolute(path)?));
            }
            Input::Text(number) => {
                args.extend(words(&["-threads", "1", "-f", "png_pipe", "-i", &text_file(*number)]));
            }
        }
    }
    let rate = composition.rate;
    let key_interval = (rate.fps() * 2.0).round().max(2.0).to_string();
    args.extend(words(&["-filter_complex", composition.graph.as_str()]));
    args.extend(words(&["-map", &composition.video.to_string()]));
    args.extend(words(&["-r", &format!("{}/{}", rate.frames, rate.seconds)]));
    let (preset, crf) = if is_final(edit) { ("veryfast", "22") } else { ("veryfast", "17") };
    let kbit = video_kbit(edit);
    args.extend(words(&["-c:v", "libx264", "-preset", preset, "-crf", crf]));
    args.extend(words(&["-maxrate", &format!("{kbit}k"), "-bufsize", &format!("{}k", kbit * 2)]));
    args.extend(words(&["-g", &key_interval, "-keyint_min", &key_interval, "-sc_threshold", "0"]));
    args.extend(words(&["-profile:v", "high", "-pix_fmt", "yuv420p", "-threads", &threads]));
    args.extend(words(&["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]));
    args.extend(words(&["-color_range", "tv"]));
    if let Some(audio) = composition.audio {
        args.extend(words(&["-map", &audio.to_string(), "-c:a", "aac"]));
        args.extend(words(&["-b:a", &format!("{AUDIO_KBIT}k")]));
    }
    args.extend(words(MUXER));
    Ok(args)
}

fn is_final(edit: &Edit) -> bool {
    let canvas = edit.list().canvas;
    canvas.width.min(canvas.height) <= FINAL_EDGE_MAX
}

/// Most kilobits of picture a second; a final file stays under the fast path's limit with its sound.
fn video_kbit(edit: &Edit) -> u32 {
    if is_final(edit) { 2_700 } else { 12_000 }
}

fn text_file(number: usize) -> String {
    format!("text-{number}.png")
}

/// Paints every text into a file of its own.
async fn paint_texts(dir: &Path, edit: &Edit) -> Result<Vec<Option<Picture>>, Error> {
    let list = edit.list();
    let (texts, canvas, dir) = (list.texts.clone(), list.canvas, dir.to_owned());
    let failed =
        |error: &dyn std::fmt::Display| Error::Temporary(format!("could not paint the texts: {error}"));
    tokio::task::spawn_blocking(move || -> std::io::Result<Vec<Option<Picture>>> {
        let mut pictures = Vec::with_capacity(texts.len());
        for (number, text) in texts.iter().enumerate() {
            let picture = text::paint(text, canvas);
            if let Some(picture) = &picture {
                picture.write_png(&dir.join(text_file(number)))?;
            }
            pictures.push(picture);
        }
        Ok(pictures)
    })
    .await
    .map_err(|error| failed(&error))?
    .map_err(|error| failed(&error))
}

async fn run(
    job: &RenderJob<'_>,
    edit: &Edit,
    sources: &Sources,
    args: Vec<OsString>,
    media_bytes: u64,
    progress: impl FnMut(f32) + Send,
) -> Result<(), Error> {
    let mut read = Vec::new();
    let voices = sources.voices.values().chain(&sources.sound).map(|(path, _)| path);
    for path in sources.clips.values().map(|(path, _)| path).chain(voices) {
        read.push(absolute(path)?);
    }
    let (dir, cpu) = (job.dir, cpu_allowed(job.limits, edit, sources));
    let encoding = Encoding { args, dir, read, cpu, media_bytes, duration_ms: edit.duration_ms() };
    encoder::run((job.tools, job.limits), encoding, progress, |_| ControlFlow::Continue(())).await?;
    Ok(())
}

/// CPU time by the costliest source, and some more for each cut: decoding begins at the key frame before it.
fn cpu_allowed(limits: &Limits, edit: &Edit, sources: &Sources) -> Duration {
    let pixels = sources.clips.values().map(|(_, source)| {
        let video = &source.video;
        f64::from(video.coded_width) * f64::from(video.coded_height) * video.fps_mean
    });
    let pixels = pixels.fold(0.0, f64::max);
    let read_ms: u64 =
        edit.list().segments.iter().map(|segment| u64::from(segment.end_ms - segment.start_ms) + 2_000).sum();
    let read_ms = u32::try_from(read_ms).unwrap_or(u32::MAX).max(edit.duration_ms());
    limits.encode_cpu(read_ms.min(limits.duration_max_ms.saturating_mul(4)), pixels * 1.5)
}

/// Ends a copy where its edit list has to, and tells whether it is the cut that was meant.
async fn end_copy(path: &Path, edit: &Edit, cut: &Cut) -> Result<bool, Error> {
    if cut.end == End::Hidden {
        let (file, length_ms) = (path.to_owned(), u32::try_from(cut.length_us / 1000).unwrap_or(u32::MAX));
        let ended = tokio::task::spawn_blocking(move || mp4::end_after(&file, length_ms)).await;
        if !ended.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))? {
            return Ok(false);
        }
    }
    let (movie, video) = made(path).await?;
    let long = movie.duration_ms.abs_diff(edit.duration_ms()) <= DURATION_TOLERANCE_MS;
    Ok(long && video.frames as usize >= cut.frames)
}

/// Holds the file against the plan.
async fn check_made(path: &Path, edit: &Edit, size: (u32, u32)) -> Result<(), Error> {
    let (movie, video) = made(path).await?;
    let long = movie.duration_ms.abs_diff(edit.duration_ms()) <= DURATION_TOLERANCE_MS;
    if size == (video.width, video.height) && long && video.frames > 0 {
        return Ok(());
    }
    tracing::warn!(movie.duration_ms, ?video, ?size, "a rendering is not what was asked for");
    Err(Failure::BrokenVideo.into())
}

/// What the index of the file says.
async fn made(path: &Path) -> Result<(Movie, VideoTrack), Error> {
    let read = path.to_owned();
    let movie = tokio::task::spawn_blocking(move || mp4::read(&read))
        .await
        .map_err(|error| unreadable(&error))?
        .map_err(|error| unreadable(&error))?;
    let movie = movie.and_then(|mut movie| movie.video.take().map(|video| (movie, video)));
    movie.ok_or_else(|| Failure::BrokenVideo.into())
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    Error::Temporary(format!("could not read a rendering: {error}"))
}
