//! Makes renditions: the first playable file, then the others.

use std::ffi::OsString;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Job;
use crate::encoder::{self, Encoding};
use crate::error::{Error, Failure};
use crate::filters::{self, Levels};
use crate::inspect::{Container, Source, absolute, input_arguments};
use crate::mp4;
use crate::plan::{AudioPlan, First, Plan, Rung};
use crate::process::Outcome;
use crate::sound::{self, Listener, Sound, gain_db};

/// A copied sound that is off the target by more than this is levelled in the second stage, in decibels.
const LEVEL_TOLERANCE_DB: f64 = 1.5;
/// The part of its source's length that a rendition has at least; with less decoded the source counts as broken.
const LENGTH_KEPT_MIN: f64 = 0.5;

/// One encoded quality of a video: a progressive MP4 file, index first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rendition {
    /// The file, in the job's folder.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// RFC 6381 `codecs` value, such as `avc1.64001f,mp4a.40.2`.
    pub codec: String,
    /// Length in milliseconds.
    pub duration_ms: u32,
    /// Frames a second, mean over the file.
    pub fps: f32,
    /// It has sound.
    pub has_audio: bool,
    /// Gain that was applied to the sound, in decibels; 0 when it was copied.
    pub gain_db: f64,
    /// It is the first rendition again with its sound levelled: publish it in place of the first.
    pub replaces_first: bool,
    /// What the upload sounds like. Only on the first rendition, and only when it has sound.
    pub sound: Option<Sound>,
}

/// Makes the first playable file. `progress` is called with 0 to 1, never backwards.
///
/// A file with that name from an earlier try is overwritten.
///
/// # Errors
/// [`Error::Rejected`] when the upload can not be converted, [`Error::Temporary`] when another try may work.
pub async fn first_rendition(
    job: &Job<'_>,
    source: &Source,
    plan: &Plan,
    progress: impl FnMut(f32) + Send,
) -> Result<Rendition, Error> {
    let path = job.dir.join("first.mp4");
    let mut args = Args::new(job)?;
    let mut sound = None;
    let mut gain = 0.0;
    let listens = matches!(plan.first, First::Copy(AudioPlan::Copy)) && source.audio.is_some();
    if listens {
        // The summary of the loudness is printed as information.
        args.global(&["-v", "info", "-nostats"]);
    } else {
        sound = sound::listen(job, source).await?;
        gain = gain_db(sound.as_ref().and_then(|sound| sound.loudness), plan.loudness_target_lufs);
    }
    args.input(source.container, &args.source.clone());
    let video = format!("0:{}", source.video.index);
    args.push(&["-map", &video]);
    let file_bytes = match &plan.first {
        First::Copy(_) => {
            args.push(&["-c:v", "copy"]);
            source.bytes
        }
        First::Encode(rung) => {
            let filter = filters::video(source, rung, job.tools.tone_mapping);
            args.push(&["-vf", &filter]);
            args.encoder(job, source, rung);
            rendition_bytes(rung, plan)
        }
    };
    args.audio(source, plan, gain);
    args.file(job, plan, "first.mp4");
    if let (true, Some(audio)) = (listens, &source.audio) {
        args.rest.extend(sound::listening_outputs(audio));
    }
    let mut listener = Listener::default();
    let outcome = args.run(job, source, plan, file_bytes, progress, |line| listener.line(line)).await?;
    if listens {
        sound = Some(listener.finish(&outcome.stderr));
    }
    let expected = match &plan.first {
        First::Copy(_) => (source.video.coded_width, source.video.coded_height),
        First::Encode(rung) => (rung.width, rung.height),
    };
    let mut rendition = examine(job, source, &path, expected).await?;
    rendition.gain_db = if rendition.has_audio { gain } else { 0.0 };
    rendition.sound = sound;
    Ok(rendition)
}

