//! The thread that writes: one batch at a time, everybody's entries in it.

use super::queue::{Call, Next};
use super::store::{Placed, Store};
use super::{Appended, Entry, LogError, Shared, Sync};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// After a failure the disk is tried this often.
const RECOVER_EVERY: Duration = Duration::from_millis(250);
/// The disk must take this much before the log is opened again.
const PROBE_BYTES: usize = 1 << 20;
/// Entries given to the subscriber at once after a recovery.
const DELIVER_MAX: usize = 1_000;

pub(super) fn spawn(shared: Arc<Shared>, dir: &Path, head: u64) -> Result<JoinHandle<()>, LogError> {
    let dir = dir.to_owned();
    let writer = Writer { shared, dir, head, durable: head, failed: None };
    std::thread::Builder::new()
        .name("event-log".to_owned())
        .spawn(move || writer.run())
        .map_err(|error| LogError::Unavailable(format!("cannot start a thread: {error}")))
}

struct Writer {
    shared: Arc<Shared>,
    dir: PathBuf,
    /// The newest entry that is stored and delivered.
    head: u64,
    /// Everything up to here is synced.
    durable: u64,
    failed: Option<Failed>,
}

/// A write failed; nothing is written until the store was opened again.
struct Failed {
    error: LogError,
    next_try: Instant,
}

/// What is to be written, and what is to be answered.
struct Plan {
    answers: Vec<Vec<Appended>>,
    /// Call and entry in it, in the order of their positions.
    new: Vec<(usize, usize)>,
    sync: bool,
}

impl Writer {
    fn run(mut self) {
        // However this thread ends, nobody may wait for it.
        let _farewell = Farewell(self.shared.clone());
        loop {
            let longest = self.failed.as_ref().map(|_| RECOVER_EVERY);
            match self.shared.queue.next(longest) {
                Next::Write(calls) => self.serve(calls),
                Next::Idle => {
                    // Errors stay in `failed`.
                    let _ = self.recover();
                }
                Next::Stop => break,
            }
        }
        if self.durable < self.head {
            let synced = self.shared.store.read().as_ref().map_or(Ok(()), Store::sync);
            if let Err(error) = synced {
                tracing::error!(%error, "buffered events may not survive a power cut");
            }
        }
    }

    fn serve(&mut self, calls: Vec<Call>) {
        match self.write(&calls) {
            Ok(plan) => {
                self.deliver_new(&calls, &plan);
                for (call, answers) in calls.into_iter().zip(plan.answers) {
                    call.answer(Ok(answers));
                }
            }
            Err(error) => {
                for call in calls {
                    call.answer(Err(error.clone()));
                }
            }
        }
    }

    fn write(&mut self, calls: &[Call]) -> Result<Plan, LogError> {
        self.recover()?;
        let written = self.try_write(calls);
        if let Err(error) = &written {
            tracing::error!(%error, head = self.head, "the event log does not take entries until it was opened again");
            self.failed = Some(Failed { error: error.clone(), next_try: Instant::now() + RECOVER_EVERY });
        }
        written
    }

    fn try_write(&mut self, calls: &[Call]) -> Result<Plan, LogError> {
        let store = self.shared.store.read();
        let Some(store) = &*store else { return Err(LogError::Closed) };
        let plan = plan(store, calls, self.head, self.durable)?;
        let head = self.head + plan.new.len() as u64;
        if plan.new.is_empty() {
            if plan.sync {
                store.sync()?;
            }
        } else {
            let placed = plan.new.iter().zip(self.head + 1..).map(|(&(call, index), position)| {
                let entry = &calls[call].entries[index];
                Placed { position, dedup: &entry.dedup, payload: &entry.payload }
            });
            store.write(placed, plan.sync)?;
        }
        if plan.sync {
            self.durable = head;
        }
        Ok(plan)
    }

