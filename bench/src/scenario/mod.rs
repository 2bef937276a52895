//! What is measured. Each scenario starts a server of its own and answers whether its targets were met.

pub(crate) mod events;
pub(crate) mod feed;
mod hand;
pub(crate) mod media;
pub(crate) mod processing;

use crate::cpu;
use crate::load::{self, Measured, Plan, Workload, permille};
use crate::nginx::Nginx;
use crate::report::{self, Cpu};
use crate::seed::Seeded;
use crate::server::{self, Server};
use anyhow::{Context as _, Result, ensure};
use std::cell::Cell as Slot;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time of a For You page that 99 of 100 must not exceed.
const FEED_P99_MAX: Duration = Duration::from_millis(10);
/// The part of a rate asked for that counts as reached: arrivals are drawn by chance.
const RATE_REACHED: f64 = 0.97;
/// Bytes per CPU second, against nginx.
const MEDIA_RATIO_MIN: f64 = 0.8;

/// A seeded cell to measure on.
pub(crate) struct Cell {
    /// Its folder.
    pub(crate) data: PathBuf,
    /// What is in it.
    pub(crate) seeded: Seeded,
}

impl Cell {
    fn tokens(&self) -> Arc<[String]> {
        self.seeded.tokens.clone().into()
    }
}

/// Rates per second.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Rates {
    /// For You pages per second
    #[arg(long, default_value_t = Self::default().pages)]
    pub(crate) pages: f64,
    /// Videos on a page
    #[arg(long, default_value_t = Self::default().items)]
    pub(crate) items: usize,
    /// Events per second
    #[arg(long, default_value_t = Self::default().events)]
    pub(crate) events: f64,
    /// Events in a batch
    #[arg(long, default_value_t = Self::default().batch)]
    pub(crate) batch: usize,
    /// Media requests per second
    #[arg(long, default_value_t = Self::default().ranges)]
    pub(crate) ranges: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { pages: 1000.0, items: 10, events: 10_000.0, batch: 20, ranges: 300.0 }
    }
}

impl Rates {
    /// What this many viewers who swipe every eight seconds cause: a page for ten swipes, a batch of four events for
    /// two, and two media requests for each.
    pub(crate) fn of_viewers(watching: f64) -> Self {
        let swipes = watching / 8.0;
        Self { pages: swipes / 10.0, items: 10, events: swipes * 2.0, batch: 4, ranges: swipes * 2.0 }
    }
}

/// For You pages.
///
/// # Errors
/// Where the server or the load can not be started.
pub(crate) async fn feed(cell: &Cell, plan: Plan, rates: Rates) -> Result<bool> {
    let server = start(cell)?;
    let measured =
        measure(&server, &cell_feed(cell, server.address, rates), Plan { rate: rates.pages, ..plan }).await?;
    let title = format!(
        "feed: {} pages/s of {} videos each, {} viewers",
        rates.pages,
        rates.items,
        cell.seeded.tokens.len()
    );
    report::print(&title, "pages", &measured.0, measured.1);
    println!("  memory        {} MB", server.resident_bytes() / 1_000_000);
    let met = feed_target(&measured.0, rates);
    server.stop()?;
    Ok(met)
}

fn cell_feed(cell: &Cell, address: SocketAddr, rates: Rates) -> Arc<dyn Workload> {
    Arc::new(feed::ForYou { address, tokens: cell.tokens(), items: rates.items })
}

fn feed_target(measured: &Measured, rates: Rates) -> bool {
    let p99 = permille(&measured.latencies, 990);
    let good = p99 <= FEED_P99_MAX && measured.errors_total() == 0 && reached(measured, rates.pages);
    report::target(
        &format!("p99 {} (<= {}), all pages answered", report::ms(p99), report::ms(FEED_P99_MAX)),
        good,
    )
}

fn reached(measured: &Measured, rate: f64) -> bool {
    measured.counted as f64 / measured.seconds.max(1e-9) >= rate * RATE_REACHED
}

/// Event intake. The server is killed at the end, and what it had acknowledged must be in the log.
///
/// # Errors
/// Where the server or the load can not be started.
pub(crate) async fn events(cell: &Cell, plan: Plan, rates: Rates) -> Result<bool> {
    let before = log_position(cell)?;
    let server = start(cell)?;
    let plan = Plan { rate: rates.events / rates.batch as f64, ..plan };
    let measured = measure(&server, &cell_events(cell, server.address, rates), plan).await?;
    let title = format!("events: {} events/s in batches of {}", rates.events, rates.batch);
    report::print(&title, "events", &measured.0, measured.1);
    // Dropping it kills it with no time to write anything.
    drop(server);
    let stored = log_position(cell)? - before;
    let durable = stored >= measured.0.counted;
    let good = measured.0.errors_total() == 0 && reached(&measured.0, rates.events);
    let mut met = report::target(&format!("{} events/s accepted", rates.events), good);
    let acknowledged = measured.0.counted;
    met &= report::target(
        &format!("killed: {stored} in the log, {acknowledged} of the time measured acknowledged"),
        durable,
    );
    Ok(met)
}

fn cell_events(cell: &Cell, address: SocketAddr, rates: Rates) -> Arc<dyn Workload> {
    let videos = cell.seeded.videos.clone().into();
    Arc::new(events::Batches { address, tokens: cell.tokens(), videos, events: rates.batch })
}

