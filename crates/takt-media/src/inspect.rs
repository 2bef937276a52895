//! Stage 0: what an upload is, measured, and whether it is taken.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Job;
use crate::error::{Error, Failure};
use crate::limits::Limits;
use crate::plan::FrameRate;
use crate::probe::{Bounds, Frame, Probe, Stop, Stream};
use crate::process::{self, Invocation, Program};
use crate::sandbox::ResourceLimits;
use crate::sniff::{self, Sniffed};

/// Video codecs taken, by FFmpeg's names for codecs.
const VIDEO_CODECS: &[&str] =
    &["h264", "hevc", "vp8", "vp9", "av1", "h263", "mpeg4", "mpeg2video", "mjpeg", "prores"];
/// Audio codecs taken; a stream in any other is left out. PCM comes on top in all its forms.
const AUDIO_CODECS: &[&str] = &[
    "aac",
    "mp3",
    "mp2",
    "opus",
    "vorbis",
    "amr_nb",
    "amr_wb",
    "flac",
    "alac",
    "ac3",
    "eac3",
    "adpcm_ima_wav",
    "adpcm_ms",
];
/// Decoders that may be opened, by FFmpeg's names for decoders. Everything else of FFmpeg's five hundred stays shut.
/// The last row is never decoded for a video, but ffprobe opens a decoder for each stream, covers and subtitles too.
const DECODERS: &str = "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,libdav1d,libaom-av1,av1,h263,mpeg4,mpeg2video,mjpeg,prores,\
    aac,mp3float,mp3,mp2float,mp2,opus,libopus,vorbis,libvorbis,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,\
    flac,alac,ac3,eac3,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,\
    pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,adpcm_ima_wav,adpcm_ms,\
    png,mov_text,srt,subrip,ass,ssa,webvtt,text,dvbsub,dvdsub,pgssub";
/// What ffprobe is to print. Packets are printed one a line, before the streams.
const ENTRIES: &str = "packet=stream_index,pts_time,dts_time,duration_time,size,flags:packet_side_data=:\
    stream=index,codec_type,codec_name,codec_tag_string,profile,level,width,height,pix_fmt,sample_aspect_ratio,\
    field_order,color_space,color_transfer,channels,sample_rate,nb_frames:stream_disposition=attached_pic,default:\
    stream_side_data=displaymatrix,rotation";

/// The containers taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// MP4, MOV, 3GP.
    Mp4,
    /// MKV, WebM.
    Matroska,
    /// AVI.
    Avi,
    /// MPEG transport stream.
    MpegTs,
    /// MP3, sound alone.
    Mp3,
    /// Ogg with Vorbis, Opus or FLAC, taken as sound alone.
    Ogg,
    /// FLAC, sound alone.
    Flac,
    /// WAV, sound alone.
    Wav,
}

impl Container {
    /// FFmpeg's name for the reader of this container. It is always named, so FFmpeg never guesses.
    pub(crate) fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::MpegTs => "mpegts",
            Self::Mp3 => "mp3",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Wav => "wav",
        }
    }
}

/// An upload that was looked at and is taken. All times are measured, none declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// What wraps the streams.
    pub container: Container,
    /// Size of the file.
    pub bytes: u64,
    /// From the first thing shown or heard to the last, in milliseconds.
    pub duration_ms: u32,
    /// The file breaks off: its index promises more than there is. What is there is used.
    pub truncated: bool,
    /// The picture.
    pub video: VideoSource,
    /// The sound, if there is any that can be read.
    pub audio: Option<AudioSource>,
}

impl Source {
    /// Whether the browsers of today show and play all of it: H.264 in MP4, VP8 and VP9 in WebM, 8 bits, 4:2:0.
    pub fn plays_in_browsers(&self) -> bool {
        let audio = self.audio.as_ref().map(|audio| audio.codec.as_str());
        let known = match self.container {
            Container::Mp4 => self.video.codec == "h264" && matches!(audio, None | Some("aac" | "mp3")),
            Container::Matroska => {
                matches!(self.video.codec.as_str(), "vp8" | "vp9")
                    && matches!(audio, None | Some("opus" | "vorbis"))
            }
            _ => false,
        };
        let plain = matches!(self.video.pixel_format.as_str(), "yuv420p" | "yuvj420p");
        known && plain && !self.truncated && !self.video.damaged
    }
}

