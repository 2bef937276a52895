//! Where the two databases differ. Every branch of SQL or of error codes by database is here, and nowhere else.

use super::Db;
use super::error::{DbError, Failure};
use rusqlite::ErrorCode;
use rusqlite::ffi;

impl Db {
    /// Ends a `SELECT` that picks rows to work on: skips rows another worker holds. Empty on SQLite, where the single
    /// writer already excludes others.
    pub fn skip_locked(&self) -> &'static str {
        match self {
            Self::Lite(_) => "",
            Self::Pg(_) => " FOR UPDATE SKIP LOCKED",
        }
    }
}

/// Begins a write on SQLite: takes the write lock at once instead of failing when a read turns into a write.
pub(crate) const LITE_BEGIN: &str = "BEGIN IMMEDIATE";
/// Begins a write on PostgreSQL: with the same guarantee as SQLite's single writer.
pub(crate) const PG_BEGIN: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";

/// Sorts SQLite's errors.
pub(crate) fn lite_failure(error: &rusqlite::Error, sql: &str) -> Failure {
    let rusqlite::Error::SqliteFailure(code, detail) = error else {
        return DbError::Other(format!("{error} (statement: {})", brief(sql))).into();
    };
    let text = detail.clone().unwrap_or_else(|| code.to_string());
    let error = match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            return Failure { error: DbError::Busy(text), retry: true };
        }
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::OutOfMemory
        | ErrorCode::PermissionDenied => DbError::Unavailable(text),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => DbError::Corrupt(text),
        ErrorCode::ConstraintViolation => match code.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => DbError::Conflict(text),
            _ => DbError::Constraint(text),
        },
        _ => DbError::Other(format!("{text} (statement: {})", brief(sql))),
    };
    error.into()
}

/// Sorts PostgreSQL's errors, by SQLSTATE (appendix A of its manual).
pub(crate) fn pg_failure(error: &sqlx::Error, sql: &str) -> Failure {
    use sqlx::Error as E;
    let failure = match error {
        E::Database(database) => {
            let state = database.code().unwrap_or_default();
            let text = format!("{} ({state})", database.message());
            let named = format!(
                "{}: {}.{}",
                database.message(),
                database.table().unwrap_or("?"),
                database.constraint().unwrap_or("?")
            );
            match state.as_ref() {
                // serialization_failure, deadlock_detected, lock_not_available
                "40001" | "40P01" | "55P03" => return Failure { error: DbError::Busy(text), retry: true },
                "23505" => DbError::Conflict(named),
                state if state.starts_with("23") => DbError::Constraint(named),
                "XX001" | "XX002" => DbError::Corrupt(text),
                // Read-only after a failover, or a statement cut off by the server's limits.
                "25006" | "57014" => DbError::Unavailable(text),
                // Connection, resources (53100 is a full disk), operator intervention, system error.
                state if ["08", "53", "57", "58"].contains(&state.get(..2).unwrap_or_default()) => {
                    DbError::Unavailable(text)
                }
                _ => DbError::Other(format!("{text} (statement: {})", brief(sql))),
            }
        }
        E::Io(_)
        | E::Tls(_)
        | E::PoolTimedOut
        | E::PoolClosed
        | E::WorkerCrashed
        | E::Protocol(_)
        | E::BeginFailed => DbError::Unavailable(error.to_string()),
        _ => DbError::Other(format!("{error} (statement: {})", brief(sql))),
    };
    failure.into()
}

/// The wrong number of arguments.
pub(crate) fn arity(sql: &str, count: usize) -> DbError {
    DbError::Other(format!("placeholders do not match {count} arguments (statement: {})", brief(sql)))
}

/// The highest number of a placeholder outside of quotes.
pub(crate) fn placeholders(sql: &str) -> usize {
    let outside = sql.split('\'').step_by(2);
    let numbers = outside.flat_map(|text| text.split('$').skip(1)).filter_map(|text| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    });
    numbers.max().unwrap_or(0)
}

/// The beginning of a statement, enough to find it in the source.
pub(crate) fn brief(sql: &str) -> String {
    const CHARS_MAX: usize = 120;
    let mut text: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}
