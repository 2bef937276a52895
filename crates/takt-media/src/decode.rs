//! Decoded material for analysis, and the files of sounds: what is heard alone, what is seen alone.
//!
//! Everything is made by the confined FFmpeg; what this hands on are plain numbers.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Job;
use crate::encode::sha256_file;
use crate::error::{Error, Failure};
use crate::inspect::{Container, absolute, input_arguments};
use crate::mp4;
use crate::process::{self, Invocation, Program};
use crate::sandbox::ResourceLimits;

/// CPU seconds for a minute of sound or small pictures; measured 0.2 and 1.5 (1080p).
const CPU_S: u64 = 120;
/// Bit rate of a sound's own file. AAC is transparent for nearly everything at this rate in stereo.
const SOUND_BIT_RATE: &str = "160k";
/// Room in a file beside its media.
const SLACK_BYTES: u64 = 1 << 20;
/// How much of a file's beginning tells what it is.
const HEAD_BYTES: u64 = 64;

/// A sound in a file of its own: M4A with AAC, index first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundFile {
    /// The file, in the job's folder.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
}

/// A rendition without its sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Muted {
    /// The file, in the job's folder.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// RFC 6381 `codecs` value.
    pub codec: String,
}

/// What kind of sound file the upload is by its first bytes; MP4 and Matroska may hold pictures as well, which are left
/// aside. `None` for anything else.
///
/// # Errors
/// [`Error::Temporary`] when the upload can not be read.
pub async fn sound_container(job: &Job<'_>) -> Result<Option<Container>, Error> {
    let path = job.source.to_owned();
    let head = tokio::task::spawn_blocking(move || {
        let mut head = Vec::new();
        File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head).map(|_| head)
    });
    let head = head.await.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))?;
    Ok(container(&head))
}

/// See [`sound_container`].
pub(crate) fn container(head: &[u8]) -> Option<Container> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    match head {
        _ if at(4, b"ftyp") => Some(Container::Mp4),
        _ if at(0, &[0x1A, 0x45, 0xDF, 0xA3]) => Some(Container::Matroska),
        _ if at(0, b"OggS") => Some(Container::Ogg),
        _ if at(0, b"fLaC") => Some(Container::Flac),
        _ if at(0, b"RIFF") && at(8, b"WAVE") => Some(Container::Wav),
        // ISO/IEC 11172-3, 2.4.1.3: the sync word, then version and layer; layer III is 01.
        [0xFF, second, ..] if second & 0xE6 == 0xE2 => Some(Container::Mp3),
        _ if at(0, b"ID3") => Some(Container::Mp3),
        _ => None,
    }
}

/// The first sound of `file`, mono, at `rate` samples a second, at most `limit_ms` long. Empty when it has none.
///
/// # Errors
/// [`Error::Rejected`] when it can not be decoded.
pub async fn samples(
    job: &Job<'_>,
    container: Container,
    file: &Path,
    rate: u32,
    limit_ms: u32,
) -> Result<Vec<f32>, Error> {
    let rate_text = rate.to_string();
    let bytes_max = u64::from(rate) * 4 * u64::from(limit_ms) / 1000 + SLACK_BYTES;
    let sound = ["-map", "0:a:0?", "-vn", "-sn", "-dn", "-ac", "1", "-ar", &rate_text, "-c:a", "pcm_f32le"];
    let name = "samples.f32";
    let out = ["-f", "f32le", name];
    // Without a sound FFmpeg refuses to write a file; that is no failure of the upload's.
    match run(job, container, file, &length(limit_ms), &[&sound[..], &out[..]], bytes_max).await {
        Err(Error::Rejected(_)) if !has_sound(job, file).await => return Ok(Vec::new()),
        ended => ended?,
    }
    let bytes = take(job.dir.join(name)).await?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|sample| f32::from_le_bytes(*sample)).collect())
}

/// Whether the file, if it is an MP4 of ours, says that it has sound.
async fn has_sound(job: &Job<'_>, file: &Path) -> bool {
    let file = job.dir.join(file);
    let movie = tokio::task::spawn_blocking(move || mp4::read(&file)).await;
    !matches!(movie, Ok(Ok(Some(movie))) if movie.audio.is_none())
}

/// Small grey frames of a rendition, `edge` pixels square, `per_second` of them: one byte a pixel, frame after frame.
///
/// # Errors
/// [`Error::Rejected`] when nothing can be decoded.
pub async fn grey_frames(
    job: &Job<'_>,
    rendition: &Path,
    edge: u32,
    per_second: u32,
) -> Result<Vec<u8>, Error> {
    let filter = format!("fps={per_second},scale={edge}:{edge}:flags=area,format=gray");
    let name = "frames.gray";
    let frames = u64::from(per_second) * u64::from(job.limits.duration_max_ms) / 1000 + 60;
    let bytes_max = u64::from(edge) * u64::from(edge) * frames + SLACK_BYTES;
    let output = ["-map", "0:v:0", "-vf", &filter, "-f", "rawvideo", name];
    run(job, Container::Mp4, rendition, &length(job.limits.duration_max_ms), &[&output], bytes_max).await?;
    take(job.dir.join(name)).await
}

