//! What to make of an upload. Pure: the same source and settings give the same plan.

use serde::{Deserialize, Serialize};

use crate::inspect::{AudioSource, Container, Source};

/// Frame rates that cameras and films have, as fractions.
const STANDARD_RATES: [(u32, u32); 11] = [
    (12, 1),
    (15, 1),
    (24_000, 1_001),
    (24, 1),
    (25, 1),
    (30_000, 1_001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1_001),
    (60, 1),
];
/// A first frame or sample later than this is padded by an encode instead of copied with an edit list. Players differ
/// in how they show a picture that starts late; up to here nobody sees it.
const COPIED_OFFSET_MAX_MS: u32 = 40;

/// Frames a second as a fraction, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    /// Numerator.
    pub frames: u32,
    /// Denominator.
    pub seconds: u32,
}

impl FrameRate {
    /// As a number.
    pub fn fps(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds.max(1))
    }

    /// The rate behind measured distances of frames: `mean` over the whole clip, `median` of the distances, `busy` where
    /// frames are dense.
    pub(crate) fn measured(mean: f64, median: f64, busy: f64) -> Self {
        let steady = (mean - median).abs() <= 0.05 * median;
        // Variable rates (screens, dim light) take the rate of the moving parts; what stands still is repeated.
        let (rate, tolerance) = if steady { (mean, 0.004) } else { (busy.clamp(mean, mean.max(60.0)), 0.03) };
        Self::near(rate, tolerance)
    }

    fn near(rate: f64, tolerance: f64) -> Self {
        let rate = if rate.is_finite() { rate.clamp(0.1, 1000.0) } else { 25.0 };
        let distance =
            |&(frames, seconds): &(u32, u32)| (f64::from(frames) / f64::from(seconds) - rate).abs();
        let nearest = STANDARD_RATES.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        match nearest {
            Some((frames, seconds)) if distance(&(frames, seconds)) <= rate * tolerance => {
                Self { frames, seconds }
            }
            _ => Self { frames: (rate * 1000.0).round() as u32, seconds: 1000 },
        }
    }

    /// This rate, or the largest sensible one up to `fps_max`: a whole fraction where that keeps most of it (60 to 30,
    /// 50 to 25), the maximum itself otherwise.
    #[must_use]
    pub fn at_most(self, fps_max: u32) -> Self {
        let fps_max = fps_max.max(1);
        if self.fps() <= f64::from(fps_max) * 1.01 {
            return self;
        }
        let every = (self.fps() / (f64::from(fps_max) * 1.01)).ceil() as u32;
        let divided = Self { frames: self.frames, seconds: self.seconds.saturating_mul(every) };
        if divided.fps() >= 0.75 * f64::from(fps_max) {
            divided
        } else {
            Self { frames: fps_max, seconds: 1 }
        }
    }
}

/// How one kind of rendition is encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungSettings {
    /// Length of the shorter edge in pixels.
    pub edge: u32,
    /// Most frames a second.
    pub fps_max: u32,
    /// x264's preset.
    pub preset: String,
    /// x264's constant rate factor: lower is better and larger.
    pub crf: u32,
    /// Most kilobits a second.
    pub kbit_max: u32,
}

/// When an upload is published as it is, without encoding its picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FastPath {
    /// Longest shorter edge in pixels. 0 switches the fast path off.
    pub edge_max: u32,
    /// Most kilobits of picture a second.
    pub kbit_max: u32,
    /// Most frames a second.
    pub fps_max: u32,
    /// Longest time between key frames, in milliseconds.
    pub key_gap_max_ms: u32,
}

impl Default for FastPath {
    fn default() -> Self {
        Self { edge_max: 720, kbit_max: 3_000, fps_max: 60, key_gap_max_ms: 5_000 }
    }
}

/// What a cell makes of uploads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When an upload is published as it is.
    pub fast_path: FastPath,
    /// The rendition made first when the upload does not fit.
    pub first: RungSettings,
    /// The renditions made after that, largest first.
    pub further: Vec<RungSettings>,
    /// Kilobits of sound a second.
    pub audio_kbit: u32,
    /// Loudness aimed at, in LUFS.
    pub loudness_target_lufs: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let rung = |edge, fps_max, preset: &str, crf, kbit_max| RungSettings {
            edge,
            fps_max,
            preset: preset.into(),
            crf,
            kbit_max,
        };
        Self {
            fast_path: FastPath::default(),
            first: rung(540, 30, "veryfast", 25, 1_400),
            further: vec![rung(720, 60, "faster", 24, 2_500), rung(360, 30, "veryfast", 27, 600)],
            audio_kbit: 96,
            loudness_target_lufs: -14.0,
        }
    }
}

/// What happens to the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioPlan {
    /// There is none.
    None,
    /// Taken as it is.
    Copy,
    /// Levelled and encoded as AAC.
    Encode,
}

/// One rendition to encode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Frames a second.
    pub frame_rate: FrameRate,
    /// x264's preset.
    pub preset: String,
    /// x264's constant rate factor.
    pub crf: u32,
    /// Most kilobits of picture a second.
    pub kbit_max: u32,
}

/// How the first playable file is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum First {
    /// The picture is taken as it is.
    Copy(AudioPlan),
    /// The picture is encoded; the sound as well, when there is any.
    Encode(Rung),
}

