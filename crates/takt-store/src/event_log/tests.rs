//! The log against a model, against kill -9 and against a full disk.

use super::*;
use crate::test_support::child;
use proptest::prelude::*;
use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

fn entry(name: u64, bytes: usize) -> NewEntry {
    let mut dedup = [0; 32];
    dedup[..8].copy_from_slice(&name.to_be_bytes());
    NewEntry { dedup, payload: payload(name, bytes) }
}

fn payload(name: u64, bytes: usize) -> Vec<u8> {
    let mut payload = name.to_be_bytes().to_vec();
    payload.resize(8 + bytes, name as u8);
    payload
}

fn name_of(entry: &Entry) -> u64 {
    u64::from_be_bytes(entry.payload[..8].try_into().unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u64>, Sync),
    /// Calls at the same time.
    Together(Vec<Vec<u64>>),
    Reopen,
    Read(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few names, so that many are duplicates.
    let names = prop::collection::vec(0..40_u64, 0..8);
    let sync = prop_oneof![Just(Sync::Durable), Just(Sync::Buffered)];
    let step = prop_oneof![
        4 => (names.clone(), sync).prop_map(|(names, sync)| Step::Append(names, sync)),
        2 => prop::collection::vec(names, 1..5).prop_map(Step::Together),
        1 => Just(Step::Reopen),
        1 => (0..50_u64, 0..20_usize).prop_map(|(after, limit)| Step::Read(after, limit)),
    ];
    prop::collection::vec(step, 1..12)
}

#[derive(Default)]
struct Model {
    order: Vec<u64>,
    positions: HashMap<u64, u64>,
}

impl Model {
    /// Checks the answers to one call whose entries the log placed, and learns from them.
    fn learn(&mut self, names: &[u64], answers: &[Appended]) {
        assert_eq!(names.len(), answers.len());
        for (name, answer) in names.iter().zip(answers) {
            if answer.duplicate {
                assert_eq!(self.positions.get(name), Some(&answer.position));
            } else {
                self.order.push(*name);
                assert_eq!(answer.position, self.order.len() as u64);
                assert_eq!(self.positions.insert(*name, answer.position), None);
            }
        }
    }
    fn check(&self, log: &EventLog, after: u64, limit: usize) {
        let expected: Vec<Entry> = self
            .order
            .iter()
            .zip(1..)
            .skip(after as usize)
            .take(limit)
            .map(|(name, position)| Entry { position, payload: payload(*name, 20) })
            .collect();
        assert_eq!(log.read(after, limit).unwrap(), expected);
        assert_eq!(log.head(), self.order.len() as u64);
    }
}

fn named(names: &[u64]) -> Vec<NewEntry> {
    names.iter().map(|name| entry(*name, 20)).collect()
}

async fn follow_model(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let open = || {
        let log = EventLog::open(dir.path()).unwrap();
        let heard = heard.clone();
        log.start(move |entries| heard.lock().extend(entries.iter().map(name_of)));
        log
    };
    let mut log = open();
    for step in steps {
        match step {
            Step::Append(names, sync) => {
                let answers = log.append(named(&names), sync).await.unwrap();
                model.learn(&names, &answers);
            }
            Step::Together(calls) => {
                let together = calls.iter().map(|names| log.append(named(names), Sync::Durable));
                let answers = futures::future::try_join_all(together).await.unwrap();
                // Calls are placed in the order in which they were made.
                for (names, answers) in calls.iter().zip(&answers) {
                    model.learn(names, answers);
                }
            }
            Step::Reopen => {
                log.clone().close().await;
                assert!(matches!(log.append(named(&[1]), Sync::Durable).await, Err(LogError::Closed)));
                assert!(matches!(log.read(0, 1), Err(LogError::Closed)));
                log = open();
            }
            Step::Read(after, limit) => model.check(&log, after, limit),
        }
        model.check(&log, 0, usize::MAX);
        assert_eq!(*heard.lock(), model.order);
    }
    assert_eq!(log.verify().unwrap(), model.order.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn behaves_like_its_model(steps in steps()) {
        runtime().block_on(follow_model(steps));
    }
}

#[tokio::test]
async fn limits_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let log = EventLog::open(dir.path()).unwrap();
    let refused = log.append(vec![entry(1, PAYLOAD_BYTES_MAX)], Sync::Durable).await;
    assert!(matches!(refused, Err(LogError::TooLarge(_))), "{refused:?}");
    let many = (0..=CALL_ENTRIES_MAX as u64).map(|name| entry(name, 0)).collect();
    assert!(matches!(log.append(many, Sync::Durable).await, Err(LogError::TooLarge(_))));
    assert_eq!(log.append(Vec::new(), Sync::Durable).await.unwrap(), []);
    assert_eq!(log.head(), 0);
    assert!(matches!(EventLog::open(dir.path()), Err(LogError::InUse(_))));

    // A subscriber that takes its time makes the queue fill up, and that makes an error, not memory.
    let (release, wait) = std::sync::mpsc::channel::<()>();
    log.start(move |_| wait.recv().unwrap_or_default());
    let calls = queue::ENTRIES_MAX / CALL_ENTRIES_MAX + 3;
    let mut tasks = tokio::task::JoinSet::new();
    for call in 0..calls as u64 {
        let log = log.clone();
        let first = call * CALL_ENTRIES_MAX as u64;
        let entries = (first..first + CALL_ENTRIES_MAX as u64).map(|name| entry(name, 0)).collect();
        tasks.spawn(async move { log.append(entries, Sync::Buffered).await });
    }
    let first = tasks.join_next().await.unwrap().unwrap();
    assert!(matches!(first, Err(LogError::Overloaded)), "{:?}", first.map(|answers| answers.len()));
    drop(release);
    let accepted = tasks.join_all().await.iter().filter(|answer| answer.is_ok()).count();
    assert!(accepted >= queue::ENTRIES_MAX / CALL_ENTRIES_MAX);
    assert_eq!(log.head(), (accepted * CALL_ENTRIES_MAX) as u64);
}

#[tokio::test]
async fn a_gap_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = EventLog::open(dir.path()).unwrap();
    log.append(named(&[1, 2, 3, 4, 5]), Sync::Durable).await.unwrap();
    log.close().await;
    {
        let db = fjall::Database::builder(dir.path()).open().unwrap();
        let entries = db.keyspace("entries", fjall::KeyspaceCreateOptions::default).unwrap();
        entries.remove(3_u64.to_be_bytes()).unwrap();
    }
    let Err(error) = EventLog::open(dir.path()) else { panic!("a log with a gap was opened") };
    assert!(error.to_string().contains("position 3 is missing"), "{error}");
}

