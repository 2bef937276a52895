//! Open-loop load: requests leave by a schedule that takes no notice of answers, and an answer's latency counts from
//! the moment its request was due. A server that stalls is charged for everything that should have been asked meanwhile.
//!
//! Invariant: bounded in time, connections and outstanding requests; ends by itself.

use crate::http::{Answer, Connection, Outgoing};
use crate::random::Random;
use anyhow::{Context as _, Result, bail};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Requests that are due and find no free connection. A server this far behind has failed.
const BACKLOG_MAX: usize = 100_000;
/// After the last request was due, answers are awaited so long.
const DRAIN: Duration = Duration::from_secs(10);

/// What to ask, and what counts as answered.
pub(crate) trait Workload: Send + Sync + 'static {
    /// The next request.
    ///
    /// # Errors
    /// Where none can be made.
    fn request(&self, random: &mut Random) -> Result<Outgoing>;
    /// Whether [`Workload::judge`] needs the body.
    fn keeps_body(&self) -> bool;
    /// How many things the answer stands for (pages, events, files), or what is wrong with it.
    ///
    /// # Errors
    /// Where the answer is not the one wanted.
    fn judge(&self, answer: &Answer) -> Result<u64>;
}

/// How much, how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Requests due per second, on average; arrivals are a Poisson process.
    pub(crate) rate: f64,
    /// Time before measuring begins.
    pub(crate) warm_up: Duration,
    /// Time measured.
    pub(crate) measured: Duration,
    /// Connections open at once.
    pub(crate) connections: usize,
    /// Seed of schedule and requests.
    pub(crate) seed: u64,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Per answered request, from when it was due to the last byte of the answer, ascending.
    pub(crate) latencies: Vec<Duration>,
    /// Per request, how late the generator itself was, ascending. Large values mean: the generator was the bottleneck.
    pub(crate) lateness: Vec<Duration>,
    /// Bytes of bodies received.
    pub(crate) bytes: u64,
    /// Things counted by [`Workload::judge`].
    pub(crate) counted: u64,
    /// What went wrong, and how often.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Seconds from the begin of measuring to the last answer.
    pub(crate) seconds: f64,
}