/// Makes the other renditions of the plan, decoding the upload once, and takes the sound over from `first`.
///
/// When the first rendition kept the upload's own sound and that is too loud or too quiet, the first file of the answer
/// is the first rendition with its sound levelled ([`Rendition::replaces_first`]). Empty when there is nothing to do.
/// Works again from the upload alone when the first rendition's file is gone from the job's folder.
///
/// # Errors
/// As for [`first_rendition`].
pub async fn further_renditions(
    job: &Job<'_>,
    source: &Source,
    plan: &Plan,
    first: &Rendition,
    mut progress: impl FnMut(f32) + Send,
) -> Result<Vec<Rendition>, Error> {
    let mut made = Vec::new();
    let mut sound_from = first.has_audio && first.path.starts_with(job.dir) && first.path.is_file();
    let mut sound_file = first.path.clone();
    let mut gain = first.gain_db;
    if let Some(loudness) = first.sound.as_ref().and_then(|sound| sound.loudness)
        && matches!(plan.first, First::Copy(AudioPlan::Copy))
    {
        let wanted = gain_db(Some(loudness), plan.loudness_target_lufs);
        if wanted.abs() > LEVEL_TOLERANCE_DB && sound_from {
            let levelled = level(job, source, plan, first, wanted).await?;
            sound_file.clone_from(&levelled.path);
            made.push(levelled);
            gain = wanted;
        } else if !sound_from {
            gain = wanted;
        }
    }
    if plan.further.is_empty() {
        progress(1.0);
        return Ok(made);
    }
    sound_from &= source.audio.is_some();
    let mut args = Args::new(job)?;
    args.input(source.container, &args.source.clone());
    if sound_from {
        args.input(Container::Mp4, &absolute(&sound_file)?);
    }
    let graph = filters::cascade(source, &plan.further, job.tools.tone_mapping);
    args.push(&["-filter_complex", &graph]);
    for (number, rung) in plan.further.iter().enumerate() {
        args.push(&["-map", &format!("[v{number}]")]);
        args.encoder(job, source, rung);
        if sound_from {
            args.push(&["-map", "1:a:0", "-c:a", "copy"]);
        } else if source.audio.is_some() {
            args.encoded_audio(source, plan, gain);
        }
        args.file(job, plan, &further_name(number));
    }
    let file_bytes = plan.further.iter().map(|rung| rendition_bytes(rung, plan)).max().unwrap_or(0);
    args.run(job, source, plan, file_bytes, progress, |_| ControlFlow::Continue(())).await?;
    for (number, rung) in plan.further.iter().enumerate() {
        let path = job.dir.join(further_name(number));
        let mut rendition = examine(job, source, &path, (rung.width, rung.height)).await?;
        rendition.gain_db = if rendition.has_audio { gain } else { 0.0 };
        made.push(rendition);
    }
    Ok(made)
}

fn further_name(number: usize) -> String {
    format!("further-{number}.mp4")
}

/// The first rendition again, its picture copied and its sound brought to the target.
async fn level(
    job: &Job<'_>,
    source: &Source,
    plan: &Plan,
    first: &Rendition,
    gain: f64,
) -> Result<Rendition, Error> {
    let mut args = Args::new(job)?;
    args.input(Container::Mp4, &absolute(&first.path)?);
    let filter = filters::audio(gain);
    let bit_rate = format!("{}k", plan.audio_kbit);
    args.push(&["-map", "0:v:0", "-c:v", "copy", "-map", "0:a:0", "-af", &filter]);
    args.push(&["-c:a", "aac", "-b:a", &bit_rate]);
    args.file(job, plan, "levelled.mp4");
    let file_bytes = first.bytes + u64::from(plan.audio_kbit) * 125 * u64::from(plan.duration_ms) / 1000;
    args.run(job, source, plan, file_bytes, |_| {}, |_| ControlFlow::Continue(())).await?;
    let path = job.dir.join("levelled.mp4");
    let mut rendition = examine(job, source, &path, (first.width, first.height)).await?;
    rendition.gain_db = gain;
    rendition.replaces_first = true;
    Ok(rendition)
}

