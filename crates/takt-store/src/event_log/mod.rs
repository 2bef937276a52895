//! The event log: entries in one order, positions dense from 1, each identity once.
//!
//! Embedded, on fjall: callers put entries into a bounded queue; one thread takes everybody's, gives out positions,
//! writes them as one atomic batch, syncs once, tells the subscriber, and answers. So many callers share one fsync.
//!
//! Invariants:
//! - A position that was answered never means another entry, and no position below the head is empty.
//! - Durable entries are synced before anybody hears of them: the caller, the subscriber, a reader.
//! - An error means "perhaps not stored": the same identities may be appended again, and are stored once.
//!
//! After a failed write (disk full) the log answers [`LogError::Unavailable`], goes on serving reads, and opens itself
//! anew as soon as the disk takes a probe; entries that reached the disk although their caller got the error then go to
//! the subscriber too.

mod queue;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use parking_lot::{Mutex, RwLock};
use queue::{Call, Queue};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use store::Store;

/// An entry's payload holds at most this many bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// One call appends at most this many entries.
pub const CALL_ENTRIES_MAX: usize = 10_000;

/// An entry to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The identity of the event: a second entry of the same identity is a duplicate and is not stored.
    pub dedup: [u8; 32],
    /// What happened, encoded.
    pub payload: Vec<u8>,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from 1.
    pub position: u64,
    /// What happened, encoded.
    pub payload: Vec<u8>,
}

/// When an entry is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// When it is synced to the disk.
    Durable,
    /// When the operating system has it: it survives the death of the process, and becomes durable with the next
    /// durable entry or when the log closes, but a power cut may take it.
    Buffered,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Where it is; for a duplicate, where the first of its identity is.
    pub position: u64,
    /// Whether its identity was there before.
    pub duplicate: bool,
}

/// What can go wrong with the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The log cannot store or read at the moment: disk full, I/O error. Try again later; answer 503.
    #[error("event log unavailable: {0}")]
    Unavailable(String),
    /// More is waiting to be written than the limits allow. Try again later; answer 503.
    #[error("event log overloaded: too much waits to be written")]
    Overloaded,
    /// The log was closed.
    #[error("event log closed")]
    Closed,
    /// Another process has it open.
    #[error("event log {0} is in use by another process")]
    InUse(String),
    /// An entry or a call is larger than allowed.
    #[error("too large for the event log: {0}")]
    TooLarge(String),
    /// What is stored is not a whole log. Says where.
    #[error("event log is damaged: {0}")]
    Corrupt(String),
}

impl LogError {
    /// Whether the same call may succeed later without anybody changing it.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Overloaded | Self::Closed)
    }
}

type Subscriber = Box<dyn FnMut(&[Entry]) + Send>;

/// What callers, readers and the writer thread share.
struct Shared {
    queue: Queue,
    /// Absent while closed, or while it could not be opened again after a failure.
    store: RwLock<Option<Store>>,
    head: AtomicU64,
    subscriber: Mutex<Option<Subscriber>>,
}

/// The event log. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct EventLog(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl EventLog {
    /// Opens the log in `dir`, which is made when absent, and checks that no position is missing.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] names the first missing position; [`LogError::InUse`]; [`LogError::Unavailable`].
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        let (store, head) = Store::open(dir)?;
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            store: RwLock::new(Some(store)),
            head: AtomicU64::new(head),
            subscriber: Mutex::new(None),
        });
        let thread = writer::spawn(shared.clone(), dir, head)?;
        Ok(Self(Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) })))
    }

    /// Subscribes: from now on `on_append` gets every new entry, in order, on the writer thread, when the entry is as
    /// durable as was asked and before its caller is answered. It must be quick, must not panic and must not append
    /// and wait. One subscriber: a second replaces the first.
    ///
    /// What was appended before is read with [`EventLog::read`].
    pub fn start(&self, on_append: impl FnMut(&[Entry]) + Send + 'static) {
        *self.0.shared.subscriber.lock() = Some(Box::new(on_append));
    }

    /// Appends `entries` all or none, in their order and with nothing between them, and answers for each.
    ///
    /// # Errors
    /// [`LogError::TooLarge`] and [`LogError::Overloaded`] mean that nothing was stored; after
    /// [`LogError::Unavailable`] and [`LogError::Closed`] they may have been.
    pub async fn append(&self, entries: Vec<NewEntry>, sync: Sync) -> Result<Vec<Appended>, LogError> {
        check_size(&entries)?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let (call, answer) = Call::new(entries, sync);
        self.0.shared.queue.push(call)?;
        answer.await.unwrap_or(Err(LogError::Closed))
    }

    /// The entries after position `after`, oldest first, at most `limit`. Blocks its thread: about a microsecond per
    /// entry when in memory, a disk read per some hundred entries when not.
    pub fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, LogError> {
        match &*self.0.shared.store.read() {
            Some(store) => store.read(after, limit),
            None if self.0.shared.queue.is_closed() => Err(LogError::Closed),
            None => Err(LogError::Unavailable("it could not be opened again after a failure".to_owned())),
        }
    }

    /// The position of the entry with this identity, if there is one. Blocks its thread as [`EventLog::read`] does.
    pub fn find(&self, dedup: &[u8; 32]) -> Result<Option<u64>, LogError> {
        match &*self.0.shared.store.read() {
            Some(store) => store.find(dedup),
            None => Err(LogError::Closed),
        }
    }

    /// The position of the newest entry; 0 when there is none.
    pub fn head(&self) -> u64 {
        self.0.shared.head.load(Ordering::Acquire)
    }

    /// Reads the whole log and checks that no position is missing, unlike [`EventLog::open`], which trusts what an
    /// earlier open has checked. Says the head. Blocks its thread.
    pub fn verify(&self) -> Result<u64, LogError> {
        match &*self.0.shared.store.read() {
            Some(store) => store.check_dense(0),
            None => Err(LogError::Closed),
        }
    }

    /// Writes what is waiting, syncs, and stops the writer thread. Clones of the log answer [`LogError::Closed`] from
    /// now on.
    pub async fn close(self) {
        self.0.shared.queue.close();
        let thread = self.0.thread.lock().take();
        if let Some(thread) = thread {
            // A panic of the writer thread has been reported where it happened.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue.close();
        let Some(thread) = self.thread.lock().take() else { return };
        // The subscriber may hold the last clone, and is dropped by the writer thread itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

fn check_size(entries: &[NewEntry]) -> Result<(), LogError> {
    if entries.len() > CALL_ENTRIES_MAX {
        let count = entries.len();
        return Err(LogError::TooLarge(format!(
            "{count} entries in one call, {CALL_ENTRIES_MAX} are allowed"
        )));
    }
    if let Some(entry) = entries.iter().find(|entry| entry.payload.len() > PAYLOAD_BYTES_MAX) {
        let bytes = entry.payload.len();
        return Err(LogError::TooLarge(format!(
            "a payload of {bytes} bytes, {PAYLOAD_BYTES_MAX} are allowed"
        )));
    }
    Ok(())
}