/// Entries in the log, as `takt verify` finds them. It also fails where the recommender does not follow from them.
fn log_position(cell: &Cell) -> Result<u64> {
    let output =
        std::process::Command::new(server::binary()?).arg("verify").arg("--data").arg(&cell.data).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "verify fails: {text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.strip_prefix("position"));
    let position =
        line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
    position.with_context(|| format!("verify told no position: {text}"))
}

/// Media by range, Takt first, then nginx with the same files and requests.
///
/// # Errors
/// Where one of them or the load can not be started.
pub(crate) async fn media(cell: &Cell, plan: Plan, rates: Rates) -> Result<bool> {
    let plan = Plan { rate: rates.ranges, ..plan };
    let server = start(cell)?;
    let ours = measure(&server, &cell_media(cell, server.address), plan).await?;
    report::print(&format!("media: {} range requests/s, Takt", rates.ranges), "files", &ours.0, ours.1);
    println!("  memory        {} MB", server.resident_bytes() / 1_000_000);
    server.stop()?;
    let nginx = Nginx::start(&cell.data, &cell.seeded.media)?;
    let theirs =
        with_cpu(|| nginx.cpu_seconds(), nginx.address, cell_media(cell, nginx.address), plan).await?;
    report::print(&format!("media: {} range requests/s, nginx", rates.ranges), "files", &theirs.0, theirs.1);
    let per_second = |(measured, cpu): &(Measured, Cpu)| measured.bytes as f64 / cpu.server.max(1e-9);
    let ratio = per_second(&ours) / per_second(&theirs).max(1e-9);
    let good = ratio >= MEDIA_RATIO_MIN && ours.0.errors_total() == 0;
    Ok(report::target(&format!("{ratio:.2} of nginx's bytes per CPU second (>= {MEDIA_RATIO_MIN})"), good))
}

fn cell_media(cell: &Cell, address: SocketAddr) -> Arc<dyn Workload> {
    Arc::new(media::Ranges { address, files: cell.seeded.media.clone().into() })
}

/// Everything at once, in the proportions of people who watch.
///
/// # Errors
/// Where the server or the load can not be started.
pub(crate) async fn mixed(cell: &Cell, plan: Plan, watching: f64) -> Result<bool> {
    let rates = Rates::of_viewers(watching);
    let server = start(cell)?;
    let share = |part: usize| (plan.connections / part).max(8);
    let plans = [
        Plan { rate: rates.pages, connections: share(4), seed: plan.seed, ..plan },
        Plan { rate: rates.events / rates.batch as f64, connections: share(4), seed: plan.seed + 1, ..plan },
        Plan { rate: rates.ranges, connections: share(2), seed: plan.seed + 2, ..plan },
    ];
    let quiet = |workload, plan| load::run(server.address, workload, plan, || {}, || {});
    let (pages, events, media) = tokio::try_join!(
        with_cpu(|| server.cpu_seconds(), server.address, cell_feed(cell, server.address, rates), plans[0]),
        quiet(cell_events(cell, server.address, rates), plans[1]),
        quiet(cell_media(cell, server.address), plans[2]),
    )?;
    println!("mixed: {watching} people watching");
    let (seconds, cpu) = (pages.0.seconds.max(1e-9), pages.1);
    println!(
        "  CPU           {:.2} cores for the server, {:.2} for the generator",
        cpu.server / seconds,
        cpu.generator / seconds
    );
    println!("  memory        {} MB", server.resident_bytes() / 1_000_000);
    for (what, measured) in [("pages", &pages.0), ("batches", &events), ("media", &media)] {
        let at = |part| report::ms(permille(&measured.latencies, part));
        let rate = measured.latencies.len() as f64 / seconds;
        let errors = measured.errors_total();
        println!(
            "  {what:13} {rate:.0}/s, p50 {}, p99 {}, p99.9 {}, errors {errors}",
            at(500),
            at(990),
            at(999)
        );
    }
    let good = [&pages.0, &events, &media].iter().all(|measured| measured.errors_total() == 0);
    let met = feed_target(&pages.0, rates) && report::target("no errors", good);
    server.stop()?;
    Ok(met)
}

fn start(cell: &Cell) -> Result<Server> {
    // No processing: what is measured here is serving.
    Server::start(&server::binary()?, &cell.data, &[("TAKT_PROCESSING__WORKERS", "0")])
}

async fn measure(server: &Server, workload: &Arc<dyn Workload>, plan: Plan) -> Result<(Measured, Cpu)> {
    with_cpu(|| server.cpu_seconds(), server.address, workload.clone(), plan).await
}

async fn with_cpu(
    server_cpu: impl Fn() -> f64,
    address: SocketAddr,
    workload: Arc<dyn Workload>,
    plan: Plan,
) -> Result<(Measured, Cpu)> {
    let look = || Cpu { server: server_cpu(), generator: cpu::seconds_of_self() };
    let (begin, end) = (Slot::new(Cpu::default()), Slot::new(Cpu::default()));
    let measured = load::run(address, workload, plan, || begin.set(look()), || end.set(look())).await?;
    let (begin, end) = (begin.get(), end.get());
    let cpu = Cpu { server: end.server - begin.server, generator: end.generator - begin.generator };
    Ok((measured, cpu))
}

/// What the disk needs for one durable write, so that numbers of different machines can be compared.
///
/// # Errors
/// Where nothing can be written to `folder`.
pub(crate) fn sync_time(folder: &Path) -> Result<Duration> {
    use std::io::Write as _;
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Vec::new();
    for _ in 0..51 {
        let begun = std::time::Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