/// Twice what the encoder's rate limit gives, because the limit is kept over windows, not exactly.
fn rendition_bytes(rung: &Rung, plan: &Plan) -> u64 {
    u64::from(rung.kbit_max + plan.audio_kbit) * 125 * u64::from(plan.duration_ms) / 1000 * 2
}

/// The arguments of one FFmpeg call.
struct Args {
    global: Vec<OsString>,
    rest: Vec<OsString>,
    source: PathBuf,
    read: Vec<PathBuf>,
    threads: String,
    pixels: String,
}

impl Args {
    fn new(job: &Job<'_>) -> Result<Self, Error> {
        Ok(Self {
            global: encoder::GLOBAL.map(OsString::from).into(),
            rest: Vec::new(),
            source: absolute(job.source)?,
            read: Vec::new(),
            threads: job.limits.threads().to_string(),
            pixels: job.limits.decoded_pixels().to_string(),
        })
    }

    fn global(&mut self, args: &[&str]) {
        self.global.extend(args.iter().map(OsString::from));
    }

    fn push(&mut self, args: &[&str]) {
        self.rest.extend(args.iter().map(OsString::from));
    }

    fn input(&mut self, container: Container, file: &Path) {
        let threads = self.threads.clone();
        let pixels = self.pixels.clone();
        self.push(&["-threads", &threads, "-max_pixels", &pixels]);
        self.rest.extend(input_arguments(container, file));
        self.read.push(file.to_owned());
    }

    fn encoder(&mut self, job: &Job<'_>, source: &Source, rung: &Rung) {
        let key_interval = (rung.frame_rate.fps() * 2.0).round().max(2.0).to_string();
        let (crf, threads) = (rung.crf.to_string(), job.limits.threads().to_string());
        let (most, buffer) = (format!("{}k", rung.kbit_max), format!("{}k", rung.kbit_max * 2));
        self.push(&[
            "-c:v",
            "libx264",
            "-preset",
            &rung.preset,
            "-crf",
            &crf,
            "-maxrate",
            &most,
            "-bufsize",
            &buffer,
        ]);
        // A key frame every two seconds exactly, so that later packaging into segments is a plain copy.
        self.push(&["-g", &key_interval, "-keyint_min", &key_interval, "-sc_threshold", "0"]);
        self.push(&["-profile:v", "high", "-pix_fmt", "yuv420p", "-threads", &threads]);
        let Levels { matrix, primaries, transfer } = filters::levels(source);
        self.push(&["-colorspace", matrix, "-color_primaries", primaries, "-color_trc", transfer]);
        self.push(&["-color_range", "tv"]);
    }

    fn audio(&mut self, source: &Source, plan: &Plan, gain: f64) {
        let Some(audio) = &source.audio else { return };
        match plan.first {
            First::Copy(AudioPlan::None) => {}
            First::Copy(AudioPlan::Copy) => {
                self.push(&["-map", &format!("0:{}", audio.index), "-c:a", "copy"]);
            }
            First::Copy(AudioPlan::Encode) | First::Encode(_) => self.encoded_audio(source, plan, gain),
        }
    }

    fn encoded_audio(&mut self, source: &Source, plan: &Plan, gain: f64) {
        let Some(audio) = &source.audio else { return };
        let (stream, bit_rate) = (format!("0:{}", audio.index), format!("{}k", plan.audio_kbit));
        self.push(&["-map", &stream, "-af", &filters::audio(gain), "-c:a", "aac", "-b:a", &bit_rate]);
    }

