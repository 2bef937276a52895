//! Takt's durable things: SQL ([`Db`]), objects ([`blobs`]), the job queue ([`jobs`]) and the event log ([`event_log`]).
//!
//! This crate alone knows database drivers, dialects, object stores and log stores; it knows no rule of the product.
//!
//! Invariant: what a call here has acknowledged is synced. Killing the process at any moment, or cutting the
//! power, loses no acknowledged write. Where something weaker is offered, its name says so ([`event_log::Sync::Buffered`]).

pub mod blobs;
mod db;
pub mod event_log;
pub mod jobs;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;

pub use blobs::{BlobError, BlobKey, BlobMeta, Blobs, BlobsConfig};
pub use db::{
    Args, Cell, Column, Db, DbError, LIST_MAX, Migration, Mismatch, PerSize, Record, Row, Tx, Value,
    count_statements, in_list, list, per_size,
};
pub use event_log::{Appended, Entry, EventLog, LogError, NewEntry, Sync};
pub use jobs::{JOB_TABLE_SQL, Job, JobCounts, JobError, JobQueue, NewJob, ParkedJob, Retried};

// What the macros of this crate expand to; not for direct use.
#[doc(hidden)]
pub mod __private {
    pub use crate::db::read_column;
}
