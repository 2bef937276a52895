//! A still of a rendition and its ThumbHash, in one process.

use std::ffi::OsString;
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

/// Longest edge of the picture that a ThumbHash is made from; the hash itself holds fewer details.
const THUMB_EDGE: u32 = 48;
/// A still this close to the end may have no frame after it.
const END_MARGIN_MS: u32 = 150;
/// A poster may take this much CPU time; measured 0.1 s.
const CPU_S: u64 = 30;

/// A still picture of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Poster {
    /// A JPEG file in the job's folder.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// [ThumbHash](https://evanw.github.io/thumbhash/): some 25 bytes that show a blurred picture until the still is there.
    pub thumbhash: Vec<u8>,
}

/// Takes the frame of `rendition` at `at_ms`, which is moved to the nearest place that has one.
///
/// The still of time 0 equals the first frame played, so that nothing jumps when playing starts.
///
/// # Errors
/// [`Error::Rejected`] when no frame can be decoded, which for a remuxed upload is found out here.
pub async fn poster(job: &Job<'_>, rendition: &Path, at_ms: u32) -> Result<Poster, Error> {
    let rendition = absolute(rendition)?;
    let unreadable =
        |error: &dyn std::fmt::Display| Error::Temporary(format!("could not read a rendition: {error}"));
    let read = rendition.clone();
    let movie = tokio::task::spawn_blocking(move || mp4::read(&read))
        .await
        .map_err(|error| unreadable(&error))?
        .map_err(|error| unreadable(&error))?;
    let (Some(video), duration_ms) = movie.map_or((None, 0), |movie| (movie.video, movie.duration_ms)) else {
        return Err(Failure::BrokenVideo.into());
    };
    let at_ms = at_ms.min(video.duration_ms.min(duration_ms).saturating_sub(END_MARGIN_MS));
    let (width, height) = (video.width, video.height);
    match still(job, &rendition, at_ms, (width, height)).await {
        Err(Error::Rejected(_)) if at_ms > 0 => still(job, &rendition, 0, (width, height)).await,
        result => result,
    }
}

async fn still(
    job: &Job<'_>,
    rendition: &Path,
    at_ms: u32,
    (width, height): (u32, u32),
) -> Result<Poster, Error> {
    let name = format!("poster-{at_ms}.jpg");
    let thumb_name = format!("poster-{at_ms}.rgba");
    let (thumb_width, thumb_height) = thumb_size(width, height);
    let pixels = job.limits.decoded_pixels().to_string();
    let mut args: Vec<OsString> =
        ["-nostdin", "-hide_banner", "-v", "error", "-y", "-threads", "1", "-max_pixels", &pixels, "-ss"]
            .map(OsString::from)
            .into();
    args.push(format!("{}.{:03}", at_ms / 1000, at_ms % 1000).into());
    args.extend(input_arguments(Container::Mp4, rendition));
    // JPEG is BT.601 in full range by its own rule, whatever the video was.
    let still = "scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p";
    let thumb = format!("scale={thumb_width}:{thumb_height}:flags=area,format=rgba");
    let outputs = [
        "-map",
        "0:v:0",
        "-frames:v",
        "1",
        "-vf",
        still,
        "-c:v",
        "mjpeg",
        "-q:v",
        "4",
        "-map_metadata",
        "-1",
        "-fflags",
        "+bitexact",
        "-flags:v",
        "+bitexact",
        "-f",
        "image2",
        "-update",
        "1",
        &name,
        "-map",
        "0:v:0",
        "-frames:v",
        "1",
        "-vf",
        &thumb,
        "-f",
        "rawvideo",
        &thumb_name,
    ];
    args.extend(outputs.into_iter().map(OsString::from));
    let invocation = Invocation {
        program: Program::Ffmpeg,
        args,
        dir: job.dir,
        read: vec![rendition.to_owned()],
        writes: true,
        limits: ResourceLimits {
            memory_bytes: job.limits.probe_memory_bytes,
            cpu_s: CPU_S,
            file_bytes: 4 * u64::from(width) * u64::from(height) + (1 << 20),
        },
        wall: Duration::from_secs(CPU_S * 3),
        silence: None,
    };
    let outcome = process::run(job.tools, invocation, |_| ControlFlow::Continue(())).await?;
    if !outcome.succeeded() {
        return Err(outcome.error(Failure::BrokenVideo));
    }
    let path = job.dir.join(name);
    let pixels = read_thumb(job.dir.join(thumb_name), thumb_width * thumb_height * 4).await?;
    let (sha256, bytes) = sha256_file(&path).await.map_err(|_| Error::Rejected(Failure::BrokenVideo))?;
    if bytes == 0 {
        return Err(Failure::BrokenVideo.into());
    }
    let thumbhash = thumbhash::rgba_to_thumb_hash(thumb_width as usize, thumb_height as usize, &pixels);
    Ok(Poster { path, sha256, width, height, thumbhash })
}

/// Reads the small picture and removes its file. Without a frame FFmpeg ends well and leaves an empty file or none.
async fn read_thumb(path: PathBuf, bytes: u32) -> Result<Vec<u8>, Error> {
    let length = tokio::fs::metadata(&path).await.map_or(0, |data| data.len());
    if length != u64::from(bytes) {
        return Err(Failure::BrokenVideo.into());
    }
    let failed = |error| Error::Temporary(format!("could not read a thumbnail: {error}"));
    let pixels = tokio::fs::read(&path).await.map_err(failed)?;
    tokio::fs::remove_file(&path).await.map_err(failed)?;
    if pixels.len() != bytes as usize {
        return Err(Failure::BrokenVideo.into());
    }
    Ok(pixels)
}

fn thumb_size(width: u32, height: u32) -> (u32, u32) {
    let (width, height) = (width.clamp(1, 1 << 16), height.clamp(1, 1 << 16));
    let long = width.max(height);
    ((width * THUMB_EDGE / long).max(1), (height * THUMB_EDGE / long).max(1))
}
