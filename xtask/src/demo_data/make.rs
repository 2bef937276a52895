//! Renders sample videos with FFmpeg, in the shape that Takt publishes without re-encoding.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result};

use super::catalogue::Clip;
use super::picture::Picture;
use super::{score, synth};
use crate::shell;

/// Frames per second.
pub(crate) const FPS: u32 = 30;

/// A folder in which clips are made.
pub(crate) struct Studio {
    dir: PathBuf,
    font: Option<PathBuf>,
    /// Each sound is encoded once; the clips that share it carry the very same packets.
    sounds: Mutex<BTreeMap<&'static str, Arc<OnceLock<PathBuf>>>>,
    encoding: Mutex<()>,
}

impl Studio {
    /// Opens a folder, which need not exist.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        let dir = dir.canonicalize().with_context(|| format!("resolving {}", dir.display()))?;
        Ok(Self { dir, font: find_font(), sounds: Mutex::default(), encoding: Mutex::default() })
    }

    /// Whether this machine can make a clip: those with words need a font.
    pub(crate) fn can_make(&self, clip: &Clip) -> bool {
        self.font.is_some() || !matches!(clip.picture, Picture::Words { .. })
    }

    /// Makes a clip and says where it is.
    ///
    /// # Errors
    /// Where FFmpeg fails.
    pub(crate) fn make(&self, clip: &Clip) -> Result<PathBuf> {
        let score = score::find(clip.sound).with_context(|| format!("no sound is called {}", clip.sound))?;
        let sound = self.sound(score)?;
        let graph = clip.picture.graph(clip, score, self.font.as_deref());
        let path = self.dir.join(format!("{}.mp4", clip.slug));
        let mut ffmpeg = ffmpeg();
        ffmpeg.arg("-i").arg(sound).arg("-filter_complex").arg(graph);
        ffmpeg.args(["-map", "[v]", "-map", "0:a", "-c:a", "copy"]);
        // What section "fast path" of the media rules asks for: H.264 High, 4:2:0, keyframes every 2 s, at most 3 Mbit/s.
        ffmpeg.args(["-r", &FPS.to_string(), "-c:v", "libx264", "-preset", "veryfast", "-crf", "24"]);
        ffmpeg.args(["-maxrate", "2200k", "-bufsize", "4400k", "-profile:v", "high", "-level", "4.0"]);
        ffmpeg.args(["-g", &(2 * FPS).to_string(), "-pix_fmt", "yuv420p", "-threads", "1"]);
        ffmpeg.args(["-map_metadata", "-1", "-movflags", "+faststart"]).arg(&path);
        shell::run_quietly(&mut ffmpeg).with_context(|| format!("making the sample video {}", clip.slug))?;
        Ok(path)
    }

    /// Deletes the folder.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub(crate) fn clear(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.dir).with_context(|| format!("deleting {}", self.dir.display()))
    }

    fn sound(&self, score: &'static score::Score) -> Result<PathBuf> {
        let cell = {
            let mut sounds = self.sounds.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(sounds.entry(score.slug).or_default())
        };
        // One encode at a time is enough: sounds are a small part of the work.
        let _guard = self.encoding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = cell.get() {
            return Ok(path.clone());
        }
        let path = self.encode_sound(score)?;
        Ok(cell.get_or_init(|| path).clone())
    }

    fn encode_sound(&self, score: &score::Score) -> Result<PathBuf> {
        let raw = self.dir.join(format!("{}.pcm", score.slug));
        let bytes: Vec<u8> = synth::render(score).into_iter().flat_map(i16::to_le_bytes).collect();
        std::fs::write(&raw, bytes).with_context(|| format!("writing {}", raw.display()))?;
        let path = self.dir.join(format!("{}.m4a", score.slug));
        let mut ffmpeg = ffmpeg();
        ffmpeg.args(["-f", "s16le", "-ar", &synth::RATE.to_string(), "-ac", "2", "-i"]).arg(&raw);
        ffmpeg.args(["-c:a", "aac", "-b:a", "128k", "-map_metadata", "-1"]).arg(&path);
        shell::run_quietly(&mut ffmpeg)?;
        std::fs::remove_file(&raw).with_context(|| format!("deleting {}", raw.display()))?;
        Ok(path)
    }
}

fn ffmpeg() -> std::process::Command {
    let mut command = shell::command("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-v", "error", "-y", "-fflags", "+bitexact"]);
    command
}

/// A bold font for the clips with words: fontconfig's answer, else where Debian keeps DejaVu.
fn find_font() -> Option<PathBuf> {
    let asked = shell::capture(shell::command("fc-match").args(["--format=%{file}", "sans:bold"])).ok();
    let usual = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf".to_owned();
    asked.into_iter().chain([usual]).map(PathBuf::from).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::CLIPS;
    use super::*;

    fn probe(path: &Path, entries: &str) -> String {
        let mut ffprobe = shell::command("ffprobe");
        ffprobe.args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries]);
        shell::capture(ffprobe.arg(path)).unwrap()
    }

    fn audio_hash(path: &Path) -> String {
        let mut ffmpeg = shell::command("ffmpeg");
        ffmpeg.args(["-v", "error", "-i"]).arg(path);
        shell::capture(ffmpeg.args(["-map", "0:a", "-c", "copy", "-f", "streamhash", "-"])).unwrap()
    }

    fn widest_keyframe_gap(path: &Path) -> f32 {
        let mut ffprobe = shell::command("ffprobe");
        ffprobe.args([
            "-v",
            "error",
            "-select_streams",
            "v",
            "-of",
            "csv=p=0",
            "-show_entries",
            "packet=pts_time,flags",
        ]);
        let packets = shell::capture(ffprobe.arg(path)).unwrap();
        let keyframes = packets.lines().filter(|line| line.contains(",K"));
        let times: Vec<f32> =
            keyframes.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        assert!(times.len() > 1);
        times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f32::max)
    }

    #[test]
    fn a_clip_has_the_shape_that_is_published_without_re_encoding_and_shares_its_sound() {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::open(dir.path()).unwrap();
        let mut sharing = CLIPS.iter().filter(|clip| clip.sound == "kitchen-beat" && studio.can_make(clip));
        let first = studio.make(sharing.next().unwrap()).unwrap();
        let second = studio.make(sharing.next().unwrap()).unwrap();
        for file in [&first, &second] {
            let shape =
                probe(file, "stream=codec_name,profile,pix_fmt,level,r_frame_rate,sample_aspect_ratio");
            assert!(shape.contains("h264,High,1:1,yuv420p,40,30/1"), "{shape}");
            assert!(shape.contains("aac,LC"), "{shape}");
            let bits_per_second: u64 = probe(file, "format=bit_rate").parse().unwrap();
            assert!(bits_per_second < 3_000_000, "{bits_per_second}");
            assert!(widest_keyframe_gap(file) <= 2.01);
        }
        assert_eq!(audio_hash(&first), audio_hash(&second));
    }
}