impl Measured {
    /// Requests without a good answer.
    pub(crate) fn errors_total(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// The value that so many of 1000 do not exceed.
pub(crate) fn permille(sorted: &[Duration], permille: usize) -> Duration {
    let index = (sorted.len() * permille).div_ceil(1000).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

#[derive(Clone, Copy)]
struct Arrival {
    due: Instant,
    measured: bool,
    seed: u64,
}

/// Free connections and, where there is none, requests that wait for one. Never both.
#[derive(Default)]
struct Hub {
    idle: VecDeque<mpsc::UnboundedSender<Arrival>>,
    backlog: VecDeque<Arrival>,
    closed: bool,
}

type Shared<T> = Arc<Mutex<T>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Loads the server at `address` and answers what was measured. `at_begin` and `at_end` are called when measuring
/// begins and when the last measured request was due.
///
/// # Errors
/// Where no connection can be opened, or the server falls hopelessly behind.
pub(crate) async fn run(
    address: SocketAddr,
    workload: Arc<dyn Workload>,
    plan: Plan,
    at_begin: impl FnOnce(),
    at_end: impl FnOnce(),
) -> Result<Measured> {
    let (hub, results) = (Shared::<Hub>::default(), Shared::<Measured>::default());
    let mut tasks = JoinSet::new();
    for _ in 0..plan.connections {
        let mut connection = Connection::new(address);
        connection.open().await.context("opening the connections of the load")?;
        tasks.spawn(serve_arrivals(connection, hub.clone(), results.clone(), workload.clone()));
    }
    let start = Instant::now();
    let begin = start + plan.warm_up;
    let dispatcher = {
        let (hub, results) = (hub.clone(), results.clone());
        std::thread::spawn(move || dispatch(&hub, &results, plan, start))
    };
    tokio::time::sleep_until(begin.into()).await;
    at_begin();
    tokio::time::sleep_until((begin + plan.measured).into()).await;
    at_end();
    let in_time = tokio::task::spawn_blocking(move || dispatcher.join()).await;
    let kept_up = in_time.ok().and_then(Result::ok).context("the dispatcher broke off")?;
    let drained = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
    let outstanding = tasks.len() + lock(&hub).backlog.len();
    tasks.abort_all();
    if !kept_up {
        bail!("the server is more than {BACKLOG_MAX} requests behind; this rate is too high");
    }
    let mut measured = std::mem::take(&mut *lock(&results));
    if drained.is_err() && outstanding > 0 {
        measured.errors.insert(format!("no answer within {} s", DRAIN.as_secs()), outstanding as u64);
    }
    measured.seconds = plan.measured.as_secs_f64();
    measured.latencies.sort_unstable();
    measured.lateness.sort_unstable();
    Ok(measured)
}

/// Lets requests go when they are due. A thread of its own: timers of the runtime are a millisecond coarse.
/// False where the server has fallen too far behind.
fn dispatch(hub: &Mutex<Hub>, results: &Mutex<Measured>, plan: Plan, start: Instant) -> bool {
    let mut random = Random::new(plan.seed);
    let end = start + plan.warm_up + plan.measured;
    let mut due = start;
    let mut kept_up = true;
    loop {
        due += Duration::from_secs_f64(random.gap() / plan.rate);
        if due >= end {
            break;
        }
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(wait);
        }
        let measured = due >= start + plan.warm_up;
        if measured {
            lock(results).lateness.push(due.elapsed());
        }
        let arrival = Arrival { due, measured, seed: random.bits() };
        let mut hub = lock(hub);
        match hub.idle.pop_front() {
            // A connection's task ends only after the hub was closed, so the channel is open.
            Some(free) => drop(free.send(arrival)),
            None if hub.backlog.len() < BACKLOG_MAX => hub.backlog.push_back(arrival),
            None => {
                kept_up = false;
                break;
            }
        }
    }
    let mut hub = lock(hub);
    hub.closed = true;
    hub.idle.clear();
    if !kept_up {
        hub.backlog.clear();
    }
    kept_up
}

/// One connection: takes what is due, asks, notes.
async fn serve_arrivals(
    mut connection: Connection,
    hub: Shared<Hub>,
    results: Shared<Measured>,
    workload: Arc<dyn Workload>,
) {
    loop {
        let waiting = {
            let mut hub = lock(&hub);
            match hub.backlog.pop_front() {
                Some(arrival) => Ok(arrival),
                None if hub.closed => return,
                None => {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    hub.idle.push_back(sender);
                    Err(receiver)
                }
            }
        };
        let arrival = match waiting {
            Ok(arrival) => arrival,
            Err(mut receiver) => match receiver.recv().await {
                Some(arrival) => arrival,
                None => return,
            },
        };
        let answer = ask(&mut connection, &*workload, arrival.seed).await;
        let latency = arrival.due.elapsed();
        if arrival.measured {
            note(&mut lock(&results), answer, latency);
        }
    }
}

async fn ask(connection: &mut Connection, workload: &dyn Workload, seed: u64) -> Result<(u64, u64)> {
    let request = workload.request(&mut Random::new(seed))?;
    let answer = connection.send(request, workload.keeps_body()).await?;
    Ok((answer.bytes, workload.judge(&answer)?))
}

fn note(results: &mut Measured, answer: Result<(u64, u64)>, latency: Duration) {
    match answer {
        Ok((bytes, counted)) => {
            results.latencies.push(latency);
            results.bytes += bytes;
            results.counted += counted;
        }
        Err(error) => *results.errors.entry(format!("{error:#}")).or_default() += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};

    struct Ping(SocketAddr);

    impl Workload for Ping {
        fn request(&self, _: &mut Random) -> Result<Outgoing> {
            crate::http::get(self.0, "/", None)
        }
        fn keeps_body(&self) -> bool {
            true
        }
        fn judge(&self, answer: &Answer) -> Result<u64> {
            anyhow::ensure!(answer.body == "ok", "wrong body");
            Ok(1)
        }
    }

    /// Answers every request on every connection, but holds all of them back while `stall` is locked.
    fn server(stall: Arc<Mutex<()>>) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let stall = stall.clone();
                std::thread::spawn(move || {
                    let mut writer = stream.try_clone().unwrap();
                    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
                    while lines.by_ref().take_while(|line| !line.is_empty()).count() > 0 {
                        drop(lock(&stall));
                        let _ = writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                    }
                });
            }
        });
        address
    }

    fn plan(rate: f64, measured_ms: u64, connections: usize) -> Plan {
        let measured = Duration::from_millis(measured_ms);
        Plan { rate, warm_up: Duration::from_millis(50), measured, connections, seed: 7 }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_request_due_is_answered_and_counted_once() {
        let address = server(Arc::default());
        let measured =
            run(address, Arc::new(Ping(address)), plan(500.0, 400, 4), || {}, || {}).await.unwrap();
        assert_eq!(measured.errors_total(), 0, "{:?}", measured.errors);
        assert_eq!(measured.latencies.len(), measured.lateness.len());
        assert_eq!(measured.counted, measured.latencies.len() as u64);
        assert!((100..300).contains(&measured.counted), "{}", measured.counted);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stall_is_charged_to_all_that_were_due_in_it() {
        let stall = Arc::new(Mutex::new(()));
        let address = server(stall.clone());
        let (held, hold) = (stall.clone(), Duration::from_millis(300));
        let begin = move || {
            std::thread::spawn(move || {
                let _held = lock(&held);
                std::thread::sleep(hold);
            });
        };
        let measured =
            run(address, Arc::new(Ping(address)), plan(500.0, 500, 2), begin, || {}).await.unwrap();
        // A closed loop of two connections would see two slow answers; here more than half were due in the stall.
        assert!(permille(&measured.latencies, 500) > Duration::from_millis(20));
        assert!(permille(&measured.latencies, 1000) >= Duration::from_millis(200));
    }

    #[test]
    fn permilles_are_of_the_values_there_are() {
        let sorted: Vec<Duration> = (1..=1000).map(Duration::from_micros).collect();
        assert_eq!(permille(&sorted, 500), Duration::from_micros(500));
        assert_eq!(permille(&sorted, 990), Duration::from_micros(990));
        assert_eq!(permille(&sorted, 1000), Duration::from_micros(1000));
        assert_eq!(permille(&[], 500), Duration::ZERO);
    }
}