#[tokio::test]
async fn a_panicking_subscriber_closes_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = EventLog::open(dir.path()).unwrap();
    log.start(|_| panic!("on purpose"));
    assert!(matches!(log.append(named(&[1]), Sync::Durable).await, Err(LogError::Closed)));
    assert!(matches!(log.append(named(&[2]), Sync::Durable).await, Err(LogError::Closed)));
    drop(log);
    assert_eq!(EventLog::open(dir.path()).unwrap().head(), 1);
}

const TASKS: u64 = 4;
const PER_CALL: u64 = 3;

/// In a child process: appends for ever, and says what was acknowledged.
#[test]
fn child_appends() {
    let Some(dir) = child::argument() else { return };
    let (dir, round) = dir.split_once('|').unwrap();
    let round: u64 = round.parse().unwrap();
    let log = EventLog::open(Path::new(dir)).unwrap();
    runtime().block_on(async move {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let log = log.clone();
            tasks.spawn(async move {
                for call in 0.. {
                    let first = (round << 40) + (task << 32) + call * PER_CALL;
                    let entries = (first..first + PER_CALL).map(|name| entry(name, 100)).collect();
                    let sync = if call % 4 == 3 { Sync::Buffered } else { Sync::Durable };
                    let answers = log.append(entries, sync).await.unwrap();
                    // One write to the pipe; the parent reads it even if we are killed right after it.
                    let line = format!("ack {first} {}\n", answers[0].position);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<u64, u64> = HashMap::new();
    for round in 0..10 {
        let argument = format!("{}|{round}", dir.path().display());
        let mut child = child::spawn("event_log::tests::child_appends", &argument);
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 1 + usize::from(u16::from_le_bytes(crate::db::random_bytes())) % 300;
        let mut killed = false;
        let mut seen = 0;
        while let Some(Ok(line)) = lines.next() {
            let mut words = line.split(' ').skip_while(|word| !word.ends_with("ack")).skip(1);
            let (Some(name), Some(position)) = (words.next(), words.next()) else { continue };
            acknowledged.insert(name.parse().unwrap(), position.parse().unwrap());
            seen += 1;
            if seen >= wanted && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "the child ended by itself");
        check_after_kill(dir.path(), &acknowledged);
    }
}

fn check_after_kill(dir: &Path, acknowledged: &HashMap<u64, u64>) {
    let log = EventLog::open(dir).unwrap();
    let head = log.verify().unwrap();
    let entries = log.read(0, usize::MAX).unwrap();
    assert_eq!(entries.len() as u64, head);
    for (first, position) in acknowledged {
        for offset in 0..PER_CALL {
            let found = &entries[(position + offset) as usize - 1];
            assert_eq!(found.position, position + offset);
            assert!(found.payload == payload(first + offset, 100), "position {}", found.position);
        }
    }
    let answered = runtime().block_on(async {
        let some = acknowledged.iter().take(100);
        let calls = some.map(|(first, position)| {
            let log = &log;
            async move { (log.append(vec![entry(*first, 100)], Sync::Durable).await.unwrap()[0], *position) }
        });
        futures::future::join_all(calls).await
    });
    for (answer, position) in answered {
        assert_eq!(answer, Appended { position, duplicate: true });
    }
    assert_eq!(log.head(), head);
}

/// In a child process, on a small file system of its own.
#[test]
fn child_fills_the_disk() {
    let Some(dir) = child::argument() else { return };
    let log = EventLog::open(&Path::new(&dir).join("log")).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    log.start(move |entries| ears.lock().extend(entries.iter().map(|entry| entry.position)));
    let mut acknowledged = HashMap::new();
    let mut name = 0;
    for _ in 0..3 {
        runtime().block_on(async {
            let filler = Path::new(&dir).join("filler");
            child::fill(&filler);
            let mut refused = 0;
            while refused < 5 {
                name += 1;
                match log.append(vec![entry(name, 10_000)], Sync::Durable).await {
                    Ok(answers) => {
                        acknowledged.insert(name, answers[0].position);
                    }
                    Err(error) => {
                        assert!(error.is_unavailable(), "{error}");
                        refused += 1;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
            assert_eq!(log.read(0, usize::MAX).unwrap().len() as u64, log.head(), "readers go on");
            std::fs::remove_file(filler).unwrap();
            let mut tries = 0;
            // The name refused last, again: it may have been stored.
            while let Err(error) = log.append(vec![entry(name, 10_000)], Sync::Durable).await {
                assert!(error.is_unavailable() && tries < 100, "{error}");
                tries += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let head = log.verify().unwrap();
    assert_eq!(*heard.lock(), (1..=head).collect::<Vec<u64>>(), "the subscriber missed something");
    drop(log);
    let log = EventLog::open(&Path::new(&dir).join("log")).unwrap();
    let entries = log.read(0, usize::MAX).unwrap();
    assert_eq!(entries.len() as u64, head);
    for (name, position) in acknowledged {
        assert!(entries[position as usize - 1].payload == payload(name, 10_000));
    }
    child::done();
}

#[test]
fn a_full_disk_is_survived() {
    child::on_small_disk("event_log::tests::child_fills_the_disk", 24);
}
