//! What rendering costs in CPU seconds for each second of the result, beside plain FFmpeg doing the same by hand.
//!
//! `cargo run -p takt-media --release --example edit`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use takt_core::{UploadId, VideoId};
use takt_media::edit::{self, Clip, Files, RenderJob, Sources};
use takt_media::{Limits, Tools};

/// Length of the results.
const SECONDS: f64 = 20.0;
/// Runs of each, of which the median counts.
const RUNS: usize = 3;
/// How a person would encode for the same use.
const BY_HAND: &str = "-c:v libx264 -preset veryfast -crf 22 -maxrate 2700k -bufsize 5400k -g 60 -keyint_min 60 \
    -sc_threshold 0 -profile:v high -pix_fmt yuv420p -c:a aac -b:a 128k -movflags +faststart";

/// CPU seconds so far of this process and of its ended children.
#[expect(unsafe_code, reason = "getrusage")]
fn cpu_seconds() -> f64 {
    let of = |who| {
        // SAFETY: an all-zero rusage is valid and the pointer is to a local that outlives the call.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &raw mut usage);
            usage
        };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    };
    of(libc::RUSAGE_CHILDREN) + of(libc::RUSAGE_SELF)
}

fn ffmpeg(tools: &Tools, dir: &Path, line: &str) -> Result<f64, Box<dyn Error>> {
    let before = cpu_seconds();
    let status = Command::new(&tools.ffmpeg)
        .args(["-nostdin", "-hide_banner", "-v", "error", "-y"])
        .args(line.split_whitespace())
        .current_dir(dir)
        .stdin(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("ffmpeg {line}: {status}").into());
    }
    Ok(cpu_seconds() - before)
}

/// The parts of a rendering.
struct Cost {
    looking: f64,
    rendering: f64,
}

async fn render(tools: &Tools, dir: &Path, files: &Files, list: &Value) -> Result<Cost, Box<dyn Error>> {
    let edit = edit::parse(list.clone())?;
    let limits = Limits::default();
    let wanted = edit::clips(edit.list());
    let mut files = files.clone();
    files.clips.retain(|clip, _| wanted.contains(clip));
    let work = dir.join("work");
    std::fs::create_dir_all(&work)?;
    let job = RenderJob { tools, limits: &limits, dir: &work, files: &files };
    let before = cpu_seconds();
    let sources = Sources::inspect(tools, &limits, &work, &files).await?;
    let looked = cpu_seconds();
    edit::render_inspected(&job, &edit, &sources, |_| {}).await?;
    Ok(Cost { looking: looked - before, rendering: cpu_seconds() - looked })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tools = Tools::find(None, None)?;
    let dir = std::env::temp_dir().join(format!("takt-edit-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let result = run(&tools, &dir).await;
    std::fs::remove_dir_all(&dir)?;
    result
}

async fn run(tools: &Tools, dir: &Path) -> Result<(), Box<dyn Error>> {
    println!("ffmpeg {}; sandbox: {}", tools.version, tools.sandbox);
    let make = |picture: &str, hertz: u32, name: &str| -> Result<PathBuf, Box<dyn Error>> {
        ffmpeg(
            tools,
            dir,
            &format!(
                "-f lavfi -i {picture}=size=720x1280:rate=30:duration=30 -f lavfi -i sine=frequency={hertz}:duration=30:r=48000 \
                 -c:v libx264 -preset veryfast -g 60 -pix_fmt yuv420p -c:a aac {name}"
            ),
        )?;
        Ok(dir.join(name))
    };
    let mut files = Files::default();
    files.clips.insert(Clip::Upload(UploadId::from_u128(1)), make("testsrc2", 440, "own.mp4")?);
    files.clips.insert(Clip::Video(VideoId::from_u128(2)), make("smptebars", 880, "other.mp4")?);
    let base = json!({"version": 1, "canvas": {"width": 720, "height": 1280},
        "segments": [{"source": UploadId::from_u128(1), "start_ms": 4000, "end_ms": 24_000}]});
    let mut titled = base.clone();
    titled["texts"] = json!([{"text": "Two lines of\ntext", "from_ms": 0, "to_ms": 20_000, "x": 0.5, "y": 0.3,
        "size": 0.06, "style": "outline"}]);
    let mut duet = base.clone();
    duet["layout"] =
        json!({"kind": "side_by_side", "video": VideoId::from_u128(2), "place": "left", "start_ms": 0});
    let text = edit::parse(titled.clone())?;
    let picture = edit::paint(&text.list().texts[0], text.list().canvas).ok_or("nothing painted")?;
    std::fs::write(dir.join("text.png"), picture.png()?)?;
    let cases = [
        ("trim only", base, "-ss 4 -i own.mp4 -t 20 -c copy -movflags +faststart hand.mp4".to_owned()),
        (
            "text overlay",
            titled,
            format!(
                "-ss 4 -t 20 -i own.mp4 -i text.png -filter_complex [0:v][1:v]overlay={}:{} {BY_HAND} hand.mp4",
                picture.x, picture.y
            ),
        ),
        (
            "duet",
            duet,
            format!(
                "-ss 4 -t 20 -i own.mp4 -t 20 -i other.mp4 -filter_complex \
                 [0:v]crop=360:1280[a];[1:v]crop=360:1280[b];[b][a]hstack[v];\
                 [0:a][1:a]amix=normalize=0,alimiter=limit=0.89:level=0[s] -map [v] -map [s] {BY_HAND} hand.mp4"
            ),
        ),
    ];
    println!("CPU seconds for each second of the result, median of {RUNS}:");
    for (name, list, line) in cases {
        let (mut looking, mut rendering, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            // One after the other, so that both see the same machine.
            let cost = render(tools, dir, &files, &list).await?;
            looking.push(cost.looking);
            rendering.push(cost.rendering);
            by_hand.push(ffmpeg(tools, dir, &line)?);
        }
        let (looking, rendering, by_hand) = (median(looking), median(rendering), median(by_hand));
        println!(
            "{name:<14} {:.4} (looking at the sources {:.4}), by hand {:.4}: {:.2} times",
            rendering / SECONDS,
            looking / SECONDS,
            by_hand / SECONDS,
            rendering / by_hand
        );
    }
    Ok(())
}