    /// Ends one output: nothing but picture and sound, index first.
    fn file(&mut self, job: &Job<'_>, plan: &Plan, name: &str) {
        let end_ms = plan.duration_ms.min(job.limits.duration_max_ms);
        let end = format!("{}.{:03}", end_ms / 1000, end_ms % 1000);
        self.push(&["-sn", "-dn", "-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1"]);
        self.push(&["-t", &end, "-max_muxing_queue_size", "2048", "-fflags", "+bitexact"]);
        self.push(&["-movflags", "+faststart", "-f", "mp4", name]);
    }

    async fn run(
        self,
        job: &Job<'_>,
        source: &Source,
        plan: &Plan,
        media_bytes: u64,
        progress: impl FnMut(f32) + Send,
        on_line: impl FnMut(&str) -> ControlFlow<()> + Send,
    ) -> Result<Outcome, Error> {
        let video = &source.video;
        let pixels = f64::from(video.coded_width) * f64::from(video.coded_height) * video.fps_mean;
        let cpu = job.limits.encode_cpu(source.duration_ms, pixels);
        let mut args = self.global;
        args.extend(self.rest);
        let (dir, read, duration_ms) = (job.dir, self.read, plan.duration_ms);
        let encoding = Encoding { args, dir, read, cpu, media_bytes, duration_ms };
        encoder::run((job.tools, job.limits), encoding, progress, on_line).await
    }
}

/// Checks a finished file against what it should be and describes it.
async fn examine(
    job: &Job<'_>,
    source: &Source,
    path: &Path,
    expected: (u32, u32),
) -> Result<Rendition, Error> {
    let unreadable =
        |error: &dyn std::fmt::Display| Error::Temporary(format!("could not read a rendition: {error}"));
    let read = path.to_owned();
    let movie = tokio::task::spawn_blocking(move || mp4::read(&read))
        .await
        .map_err(|error| unreadable(&error))?
        .map_err(|error| unreadable(&error))?;
    let Some(movie) = movie else { return Err(Failure::BrokenVideo.into()) };
    let codec = movie.codecs();
    let Some(video) = movie.video else { return Err(Failure::BrokenVideo.into()) };
    let long =
        job.limits.duration_max_ms.saturating_add(job.limits.duration_tolerance_ms).saturating_add(500);
    let kept = |made_ms: u32, of_ms: u32| f64::from(made_ms) >= f64::from(of_ms) * LENGTH_KEPT_MIN;
    let whole =
        kept(movie.duration_ms, source.duration_ms) && kept(video.duration_ms, source.video.duration_ms);
    if (video.width, video.height) != expected
        || video.frames == 0
        || movie.duration_ms > long
        || !movie.fast_start
    {
        tracing::warn!(?movie.duration_ms, ?video, ?expected, "a rendition is not what was asked for");
        return Err(Failure::BrokenVideo.into());
    }
    if !whole || movie.duration_ms < job.limits.duration_min_ms.saturating_sub(100) {
        return Err(if source.truncated { Failure::Truncated } else { Failure::BrokenVideo }.into());
    }
    let (sha256, bytes) = sha256_file(path).await.map_err(|error| unreadable(&error))?;
    Ok(Rendition {
        path: path.to_owned(),
        sha256,
        bytes,
        width: video.width,
        height: video.height,
        codec,
        duration_ms: movie.duration_ms,
        fps: (f64::from(video.frames) * 1000.0 / f64::from(video.duration_ms.max(1))) as f32,
        has_audio: movie.audio.is_some(),
        gain_db: 0.0,
        replaces_first: false,
        sound: None,
    })
}

/// SHA-256 in hexadecimal and length of a file.
pub(crate) async fn sha256_file(path: &Path) -> io::Result<(String, u64)> {
    let path = path.to_owned();
    let hash = move || {
        let mut file = std::fs::File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0_u8; 128 << 10];
        let mut bytes = 0_u64;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((hex::encode(hasher.finalize()), bytes));
            }
            hasher.update(&buffer[..count]);
            bytes += count as u64;
        }
    };
    tokio::task::spawn_blocking(hash).await.map_err(io::Error::other)?
}
