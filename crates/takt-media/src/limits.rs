//! What an upload may measure and what work on it may cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits on uploads and on the children that work on them. Every field has a default that suits a public cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Shortest clip taken, in milliseconds.
    pub duration_min_ms: u32,
    /// Longest clip taken, in milliseconds.
    pub duration_max_ms: u32,
    /// How far a clip may run past `duration_max_ms` and still be taken, in milliseconds; what is over is cut off.
    /// Recorders told to stop at 60 s hand over 60.02 s or 60.4 s.
    pub duration_tolerance_ms: u32,
    /// Largest upload in bytes.
    pub bytes_max: u64,
    /// Shortest length of the shorter edge in pixels.
    pub edge_min: u32,
    /// Longest length of the longer edge in pixels.
    pub edge_max: u32,
    /// Most pixels in one frame.
    pub pixels_max: u64,
    /// Longer edge divided by shorter edge, at most.
    pub aspect_max: u32,
    /// Most frames per second, measured over the whole clip.
    pub fps_max: u32,
    /// Most streams of any kind in one file.
    pub streams_max: u32,
    /// Most packets in one file, all streams together.
    pub packets_max: u32,
    /// Address space of a probing child in bytes.
    pub probe_memory_bytes: u64,
    /// Address space of an encoding child in bytes.
    pub encode_memory_bytes: u64,
    /// CPU seconds of a probing child.
    pub probe_cpu_s: u32,
    /// Multiplies the CPU and wall time of an encoding child; raise it on slow machines.
    pub time_factor: f32,
    /// Most threads of a decoder or encoder; 0 means one for each core, at most 8.
    pub threads: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            duration_min_ms: 1_000,
            duration_max_ms: 60_000,
            duration_tolerance_ms: 500,
            bytes_max: 512 << 20,
            edge_min: 64,
            edge_max: 4096,
            pixels_max: 4096 * 2304,
            aspect_max: 4,
            fps_max: 120,
            streams_max: 12,
            packets_max: 150_000,
            probe_memory_bytes: 1 << 30,
            encode_memory_bytes: 3 << 30,
            probe_cpu_s: 10,
            time_factor: 1.0,
            threads: 0,
        }
    }
}

impl Limits {
    /// The same for what an edit list takes parts of: sources may be longer than a clip, and shorter.
    #[must_use]
    pub fn for_sources(&self) -> Self {
        Self {
            duration_min_ms: crate::edit::PART_MS_MIN,
            duration_max_ms: self.duration_max_ms.max(crate::edit::SOURCE_MS_MAX),
            packets_max: self.packets_max.saturating_mul(10),
            ..self.clone()
        }
    }

    /// Threads for one decoder or encoder. More than eight gain little at these sizes and cost memory each.
    pub(crate) fn threads(&self) -> u32 {
        let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(8));
        if self.threads == 0 { cores.min(8) } else { self.threads.min(64) }
    }

    /// Most pixels a decoder may be made to put out, whatever the headers said: decoders round sizes up.
    pub(crate) fn decoded_pixels(&self) -> u64 {
        self.pixels_max.saturating_mul(5) / 4
    }

    /// CPU time for an encode of `duration_ms` with `pixels_per_second` to decode.
    ///
    /// 1080p30 H.264 to 540p costs 0.7 CPU s for each second of video and the whole ladder 2.3, on a machine of
    /// 2020; the allowance is six times that, and more for more pixels to decode.
    pub(crate) fn encode_cpu(&self, duration_ms: u32, pixels_per_second: f64) -> Duration {
        const PIXELS_PER_SECOND_1080P30: f64 = 1920.0 * 1080.0 * 30.0;
        let weight = (pixels_per_second / PIXELS_PER_SECOND_1080P30).clamp(0.0, 64.0);
        let seconds = 30.0 + f64::from(duration_ms) / 1000.0 * (10.0 + 4.0 * weight);
        let factor =
            if self.time_factor.is_finite() { f64::from(self.time_factor.clamp(0.1, 100.0)) } else { 1.0 };
        Duration::from_secs_f64(seconds * factor)
    }
}
