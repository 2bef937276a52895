//! What waits to be written: bounded, so that a slow disk turns into errors and not into memory.

use super::{Appended, CALL_ENTRIES_MAX, LogError, NewEntry, Sync};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;

/// Entries that may wait.
pub(super) const ENTRIES_MAX: usize = 100_000;
/// Bytes of payload that may wait.
pub(super) const BYTES_MAX: usize = 64 << 20;
/// Entries written at once, at least one call's.
const BATCH_ENTRIES_MAX: usize = CALL_ENTRIES_MAX;

type Answer = Result<Vec<Appended>, LogError>;

/// One caller's entries.
pub(super) struct Call {
    pub(super) entries: Vec<NewEntry>,
    pub(super) sync: Sync,
    bytes: usize,
    answer: oneshot::Sender<Answer>,
}

impl Call {
    pub(super) fn new(entries: Vec<NewEntry>, sync: Sync) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let bytes = entries.iter().map(|entry| entry.payload.len()).sum();
        (Self { entries, sync, bytes, answer }, answered)
    }

    pub(super) fn answer(self, answer: Answer) {
        // A caller that went away does not want it.
        let _ = self.answer.send(answer);
    }
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: VecDeque<Call>,
    entries: usize,
    bytes: usize,
    closed: bool,
}

/// What the writer is to do next.
pub(super) enum Next {
    Write(Vec<Call>),
    /// Nothing came in the time given.
    Idle,
    /// Closed, and everything was handed out.
    Stop,
}

impl Queue {
    pub(super) fn push(&self, call: Call) -> Result<(), LogError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(LogError::Closed);
        }
        if state.entries + call.entries.len() > ENTRIES_MAX || state.bytes + call.bytes > BYTES_MAX {
            return Err(LogError::Overloaded);
        }
        state.entries += call.entries.len();
        state.bytes += call.bytes;
        state.calls.push_back(call);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for calls, for ever or for `longest`.
    pub(super) fn next(&self, longest: Option<Duration>) -> Next {
        let mut state = self.state.lock();
        while state.calls.is_empty() && !state.closed {
            match longest {
                None => self.changed.wait(&mut state),
                Some(longest) => {
                    if self.changed.wait_for(&mut state, longest).timed_out() && state.calls.is_empty() {
                        return Next::Idle;
                    }
                }
            }
        }
        let mut batch = Vec::new();
        let mut entries = 0;
        while let Some(call) = state.calls.front() {
            if !batch.is_empty() && entries + call.entries.len() > BATCH_ENTRIES_MAX {
                break;
            }
            entries += call.entries.len();
            batch.extend(state.calls.pop_front());
        }
        state.entries -= entries;
        state.bytes -= batch.iter().map(|call| call.bytes).sum::<usize>();
        if batch.is_empty() { Next::Stop } else { Next::Write(batch) }
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes and drops what waits, whose callers hear [`LogError::Closed`].
    pub(super) fn abandon(&self) {
        self.close();
        let calls = std::mem::take(&mut self.state.lock().calls);
        drop(calls);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }
}