/// What to make of one upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The first playable file.
    pub first: First,
    /// Renditions after that, largest first. May be empty.
    pub further: Vec<Rung>,
    /// Kilobits of sound a second, where it is encoded.
    pub audio_kbit: u32,
    /// Loudness aimed at, in LUFS.
    pub loudness_target_lufs: f64,
    /// Where the clip is cut, in milliseconds; the measured length when it is within the limit.
    pub duration_ms: u32,
}

/// Plans the renditions of `source`. Never scales up; keeps landscape landscape.
pub fn plan(source: &Source, settings: &Settings) -> Plan {
    let copied = fits(source, &settings.fast_path);
    let edge = source.video.width.min(source.video.height);
    let first = if copied {
        First::Copy(audio_plan(source.audio.as_ref()))
    } else {
        First::Encode(rung(source, &settings.first))
    };
    // What the first file gives already: its edge, and for a copy its rate.
    let (first_edge, first_fps) = match &first {
        First::Copy(_) => (edge, source.video.frame_rate.fps()),
        First::Encode(rung) => (rung.width.min(rung.height), rung.frame_rate.fps()),
    };
    let mut candidates: Vec<&RungSettings> = settings.further.iter().collect();
    if copied {
        // The size an encode would have started with is missing when the upload itself was larger.
        candidates.push(&settings.first);
    }
    let mut further: Vec<Rung> = Vec::new();
    for candidate in candidates {
        let next = rung(source, candidate);
        let next_edge = next.width.min(next.height);
        let larger =
            next_edge > first_edge || (next_edge == first_edge && next.frame_rate.fps() > first_fps * 1.2);
        // Three quarters at most: anything nearer costs an encode and saves nothing.
        let smaller = next_edge * 4 <= first_edge * 3;
        // A smaller copy of a small file helps nobody.
        let saves = !copied || source.video.bit_rate > u64::from(candidate.kbit_max) * 1_250;
        let doubled = further.iter().any(|made| made.width == next.width);
        if !doubled && ((larger && !copied) || (smaller && saves)) {
            further.push(next);
        }
    }
    further.sort_by_key(|rung| std::cmp::Reverse(u64::from(rung.width) * u64::from(rung.height)));
    Plan {
        first,
        further,
        audio_kbit: settings.audio_kbit,
        loudness_target_lufs: settings.loudness_target_lufs,
        duration_ms: source.duration_ms,
    }
}

/// Whether browsers play the picture as it is, at a rate and size that suit a feed.
fn fits(source: &Source, rules: &FastPath) -> bool {
    let video = &source.video;
    let played = source.container == Container::Mp4
        && video.codec == "h264"
        && video.pixel_format == "yuv420p"
        && matches!(video.profile.as_str(), "Constrained Baseline" | "Baseline" | "Main" | "High")
        && (9..=42).contains(&video.level)
        && !video.interlaced
        && !video.hdr;
    let upright = !video.transformed && video.square_pixels;
    let even = video.coded_width.is_multiple_of(2) && video.coded_height.is_multiple_of(2);
    let small = video.width.min(video.height) <= rules.edge_max
        && video.bit_rate <= u64::from(rules.kbit_max) * 1000
        && video.frame_rate.fps() <= f64::from(rules.fps_max) * 1.01
        && video.fps_mean <= f64::from(rules.fps_max) * 1.01;
    let seekable = video.starts_with_key && video.key_gap_ms <= rules.key_gap_max_ms;
    let whole = !source.truncated && !video.edited && !video.damaged;
    let together = video.start_ms <= COPIED_OFFSET_MAX_MS
        && source.audio.as_ref().is_none_or(|audio| audio.start_ms <= COPIED_OFFSET_MAX_MS);
    played && upright && even && small && seekable && whole && together
}

fn audio_plan(audio: Option<&AudioSource>) -> AudioPlan {
    match audio {
        None => AudioPlan::None,
        Some(audio) if audio.codec == "aac" && audio.profile == "LC" && audio.channels <= 2 => {
            AudioPlan::Copy
        }
        Some(_) => AudioPlan::Encode,
    }
}

fn rung(source: &Source, settings: &RungSettings) -> Rung {
    let (width, height) = fit(source.video.width, source.video.height, settings.edge);
    Rung {
        width,
        height,
        frame_rate: source.video.frame_rate.at_most(settings.fps_max),
        preset: settings.preset.clone(),
        crf: settings.crf,
        kbit_max: settings.kbit_max,
    }
}

/// Scales a size down so that its shorter edge is at most `edge`; both sides even, at least 2.
fn fit(width: u32, height: u32, edge: u32) -> (u32, u32) {
    let even = |length: u64| u32::try_from(length & !1).unwrap_or(u32::MAX - 1).max(2);
    let (short, long) = (width.min(height).max(1), width.max(height));
    let target = u64::from(edge.min(short));
    // The longer side goes to the nearest even number, but not above what the source has.
    let scaled = (u64::from(long) * target + u64::from(short)) / (u64::from(short) * 2) * 2;
    let (short, long) = (even(target), even(scaled.min(u64::from(long))));
    if width <= height { (short, long) } else { (long, short) }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
