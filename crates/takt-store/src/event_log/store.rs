//! The log's data in fjall: entries by position, positions by identity.

use super::{Entry, LogError};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::path::Path;

const IDENTITY_BYTES: usize = 32;
/// Written data kept in memory per keyspace before it becomes a table on disk.
const MEMTABLE_BYTES_MAX: u64 = 16 << 20;
const CACHE_BYTES: u64 = 32 << 20;
/// What a start has to read again, at most: more than that and what is in memory is written out.
const JOURNAL_BYTES_MAX: u64 = 128 << 20;
/// In `marks`: everything up to this position was found dense by an earlier open.
const CHECKED: &str = "checked";

pub(super) struct Store {
    db: Database,
    /// Position (big-endian) to identity and payload.
    entries: Keyspace,
    /// Identity to position.
    identities: Keyspace,
    marks: Keyspace,
}

/// An entry with its place.
pub(super) struct Placed<'a> {
    pub(super) position: u64,
    pub(super) dedup: &'a [u8; IDENTITY_BYTES],
    pub(super) payload: &'a [u8],
}

impl Store {
    /// Opens and says the head. What an earlier process left in the operating system's hands is synced by this.
    pub(super) fn open(dir: &Path) -> Result<(Self, u64), LogError> {
        std::fs::create_dir_all(dir)
            .map_err(|error| LogError::Unavailable(format!("{}: {error}", dir.display())))?;
        let failed = |error: fjall::Error| match error {
            fjall::Error::Locked => LogError::InUse(dir.display().to_string()),
            error => sort(error),
        };
        let db = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .open()
            .map_err(failed)?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES_MAX);
        let store = Self {
            entries: db.keyspace("entries", options).map_err(sort)?,
            identities: db.keyspace("identities", options).map_err(sort)?,
            marks: db.keyspace("marks", options).map_err(sort)?,
            db,
        };
        let checked = store.marks.get(CHECKED).map_err(sort)?;
        let checked =
            checked.and_then(|bytes| <[u8; 8]>::try_from(&*bytes).ok()).map_or(0, u64::from_be_bytes);
        let head = store.check_dense(checked)?;
        if head > checked {
            // Only saves time; losing it costs another look.
            store.marks.insert(CHECKED, head.to_be_bytes()).map_err(sort)?;
        }
        Ok((store, head))
    }

    /// Checks that positions go on one by one after `after`, and says the last.
    pub(super) fn check_dense(&self, after: u64) -> Result<u64, LogError> {
        let mut last = after;
        for guard in self.entries.range(after.saturating_add(1).to_be_bytes()..) {
            let position = position_of_key(&guard.key().map_err(sort)?)?;
            if position != last + 1 {
                return Err(gap(last + 1, position));
            }
            last = position;
        }
        if last > 0 && !self.entries.contains_key(last.to_be_bytes()).map_err(sort)? {
            return Err(LogError::Corrupt(format!("position {last} was there before and is missing now")));
        }
        Ok(last)
    }

    pub(super) fn find(&self, dedup: &[u8; IDENTITY_BYTES]) -> Result<Option<u64>, LogError> {
        match self.identities.get(dedup).map_err(sort)? {
            Some(value) => position_of_key(&value).map(Some),
            None => Ok(None),
        }
    }

    /// Writes all or nothing; synced when it returns if `sync`, else in the operating system's hands.
    pub(super) fn write<'a>(
        &self,
        placed: impl Iterator<Item = Placed<'a>>,
        sync: bool,
    ) -> Result<(), LogError> {
        let mode = if sync { PersistMode::SyncData } else { PersistMode::Buffer };
        let mut batch = self.db.batch().durability(Some(mode));
        for Placed { position, dedup, payload } in placed {
            let mut value = Vec::with_capacity(IDENTITY_BYTES + payload.len());
            value.extend_from_slice(dedup);
            value.extend_from_slice(payload);
            batch.insert(&self.entries, position.to_be_bytes(), value);
            batch.insert(&self.identities, dedup.as_slice(), position.to_be_bytes());
        }
        batch.commit().map_err(sort)
    }

    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.db.persist(PersistMode::SyncData).map_err(sort)
    }

    pub(super) fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, LogError> {
        let mut entries: Vec<Entry> = Vec::new();
        self.visit(after, limit, |position, _, payload| {
            entries.push(Entry { position, payload: payload.to_vec() });
        })?;
        Ok(entries)
    }

    /// Writes everything after `after` again and syncs it: after a failed sync the operating system may hold pages for
    /// clean that never reached the disk.
    pub(super) fn write_again(&self, mut after: u64) -> Result<(), LogError> {
        const AT_ONCE: usize = 1_000;
        loop {
            let mut again: Vec<(u64, [u8; IDENTITY_BYTES], Vec<u8>)> = Vec::new();
            self.visit(after, AT_ONCE, |position, dedup, payload| {
                again.push((position, *dedup, payload.to_vec()))
            })?;
            let Some((last, ..)) = again.last() else { return Ok(()) };
            after = *last;
            let placed =
                again.iter().map(|(position, dedup, payload)| Placed { position: *position, dedup, payload });
            self.write(placed, true)?;
        }
    }

    fn visit(
        &self,
        after: u64,
        limit: usize,
        mut each: impl FnMut(u64, &[u8; IDENTITY_BYTES], &[u8]),
    ) -> Result<(), LogError> {
        let first = after.saturating_add(1);
        for (expected, guard) in (first..).zip(self.entries.range(first.to_be_bytes()..).take(limit)) {
            let (key, value) = guard.into_inner().map_err(sort)?;
            let position = position_of_key(&key)?;
            if position != expected {
                return Err(gap(expected, position));
            }
            let Some((dedup, payload)) = value.split_first_chunk::<IDENTITY_BYTES>() else {
                return Err(LogError::Corrupt(format!("the entry at position {position} is too short")));
            };
            each(position, dedup, payload);
        }
        Ok(())
    }
}

fn position_of_key(bytes: &[u8]) -> Result<u64, LogError> {
    let bytes = <[u8; 8]>::try_from(bytes);
    bytes
        .map(u64::from_be_bytes)
        .map_err(|_| LogError::Corrupt("a position does not have 8 bytes".to_owned()))
}

fn gap(missing: u64, found: u64) -> LogError {
    LogError::Corrupt(format!("position {missing} is missing, the next one there is {found}"))
}

fn sort(error: fjall::Error) -> LogError {
    match error {
        fjall::Error::Io(error) => LogError::Unavailable(error.to_string()),
        fjall::Error::Poisoned => LogError::Unavailable("an earlier write failed".to_owned()),
        // Errors of its tables are I/O errors but for checksums, whose text says so.
        fjall::Error::Storage(error) => LogError::Unavailable(error.to_string()),
        error => LogError::Corrupt(error.to_string()),
    }
}
