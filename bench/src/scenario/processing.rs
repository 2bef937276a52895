//! From the last byte of an upload to a playable video, beside the same FFmpeg commands run by hand.

use super::hand;
use crate::client::Client;
use crate::report;
use crate::server::Server;
use anyhow::{Context as _, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const LOOK_READY: Duration = Duration::from_millis(20);
const LOOK_DONE: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(900);
const FITTING_RUNS: usize = 5;

/// What one upload cost.
struct Cost {
    ready_wall: Duration,
    ready_cpu: f64,
    done_wall: Duration,
    done_cpu: f64,
    commands: Vec<hand::Command>,
}

/// Which sources to process: 30 seconds each, made here where none is given.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// A clip that fits as it is (short edge at most 720, H.264 and AAC, at most 3 Mbit/s)
    #[arg(long)]
    fitting: Option<PathBuf>,
    /// A clip that has to be encoded, such as 30 s of 1080x1920 at 30 frames a second
    #[arg(long)]
    large: Option<PathBuf>,
}

/// Measures both kinds of upload. True where every target was met.
///
/// # Errors
/// Where FFmpeg or the server fails.
pub(crate) async fn run(binary: &Path, work: &Path, options: &Options) -> Result<bool> {
    let folder = tempfile::tempdir_in(work)?;
    let fitting = source(options.fitting.as_deref(), &folder.path().join("fitting.mp4"), &FITTING)?;
    let large = source(options.large.as_deref(), &folder.path().join("large.mp4"), &LARGE)?;
    let data = tempfile::tempdir_in(work)?;
    let server = Server::start(binary, data.path(), &[("TAKT_PROCESSING__WORKERS", "1")])?;
    let mut client = Client::sign_up(server.address, "bench").await?;
    println!("processing, an upload that fits ({FITTING_RUNS} runs)");
    let mut costs = Vec::new();
    for _ in 0..FITTING_RUNS {
        costs.push(process(&server, &mut client, &fitting).await?);
    }
    costs.sort_by_key(|cost| cost.ready_wall);
    let median = costs.get(FITTING_RUNS / 2).context("no runs")?;
    print(median);
    let slowest = costs.last().map(|cost| cost.ready_wall).unwrap_or_default();
    let mut met = report::target(
        &format!(
            "playable {} after the last byte, at most {} (<= 1000 ms)",
            report::ms(median.ready_wall),
            report::ms(slowest)
        ),
        slowest <= Duration::from_secs(1),
    );
    let target = format!("{:.2} CPU s until playable (<= 0.4)", median.ready_cpu);
    met &= report::target(&target, median.ready_cpu <= 0.4);

    println!("processing, an upload that must be encoded");
    let cost = process(&server, &mut client, &large).await?;
    print(&cost);
    met &= report::target(
        &format!("{:.1} CPU s until playable (<= 24)", cost.ready_cpu),
        cost.ready_cpu <= 24.0,
    );
    met &= report::target(
        &format!("{:.1} CPU s for all renditions (<= 70)", cost.done_cpu),
        cost.done_cpu <= 70.0,
    );
    let by_hand = hand::run(&cost.commands, &large)?;
    let overhead = 100.0 * (cost.done_cpu / by_hand.max(1e-9) - 1.0);
    let target = format!(
        "the same {} commands by hand {by_hand:.1} CPU s: overhead {overhead:.1} % (<= 5)",
        cost.commands.len()
    );
    met &= report::target(&target, overhead <= 5.0);
    server.stop()?;
    Ok(met)
}

fn print(cost: &Cost) {
    println!(
        "  playable      {} after the last byte, {:.2} CPU s of server and FFmpeg",
        report::ms(cost.ready_wall),
        cost.ready_cpu
    );
    println!(
        "  all made      {} after the last byte, {:.2} CPU s",
        report::ms(cost.done_wall),
        cost.done_cpu
    );
}

async fn process(server: &Server, client: &mut Client, file: &Path) -> Result<Cost> {
    let recorder = hand::Recorder::start(server.pid());
    let upload = client.upload(&std::fs::read(file)?).await?;
    let (begun, before) = (Instant::now(), server.cpu_seconds());
    let video = client.publish(&upload, "a benchmark").await?;
    let ready = wait(client, &video, LOOK_READY, |video| video["status"] == "ready").await?;
    let (ready_wall, ready_cpu) = (ready.duration_since(begun), server.cpu_seconds() - before);
    let done = wait(client, &video, LOOK_DONE, |video| video["progress"].is_null()).await?;
    let (done_wall, done_cpu) = (done.duration_since(begun), server.cpu_seconds() - before);
    Ok(Cost { ready_wall, ready_cpu, done_wall, done_cpu, commands: recorder.finish() })
}

async fn wait(
    client: &mut Client,
    video: &str,
    pause: Duration,
    until: impl Fn(&serde_json::Value) -> bool,
) -> Result<Instant> {
    let begun = Instant::now();
    while begun.elapsed() < WAIT_MAX {
        let body = client.video(video).await?;
        ensure!(body["status"] != "failed", "the video failed: {}", body["failure"]);
        if until(&body) {
            return Ok(Instant::now());
        }
        tokio::time::sleep(pause).await;
    }
    bail!("the video is not finished after {} s", WAIT_MAX.as_secs())
}

struct Recipe {
    picture: &'static str,
    kbit: u32,
}

/// Fits the fast path: 720p, little motion, within its bit rate.
const FITTING: Recipe = Recipe { picture: "testsrc2=size=720x1280:rate=30", kbit: 2000 };
/// A phone's clip: full size, motion and grain everywhere.
const LARGE: Recipe = Recipe {
    picture: "mandelbrot=size=1080x1920:rate=30:maxiter=200,hue=H=0.4*t,noise=alls=14:allf=t",
    kbit: 6600,
};

fn source(given: Option<&Path>, made: &Path, recipe: &Recipe) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let (rate, buffer) = (format!("{}k", recipe.kbit), format!("{}k", recipe.kbit * 2));
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", recipe.picture])
        // A melody with pauses: something to measure the loudness of.
        .args([
            "-f",
            "lavfi",
            "-i",
            "aevalsrc='0.2*sin(2*PI*(220+110*floor(mod(t,4)))*t)*gt(mod(t,1),0.1)':s=48000",
        ])
        .args([
            "-t",
            "30",
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-pix_fmt",
            "yuv420p",
            "-profile:v",
            "high",
        ])
        .args(["-g", "60", "-b:v", &rate, "-maxrate", &rate, "-bufsize", &buffer])
        .args(["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-movflags", "+faststart"])
        .arg(made)
        .status()
        .context("can not start ffmpeg; is it installed?")?;
    ensure!(status.success(), "ffmpeg could not make a source");
    Ok(made.to_owned())
}