/// The chosen picture stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoSource {
    /// Index of the stream in the file.
    pub index: u32,
    /// FFmpeg's name of the codec: `h264`, `hevc`, ...
    pub codec: String,
    /// FFmpeg's name of the profile: `High`, ...
    pub profile: String,
    /// Level as the codec counts it: 42 is 4.2 in H.264.
    pub level: i32,
    /// Width as coded.
    pub coded_width: u32,
    /// Height as coded.
    pub coded_height: u32,
    /// Width as shown: upright, with square pixels.
    pub width: u32,
    /// Height as shown: upright, with square pixels.
    pub height: u32,
    /// FFmpeg's name of the pixel format.
    pub pixel_format: String,
    /// Pixels are square.
    pub square_pixels: bool,
    /// The display matrix turns or mirrors the picture.
    pub transformed: bool,
    /// Fields instead of frames.
    pub interlaced: bool,
    /// PQ or HLG: needs mapping to standard range.
    pub hdr: bool,
    /// HLG rather than PQ.
    pub hdr_is_hlg: bool,
    /// FFmpeg's name of the colour matrix, empty when not stated.
    pub color_matrix: String,
    /// Frames for each second while the picture moves.
    pub frame_rate: FrameRate,
    /// Frames for each second over the whole clip.
    pub fps_mean: f64,
    /// Bits for each second over the whole clip.
    pub bit_rate: u64,
    /// The first frame can be decoded on its own.
    pub starts_with_key: bool,
    /// Longest time between key frames, in milliseconds.
    pub key_gap_ms: u32,
    /// From the first frame to the end of the last, in milliseconds. Sound may go on after that.
    pub duration_ms: u32,
    /// When the first frame is shown, counted from the beginning of the clip, in milliseconds.
    pub start_ms: u32,
    /// Its frames in the order they are decoded, counted from the beginning of the clip. Not kept with the rest.
    #[serde(skip)]
    pub frames: Vec<Frame>,
    /// An edit list hides some frames.
    pub edited: bool,
    /// Some packet is marked as damaged.
    pub damaged: bool,
}

/// The chosen sound stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioSource {
    /// Index of the stream in the file.
    pub index: u32,
    /// FFmpeg's name of the codec: `aac`, `opus`, ...
    pub codec: String,
    /// FFmpeg's name of the profile: `LC`, ...
    pub profile: String,
    /// Channels.
    pub channels: u32,
    /// Samples for each second.
    pub sample_rate: u32,
    /// When the first sample is heard, counted from the beginning of the clip, in milliseconds.
    pub start_ms: u32,
    /// Length in milliseconds.
    pub duration_ms: u32,
}

/// Looks at an upload: magic bytes, then every packet through ffprobe in the sandbox. Costs about 0.1 CPU s.
///
/// # Errors
/// [`Error::Rejected`] names what is wrong with the upload; [`Error::Temporary`] is worth another try.
pub async fn inspect(job: &Job<'_>) -> Result<Source, Error> {
    let sniffed = sniff(job).await?;
    let bounds = Bounds {
        packets_max: job.limits.packets_max,
        // Beyond this the exact length is of no interest to anybody.
        span_max_ms: job.limits.duration_max_ms.saturating_mul(4).saturating_add(60_000),
    };
    let invocation = Invocation {
        program: Program::Ffprobe,
        args: probe_arguments(sniffed.container, &absolute(job.source)?),
        dir: job.dir,
        read: vec![absolute(job.source)?],
        writes: false,
        limits: ResourceLimits {
            memory_bytes: job.limits.probe_memory_bytes,
            cpu_s: u64::from(job.limits.probe_cpu_s),
            file_bytes: 0,
        },
        wall: Duration::from_secs(u64::from(job.limits.probe_cpu_s) * 3),
        silence: None,
    };
    let mut probe = Probe::default();
    let outcome = process::run(job.tools, invocation, |line| probe.line(line, bounds)).await?;
    let probe = probe.finish();
    if !outcome.succeeded() && !outcome.stopped && probe.streams.is_empty() {
        let otherwise = match refused_decoder(&outcome.stderr) {
            Some(name) => Failure::UnsupportedFormat { found: format!("the codec {name}") },
            None if sniffed.cut_off => Failure::Truncated,
            None => Failure::BrokenVideo,
        };
        return Err(outcome.error(otherwise));
    }
    Ok(judge(&sniffed, probe, job.limits)?)
}