/// The sound of `file` in a file of its own: copied where it is the AAC of a rendition, encoded otherwise.
///
/// # Errors
/// [`Error::Rejected`] when it has no sound that can be decoded.
pub async fn sound_file(
    job: &Job<'_>,
    container: Container,
    file: &Path,
    is_rendition: bool,
    limit_ms: u32,
) -> Result<SoundFile, Error> {
    let name = "sound.m4a";
    let encode = ["-c:a", "aac", "-b:a", SOUND_BIT_RATE, "-ac", "2", "-ar", "48000"];
    let coding = if is_rendition { &["-c:a", "copy"][..] } else { &encode[..] };
    let strip =
        ["-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"];
    // `ipod` is FFmpeg's name for an MP4 that says it is sound alone.
    let out = ["-movflags", "+faststart", "-f", "ipod", name];
    let choose = ["-map", "0:a:0", "-vn", "-sn", "-dn"];
    // 320 kb/s at most, whatever was copied.
    let bytes_max = 40 * u64::from(limit_ms) + SLACK_BYTES;
    run(job, container, file, &length(limit_ms), &[&choose, coding, &strip, &out], bytes_max).await?;
    let path = job.dir.join(name);
    let (sha256, bytes) = sha256_file(&path).await.map_err(|_| Error::Rejected(Failure::BrokenVideo))?;
    Ok(SoundFile { path, sha256, bytes })
}

/// The rendition again with its picture copied and without its sound.
///
/// # Errors
/// [`Error::Rejected`] when it is no rendition.
pub async fn without_sound(job: &Job<'_>, rendition: &Path) -> Result<Muted, Error> {
    let name = "muted.mp4";
    let rendition_bytes =
        tokio::fs::metadata(rendition).await.map_err(|error| unreadable(&error))?.len() + SLACK_BYTES;
    let output =
        ["-map", "0:v:0", "-an", "-sn", "-dn", "-c:v", "copy", "-map_metadata", "-1", "-fflags", "+bitexact"];
    let out = ["-movflags", "+faststart", "-f", "mp4", name];
    run(job, Container::Mp4, rendition, &[], &[&output, &out], rendition_bytes).await?;
    let path = job.dir.join(name);
    let read = path.clone();
    let movie =
        tokio::task::spawn_blocking(move || mp4::read(&read)).await.map_err(|error| unreadable(&error))?;
    let movie = movie.map_err(|error| unreadable(&error))?;
    let Some(movie) = movie.filter(|movie| movie.audio.is_none() && movie.video.is_some()) else {
        return Err(Failure::BrokenVideo.into());
    };
    let (sha256, bytes) = sha256_file(&path).await.map_err(|error| unreadable(&error))?;
    Ok(Muted { path, sha256, bytes, codec: movie.codecs() })
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    Error::Temporary(format!("could not read a file of a job: {error}"))
}

/// The option that ends an output after so long.
fn length(limit_ms: u32) -> [String; 2] {
    ["-t".to_owned(), format!("{}.{:03}", limit_ms / 1000, limit_ms % 1000)]
}

/// Runs FFmpeg from `file` to one output in the job's folder, at most `bytes_max` large.
async fn run(
    job: &Job<'_>,
    container: Container,
    file: &Path,
    length: &[String],
    output: &[&[&str]],
    bytes_max: u64,
) -> Result<(), Error> {
    let file = absolute(file)?;
    let pixels = job.limits.decoded_pixels().to_string();
    let mut args: Vec<OsString> =
        ["-nostdin", "-hide_banner", "-v", "error", "-y", "-threads", "1", "-max_pixels", &pixels]
            .map(OsString::from)
            .into();
    args.extend(input_arguments(container, &file));
    args.extend(length.iter().map(OsString::from));
    args.extend(output.iter().flat_map(|part| part.iter().map(OsString::from)));
    let invocation = Invocation {
        program: Program::Ffmpeg,
        args,
        dir: job.dir,
        read: vec![file],
        writes: true,
        limits: ResourceLimits {
            memory_bytes: job.limits.probe_memory_bytes,
            cpu_s: CPU_S,
            file_bytes: bytes_max,
        },
        wall: Duration::from_secs(CPU_S * 3),
        silence: None,
    };
    let outcome = process::run(job.tools, invocation, |_| ControlFlow::Continue(())).await?;
    if outcome.succeeded() { Ok(()) } else { Err(outcome.error(Failure::BrokenVideo)) }
}

/// Reads a file of the job's folder and removes it.
async fn take(path: PathBuf) -> Result<Vec<u8>, Error> {
    let bytes = tokio::fs::read(&path).await.map_err(|error| unreadable(&error))?;
    tokio::fs::remove_file(&path).await.map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_files_are_known_by_their_first_bytes() {
        for (head, expected) in [
            (&b"\0\0\0\x20ftypM4A "[..], Some(Container::Mp4)),
            (b"OggS\0\x02", Some(Container::Ogg)),
            (b"fLaC\0\0", Some(Container::Flac)),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(Container::Wav)),
            (b"RIFF\0\0\0\0AVI LIST", None),
            (b"ID3\x04\0", Some(Container::Mp3)),
            (b"\xff\xfb\x90\0", Some(Container::Mp3)),
            (b"\xff\xd8\xff\xe0", None),
            (b"#EXTM3U\n", None),
            (b"", None),
        ] {
            assert_eq!(container(head), expected, "{head:?}");
        }
    }
}