    fn deliver_new(&mut self, calls: &[Call], plan: &Plan) {
        let first = self.head + 1;
        self.head += plan.new.len() as u64;
        self.shared.head.store(self.head, Ordering::Release);
        let mut subscriber = self.shared.subscriber.lock();
        let Some(subscriber) = subscriber.as_mut().filter(|_| !plan.new.is_empty()) else { return };
        let entries: Vec<Entry> = plan
            .new
            .iter()
            .zip(first..)
            .map(|(&(call, index), position)| Entry {
                position,
                payload: calls[call].entries[index].payload.clone(),
            })
            .collect();
        subscriber(&entries);
    }

    /// After a failure: opens the store again, once the disk takes data.
    fn recover(&mut self) -> Result<(), LogError> {
        let Some(failed) = &mut self.failed else { return Ok(()) };
        let now = Instant::now();
        if now < failed.next_try {
            return Err(failed.error.clone());
        }
        failed.next_try = now + RECOVER_EVERY;
        match self.reopen() {
            Ok(()) => {
                tracing::info!(head = self.head, "the event log takes entries again");
                self.failed = None;
                Ok(())
            }
            Err(error) => {
                failed_again(&mut self.failed, &error);
                Err(error)
            }
        }
    }

    fn reopen(&mut self) -> Result<(), LogError> {
        // While the disk is full the old store still serves readers.
        probe(&self.dir).map_err(|error| LogError::Unavailable(error.to_string()))?;
        let mut place = self.shared.store.write();
        drop(place.take());
        let (store, head) = Store::open(&self.dir)?;
        if head < self.head {
            return Err(LogError::Corrupt(format!("it ends at {head}, but {} was acknowledged", self.head)));
        }
        store.write_again(self.durable)?;
        self.durable = head;
        *place = Some(store);
        drop(place);
        self.deliver_recovered(head)
    }

    /// Entries whose caller got an error, but which are there.
    fn deliver_recovered(&mut self, head: u64) -> Result<(), LogError> {
        while self.head < head {
            let entries = match &*self.shared.store.read() {
                Some(store) => store.read(self.head, DELIVER_MAX)?,
                None => return Err(LogError::Closed),
            };
            let Some(last) = entries.last() else {
                return Err(LogError::Corrupt(format!("position {} is missing", self.head + 1)));
            };
            self.head = last.position;
            self.shared.head.store(self.head, Ordering::Release);
            if let Some(subscriber) = self.shared.subscriber.lock().as_mut() {
                subscriber(&entries);
            }
        }
        Ok(())
    }
}

fn failed_again(failed: &mut Option<Failed>, error: &LogError) {
    if let Some(failed) = failed {
        failed.error = error.clone();
    }
}

/// Gives out positions. Needs a sync when somebody asked for durability of what is not durable yet: a new entry, or a
/// duplicate of one that was only buffered.
fn plan(store: &Store, calls: &[Call], head: u64, durable: u64) -> Result<Plan, LogError> {
    let mut plan = Plan { answers: Vec::with_capacity(calls.len()), new: Vec::new(), sync: false };
    let mut in_batch: HashMap<&[u8; 32], u64> = HashMap::new();
    let mut next = head + 1;
    for (call_index, call) in calls.iter().enumerate() {
        let mut answers = Vec::with_capacity(call.entries.len());
        for (index, entry) in call.entries.iter().enumerate() {
            let known = match in_batch.get(&entry.dedup) {
                Some(position) => Some(*position),
                None => store.find(&entry.dedup)?,
            };
            let position = known.unwrap_or(next);
            if known.is_none() {
                in_batch.insert(&entry.dedup, position);
                plan.new.push((call_index, index));
                next += 1;
            }
            plan.sync |= call.sync == Sync::Durable && position > durable;
            answers.push(Appended { position, duplicate: known.is_some() });
        }
        plan.answers.push(answers);
    }
    Ok(plan)
}

/// Whether the disk takes data.
fn probe(dir: &Path) -> std::io::Result<()> {
    let path = dir.join("probe.tmp");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0x55; PROBE_BYTES])?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

/// Closes the log when the writer thread ends, by whatever way.
struct Farewell(Arc<Shared>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.queue.abandon();
        drop(self.0.store.write().take());
        // It may hold a clone of the log. It is dropped here, where that does no harm.
        let subscriber = self.0.subscriber.lock().take();
        drop(subscriber);
    }
}