/// Name of the decoder that a file asked for and that is not on the list, as ffprobe complains of it.
pub(crate) fn refused_decoder(stderr: &str) -> Option<String> {
    let (before, _) = stderr.split_once(") not on whitelist")?;
    let (_, name) = before.rsplit_once("Codec (")?;
    Some(name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').take(40).collect())
}

async fn sniff(job: &Job<'_>) -> Result<Sniffed, Error> {
    let unreadable =
        |error: &dyn std::fmt::Display| Error::Temporary(format!("could not read the upload: {error}"));
    let path = job.source.to_owned();
    let limit_bytes = job.limits.bytes_max;
    let sniffed = tokio::task::spawn_blocking(move || -> io::Result<Result<Sniffed, Failure>> {
        let bytes = std::fs::metadata(&path)?.len();
        if bytes > limit_bytes {
            return Ok(Err(Failure::TooBig { bytes, limit_bytes }));
        }
        sniff::sniff(&path)
    })
    .await
    .map_err(|error| unreadable(&error))?
    .map_err(|error| unreadable(&error))?;
    Ok(sniffed?)
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize()
        .map_err(|error| Error::Temporary(format!("could not find {}: {error}", path.display())))
}

/// The options before an input that keep FFmpeg to one reader, one protocol and few decoders, and the input itself.
pub(crate) fn input_arguments(container: Container, file: &Path) -> Vec<OsString> {
    let demuxer = container.demuxer();
    let mut args: Vec<OsString> = [
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        demuxer,
        "-codec_whitelist",
        DECODERS,
        "-f",
        demuxer,
    ]
    .map(OsString::from)
    .into();
    args.push("-i".into());
    let mut url = OsString::from("file:");
    url.push(file);
    args.push(url);
    args
}

pub(crate) fn probe_arguments(container: Container, file: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["-v", "error", "-hide_banner", "-show_entries", ENTRIES, "-of", "compact"]
        .map(OsString::from)
        .into();
    args.extend(input_arguments(container, file));
    args
}

/// Chooses the streams and holds the measured values against the limits.
fn judge(sniffed: &Sniffed, probe: Probe, limits: &Limits) -> Result<Source, Failure> {
    let too_long = |duration_ms| Failure::TooLong { duration_ms, limit_ms: limits.duration_max_ms };
    match probe.stopped {
        Some(Stop::TooLong(span_ms)) => return Err(too_long(span_ms)),
        // Stopped before ffprobe described the streams; so many packets in a short clip are a frame bomb.
        Some(Stop::TooManyPackets) => {
            let fps = probe.densest_rate().min(1e9) as u32;
            return Err(if fps > limits.fps_max {
                Failure::FrameRateTooHigh { fps, limit_fps: limits.fps_max }
            } else {
                Failure::BrokenVideo
            });
        }
        None => {}
    }
    let streams = u32::try_from(probe.streams.len()).unwrap_or(u32::MAX);
    if streams > limits.streams_max {
        return Err(Failure::TooManyStreams { streams, limit_streams: limits.streams_max });
    }
    let video = choose_video(&probe.streams)?;
    let audio = choose_audio(&probe.streams);
    check_picture(video, limits)?;
    let missing = if sniffed.cut_off { Failure::Truncated } else { Failure::BrokenVideo };
    let (video_start, video_end) = video.packets.start().zip(video.packets.end()).ok_or(missing.clone())?;
    let heard = audio.and_then(|stream| Some((stream, stream.packets.start()?, stream.packets.end()?)));
    let start = heard.map_or(video_start, |(_, start, _)| start.min(video_start));
    let end = heard.map_or(video_end, |(_, _, end)| end.max(video_end));
    let duration_ms = milliseconds(end - start);
    let promised =
        |stream: &Stream| stream.frames_declared.is_some_and(|declared| declared > stream.packets.count);
    let truncated = sniffed.cut_off || promised(video) || audio.is_some_and(promised);
    if duration_ms > limits.duration_max_ms.saturating_add(limits.duration_tolerance_ms) {
        return Err(too_long(duration_ms));
    }
    if duration_ms < limits.duration_min_ms {
        let limit_ms = limits.duration_min_ms;
        return Err(if truncated { Failure::Truncated } else { Failure::TooShort { duration_ms, limit_ms } });
    }
    let mean = video.packets.rate().ok_or(missing)?;
    if mean > f64::from(limits.fps_max) + 1.0 {
        return Err(Failure::FrameRateTooHigh {
            fps: mean.min(1e9).ceil() as u32,
            limit_fps: limits.fps_max,
        });
    }
    Ok(Source {
        container: sniffed.container,
        bytes: sniffed.bytes,
        duration_ms,
        truncated,
        video: describe_video(
            video,
            mean,
            Span {
                origin: start,
                start_ms: milliseconds(video_start - start),
                duration_ms: milliseconds(video_end - video_start),
            },
        ),
        audio: heard.map(|(stream, heard_start, heard_end)| AudioSource {
            index: stream.index,
            codec: stream.codec.clone(),
            profile: stream.profile.clone(),
            channels: stream.channels,
            sample_rate: stream.sample_rate,
            start_ms: milliseconds(heard_start - start),
            duration_ms: milliseconds(heard_end - heard_start),
        }),
    })
}

/// The moving picture: most frames, then the one the file prefers, then the largest, then the first. Phones put a few
/// sharp stills as a second track beside the clip, sometimes stretched over all its length.
fn choose_video(streams: &[Stream]) -> Result<&Stream, Failure> {
    let pictures = || streams.iter().filter(|stream| stream.kind == "video" && !stream.attached_picture);
    // A single frame is a cover, whatever it is declared as.
    let moving = pictures().filter(|stream| stream.packets.count >= 2);
    let (known, unknown): (Vec<&Stream>, Vec<&Stream>) =
        moving.partition(|stream| VIDEO_CODECS.contains(&stream.codec.as_str()));
    let best = known.into_iter().max_by_key(|stream| {
        let area = u64::from(stream.width) * u64::from(stream.height);
        (stream.packets.count, stream.is_default, area, std::cmp::Reverse(stream.index))
    });
    match (best, unknown.first()) {
        (Some(stream), _) => Ok(stream),
        (None, Some(stream)) => {
            Err(Failure::UnsupportedFormat { found: format!("the codec {}", stream.codec) })
        }
        (None, None) => Err(Failure::NoVideoStream),
    }
}

pub(crate) fn choose_audio(streams: &[Stream]) -> Option<&Stream> {
    let readable = |stream: &&Stream| {
        stream.kind == "audio"
            && (AUDIO_CODECS.contains(&stream.codec.as_str()) || stream.codec.starts_with("pcm_"))
            && stream.packets.count > 0
            && (1..=8).contains(&stream.channels)
            && (4_000..=384_000).contains(&stream.sample_rate)
    };
    streams.iter().filter(readable).max_by_key(|stream| (stream.is_default, std::cmp::Reverse(stream.index)))
}

fn check_picture(video: &Stream, limits: &Limits) -> Result<(), Failure> {
    let (width, height) = (video.width, video.height);
    if width == 0 || height == 0 {
        return Err(Failure::BrokenVideo);
    }
    let too_many = |width: u32, height: u32| {
        width.max(height) > limits.edge_max || u64::from(width) * u64::from(height) > limits.pixels_max
    };
    if too_many(width, height) {
        let (limit_edge, limit_pixels) = (limits.edge_max, limits.pixels_max);
        return Err(Failure::TooManyPixels { width, height, limit_edge, limit_pixels });
    }
    let (shown_width, shown_height) = shown_size(video);
    if width.min(height).min(shown_width).min(shown_height) < limits.edge_min {
        return Err(Failure::TooFewPixels { width, height, limit_edge: limits.edge_min });
    }
    let (long, short) = (shown_width.max(shown_height), shown_width.min(shown_height));
    if long > short.saturating_mul(limits.aspect_max) {
        let limit_ratio = limits.aspect_max;
        return Err(Failure::BadAspect { width: shown_width, height: shown_height, limit_ratio });
    }
    Ok(())
}

/// Size as shown: pixels made square by stretching the width, then turned upright.
fn shown_size(video: &Stream) -> (u32, u32) {
    let (mut width, height) = (video.width, video.height);
    if let Some((across, down)) = video.pixel_aspect {
        let stretched = u64::from(width) * u64::from(across) / u64::from(down);
        width = u32::try_from(stretched).unwrap_or(u32::MAX).max(1);
    }
    // Quarter turns swap the sides; half turns and mirrors do not.
    let quarter_turn = (video.rotation.abs().rem_euclid(180.0) - 90.0).abs() < 45.0;
    if quarter_turn { (height, width) } else { (width, height) }
}

/// Where a stream lies on the clip's time line.
struct Span {
    /// The clip's beginning on the file's own time line, in microseconds.
    origin: i64,
    start_ms: u32,
    duration_ms: u32,
}

fn describe_video(video: &Stream, mean: f64, Span { origin, start_ms, duration_ms }: Span) -> VideoSource {
    let (width, height) = shown_size(video);
    let packets = &video.packets;
    let interval =
        |interval: Option<i64>| interval.filter(|micros| *micros > 0).map(|micros| 1e6 / micros as f64);
    VideoSource {
        index: video.index,
        codec: video.codec.clone(),
        profile: video.profile.clone(),
        level: video.level,
        coded_width: video.width,
        coded_height: video.height,
        width,
        height,
        pixel_format: video.pixel_format.clone(),
        square_pixels: video.pixel_aspect.is_none_or(|(across, down)| across == down),
        transformed: video.transformed || video.rotation != 0.0,
        interlaced: matches!(video.field_order.as_str(), "tt" | "bb" | "tb" | "bt"),
        hdr: matches!(video.color_transfer.as_str(), "smpte2084" | "arib-std-b67"),
        hdr_is_hlg: video.color_transfer == "arib-std-b67",
        color_matrix: if video.color_space == "unknown" { String::new() } else { video.color_space.clone() },
        frame_rate: FrameRate::measured(
            mean,
            interval(packets.median_interval()).unwrap_or(mean),
            interval(packets.short_interval()).unwrap_or(mean),
        ),
        fps_mean: mean,
        bit_rate: packets.bytes.saturating_mul(8_000) / u64::from(duration_ms.max(1)),
        starts_with_key: packets.starts_with_key,
        key_gap_ms: packets.key_gap().map_or(u32::MAX, milliseconds),
        duration_ms,
        start_ms,
        frames: packets.frames(origin),
        edited: packets.discarded > 0,
        damaged: packets.corrupt,
    }
}

/// Microseconds as milliseconds, rounded, never negative.
pub(crate) fn milliseconds(micros: i64) -> u32 {
    u32::try_from(micros.saturating_add(500).max(0) / 1000).unwrap_or(u32::MAX)
}
