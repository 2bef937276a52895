//! Runs one file through every stage and prints what each cost in CPU seconds, beside the same FFmpeg work by hand.
//!
//! `cargo run -p takt-media --release --example pipeline FILE`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use takt_media::{First, Job, Limits, Settings, Tools};

/// CPU seconds so far: of ended children, and of this process.
#[expect(unsafe_code, reason = "getrusage")]
fn cpu_seconds() -> (f64, f64) {
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
    (of(libc::RUSAGE_CHILDREN), of(libc::RUSAGE_SELF))
}

struct Meter {
    last: (f64, f64),
}

impl Meter {
    fn lap(&mut self, stage: &str) -> f64 {
        let now = cpu_seconds();
        let (children, own) = (now.0 - self.last.0, now.1 - self.last.1);
        self.last = now;
        println!("{stage:<34} {:7.2} CPU s   (children {children:.2}, own {own:.3})", children + own);
        children + own
    }
}

/// Runs FFmpeg as a person would, without sandbox, limits or progress.
fn by_hand(tools: &Tools, dir: &Path, line: &str) -> Result<(), Box<dyn Error>> {
    let status = Command::new(&tools.ffmpeg)
        .args(["-nostdin", "-hide_banner", "-v", "error", "-y"])
        .args(line.split_whitespace())
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("ffmpeg {line}: {status}").into()) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let source: PathBuf = std::env::args_os().nth(1).ok_or("usage: pipeline FILE")?.into();
    let tools = Tools::find(None, None)?;
    println!("ffmpeg {}; sandbox: {}", tools.version, tools.sandbox);
    let dir = std::env::temp_dir().join(format!("takt-pipeline-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let result = run(&tools, &dir, &source).await;
    std::fs::remove_dir_all(&dir)?;
    result
}

async fn run(tools: &Tools, dir: &Path, source: &Path) -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    let job = Job { tools, limits: &limits, dir, source };
    let mut meter = Meter { last: cpu_seconds() };
    let looked_at = takt_media::inspect(&job).await?;
    let inspected = meter.lap("inspect");
    let plan = takt_media::plan(&looked_at, &Settings::default());
    let first = takt_media::first_rendition(&job, &looked_at, &plan, |_| {}).await?;
    let made_first = meter.lap("first rendition");
    let poster = takt_media::poster(&job, &first.path, 0).await?;
    let made_poster = meter.lap("poster and thumbhash");
    println!("{:<34} {:7.2} CPU s", "= playable after", inspected + made_first + made_poster);
    let further = takt_media::further_renditions(&job, &looked_at, &plan, &first, |_| {}).await?;
    let made_further = meter.lap("further renditions");
    println!("{:<34} {:7.2} CPU s", "= all after", inspected + made_first + made_poster + made_further);
    for made in std::iter::once(&first).chain(&further) {
        println!(
            "  {}x{} {} {:.2} fps {} ms {} kB gain {:.1} dB{}",
            made.width,
            made.height,
            made.codec,
            made.fps,
            made.duration_ms,
            made.bytes / 1000,
            made.gain_db,
            if made.replaces_first { " (replaces the first)" } else { "" }
        );
    }
    println!(
        "  poster {}x{}, thumbhash {} bytes; sound {:?}",
        poster.width,
        poster.height,
        poster.thumbhash.len(),
        first.sound.as_ref().and_then(|sound| sound.loudness)
    );
    compare(tools, dir, source, &plan, first.gain_db, &mut meter)
}

/// The same work as plain command lines.
fn compare(
    tools: &Tools,
    dir: &Path,
    source: &Path,
    plan: &takt_media::Plan,
    gain: f64,
    meter: &mut Meter,
) -> Result<(), Box<dyn Error>> {
    let source = source.canonicalize()?;
    let source = source.display();
    println!("by hand, without sandbox:");
    match &plan.first {
        First::Copy(_) => {
            by_hand(
                tools,
                dir,
                &format!("-i {source} -map 0:v:0 -map 0:a:0? -c copy -movflags +faststart hand.mp4"),
            )?;
            meter.lap("  remux")
        }
        First::Encode(rung) => {
            let (rate, threads) = (rung.frame_rate, std::thread::available_parallelism()?.get().min(8));
            by_hand(
                tools,
                dir,
                &format!(
                    "-threads {threads} -i {source} -map 0:v:0 -map 0:a:0? -sn -dn \
                     -vf fps=fps={}/{},scale={}:{},setsar=1,format=yuv420p -c:v libx264 -preset {} -crf {} \
                     -maxrate {}k -bufsize {}k -g 60 -keyint_min 60 -sc_threshold 0 -profile:v high -threads {threads} \
                     -af volume={gain}dB,alimiter=limit=0.84:level=disabled -c:a aac -b:a 96k -ac 2 -ar 48000 \
                     -movflags +faststart hand.mp4",
                    rate.frames,
                    rate.seconds,
                    rung.width,
                    rung.height,
                    rung.preset,
                    rung.crf,
                    rung.kbit_max,
                    rung.kbit_max * 2
                ),
            )?;
            meter.lap("  first encode")
        }
    };
    if let [large, small] = plan.further.as_slice() {
        let encode = |rung: &takt_media::Rung| {
            format!(
                "-c:v libx264 -preset {} -crf {} -maxrate {}k -bufsize {}k -g 60 -keyint_min 60 -sc_threshold 0 \
                 -profile:v high",
                rung.preset,
                rung.crf,
                rung.kbit_max,
                rung.kbit_max * 2
            )
        };
        by_hand(
            tools,
            dir,
            &format!(
                "-i {source} -i hand.mp4 -filter_complex \
                 [0:v:0]fps=fps={}/{},scale={}:{},setsar=1,format=yuv420p,split=2[a][c];[c]scale={}:{}[b] \
                 -map [a] {} -map 1:a? -c:a copy -movflags +faststart hand-0.mp4 \
                 -map [b] {} -map 1:a? -c:a copy -movflags +faststart hand-1.mp4",
                large.frame_rate.frames,
                large.frame_rate.seconds,
                large.width,
                large.height,
                small.width,
                small.height,
                encode(large),
                encode(small)
            ),
        )?;
        meter.lap("  further encodes");
    }
    Ok(())
}
