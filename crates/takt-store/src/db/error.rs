//! What can go wrong in the database, sorted by what the caller can do about it.

/// A failed statement, transaction or migration.
///
/// Messages never hold the values of a statement nor a password of the database's address.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// The database cannot be reached or cannot store: connection refused or lost, no free connection in time,
    /// disk full, I/O error. Try again later; answer 503.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// Other writers were in the way until the retries ran out. Try again later; answer 503.
    #[error("database busy: {0}")]
    Busy(String),
    /// A unique or primary key exists already. Names the constraint and, where the database tells, table and column.
    #[error("already exists: {0}")]
    Conflict(String),
    /// Another constraint refused the row: foreign key, not null, check.
    #[error("constraint violated: {0}")]
    Constraint(String),
    /// Exactly one row was expected (or at most one), this many came.
    #[error("expected one row, found {0}")]
    NotOne(usize),
    /// Stored data does not have the form the code expects, or the file is damaged.
    #[error("stored data is corrupt: {0}")]
    Corrupt(String),
    /// The schema and the program do not belong together.
    #[error("migration refused: {0}")]
    Migration(String),
    /// A mistake in a statement or in the configuration.
    #[error("{0}")]
    Other(String),
}

impl DbError {
    /// Whether the same call may succeed later without anybody changing it.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }

    /// Whether a unique or primary key was violated.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// Whether a unique or primary key was violated whose name or columns mention `word`, for example `handle`.
    pub fn is_conflict_on(&self, word: &str) -> bool {
        matches!(self, Self::Conflict(what) if what.contains(word))
    }
}

/// How a driver's failure bears on the transaction it happened in.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) error: DbError,
    /// Running the whole transaction again may succeed at once: serialisation failure, deadlock, lock held.
    pub(crate) retry: bool,
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self { error, retry: false }
    }
}
