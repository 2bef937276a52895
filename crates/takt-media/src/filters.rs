//! Filter graphs: what turns any taken source into upright, standard-range, square-pixel pictures and levelled sound.
//!
//! FFmpeg itself puts the turning and mirroring of the display matrix before these.

use std::fmt::Write;

use crate::inspect::Source;
use crate::plan::{FrameRate, Rung};

/// Names of a colour encoding, as FFmpeg's options want them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) matrix: &'static str,
    pub(crate) primaries: &'static str,
    pub(crate) transfer: &'static str,
}

const BT709: Levels = Levels { matrix: "bt709", primaries: "bt709", transfer: "bt709" };
const BT601_525: Levels = Levels { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m" };
const BT601_625: Levels = Levels { matrix: "bt470bg", primaries: "bt470bg", transfer: "smpte170m" };

/// The colour encoding of what is made from `source`, always stated in the file.
///
/// The source's matrix is kept where it is BT.601 or BT.709: converting costs time. An unstated matrix is what players
/// take it for, by size; stating it keeps the colours when the size changes.
pub(crate) fn levels(source: &Source) -> Levels {
    let video = &source.video;
    if video.hdr {
        return BT709;
    }
    match video.color_matrix.as_str() {
        "smpte170m" => BT601_525,
        "bt470bg" => BT601_625,
        "" | "reserved"
            if video.coded_width.min(video.coded_height) < 720 && !is_rgb(&video.pixel_format) =>
        {
            BT601_525
        }
        _ => BT709,
    }
}

fn is_rgb(pixel_format: &str) -> bool {
    ["gbr", "rgb", "bgr", "argb", "abgr"].iter().any(|prefix| pixel_format.starts_with(prefix))
}

/// The filters for one rendition.
pub(crate) fn video(source: &Source, rung: &Rung, tone_mapping: bool) -> String {
    let mut chain = String::new();
    let video = &source.video;
    if video.interlaced {
        chain.push_str("bwdif=mode=send_frame:deint=interlaced,");
    }
    // A constant rate from time zero: gaps repeat the last picture, a late start shows the first one.
    let rate = rung.frame_rate;
    let _ = write!(chain, "fps=fps={}/{}:start_time=0,", rate.frames, rate.seconds);
    let levels = levels(source);
    let _ = write!(chain, "scale={}:{}", rung.width, rung.height);
    if video.hdr && tone_mapping {
        // Scaled first: mapping costs by the pixel.
        let transfer = if source.video.hdr_is_hlg { "arib-std-b67" } else { "smpte2084" };
        let _ = write!(
            chain,
            ",zscale=tin={transfer}:min=bt2020nc:pin=bt2020:rin=tv:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
             tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:p=bt709:r=tv"
        );
    } else {
        let matrix = levels.matrix;
        let from = match video.color_matrix.as_str() {
            "" | "reserved" if !is_rgb(&video.pixel_format) => matrix,
            _ => "auto",
        };
        let _ = write!(chain, ":in_color_matrix={from}:out_color_matrix={matrix}:out_range=tv");
    }
    let Levels { matrix, primaries, transfer } = levels;
    let _ = write!(
        chain,
        ",format=yuv420p,setsar=1,setparams=range=tv:colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    );
    chain
}

/// A graph that decodes once and makes every rung from the next larger one; its outputs are `[v0]`, `[v1]`, ...
pub(crate) fn cascade(source: &Source, rungs: &[Rung], tone_mapping: bool) -> String {
    let fps = |rate: FrameRate| format!("fps=fps={}/{}", rate.frames, rate.seconds);
    let mut graph = String::new();
    let mut carried = None;
    for (number, rung) in rungs.iter().enumerate() {
        // Frames are dropped only when no later rung needs them.
        let needed = rungs[number..].iter().map(|rung| rung.frame_rate);
        let needed = needed.max_by(|a, b| a.fps().total_cmp(&b.fps())).unwrap_or(rung.frame_rate);
        let mut steps = Vec::new();
        if number == 0 {
            let top = Rung { frame_rate: needed, ..rung.clone() };
            steps.push(format!("[0:{}]{}", source.video.index, video(source, &top, tone_mapping)));
        } else {
            if carried != Some(needed) {
                steps.push(fps(needed));
            }
            steps.push(format!("scale={}:{},setsar=1", rung.width, rung.height));
        }
        carried = Some(needed);
        let out = if rung.frame_rate == needed { format!("[v{number}]") } else { format!("[x{number}]") };
        if number + 1 < rungs.len() {
            steps.push(format!("split=2{out}[c{next}];[c{next}]", next = number + 1));
        } else {
            steps.push(format!("null{out}"));
        }
        graph.push_str(&steps.join(","));
    }
    for (number, rung) in rungs.iter().enumerate() {
        if graph.contains(&format!("[x{number}]")) {
            let _ = write!(graph, ";[x{number}]{}[v{number}]", fps(rung.frame_rate));
        }
    }
    graph
}

/// The filters for sound: from time zero, gaps filled, stereo, levelled by `gain` decibels and kept below full scale.
pub(crate) fn audio(gain: f64) -> String {
    // 0.84 is -1.5 dB: room for what the encoder adds.
    format!(
        "aresample=48000:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo,volume={gain:.2}dB,\
         alimiter=limit=0.84:level=disabled"
    )
}

#[cfg(test)]
#[path = "filters_tests.rs"]
mod tests;
